"""An archive of each test's own, and videos large enough to be broken off in the middle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.archive.runs import Archive
from tests.site import Site


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "home", tmp_path / "library")


@pytest.fixture
def large(site: Site) -> Callable[[str], str]:
    """Adds a playable video of 3 MB at a path; gives its address."""
    return lambda path: site.clip(path, pad_bytes=3_000_000)
