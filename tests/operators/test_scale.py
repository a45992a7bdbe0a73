"""scale: sizes, aspect and the shape of pixels."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import Code, ReelError
from reelwright.media.streams import VideoStream
from tests.operators.scene import Scene, given, infer, make, streams, video_of


def picture(width: int, height: int, sar: Fraction | None = Fraction(1)) -> VideoStream:
    return VideoStream(codec="h264", width_px=width, height_px=height, sar=sar, pix_fmt="yuv420p")


HD = picture(1920, 1080)


def size(video: VideoStream, **params: Any) -> tuple[int | None, int | None]:
    made = video_of(infer("scale", video, **params))
    return made.width_px, made.height_px


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"height": 720}, (1280, 720)),
        ({"width": 640}, (640, 360)),
        ({"height": 480}, (854, 480)),  # 853.3: to the nearest even number
        ({"height": 481}, (854, 480)),
        ({"size": "720p"}, (1280, 720)),
        ({"size": "1000x1000"}, (1000, 562)),
        ({"width": 1000, "height": 1000, "fit": "cover"}, (1000, 1000)),
        ({"width": 1000, "height": 1000, "fit": "pad"}, (1000, 1000)),
        ({"width": 1000, "height": 1000, "fit": "stretch"}, (1000, 1000)),
        ({"height": 2160}, (3840, 2160)),
        ({"height": 2160, "upscale": False}, (1920, 1080)),
        ({"size": "4k", "upscale": False}, (1920, 1080)),
        ({"size": "4k", "fit": "stretch", "upscale": False}, (1920, 1080)),
        ({"size": "2000x2000", "fit": "cover", "upscale": False}, (1080, 1080)),
        ({"size": "2000x2000", "fit": "pad", "upscale": False}, (2000, 2000)),
        ({"height": 480, "divisible_by": 16}, (848, 480)),
        ({"height": 481, "divisible_by": 1}, (855, 481)),
    ],
)
def test_sizes(params: dict[str, Any], expected: tuple[int, int]) -> None:
    assert size(HD, **params) == expected


def test_portrait_in_a_landscape_box() -> None:
    assert size(picture(1080, 1920), size="1280x720") == (404, 720)


def test_pixels_become_square() -> None:
    made = video_of(infer("scale", picture(720, 576, Fraction(64, 45)), height=576))
    assert [made.width_px, made.height_px, made.sar] == [1024, 576, 1]


def test_pixels_may_keep_their_shape() -> None:
    wide = picture(720, 576, Fraction(64, 45))
    made = video_of(infer("scale", wide, width=360, square_pixels=False))
    assert [made.width_px, made.height_px, made.sar] == [360, 288, Fraction(64, 45)]


def test_stretching_unsquare_pixels_keeps_what_is_shown() -> None:
    made = video_of(infer("scale", HD, size="960x1080", fit="stretch", square_pixels=False))
    assert made.sar == 2
    assert made.display_aspect == HD.display_aspect


def test_nothing_to_do_keeps_the_packets() -> None:
    given_in = streams(HD)
    from reelwright.operators.video.scale import Scale

    made = Scale().infer(given("scale", height=1080), {"input": (given_in,)})
    assert made == given_in


def test_rotation_is_over_once_decoded() -> None:
    phone = VideoStream(width_px=1080, height_px=1920, rotation_deg=90, sar=Fraction(1))
    made = video_of(infer("scale", phone, height=960))
    assert [made.width_px, made.height_px, made.rotation_deg, made.codec] == [540, 960, 0, None]


def test_unknown_size_is_an_error() -> None:
    with pytest.raises(ReelError) as caught:
        infer("scale", VideoStream(codec="h264"), height=720)
    assert caught.value.code is Code.MEDIA_DAMAGED


@pytest.mark.parametrize("params", [{}, {"size": "hd", "width": 5}, {"height": 0}, {"fit": "x"}])
def test_wrong_parameters(params: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"scale|size|greater|fit"):
        given("scale", **params)


@pytest.mark.parametrize(
    "params",
    [
        {"height": 60},
        {"width": 64, "height": 64, "fit": "cover"},
        {"width": 64, "height": 64, "fit": "pad", "color": "red"},
        {"width": 64, "height": 30, "fit": "stretch", "algorithm": "lanczos"},
        {"width": 40, "square_pixels": False},
    ],
)
def test_facts_agree_with_the_file(ffmpeg: Path, tmp_path: Path, params: dict[str, Any]) -> None:
    source = "testsrc2=s=180x90:r=25:d=0.2,setsar=4/3"
    path = make(ffmpeg, tmp_path / "in.mp4", "-f", "lavfi", "-i", source)
    scene = Scene(ffmpeg, path)
    promised = video_of(scene.run("scale", **params))
    found = scene.render(tmp_path / "out.mkv", "-c:v", "ffv1").video
    assert found is not None
    assert [found.width_px, found.height_px] == [promised.width_px, promised.height_px]
    assert (found.sar or 1) == promised.sar


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mp4/SAR-2by3.mp4", (106, 90)),  # shown as 427 x 360
        ("rotation/rotate-buck-bunny.mp4", (50, 90)),  # 1080 x 1920
        ("rotation/portrait_4k60.mp4", (50, 90)),  # 2160 x 3840
        ("rotation/bbb-180rotated.mov", (160, 90)),  # SAR 213:208
        ("rotation/video_rotation_90.mp4", (54, 90)),  # 60 x 100
        ("rotation/sample_rotate_and_reflect.mp4", (60, 90)),  # 720 x 1080
    ],
)
def test_real_pictures(
    ffmpeg: Path, corpus: Path, tmp_path: Path, name: str, expected: tuple[int, int]
) -> None:
    scene = Scene(ffmpeg, corpus / name)
    promised = video_of(scene.run("scale", height=90))
    scene.bundle = type(scene.bundle)(tuple(s for s in scene.bundle if s is scene.bundle.video))
    found = scene.render(tmp_path / "out.mkv", "-c:v", "ffv1", "-frames:v", "1").video
    assert found is not None
    assert (promised.width_px, promised.height_px) == expected
    assert (found.width_px, found.height_px, found.sar or 1) == (*expected, 1)
