"""fps: a constant rate, the same duration."""

from fractions import Fraction
from pathlib import Path

import pytest

from reelwright.media.streams import VideoStream
from reelwright.operators.video.fps import Fps
from tests.operators.scene import Scene, given, infer, make, numbers, streams, video_of

PAL = VideoStream(
    codec="h264",
    width_px=1280,
    height_px=720,
    frame_rate=Fraction(25),
    is_vfr=False,
    frame_count=50,
    duration=Fraction(2),
    start=Fraction(0),
)


def test_counted_where_the_source_is_counted() -> None:
    video = video_of(infer("fps", PAL, rate=12))
    assert [video.frame_rate, video.frame_count, video.duration] == [12, 24, 2]
    assert [video.is_vfr, video.time_base] == [False, Fraction(1, 12)]


def test_the_same_rate_is_no_change() -> None:
    made = infer("fps", PAL, rate=25)
    assert made.video is not None
    assert made.video.encoded


def test_a_varying_rate_is_made_constant_even_at_its_own_average() -> None:
    screen = VideoStream(frame_rate=Fraction(25), is_vfr=True, duration=Fraction(2))
    video = video_of(infer("fps", screen, rate=25))
    assert [video.is_vfr, video.frame_count, video.duration] == [False, None, 2]


def test_a_late_start_promises_no_count() -> None:
    late = VideoStream(frame_rate=Fraction(24), is_vfr=False, frame_count=45, start=Fraction(1, 12))
    assert video_of(infer("fps", late, rate=30)).frame_count is None


@pytest.mark.parametrize(
    ("rounding", "expected"), [("near", 60), ("down", 59), ("up", 60), ("zero", 59), ("inf", 60)]
)
def test_rounding(rounding: str, expected: int) -> None:
    # 2 s are 59.94 frames.
    assert video_of(infer("fps", PAL, rate="29.97", round=rounding)).frame_count == expected


@pytest.mark.parametrize("rate", [50, 30, "29.97", 12, 7])
@pytest.mark.parametrize("rounding", ["near", "down", "up"])
def test_facts_agree_with_the_file(
    ffmpeg: Path, numbered: Path, tmp_path: Path, rate: object, rounding: str
) -> None:
    scene = Scene(ffmpeg, numbered)
    promised = video_of(scene.run("fps", rate=rate, round=rounding))
    found = scene.render(tmp_path / "out.mkv", "-an", "-c:v", "ffv1").video
    assert found is not None
    assert promised.frame_count is not None
    assert found.frame_count == promised.frame_count
    assert found.frame_rate == promised.frame_rate
    assert found.is_vfr is False


@pytest.mark.parametrize("interpolate", ["blend", "motion"])
@pytest.mark.parametrize("rate", [50, 30, 10])
def test_interpolating_keeps_the_duration(
    ffmpeg: Path, numbered: Path, tmp_path: Path, interpolate: str, rate: int
) -> None:
    scene = Scene(ffmpeg, numbered)
    promised = video_of(scene.run("fps", rate=rate, interpolate=interpolate))
    found = scene.render(tmp_path / "out.mkv", "-an", "-c:v", "ffv1").video
    assert found is not None
    assert found.frame_count == promised.frame_count == 3 * rate


def test_blending_makes_frames_in_between(ffmpeg: Path, tmp_path: Path) -> None:
    graph = "nullsrc=s=32x32:r=5:d=2,geq=lum=16+11.6*N:cb=128:cr=128"
    path = make(ffmpeg, tmp_path / "in.mkv", "-f", "lavfi", "-i", graph, "-c:v", "ffv1")
    scene = Scene(ffmpeg, path)
    scene.run("fps", rate=10, interpolate="blend")
    scene.render(tmp_path / "out.mkv", "-c:v", "ffv1")
    assert numbers(ffmpeg, tmp_path / "out.mkv")[:7] == [0, 2, 4, 6, 8, 10, 12]


def test_interpolation_is_estimated() -> None:
    inputs = {"input": (streams(PAL),)}
    slow = Fps().estimate(given("fps", rate=50, interpolate="motion"), inputs)
    fast = Fps().estimate(given("fps", rate=50, interpolate="blend"), inputs)
    assert slow is not None
    assert fast is not None
    assert slow.cpu_seconds > 10 * fast.cpu_seconds
    assert Fps().estimate(given("fps", rate=50), inputs) is None


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["vfr/fixture-null.webm", "vfr/sample_android_slow_motion.mp4"])
def test_varying_rates_of_real_files(ffmpeg: Path, corpus: Path, tmp_path: Path, name: str) -> None:
    scene = Scene(ffmpeg, corpus / name)
    assert scene.media.video is not None
    assert scene.media.video.is_vfr is True
    promised = video_of(scene.run("fps", rate=30))
    scene.run("scale", height=90)
    found = scene.render(tmp_path / "out.mkv", "-an", "-c:v", "ffv1").video
    assert found is not None
    assert [found.frame_rate, found.is_vfr] == [30, False]
    assert promised.duration is not None
    assert found.duration == pytest.approx(promised.duration, abs=2 / 30)
