"""rotate: right angles, any angle, mirrors."""

import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from reelwright.graph.actions import Turn
from reelwright.media.streams import VideoStream
from tests.operators.scene import Scene, given, infer, make, video_of

PHONE = VideoStream(
    codec="h264",
    width_px=1080,
    height_px=1920,
    sar=Fraction(1),
    rotation_deg=90,
    pix_fmt="yuv420p",
)


@pytest.mark.parametrize(
    ("degrees", "size", "rotation"),
    [
        (90, (1920, 1080), 180),
        (180, (1080, 1920), 270),
        (270, (1920, 1080), 0),
        (-90, (1920, 1080), 0),
    ],
)
def test_right_angles_stay_packets(degrees: int, size: tuple[int, int], rotation: int) -> None:
    made = infer("rotate", PHONE, degrees=degrees)
    video = video_of(made)
    assert made.video is not None
    assert made.video.encoded
    assert (video.width_px, video.height_px) == size
    assert video.rotation_deg == rotation


def test_pixels_turn_with_the_picture() -> None:
    wide = VideoStream(width_px=720, height_px=576, sar=Fraction(16, 15))
    video = video_of(infer("rotate", wide, degrees=90))
    assert [video.width_px, video.height_px, video.sar] == [576, 720, Fraction(15, 16)]


def test_both_flips_are_half_a_turn(ffmpeg: Path, quarters: Path) -> None:
    scene = Scene(ffmpeg, quarters)
    scene.run("rotate", flip="both")
    assert [n.action for n in scene.nodes.values()][1:] == [Turn(180, "auto")]


def test_the_choice_of_pixels_is_kept(ffmpeg: Path, quarters: Path) -> None:
    scene = Scene(ffmpeg, quarters)
    scene.run("rotate", degrees=90, lossless="pixels")
    assert [n.action for n in scene.nodes.values()][1:] == [Turn(90, "pixels")]


@pytest.mark.parametrize("params", [{}, {"degrees": 360}, {"degrees": 361}, {"flip": "sideways"}])
def test_wrong_parameters(params: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"other than 0|less than|flip"):
        given("rotate", **params)


def test_any_angle_grows_the_frame() -> None:
    video = video_of(infer("rotate", PHONE, degrees=30))
    assert [video.width_px, video.height_px, video.sar] == [1896, 2204, 1]
    kept = video_of(infer("rotate", PHONE, degrees=30, expand=False))
    assert [kept.width_px, kept.height_px] == [1080, 1920]


def test_a_fill_that_lets_light_through_adds_alpha() -> None:
    assert video_of(infer("rotate", PHONE, degrees=5, fill="transparent")).has_alpha is True


@pytest.fixture(scope="module")
def quarters(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """64x32; luma 50 top left, 100 top right, 150 bottom left, 200 bottom right."""
    graph = "nullsrc=s=64x32:r=25:d=0.04,geq=lum=50+50*gte(X\\,32)+100*gte(Y\\,16):cb=128:cr=128"
    path = tmp_path_factory.mktemp("media") / "quarters.mkv"
    return make(ffmpeg, path, "-f", "lavfi", "-i", graph, "-c:v", "ffv1")


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"degrees": 90}, [150, 50, 200, 100]),
        ({"degrees": 180}, [200, 150, 100, 50]),
        ({"degrees": 270}, [100, 200, 50, 150]),
        ({"flip": "horizontal"}, [100, 50, 200, 150]),
        ({"flip": "vertical"}, [150, 200, 50, 100]),
        ({"degrees": 90, "flip": "horizontal"}, [50, 150, 100, 200]),
    ],
)
def test_where_the_corners_go(
    ffmpeg: Path, quarters: Path, tmp_path: Path, params: dict[str, Any], expected: list[int]
) -> None:
    scene = Scene(ffmpeg, quarters)
    promised = video_of(scene.run("rotate", **params))
    found = scene.render(tmp_path / "out.mkv", "-c:v", "ffv1").video
    assert found is not None
    size = (found.width_px or 0, found.height_px or 0)
    assert size == (promised.width_px, promised.height_px)
    assert corners(ffmpeg, tmp_path / "out.mkv", *size) == expected


def test_any_angle_is_drawn_at_the_promised_size(ffmpeg: Path, tmp_path: Path) -> None:
    source = "color=white:s=64x64:r=25:d=0.04,setsar=2/1,format=yuv420p"
    path = make(ffmpeg, tmp_path / "in.mkv", "-f", "lavfi", "-i", source, "-c:v", "ffv1")
    scene = Scene(ffmpeg, path)
    promised = video_of(scene.run("rotate", degrees=45, fill="black"))
    found = scene.render(tmp_path / "out.mkv", "-c:v", "ffv1").video
    assert found is not None
    # Shown as 128 x 64: across the diagonal, (128 + 64) / sqrt(2).
    assert [promised.width_px, promised.height_px] == [136, 136]
    assert (found.width_px, found.height_px, found.sar or 1) == (136, 136, 1)
    assert corners(ffmpeg, tmp_path / "out.mkv", 136, 136) == [16, 16, 16, 16]


@pytest.mark.corpus
def test_a_phone_video_upright(ffmpeg: Path, corpus: Path, tmp_path: Path) -> None:
    scene = Scene(ffmpeg, corpus / "rotation" / "video_rotation_90.mp4")
    assert scene.media.video is not None
    promised = video_of(scene.run("rotate", degrees=90))
    found = scene.render(tmp_path / "out.mkv", "-c:v", "ffv1").video
    assert found is not None
    assert (found.width_px, found.height_px) == (promised.width_px, promised.height_px) == (100, 60)
    # The container's turn and ours together.
    assert promised.rotation_deg == ((scene.media.video.rotation_deg or 0) + 90) % 360


def corners(ffmpeg: Path, path: Path, width: int, height: int) -> list[int]:
    command: list[str | Path] = [ffmpeg, "-v", "error", "-i", path, "-f", "rawvideo", "-"]
    luma = subprocess.run(command, check=True, capture_output=True).stdout
    last = width * (height - 1)
    return [luma[0], luma[width - 1], luma[last], luma[last + width - 1]]
