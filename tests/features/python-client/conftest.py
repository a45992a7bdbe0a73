"""A folder with a clip and a spec, as on the machine of whoever asks a server."""

from pathlib import Path

import pytest

from tests.cli.reel import SPEC, make_clip


@pytest.fixture
def folder(tmp_path: Path, ffmpeg: Path) -> Path:
    work = tmp_path / "work"
    work.mkdir()
    make_clip(ffmpeg, work / "clip.mp4")
    (work / "job.yaml").write_text(SPEC)
    return work
