"""Media that all feature tests share, each made once; a folder for each test to work in."""

from pathlib import Path

import pytest

from tests.faults.archive.runs import Archive
from tests.features import media
from tests.features.jobs import Studio


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shelf")


@pytest.fixture(scope="session")
def talk(ffmpeg: Path, shelf: Path) -> Path:
    return media.talk(ffmpeg, shelf / "talk.mp4")


@pytest.fixture(scope="session")
def corners(ffmpeg: Path, shelf: Path) -> Path:
    return media.corners(ffmpeg, shelf / "corners.mp4")


@pytest.fixture(scope="session")
def scenes(ffmpeg: Path, shelf: Path) -> Path:
    return media.scenes(ffmpeg, shelf / "scenes.mp4")


@pytest.fixture(scope="session")
def tone(ffmpeg: Path, shelf: Path) -> Path:
    return media.tone(ffmpeg, shelf / "tone.wav")


@pytest.fixture
def studio(tmp_path: Path, ffmpeg: Path, ffprobe: Path) -> Studio:
    folder = tmp_path / "work"
    folder.mkdir()
    return Studio(folder, ffmpeg, ffprobe)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """A home and a library of the test's own."""
    return Archive(tmp_path / "home", tmp_path / "library")
