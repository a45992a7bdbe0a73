"""trim, scale, crop, rotate, fps, pad: what the result shows, frame by frame."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.features.jobs import Studio, argv, because
from tests.features.media import BLACK, BLUE, GREEN, RED, WHITE, like, make

FAST = "video: {codec: h264, crf: 18, preset: ultrafast}"
LOSSLESS = ", video: {codec: h264, crf: 0}"
QUALITY = "{codec: h264, crf: 12, preset: ultrafast}"


def spec(operation: str, *, to: str = "out.mp4", more: str = f", {FAST}") -> str:
    return (
        f"inputs: {{in: in.mp4}}\noperations:\n  - {{id: a, op: {operation}}}\n"
        f"outputs:\n  - {{from: a, to: {to}{more}}}\n"
    )


def quadrants(picture: Any) -> list[tuple[int, int, int]]:
    """The corners' colours by name, read in the middle of each quarter."""
    height, width = picture.shape[:2]
    found = []
    for y in (height // 4, 3 * height // 4):
        for x in (width // 4, 3 * width // 4):
            named = [c for c in (RED, GREEN, BLUE, WHITE, BLACK) if like(picture[y, x], c)]
            assert named, picture[y, x]
            found.append(named[0])
    return found


@pytest.mark.parametrize(
    ("what", "first", "last"),
    [
        ("trim, start: 1.32s, duration: 2s", 33, 82),
        ('trim, start: "00:00:03.480", end: 4s', 87, 99),
        ('trim, start: "00:00:01:05", end: "00:00:01:06"', 30, 30),
        ("trim, start: -2s", 200, 249),
        ("trim, end: PT0.2S", 0, 4),
        ("trim, start: 1.32s, duration: 2s, mode: encode", 33, 82),
    ],
)
def test_trim_shows_exactly_the_frames_asked_for(
    studio: Studio, talk: Path, what: str, first: int, last: int
) -> None:
    studio.bring(talk, "in.mp4")
    studio.run(spec(what, more=""))
    assert studio.numbers("out.mp4") == list(range(first, last + 1))
    sound = len(studio.samples("out.mp4", 2)) / 48000
    assert sound == pytest.approx((last + 1 - first) / 25, abs=0.03)


@pytest.mark.parametrize(("ending", "first"), [("mkv", 25), ("mp4", 33)])
def test_trim_by_keyframes_copies_from_the_keyframe_before(
    studio: Studio, talk: Path, ending: str, first: int
) -> None:
    """MP4 hides by its edit list what comes before the start; Matroska has none and shows it."""
    studio.bring(talk, "in.mp4")
    text = spec("trim, start: 1.32s, end: 3s, mode: keyframe", to=f"out.{ending}", more="")
    plan = studio.plan(text)
    assert "-c:v:0 copy" in argv(plan)
    assert "video: copied: cut at a keyframe, as asked" in because(plan)
    studio.run(text)
    shown = studio.numbers(f"out.{ending}")
    assert shown[0] == first
    # Packets are cut in the order of decoding, where frames are reordered.
    assert set(range(first, 72)) <= set(shown) <= set(range(first, 80))


def test_each_of_several_ranges_is_a_file(studio: Studio, talk: Path) -> None:
    studio.bring(talk, "in.mp4")
    each = "trim, each: [{start: 0.2s, end: 0.4s}, {start: 1s, duration: 0.2s}], mode: encode"
    studio.run(spec(each, to='"part-{index}.mp4"'))
    assert studio.numbers("part-1.mp4") == list(range(5, 10))
    assert studio.numbers("part-2.mp4") == list(range(25, 30))


@pytest.mark.parametrize(
    ("what", "size"),
    [
        ("scale, height: 90", (160, 90)),
        ("scale, width: 101", (100, 56)),
        ("scale, size: 720p, upscale: false", (320, 180)),
        ("scale, width: 100, height: 100, fit: stretch", (100, 100)),
        ("scale, width: 100, height: 100, fit: contain", (100, 56)),
        ("scale, width: 100, height: 100, fit: pad, color: red", (100, 100)),
        ("scale, width: 100, height: 100, fit: cover, algorithm: lanczos", (100, 100)),
        ("crop, aspect: '1:1'", (180, 180)),
        ("crop, width: 50%, height: 50%, position: top-left", (160, 90)),
        ("pad, aspect: '1:1'", (320, 320)),
        ("rotate, degrees: 90, lossless: pixels", (180, 320)),
    ],
)
def test_sizes(studio: Studio, talk: Path, what: str, size: tuple[int, int]) -> None:
    studio.bring(talk, "in.mp4")
    text = spec(what).replace("outputs:", "  - {id: b, op: trim, input: a, end: 0.2s}\noutputs:")
    studio.run(text.replace("from: a", "from: b"))
    video = studio.facts("out.mp4")["video"]
    assert (video["width"], video["height"]) == size
    assert video.get("sample_aspect_ratio", "1:1") == "1:1"
    assert int(video["nb_read_frames"]) == 5


def test_a_scaled_picture_is_the_picture(studio: Studio, talk: Path) -> None:
    """Every number can still be read, and the picture equals the source, shrunk by its mean."""
    studio.bring(talk, "in.mp4")
    studio.run(spec("scale, height: 90, algorithm: area", more=f", video: {QUALITY}"))
    shown, source = studio.pictures("out.mp4"), studio.pictures("in.mp4")
    assert studio.numbers("out.mp4") == list(range(250))
    shrunk = source[100].reshape(90, 2, 160, 2, 3).mean(axis=(1, 3))
    assert np.abs(shown[100].mean(axis=2) - shrunk.mean(axis=2)).mean() < 3


def test_crop_takes_the_part_that_was_named(studio: Studio, corners: Path) -> None:
    studio.bring(corners, "in.mp4")
    studio.run(spec("crop, width: 80, height: 60, position: bottom-left"))
    shown = studio.pictures("out.mp4")
    assert shown.shape == (25, 60, 80, 3)
    assert like(shown[3].reshape(-1, 3).mean(axis=0), BLUE)


def test_pad_puts_the_borders_where_it_was_told(studio: Studio, corners: Path) -> None:
    studio.bring(corners, "in.mp4")
    studio.run(spec("pad, width: 320, height: 120, position: right, color: black"))
    shown = studio.pictures("out.mp4")[5]
    assert quadrants(shown[:, :160]) == [BLACK] * 4
    assert quadrants(shown[:, 160:]) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize("lossless", ["metadata", "pixels"])
def test_rotate_turns_clockwise(studio: Studio, corners: Path, lossless: str) -> None:
    studio.bring(corners, "in.mp4")
    studio.run(spec(f"rotate, degrees: 90, lossless: {lossless}", more=""))
    shown = studio.pictures("out.mp4")
    assert shown.shape == (25, 160, 120, 3)
    assert quadrants(shown[0]) == [BLUE, RED, WHITE, GREEN]
    copied = studio.facts("out.mp4")["video"]["width"] == 160
    assert copied == (lossless == "metadata")


def test_a_right_angle_is_metadata_where_the_container_has_it(
    studio: Studio, corners: Path
) -> None:
    studio.bring(corners, "in.mp4")
    turned = spec("rotate, degrees: 90", more="")
    assert "libx264" not in argv(studio.plan(turned))
    assert "copied" in because(studio.plan(turned))
    other = spec("rotate, degrees: 90", to="out.webm", more="")
    assert "transpose" in argv(studio.plan(other))


def test_flip_and_other_angles(studio: Studio, corners: Path) -> None:
    studio.bring(corners, "in.mp4")
    studio.run(spec("rotate, flip: horizontal"))
    assert quadrants(studio.pictures("out.mp4")[0]) == [GREEN, RED, WHITE, BLUE]
    studio.run(spec("rotate, degrees: 45, fill: black", to="tilted.mp4"))
    tilted = studio.pictures("tilted.mp4")[0]
    height, width = tilted.shape[:2]
    assert (height, width) == (198, 198)
    assert all(like(tilted[y, x], BLACK) for y in (2, height - 3) for x in (2, width - 3))
    # Clockwise: what was at the left above is above.
    assert like(tilted[height // 4, width // 2], RED)
    assert like(tilted[height // 2, 3 * width // 4], GREEN)


def test_fps_gives_a_constant_rate_and_keeps_the_time(studio: Studio, talk: Path) -> None:
    studio.bring(talk, "in.mp4")
    studio.run(spec("fps, rate: 10"))
    video = studio.facts("out.mp4")["video"]
    assert Fraction(video["r_frame_rate"]) == Fraction(video["avg_frame_rate"]) == 10
    shown = studio.numbers("out.mp4")
    assert len(shown) == 100
    # The frame on the grid is the nearest one: at most half a new frame away.
    assert all(abs(number / 25 - n / 10) <= 0.05 for n, number in enumerate(shown))


def test_fps_makes_a_constant_rate_of_a_varying_one(studio: Studio) -> None:
    """Every frame of the first second is there, and one in five of the second one."""
    picture = "testsrc2=s=64x48:r=25:d=2,select='lt(t,1)+not(mod(n,5))'"
    source = ("-f", "lavfi", "-i", picture, "-fps_mode", "vfr")
    make(studio.ffmpeg, studio.path("in.mp4"), *source)
    assert int(studio.facts("in.mp4")["video"]["nb_read_frames"]) == 30
    studio.run(spec("fps, rate: 25"))
    video = studio.facts("out.mp4")["video"]
    assert Fraction(video["r_frame_rate"]) == 25
    assert 46 <= int(video["nb_read_frames"]) <= 50


def test_interpolation_makes_pictures_between(studio: Studio, ffmpeg: Path) -> None:
    """Ten gray levels become twenty where they are mixed, and stay ten where they are repeated."""
    grays = "nullsrc=s=32x32:r=5:d=2,geq=lum='30+20*N':cb=128:cr=128,format=yuv420p"
    make(ffmpeg, studio.path("in.mp4"), "-f", "lavfi", "-i", grays, "-c:v", "libx264", "-qp", "0")
    levels = {}
    for how in ("blend", "none"):
        studio.run(spec(f"fps, rate: 10, interpolate: {how}", to=f"{how}.mp4", more=LOSSLESS))
        shown = studio.pictures(f"{how}.mp4").mean(axis=(1, 2, 3))
        assert 19 <= len(shown) <= 20
        levels[how] = len(set(shown.round()))
    assert levels["none"] == 10
    assert levels["blend"] >= 18
