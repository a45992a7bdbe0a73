"""A changed spec redoes only what changed, whatever else was renamed or moved about."""

from pathlib import Path

import pytest

from tests.cli.reel import Done, make_clip, reel

LADDER = """\
inputs: {clip: clip.mp4}
operations:
  - {id: level, op: loudnorm, input: clip, target: -20}
  - {id: large, op: scale, input: level, height: 64}
  - {id: small, op: scale, input: level, height: 48}
outputs:
  - {from: large, to: large.mp4, video: {preset: ultrafast}}
  - {from: small, to: small.mp4, video: {preset: ultrafast}}
"""


@pytest.fixture
def folder(tmp_path: Path, ffmpeg: Path) -> Path:
    make_clip(ffmpeg, tmp_path / "clip.mp4")
    assert run(tmp_path, LADDER).code == 0
    return tmp_path


def run(folder: Path, text: str) -> Done:
    return reel("run", "-", "--json", "--overwrite", cwd=folder, stdin=text)


def ran(done: Done) -> list[str]:
    assert done.code == 0, done.out
    steps = [line for line in done.lines if line["event"] == "step"]
    return [line["step"] for line in steps if line["state"] == "succeeded"]


def height(folder: Path, name: str) -> int:
    found = reel("probe", name, "--json", cwd=folder).json["streams"][0]["height_px"]
    assert isinstance(found, int)
    return found


def test_one_rung_that_changed_does_not_spoil_the_other(folder: Path) -> None:
    done = run(folder, LADDER.replace("height: 48", "height: 32"))
    assert len(ran(done)) == 1
    assert (height(folder, "large.mp4"), height(folder, "small.mp4")) == (64, 32)


def test_operations_may_be_renamed(folder: Path) -> None:
    assert (
        ran(
            run(
                folder,
                LADDER.replace("level", "loud")
                .replace("id: large", "id: big")
                .replace("from: large", "from: big"),
            )
        )
        == []
    )
    # The measured loudness is found under its new name, too.
    changed = LADDER.replace("level", "loud").replace("height: 48", "height: 32")
    assert len(ran(run(folder, changed))) == 1


def test_outputs_may_change_places(folder: Path) -> None:
    lines = LADDER.splitlines(keepends=True)
    assert ran(run(folder, "".join([*lines[:-2], lines[-1], lines[-2]]))) == []
    assert (height(folder, "large.mp4"), height(folder, "small.mp4")) == (64, 48)


def test_a_changed_input_is_a_new_one(folder: Path, ffmpeg: Path) -> None:
    make_clip(ffmpeg, folder / "clip.mp4", seconds=0.6)
    assert len(ran(run(folder, LADDER))) == 2
