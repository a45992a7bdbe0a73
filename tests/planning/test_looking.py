"""Which steps only look at pictures, and which decode them all."""

import pytest

from reelwright.planning.plan import StepKind
from tests.planning.media import plan

LOOK = """
inputs: {in: talk.mp4}
operations:
%s
  - {id: found, op: shots, input: %s}
  - {id: faces, op: keyframes, input: found}
outputs:
  - {from: faces.shots, to: shots.json}
  - {from: faces.keyframes, to: keyframes.json}
%s
"""


def kinds(before: str = "", source: str = "in", more: str = "") -> list[StepKind]:
    return [step.kind for step in plan(LOOK % (before, source, more)).steps]


def test_a_whole_stream_that_nobody_else_reads_is_looked_at() -> None:
    (step,) = plan(LOOK % ("", "in", "")).steps
    assert step.kind is StepKind.LOOK
    assert step.payload == {"look": {"stream": 0, "rotation_deg": 0, "duration": 60.0}}
    assert step.commands  # where it cannot be, all of it is decoded
    assert [tap.analyser for tap in step.taps] == ["shots:shots", "keyframes:keyframes"]


@pytest.mark.parametrize(
    "before",
    [
        "  - {id: part, op: trim, input: in, start: 5s}",
        "  - {id: part, op: scale, input: in, width: 640}",
        "  - {id: part, op: fps, input: in, rate: 10}",
    ],
)
def test_what_a_user_has_changed_is_decoded_by_ffmpeg(before: str) -> None:
    assert kinds(before, "part") == [StepKind.FFMPEG]


def test_beside_an_encode_they_are_taps_of_its_command() -> None:
    more = "  - {from: in, to: small.mp4, video: {codec: h264, crf: 30}}"
    assert kinds(more=more) == [StepKind.FFMPEG]


def test_pictures_beside_a_look_are_sought() -> None:
    before = "  - {id: still, op: thumbnail, input: in, at: [5s, 30s]}"
    steps = plan(LOOK % (before, "in", "  - {from: still, to: 'p{index}.jpg'}")).steps
    assert sorted(step.kind for step in steps) == [StepKind.FFMPEG, StepKind.LOOK]
    (stills,) = (step for step in steps if step.kind is StepKind.FFMPEG)
    assert stills.commands[0].count("-ss") == 2


def test_how_long_a_look_takes_is_less_than_a_decode() -> None:
    (look,) = plan(LOOK % ("", "in", "")).steps
    (whole,) = plan(LOOK % ("  - {id: part, op: fps, input: in, rate: 29}", "part", "")).steps
    assert 0 < look.estimate.cpu_seconds < whole.estimate.cpu_seconds
