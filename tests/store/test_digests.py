"""No file is read twice while it stays the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reelwright.media import digest as reading
from reelwright.media.digest import sha256_file
from reelwright.store import probes
from reelwright.store.store import Store


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were read, by counting at the door."""
    seen: list[Path] = []

    def count(path: Path) -> str:
        seen.append(path)
        return reading.sha256_file(path)

    monkeypatch.setattr(probes, "sha256_file", count)
    return seen


def test_a_file_is_read_once(store: Store, tmp_path: Path, reads: list[Path]) -> None:
    path = tmp_path / "talk.mp4"
    path.write_text("hello")
    assert probes.digest(store, path) == probes.digest(store, path) == sha256_file(path)
    assert len(reads) == 1


def test_links_lead_to_the_same_file(store: Store, tmp_path: Path, reads: list[Path]) -> None:
    path = tmp_path / "talk.mp4"
    path.write_text("hello")
    (tmp_path / "link").symlink_to(path)
    assert probes.digest(store, path) == probes.digest(store, tmp_path / "link")
    assert len(reads) == 1


def test_a_changed_file_is_read_again(store: Store, tmp_path: Path, reads: list[Path]) -> None:
    path = tmp_path / "talk.mp4"
    path.write_text("hello")
    first = probes.digest(store, path)
    before = path.stat()
    path.write_text("HELLO")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert probes.digest(store, path) != first
    assert len(reads) == 2


def test_a_file_that_is_gone_raises(store: Store, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="gone"):
        probes.digest(store, tmp_path / "gone")
