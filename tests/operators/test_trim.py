"""trim: which part stays, to the frame and to the sample."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import Code, ReelError
from reelwright.graph.actions import Cut
from reelwright.graph.builder import Unknown
from reelwright.media.streams import AudioStream, DataStream, SubtitleStream, VideoStream
from reelwright.media.time import TimeRange
from tests.operators.scene import Scene, given, infer, numbers, video_of

TEN_SECONDS = VideoStream(
    codec="h264",
    width_px=64,
    height_px=64,
    frame_rate=Fraction(25),
    is_vfr=False,
    frame_count=250,
    duration=Fraction(10),
    start=Fraction(0),
)
SOUND = AudioStream(codec="aac", sample_rate_hz=48000, channels=2, duration=Fraction(10))


def span(**params: Any) -> VideoStream:
    return video_of(infer("trim", TEN_SECONDS, SOUND, **params))


def test_start_and_duration() -> None:
    video = span(start="2s", duration="3s")
    assert [video.duration, video.frame_count, video.start] == [3, 75, 0]


def test_start_and_end_are_half_open() -> None:
    assert span(start="1s", end="1.04s").frame_count == 1


def test_left_out_end_is_the_end_of_the_input() -> None:
    video = span(start="9s")
    assert [video.duration, video.frame_count] == [1, 25]


def test_end_beyond_the_input_is_its_end() -> None:
    assert span(start="9s", duration="1m").duration == 1


def test_negative_times_count_from_the_end() -> None:
    video = span(start="-3s", end="-1s")
    assert [video.duration, video.frame_count] == [2, 50]


def test_timecodes_count_frames() -> None:
    video = span(start="00:00:01:05", duration="00:00:00:10")
    assert video.frame_count == 10


def test_every_kind_of_stream_is_cut_alike() -> None:
    made = infer("trim", TEN_SECONDS, SOUND, SubtitleStream(codec="subrip"), start="4s")
    assert [s.stream.duration for s in made] == [6, 6, None]
    assert all(s.pad.node.startswith("trim/cut") for s in made)


def test_a_stream_that_has_ended_before_is_left_out() -> None:
    short = AudioStream(codec="aac", duration=Fraction(5))
    made = infer("trim", TEN_SECONDS, short, start="6s")
    assert [s.kind.value for s in made] == ["video"]


def test_cover_and_font_stay_and_results_go() -> None:
    cover = VideoStream(codec="mjpeg", width_px=10, height_px=10, is_still=True)
    font = DataStream(codec="ttf", filename="a.ttf")
    made = infer("trim", TEN_SECONDS, cover, font, DataStream(codec="json"), start="6s")
    assert [s.stream for s in made][1:] == [cover, font]


def test_from_a_keyframe_the_length_is_not_promised() -> None:
    video = span(start="2s", duration="3s", mode="keyframe")
    assert [video.duration, video.frame_count] == [None, None]


LATE = VideoStream(
    frame_rate=Fraction(25),
    is_vfr=False,
    frame_count=50,
    start=Fraction(1, 2),
    duration=Fraction(2),
)


@pytest.mark.parametrize(
    ("params", "start", "duration", "frames"),
    [
        ({"start": "1s"}, 0, Fraction(3, 2), 37),  # frame 13 comes at 1.02 s
        ({"start": "0.2s"}, Fraction(3, 10), 2, 50),
        ({"start": "0.2s", "end": "0.6s"}, Fraction(3, 10), Fraction(1, 10), 3),
        ({"start": "-1s"}, 0, 1, 25),
    ],
)
def test_a_stream_that_starts_late(
    params: dict[str, Any], start: Fraction, duration: Fraction, frames: int
) -> None:
    sound = AudioStream(codec="aac", start=Fraction(0), duration=Fraction(5, 2))
    video = video_of(infer("trim", LATE, sound, **params))
    assert [video.start, video.duration, video.frame_count] == [start, duration, frames]


def test_a_stream_that_starts_after_the_end_is_left_out() -> None:
    made = infer("trim", LATE, AudioStream(codec="aac", duration=Fraction(3)), end="0.5s")
    assert [s.kind.value for s in made] == ["audio"]


def test_varying_rate_promises_no_count() -> None:
    vfr = VideoStream(frame_rate=Fraction(25), is_vfr=True, duration=Fraction(10))
    assert video_of(infer("trim", vfr, start="2s")).frame_count is None


@pytest.mark.parametrize(
    ("params", "where", "says"),
    [
        ({"start": "10s"}, "start", "the input ends at 10s"),
        ({"start": "5s", "end": "5s"}, "end", "not after its start at 5s"),
        ({"start": "5s", "duration": 0}, "duration", "not after its start"),
        ({"start": "-11s"}, "start", "before the start"),
        ({"each": [{"end": "1s"}, {"start": "1m"}]}, "each[1].start", "ends at 10s"),
    ],
)
def test_empty_ranges(params: dict[str, Any], where: str, says: str) -> None:
    with pytest.raises(ReelError) as caught:
        span(**params)
    assert caught.value.code is Code.RANGE_EMPTY
    assert caught.value.problem.where == where
    assert says in str(caught.value)


def test_time_from_an_unknown_end() -> None:
    endless = VideoStream(frame_rate=Fraction(25), is_vfr=False)
    with pytest.raises(ReelError, match="duration is known") as caught:
        infer("trim", endless, start="-5s")
    assert caught.value.code is Code.FIELD_INVALID


def test_timecode_that_the_rate_does_not_have() -> None:
    with pytest.raises(ReelError, match="from 0 to 24") as caught:
        span(start="00:00:01:25")
    assert caught.value.problem.where == "start"


def test_a_still_picture_has_no_time() -> None:
    with pytest.raises(ReelError) as caught:
        infer("trim", VideoStream(codec="png", is_still=True), start="1s")
    assert caught.value.code is Code.STREAM_KIND


@pytest.mark.parametrize(
    "params",
    [
        {"end": "5s", "duration": "2s"},
        {"each": "shots", "start": "1s"},
        {"each": []},
        {"each": [{"end": 1, "duration": 1}]},
        {"mode": "quick"},
    ],
)
def test_contradictions_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"each|either|mode"):
        given("trim", **params)


def test_each_range_is_a_lane(ffmpeg: Path, numbered: Path) -> None:
    scene = Scene(ffmpeg, numbered)
    lanes = scene.lanes("trim", each=[{"end": "1s"}, {"start": "1s", "duration": "0.4s"}])
    assert [video_of(lane).frame_count for lane in lanes] == [25, 10]


def test_each_shot_waits_for_the_shots() -> None:
    with pytest.raises(Unknown) as caught:
        infer("trim", TEN_SECONDS, each="shots")
    assert caught.value.node == "trim/shots"


def test_each_shot_is_a_lane(ffmpeg: Path, three_shots: Path) -> None:
    scene = Scene(ffmpeg, three_shots)
    lanes = scene.lanes("trim", each="shots")
    cuts = [scene.nodes[video.pad.node].action for lane in lanes if (video := lane.video)]
    assert [c.range for c in cuts if isinstance(c, Cut)] == [
        TimeRange(Fraction(0), Fraction(1)),
        TimeRange(Fraction(1), Fraction(5, 2)),
        TimeRange(Fraction(5, 2), Fraction(4)),
    ]


def test_shots_that_were_found_before_are_taken(ffmpeg: Path, three_shots: Path) -> None:
    scene = Scene(ffmpeg, three_shots)
    scene.run("shots", min_shot_length="2s")
    lanes = scene.lanes("trim", each="shots")
    assert [video_of(lane).duration for lane in lanes] == [Fraction(5, 2), Fraction(3, 2)]
    assert list(scene.results) == ["shots/shots"]


def test_the_frames_are_the_right_ones(ffmpeg: Path, numbered: Path, tmp_path: Path) -> None:
    scene = Scene(ffmpeg, numbered)
    video = video_of(scene.run("trim", start="0.52s", end="1.2s"))
    found = scene.render(tmp_path / "out.mkv", "-c:v", "ffv1", "-c:a", "pcm_s16le")
    assert numbers(ffmpeg, tmp_path / "out.mkv") == list(range(13, 30))
    assert found.video is not None
    assert found.audio is not None
    assert [video.frame_count, video.duration] == [17, Fraction(17, 25)]
    assert found.video.frame_count == video.frame_count
    assert found.audio.duration == pytest.approx(video.duration, abs=1e-3)


@pytest.mark.corpus
def test_burned_in_numbers(ffmpeg: Path, corpus: Path, tmp_path: Path) -> None:
    scene = Scene(ffmpeg, corpus / "frames" / "counter.mp4")
    video = video_of(scene.run("trim", start="1.4s", end="1.5s"))
    scene.render(tmp_path / "frame15.png")
    assert video.frame_count == 1
    assert psnr(ffmpeg, tmp_path / "frame15.png", corpus / "frames" / "frame015.png") > 40


def psnr(ffmpeg: Path, one: Path, other: Path) -> float:
    import re
    import subprocess

    done = subprocess.run(
        [ffmpeg, "-i", one, "-i", other, "-lavfi", "psnr", "-f", "null", "-"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"average:([0-9.]+|inf)", done.stderr)
    assert found
    return float(found[1])
