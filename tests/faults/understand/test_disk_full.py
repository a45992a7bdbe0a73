"""A home without room: a clear error, nothing half indexed, and on it goes when there is room."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.understand_kills import make_video
from tests.cli.reel import reel
from tests.small_disk import mounted

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]
_LEFT_BYTES = 16 << 10


@pytest.fixture
def small_home(tmp_path: Path) -> Iterator[Path]:
    """A file system of 32 MiB."""
    with mounted(tmp_path / "small", 32) as folder:
        yield folder


def test_a_home_without_room_says_so_and_goes_on(small_home: Path, tmp_path: Path) -> None:
    video = tmp_path / "film.mp4"
    make_video(video, 6, seed=5)
    # The database has room: without that nothing can even be said to have failed.
    database = tmp_path / "reelwright.db"
    home = {"REEL_HOME": str(small_home), "REEL_DATABASE": f"sqlite:///{database}"}
    assert reel("jobs", cwd=tmp_path, **home).code == 0
    filler = small_home / "filler"
    filler.write_bytes(bytes(shutil.disk_usage(small_home).free - _LEFT_BYTES))

    full = reel("understand", str(video), "--only", "text", "--json", cwd=tmp_path, **home)
    assert full.code == 6, f"{full.out}\n{full.err}"
    assert "disk_full" in full.out

    filler.unlink()
    done = reel("understand", str(video), "--only", "text", "--json", cwd=tmp_path, **home)
    assert done.code == 0, f"{done.out}\n{done.err}"
    assert done.lines[0]["parts"] == ["text"]
