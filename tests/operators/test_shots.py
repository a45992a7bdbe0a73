"""shots: where the cuts of real and of made-up video are."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import Code, ReelError
from reelwright.graph.actions import Tap
from reelwright.graph.builder import Builder
from reelwright.media.streams import AudioStream, VideoStream
from reelwright.operators.analyse.shots import Shots, shots_of
from tests.operators.scene import Scene, given, infer, make, streams

VIDEO = VideoStream(codec="h264", frame_rate=Fraction(25), width_px=640, height_px=360)


def found(scene: Scene, **params: Any) -> dict[str, Any]:
    bundle = scene.run("shots", **params)
    result = scene.analyse(scene.nodes, bundle.strands[-1].pad.node)
    assert json.loads(json.dumps(result)) == result
    return result


def starts(result: dict[str, Any]) -> list[int]:
    return [shot["start_frame"] for shot in result["shots"]]


def test_the_input_passes_and_the_result_has_a_label() -> None:
    made = infer("shots", VIDEO, AudioStream(codec="aac"))
    assert [(s.kind.value, s.label, s.encoded) for s in made] == [
        ("video", None, True),
        ("audio", None, True),
        ("data", "shots", True),
    ]


def test_a_second_one_replaces_the_result_of_the_first(ffmpeg: Path, three_shots: Path) -> None:
    scene = Scene(ffmpeg, three_shots)
    scene.run("shots")
    bundle = scene.run("shots", detector="content")
    assert [s.pad.node for s in bundle if s.label == "shots"] == ["shots/shots.2"]


def test_what_was_asked_is_in_the_tap() -> None:
    nodes: dict[str, Any] = {}
    params = given("shots", detector="content", threshold=40, min_shot_length="00:00:01:10")
    build = Builder("found", nodes, {}, operator="shots")
    Shots().build(params, {"input": (streams(VIDEO),)}, build)
    tap = nodes["found/shots"].action
    assert isinstance(tap, Tap)
    assert tap.analyser == "shots:shots"
    assert dict(tap.params) == {
        "detector": "content",
        "min_difference": 15.0,
        "min_shot": "7/5",
        "rate": "25",
        "threshold": 40.0,
    }


def test_times_are_exact_and_readable(ffmpeg: Path, tmp_path: Path) -> None:
    source = "testsrc2=s=160x90:r=30000/1001:d=1[a];smptebars=s=160x90:r=30000/1001:d=1[b]"
    path = make(ffmpeg, tmp_path / "in.mp4", "-f", "lavfi", "-i", f"{source};[a][b]concat")
    result = found(Scene(ffmpeg, path))
    assert result["frame_rate"] == "30000/1001"
    assert result["frames"] == 60
    assert result["shots"][1] == {
        "index": 1,
        "start": 1.001,
        "end": 2.002,
        "start_exact": "1001/1000",
        "end_exact": "1001/500",
        "start_frame": 30,
        "end_frame": 60,
    }


def test_cuts_between_moving_pictures(ffmpeg: Path, three_shots: Path) -> None:
    assert starts(found(Scene(ffmpeg, three_shots))) == [0, 20, 50]


def test_a_late_first_frame_keeps_the_times(
    ffmpeg: Path, three_shots: Path, tmp_path: Path
) -> None:
    """Half a second of sound alone: everything is seen that much later."""
    late = make(
        ffmpeg,
        tmp_path / "late.mkv",
        *("-itsoffset", "0.5", "-i", str(three_shots), "-f", "lavfi", "-i", "sine=d=4.5"),
        *("-c:v", "copy", "-c:a", "pcm_s16le"),
    )
    result = found(Scene(ffmpeg, late))
    assert [shot["start"] for shot in result["shots"]] == [0, 1.5, 3]


def test_varying_rate_gives_times_not_counts(
    ffmpeg: Path, three_shots: Path, tmp_path: Path
) -> None:
    """Every third frame of the first second is gone: the cuts stay where they are."""
    thin = "select='lt(mod(n,3),2)+gte(t,1)'"
    args = ("-i", str(three_shots), "-vf", thin, "-fps_mode", "vfr", "-c:v", "libx264")
    scene = Scene(ffmpeg, make(ffmpeg, tmp_path / "vfr.mkv", *args))
    assert scene.media.video is not None
    assert scene.media.video.is_vfr is True
    result = found(scene)
    half = Fraction(1, 2) / Fraction(result["frame_rate"])
    for shot, expected in zip(
        result["shots"], (Fraction(0), Fraction(1), Fraction(5, 2)), strict=True
    ):
        assert abs(Fraction(shot["start_exact"]) - expected) <= half


def test_no_rate_no_times() -> None:
    with pytest.raises(ReelError) as caught:
        infer("shots", VideoStream(codec="h264", width_px=64, height_px=64))
    assert caught.value.code is Code.TIMESTAMPS_INVALID


def test_no_frames_no_shots() -> None:
    results = {"trim/shots": {"shots": [], "frame_rate": "25", "frames": 0}}
    build = Builder("trim", {}, results)
    with pytest.raises(ReelError) as caught:
        shots_of(build, streams(VIDEO))
    assert caught.value.code is Code.DECODE_FAILED


@pytest.mark.corpus
def test_published_cuts(ffmpeg: Path, corpus: Path) -> None:
    """Every published cut, to the frame, and no other: in each file that has a list."""
    manifest = json.loads((corpus / "MANIFEST.json").read_text())
    checked = 0
    for entry in manifest["files"]:
        truth = entry.get("ground_truth") or {}
        if truth.get("kind") == "hard_cuts":
            result = found(Scene(ffmpeg, corpus / entry["file"]))
            assert starts(result)[1:] == truth["frames"], entry["file"]
            checked += 1
    assert checked >= 3


@pytest.mark.corpus
@pytest.mark.parametrize(
    "name",
    ["cuts/run.mp4", "search/dog.mp4", "search/bbb_rabbit_5s.mp4", "frames/test_462_frames.mp4"],
)
def test_single_shots(ffmpeg: Path, corpus: Path, name: str) -> None:
    """PySceneDetect 0.7.2 finds no cut in them either."""
    assert starts(found(Scene(ffmpeg, corpus / name))) == [0]
