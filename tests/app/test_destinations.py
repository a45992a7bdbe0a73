"""What cannot be delivered is said before anything runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.reel import Done, reel

SPEC = """\
inputs: {clip: clip.mp4}
operations: [{id: small, op: scale, input: clip, height: 48}]
outputs: [{from: small, to: "TO", video: {preset: ultrafast}}]
"""


@pytest.fixture
def folder(tmp_path: Path, ffmpeg: Path) -> Path:
    source = ("-f", "lavfi", "-i", "testsrc2=s=96x64:r=10:d=0.5")
    command = [str(ffmpeg), "-v", "error", *source, str(tmp_path / "clip.mp4")]
    assert os.spawnv(os.P_WAIT, command[0], command) == 0
    return tmp_path


def _run(folder: Path, to: str) -> Done:
    (folder / "job.yaml").write_text(SPEC.replace("TO", to))
    return reel("run", "job.yaml", "--json", cwd=folder)


def test_a_file_is_no_folder(folder: Path) -> None:
    done = _run(folder, "clip.mp4/small.mp4")
    error = done.lines[-1]["error"]
    assert (done.code, error["code"], error["where"]) == (2, "output_path", "outputs[0].to")
    assert "is a file, not a folder" in error["message"]
    assert len(done.lines) == 1, "nothing was started"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_a_folder_that_takes_nothing_is_found_out_first(folder: Path) -> None:
    done = _run(folder, "/proc/small.mp4")
    assert done.code == 2
    assert "/proc cannot be written to" in done.lines[-1]["error"]["message"]
    assert len(done.lines) == 1


def test_new_folders_are_made_and_trying_leaves_nothing(folder: Path) -> None:
    done = _run(folder, "new/deep/small.mp4")
    assert done.code == 0, done.out
    assert (folder / "new/deep/small.mp4").is_file()
    assert {p.name for p in folder.iterdir()} == {"clip.mp4", "job.yaml", "new", "reel-home"}
