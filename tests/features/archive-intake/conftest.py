"""An archive of each test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.archive.runs import Archive


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "home", tmp_path / "library")
