"""pad: borders, to a size or to a shape."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import Code, ReelError
from reelwright.media.streams import VideoStream
from tests.operators.scene import Scene, given, infer, make, video_of

SD = VideoStream(
    codec="h264", width_px=640, height_px=480, sar=Fraction(1), pix_fmt="yuv420p", has_alpha=False
)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"width": 1280, "height": 720}, (1280, 720)),
        ({"height": 500}, (640, 500)),
        ({"aspect": "16:9"}, (854, 480)),  # 853.3, grown
        ({"aspect": "1:1"}, (640, 640)),
        ({"width": 641}, (642, 480)),
        ({"width": 641, "divisible_by": 1}, (641, 480)),
    ],
)
def test_sizes(params: dict[str, Any], expected: tuple[int, int]) -> None:
    made = video_of(infer("pad", SD, **params))
    assert (made.width_px, made.height_px) == expected


def test_aspect_is_what_is_shown() -> None:
    anamorphic = VideoStream(width_px=720, height_px=576, sar=Fraction(16, 15))
    made = video_of(infer("pad", anamorphic, aspect="16:9"))
    assert (made.width_px, made.height_px, made.sar) == (960, 576, Fraction(16, 15))


def test_no_border_is_no_change() -> None:
    made = infer("pad", SD, aspect="4:3")
    assert made.video is not None
    assert made.video.encoded


def test_a_color_that_lets_light_through_adds_alpha() -> None:
    made = video_of(infer("pad", SD, width=800, color="black@0.5"))
    assert (made.pix_fmt, made.has_alpha) == ("yuva420p", True)
    assert video_of(infer("pad", SD, width=800)).pix_fmt == "yuv420p"


@pytest.mark.parametrize(
    ("params", "where"),
    [({"width": 600}, "width"), ({"height": 20}, "height"),
     ({"width": 700, "position": [100, 0]}, "position")],
)  # fmt: skip
def test_a_picture_that_does_not_fit(params: dict[str, Any], where: str) -> None:
    with pytest.raises(ReelError) as caught:
        infer("pad", SD, **params)
    assert (caught.value.code, caught.value.problem.where) == (Code.FIELD_INVALID, where)


@pytest.mark.parametrize("params", [{}, {"aspect": "1:1", "width": 5}])
def test_wrong_parameters(params: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"needs a width|either"):
        given("pad", **params)


@pytest.mark.parametrize(
    ("position", "white"),
    [("top-left", (0, 0)), ("center", (16, 8)), ("bottom-right", (32, 16)), ([2, 4], (2, 4))],
)
def test_where_the_picture_lies(
    ffmpeg: Path, tmp_path: Path, position: object, white: tuple[int, int]
) -> None:
    source = ("-f", "lavfi", "-i", "color=white:s=32x16:r=25:d=0.04", "-pix_fmt", "yuv444p")
    scene = Scene(ffmpeg, make(ffmpeg, tmp_path / "in.mkv", *source, "-c:v", "ffv1"))
    promised = video_of(scene.run("pad", width=64, height=32, position=position))
    found = scene.render(tmp_path / "out.mkv", "-c:v", "ffv1").video
    assert found is not None
    assert (found.width_px, found.height_px) == (promised.width_px, promised.height_px)
    import subprocess

    command: list[str | Path] = [
        ffmpeg,
        "-v",
        "error",
        "-i",
        tmp_path / "out.mkv",
        "-f",
        "rawvideo",
        "-",
    ]
    luma = subprocess.run(command, check=True, capture_output=True).stdout[: 64 * 32]
    assert divmod(luma.index(235), 64) == (white[1], white[0])
    assert luma.count(235) == 32 * 16
