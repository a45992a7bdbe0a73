"""`overlay`: pictures, videos and texts on top of a video."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reelwright.errors import Code, ReelError
from reelwright.media.streams import AudioStream, VideoStream
from reelwright.operators import REGISTRY
from tests.operators.built import Built, build
from tests.operators.job import Done, run_job
from tests.operators.scene import given, make, streams, video_of
from tests.operators.senses import Frames, frames, rms_db, samples

BASE = VideoStream(
    codec="h264",
    width_px=640,
    height_px=360,
    sar=Fraction(1),
    frame_rate=Fraction(25),
    is_vfr=False,
    duration=Fraction(4),
    frame_count=100,
    pix_fmt="yuv420p",
)
LOGO = VideoStream(
    codec="png", width_px=200, height_px=100, is_still=True, pix_fmt="rgba", has_alpha=True
)
INSERT = replace(BASE, width_px=320, height_px=180, duration=Fraction(1), frame_count=25)
SOUND = AudioStream(
    codec="aac",
    sample_rate_hz=48000,
    channels=1,
    channel_layout="mono",
    duration=Fraction(4),
)


def overlay(over: VideoStream | None = LOGO, base: VideoStream = BASE, **params: Any) -> Built:
    inputs = {"base": (streams(base),)}
    if over is not None:
        inputs["over"] = (streams(over),)
    return build("overlay", inputs, **params)


@pytest.mark.parametrize(
    ("params", "x", "y"),
    [
        ({}, 640 - 200 - 16, 360 - 100 - 16),
        ({"position": "top-left", "margin": "5%"}, 32, 18),
        ({"position": "center"}, 220, 130),
        ({"position": [7, "50%"]}, 7, 180),
        ({"width": "50%", "position": "top-right", "margin": 0}, 320, 0),
    ],
)
def test_places(params: dict[str, Any], x: int, y: int) -> None:
    found = overlay(**params).options("overlay")
    assert (found["x"], found["y"]) == (x, y)


@pytest.mark.parametrize(
    ("params", "size"),
    [
        ({"width": 100}, (100, 50)),
        ({"height": "50%"}, (360, 180)),
        ({"width": 64, "height": 64}, (64, 64)),
    ],
)
def test_sizes(params: dict[str, Any], size: tuple[int, int]) -> None:
    found = overlay(**params).options("scale")
    assert (found["w"], found["h"]) == size


def test_pixels_that_are_not_square_do_not_stretch_the_logo() -> None:
    made = overlay(base=replace(BASE, width_px=320, sar=Fraction(2)))
    assert (made.options("scale")["w"], made.options("scale")["h"]) == (100, 100)


def test_facts_are_those_of_the_base() -> None:
    video = video_of(overlay().bundle)
    assert (video.width_px, video.height_px, video.pix_fmt) == (640, 360, "yuv420p")
    assert video.duration == 4
    assert video.frame_count == 100
    assert video.frame_rate == 25


@pytest.mark.parametrize(
    ("pix_fmt", "mode", "kept"),
    [
        ("yuv420p", "yuv420", "yuv420p"),
        ("yuv422p10le", "yuv422p10", "yuv422p10le"),
        ("yuv420p12le", "yuv420p10", "yuv420p10le"),
        ("nv12", "yuv420", "yuv420p"),
        ("gray", "rgb", "rgb24"),
        (None, "yuv420", "yuv420p"),
    ],
)
def test_the_mode_follows_the_base(pix_fmt: str | None, mode: str, kept: str) -> None:
    made = overlay(base=replace(BASE, pix_fmt=pix_fmt))
    assert made.options("overlay")["format"] == mode
    assert video_of(made.bundle).pix_fmt == kept


def test_a_still_stays_and_a_video_goes() -> None:
    assert overlay().options("overlay")["eof_action"] == "repeat"
    found = overlay(INSERT).options("overlay")
    assert found["eof_action"] == "pass"
    assert "shortest" not in found
    assert overlay(INSERT, loop=True).options("overlay")["shortest"] == 1


def test_what_is_refused() -> None:
    with pytest.raises(ReelError, match="either its port 'over' connected, or a `text`") as caught:
        overlay(None)
    assert caught.value.code is Code.PORT_MISSING
    with pytest.raises(ReelError, match="either"):
        overlay(text="x")
    with pytest.raises(ReelError, match="has no sound"):
        overlay(INSERT, mix_audio=True)
    with pytest.raises(ReelError, match="length of the overlay is not known"):
        overlay(replace(INSERT, duration=None, frame_count=None), loop=True)
    with pytest.raises(ReelError, match="kept in memory") as caught:
        overlay(replace(INSERT, frame_count=100_000), loop=True)
    assert caught.value.code is Code.NEEDS_TOO_MUCH
    with pytest.raises(ReelError, match="neither is when to fade out"):
        overlay(base=replace(BASE, duration=None), fade=1)


# Real pictures


@pytest.fixture
def media(ffmpeg: Path, tmp_path: Path) -> Path:
    """A black video with a tone, a half-transparent red logo, a short lime video with a tone."""
    x264 = ("-c:v", "libx264", "-qp", "0", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    make(
        ffmpeg,
        tmp_path / "base.mp4",
        *("-f", "lavfi", "-i", "color=black:s=160x90:r=10:d=3"),
        *("-f", "lavfi", "-i", "sine=f=400:r=48000:d=3", *x264, "-c:a", "aac"),
    )
    logo = "color=red@0.5:s=40x20,format=rgba"
    make(ffmpeg, tmp_path / "logo.png", "-f", "lavfi", "-i", logo, "-frames:v", "1")
    make(
        ffmpeg,
        tmp_path / "insert.mp4",
        *("-f", "lavfi", "-i", "color=lime:s=80x44:r=10:d=1"),
        *("-f", "lavfi", "-i", "sine=f=1000:r=44100:d=1", *x264, "-c:a", "aac"),
    )
    make(
        ffmpeg,
        tmp_path / "mute.mp4",
        *("-f", "lavfi", "-i", "color=black:s=160x90:r=10:d=3", *x264),
    )
    return tmp_path


def job(folder: Path, over: str | None = "logo.png", base: str = "base.mp4", **params: Any) -> Done:
    inputs = {"base": base} | ({"over": over} if over else {})
    spec = {
        "inputs": inputs,
        "operations": [{"id": "mark", "op": "overlay", "inputs": {k: k for k in inputs}, **params}],
        "outputs": [{"from": "mark", "to": "out.mkv", "audio": {"codec": "pcm_s16le"}}],
    }
    return run_job(spec, folder)


def seen(ffmpeg: Path, done: Done) -> Frames:
    return frames(ffmpeg, done.files["out.mkv"], 160, 90)


def test_alpha_is_respected_and_the_logo_lasts(ffmpeg: Path, media: Path) -> None:
    pictures = seen(ffmpeg, job(media, position="top-left", margin=10))
    assert len(pictures) == 30
    for picture in pictures[[0, 15, 29]]:
        assert picture[20, 30][0] == pytest.approx(128, abs=12)
        assert picture[5, 5].max() < 20
        assert picture[20, 55].max() < 20


def test_opacity(ffmpeg: Path, media: Path) -> None:
    pictures = seen(ffmpeg, job(media, position="top-left", margin=10, opacity=0.5))
    assert pictures[3, 20, 30][0] == pytest.approx(64, abs=12)


def test_timed_and_faded(ffmpeg: Path, media: Path) -> None:
    done = job(media, position=[10, 10], start=1, end=2, fade="400ms")
    red = seen(ffmpeg, done)[:, 20, 30, 0].astype(int)
    assert red[:10].max() < 20
    assert 20 < red[12] < red[15]
    assert red[15] == pytest.approx(128, abs=12)
    assert red[18] < red[15] - 20
    assert red[20:].max() < 20


def test_a_video_plays_from_its_start_and_ends(ffmpeg: Path, media: Path) -> None:
    done = job(media, "insert.mp4", position="top-left", margin=0, start=1)
    green = seen(ffmpeg, done)[:, 20, 30, 1]
    assert list(np.nonzero(green > 200)[0]) == list(range(10, 20))


def test_a_video_may_start_over(ffmpeg: Path, media: Path) -> None:
    done = job(media, "insert.mp4", position="top-left", margin=0, loop=True)
    green = seen(ffmpeg, done)[:, 20, 30, 1]
    assert len(green) == 30
    assert green.min() > 200


def test_text_in_place_of_a_picture(ffmpeg: Path, media: Path) -> None:
    text = "50% off: 'now'"
    done = job(media, None, text=text, text_size="20%", position="center", start="1s")
    assert text not in done.graph
    pictures = seen(ffmpeg, done)
    assert pictures[9].max() < 20
    assert pictures[10].max() > 200


def test_its_sound_may_be_mixed_in(ffmpeg: Path, media: Path) -> None:
    done = job(media, "insert.mp4", start=1, mix_audio=True, audio_gain="6dB")
    heard = samples(ffmpeg, done.files["out.mkv"])
    assert len(heard) == pytest.approx(3 * 48000, abs=2048)
    alone, both = rms_db(heard[20000:40000]), rms_db(heard[60000:90000])
    # Twice the amplitude beside one: 10 log 5 = 7 dB.
    assert both - alone == pytest.approx(7, abs=0.7)
    assert rms_db(heard[110000:130000]) == pytest.approx(alone, abs=0.5)


def test_a_mute_base_gets_the_overlays_sound(ffmpeg: Path, media: Path) -> None:
    done = job(media, "insert.mp4", base="mute.mp4", start=1, end="1.5s", mix_audio=True)
    heard = samples(ffmpeg, done.files["out.mkv"])
    assert len(heard) == 3 * 44100
    assert rms_db(heard[:40000]) < -90
    assert rms_db(heard[48000:60000]) > -25
    assert rms_db(heard[70000:]) < -90


@pytest.mark.corpus
@pytest.mark.parametrize("logo", ["transparent.png", "overlay.png", "mask.png"])
def test_real_logos(tmp_path: Path, corpus: Path, logo: str) -> None:
    spec = {
        "inputs": {
            "film": str(corpus / "frames/counter.mp4"),
            "logo": str(corpus / "images" / logo),
        },
        "operations": [
            {"id": "c", "op": "trim", "input": "film", "duration": "0.4s"},
            {"id": "o", "op": "overlay", "inputs": {"base": "c", "over": "logo"}, "width": "20%"},
        ],
        "outputs": [{"from": "o.video", "to": "out.mp4"}],
    }
    assert run_job(spec, tmp_path).info("out.mp4").video is not None


def test_what_starts_over_is_kept_in_memory() -> None:
    operator = REGISTRY.get("overlay")
    inputs = {"base": (streams(BASE),), "over": (streams(INSERT),)}
    cost = operator.estimate(given("overlay", loop=True), inputs)
    assert cost is not None
    assert cost.memory_bytes == 25 * 320 * 180 * 4
    assert operator.estimate(given("overlay"), inputs) is None
