"""`fade`: picture and sound, in and out."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from reelwright.errors import Code, ReelError
from reelwright.media.streams import AudioStream, SubtitleStream, VideoStream
from tests.operators.built import build
from tests.operators.job import run_job
from tests.operators.scene import infer, make, streams, video_of
from tests.operators.senses import frames, rms_db, samples

PICTURE = VideoStream(
    codec="h264",
    width_px=64,
    height_px=64,
    frame_rate=Fraction(25),
    is_vfr=False,
    duration=Fraction(2),
    pix_fmt="yuv420p",
)
SOUND = AudioStream(codec="aac", sample_rate_hz=48000, channels=1, duration=Fraction(2))


@pytest.fixture
def gray(ffmpeg: Path, tmp_path: Path) -> Path:
    """Two seconds of gray, with a tone."""
    return make(
        ffmpeg,
        tmp_path / "gray.mkv",
        *("-f", "lavfi", "-i", "color=gray:s=64x64:r=25:d=2"),
        *("-f", "lavfi", "-i", "sine=f=1000:r=48000:d=2"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "pcm_s16le"),
    )


def job(folder: Path, **params: object) -> Path:
    spec = {
        "inputs": {"gray": "gray.mkv"},
        "operations": [{"id": "soft", "op": "fade", "input": "gray", **params}],
        "outputs": [{"from": "soft", "to": "out.mkv", "audio": {"codec": "pcm_s16le"}}],
    }
    return run_job(spec, folder).files["out.mkv"]


def test_nothing_but_the_picture_changes() -> None:
    made = infer("fade", PICTURE, SOUND, fade_in=1, fade_out=1)
    video = video_of(made)
    assert (video.width_px, video.pix_fmt) == (64, "yuv420p")
    assert video.duration == 2
    assert video.frame_rate == 25
    assert not made.strands[1].encoded


def test_from_black_and_to_black(ffmpeg: Path, gray: Path) -> None:
    out = job(gray.parent, **{"in": "0.4s", "out": "0.8s"})
    light = frames(ffmpeg, out, 64, 64).mean(axis=(1, 2, 3))
    assert len(light) == 50
    assert light[0] < 2
    assert light[5] == pytest.approx(light[25] / 2, abs=6)
    assert light[10:30] == pytest.approx(light[25], abs=1)
    assert light[40] == pytest.approx(light[25] / 2, abs=6)
    assert light[49] < 8


def test_the_sound_fades_with_it(ffmpeg: Path, gray: Path) -> None:
    heard = samples(ffmpeg, job(gray.parent, **{"in": "0.4s", "out": "0.8s"}))
    full = rms_db(heard[30000:50000])
    assert len(heard) == 96000
    assert rms_db(heard[:480]) < full - 30
    # Half the amplitude, in the middle of a straight line.
    assert rms_db(heard[9360:9840]) == pytest.approx(full - 6, abs=0.3)
    assert rms_db(heard[-480:]) < full - 30


def test_to_white(ffmpeg: Path, gray: Path) -> None:
    out = job(gray.parent, color="white", audio=False, out="0.4s")
    light = frames(ffmpeg, out, 64, 64).mean(axis=(1, 2, 3))
    assert light[0] == pytest.approx(light[20], abs=2)
    assert light[49] > 230


def test_only_the_sound_leaves_the_picture_as_it_is() -> None:
    made = infer("fade", PICTURE, SOUND, video=False)
    assert [s.encoded for s in made] == [True, False]


def test_without_lengths_one_second_each() -> None:
    made = [args for _, args in build("fade", {"input": (streams(PICTURE),)}).filters]
    assert [(a["t"], a["st"], a["d"]) for a in made] == [("in", "0", "1"), ("out", "1", "1")]


def test_an_opacity_fade_gives_an_alpha_plane() -> None:
    video = video_of(infer("fade", PICTURE, alpha=True))
    assert (video.pix_fmt, video.has_alpha) == ("yuva420p", True)


def test_a_fade_out_needs_a_known_end() -> None:
    with pytest.raises(ReelError, match="the length of the video is not known") as caught:
        infer("fade", VideoStream(width_px=64, height_px=64), out=1)
    assert caught.value.code is Code.FIELD_INVALID
    assert "end" in str(caught.value.problem.hint)
    infer("fade", VideoStream(width_px=64, height_px=64), out=1, end=5)


def test_a_fade_longer_than_the_stream_is_refused() -> None:
    with pytest.raises(ReelError, match=r"3 s does not fit into the 2 s of video"):
        infer("fade", PICTURE, out=3)


def test_nothing_to_fade() -> None:
    with pytest.raises(ReelError) as caught:
        infer("fade", SubtitleStream(codec="subrip"))
    assert caught.value.code is Code.STREAM_MISSING
    with pytest.raises(ReelError, match="both 0"):
        infer("fade", PICTURE, fade_in=0, fade_out=0)


def test_lengths_may_be_timecodes(ffmpeg: Path, gray: Path) -> None:
    out = job(gray.parent, **{"in": "00:00:00:10"})
    light = frames(ffmpeg, out, 64, 64).mean(axis=(1, 2, 3))
    assert light[9] < light[25] - 3
    assert light[10] == pytest.approx(light[25], abs=1)


@pytest.mark.parametrize(
    ("pix_fmt", "color", "filters"),
    [
        ("yuv420p10le", "black", ["fade"]),
        ("yuv420p", "white", ["fade", "format"]),
        ("gray", "black", ["fade", "format"]),
        ("nv12", "#000", ["fade", "format"]),
    ],
)
def test_the_pixel_format_stays(pix_fmt: str, color: str, filters: list[str]) -> None:
    picture = replace(PICTURE, pix_fmt=pix_fmt)
    made = build("fade", {"input": (streams(picture),)}, fade_in=1, color=color)
    assert made.names() == filters
    assert video_of(made.bundle).pix_fmt == pix_fmt
