"""crop: which part of the picture stays."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import Code, ReelError
from reelwright.graph.actions import Filter
from reelwright.media.streams import VideoStream
from tests.operators.scene import Scene, given, infer, make, video_of

HD = VideoStream(codec="h264", width_px=1920, height_px=1080, sar=Fraction(1))


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"width": 100, "height": 50}, (100, 50)),
        ({"width": "50%"}, (960, 1080)),
        ({"aspect": "9:16"}, (606, 1080)),
        ({"aspect": "21:9"}, (1920, 822)),
        ({"aspect": "1:1", "width": 300}, (300, 300)),
        ({"aspect": "4:3", "height": 300}, (400, 300)),
        ({"width": 101, "height": 51}, (100, 50)),
        ({"width": 101, "height": 51, "divisible_by": 1}, (101, 51)),
    ],
)
def test_sizes(params: dict[str, Any], expected: tuple[int, int]) -> None:
    made = video_of(infer("crop", HD, **params))
    assert (made.width_px, made.height_px) == expected


def test_aspect_is_what_is_shown() -> None:
    anamorphic = VideoStream(width_px=720, height_px=576, sar=Fraction(64, 45))
    made = video_of(infer("crop", anamorphic, aspect="1:1"))
    assert (made.width_px, made.height_px, made.sar) == (404, 576, Fraction(64, 45))
    assert made.display_aspect == pytest.approx(1, abs=0.01)


def test_the_whole_picture_is_left_alone() -> None:
    made = infer("crop", HD, aspect="16:9")
    assert made.video is not None
    assert made.video.encoded


@pytest.mark.parametrize(
    ("params", "where", "says"),
    [
        ({"width": 2000}, "width", "goes from 1 to 1920"),
        ({"aspect": "16:9", "height": 1200}, "width", "2133.33"),
        ({"width": 100, "height": 100, "x": 1900}, "x", "goes from 0 to 1820"),
        ({"width": 100, "height": 100, "position": [0, 1000]}, "y", "goes from 0 to 980"),
    ],
)
def test_out_of_bounds(params: dict[str, Any], where: str, says: str) -> None:
    with pytest.raises(ReelError) as caught:
        infer("crop", HD, **params)
    problem = caught.value.problem
    assert (problem.code, problem.where) == (Code.FIELD_INVALID, where)
    assert says in f"{problem.message} {problem.hint}"


@pytest.mark.parametrize("params", [{}, {"x": 5}, {"width": 1, "height": 1, "aspect": 1}])
def test_wrong_parameters(params: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"needs a width|leave one"):
        given("crop", **params)


@pytest.mark.parametrize(
    ("params", "corner"),
    [
        ({"position": "top-left"}, (0, 0)),
        ({"position": "bottom-right"}, (32, 16)),
        ({"position": "center"}, (16, 8)),
        ({"position": [8, 4]}, (8, 4)),
        ({"x": 6, "y": "25%"}, (6, 8)),
    ],
)
def test_the_right_part(
    ffmpeg: Path, tmp_path: Path, params: dict[str, Any], corner: tuple[int, int]
) -> None:
    """The luma of each pixel says where it is: 2·x + y."""
    graph = "nullsrc=s=64x32:r=25:d=0.04,geq=lum=16+2*X+Y:cb=128:cr=128"
    path = make(ffmpeg, tmp_path / "in.mkv", "-f", "lavfi", "-i", graph, "-c:v", "ffv1")
    scene = Scene(ffmpeg, path)
    promised = video_of(scene.run("crop", width=32, height=16, **params))
    node = scene.nodes["crop/crop"].action
    assert isinstance(node, Filter)
    found = scene.render(tmp_path / "out.mkv", "-c:v", "ffv1").video
    assert found is not None
    assert (found.width_px, found.height_px) == (promised.width_px, promised.height_px) == (32, 16)
    assert first_luma(ffmpeg, tmp_path / "out.mkv") == 16 + 2 * corner[0] + corner[1]


def test_odd_sizes_where_they_are_asked_for(ffmpeg: Path, tmp_path: Path) -> None:
    source = ("-f", "lavfi", "-i", "testsrc2=s=64x32:r=25:d=0.04", "-pix_fmt", "yuv420p")
    scene = Scene(ffmpeg, make(ffmpeg, tmp_path / "in.mkv", *source, "-c:v", "ffv1"))
    promised = video_of(scene.run("crop", width=31, height=15, divisible_by=1))
    found = scene.render(tmp_path / "out.mkv", "-c:v", "ffv1").video
    assert found is not None
    assert (found.width_px, found.height_px) == (promised.width_px, promised.height_px) == (31, 15)


def first_luma(ffmpeg: Path, path: Path) -> int:
    import subprocess

    command: list[str | Path] = [ffmpeg, "-v", "error", "-i", path, "-f", "rawvideo", "-"]
    return subprocess.run(command, check=True, capture_output=True).stdout[0]
