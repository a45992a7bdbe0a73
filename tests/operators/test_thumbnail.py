"""thumbnail: which frame each picture shows."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import Code, ReelError
from reelwright.graph.actions import Still, Write
from reelwright.graph.builder import Unknown
from reelwright.media.streams import AudioStream, VideoStream
from tests.operators.scene import Scene, facts, given, infer, make, number_of, numbers, video_of

VIDEO = VideoStream(
    codec="h264",
    width_px=640,
    height_px=360,
    sar=Fraction(1),
    frame_rate=Fraction(25),
    is_vfr=False,
    frame_count=1500,
    duration=Fraction(60),
    start=Fraction(0),
)


def times(scene: Scene) -> list[Fraction]:
    (still,) = (n.action for n in scene.nodes.values() if isinstance(n.action, Still))
    return list(still.times)


def shown(ffmpeg: Path, scene: Scene, folder: Path) -> list[int]:
    return [n for path in scene.pictures(folder) for n in numbers(ffmpeg, path)]


def test_pictures_alone_flow_out() -> None:
    made = infer("thumbnail", VIDEO, AudioStream(codec="aac"), at=["5s", "10s"])
    video = video_of(made)
    assert len(made.strands) == 1
    assert made.strands[0].encoded is False
    assert [video.is_still, video.frame_count, video.codec] == [True, 2, None]
    assert [video.duration, video.frame_rate, video.start] == [None, None, None]
    assert [video.width_px, video.height_px] == [640, 360]


@pytest.mark.parametrize(
    ("params", "count", "size"),
    [
        ({"at": "5s", "width": 320}, 1, (320, 180)),
        ({"count": 4, "height": 90}, 4, (160, 90)),
        ({"every": "10s"}, 6, (640, 360)),
        ({"every": "7s"}, 9, (640, 360)),
        ({"every": "1s"}, 60, (640, 360)),
        ({"best": 50}, 1, (640, 360)),
        ({}, 1, (640, 360)),
        ({"at": "1s", "width": 100, "height": 100}, 1, (100, 56)),
    ],
)
def test_facts(params: dict[str, Any], count: int, size: tuple[int, int]) -> None:
    video = video_of(infer("thumbnail", VIDEO, **params))
    assert (video.frame_count, (video.width_px, video.height_px)) == (count, size)


def test_pictures_have_square_pixels() -> None:
    wide = VideoStream(
        width_px=720, height_px=576, sar=Fraction(64, 45), duration=Fraction(9), is_vfr=True
    )
    video = video_of(infer("thumbnail", wide, at="5s"))
    assert [video.width_px, video.height_px, video.sar] == [1024, 576, 1]


def test_the_frame_on_screen(ffmpeg: Path, numbered: Path, tmp_path: Path) -> None:
    scene = Scene(ffmpeg, numbered)
    scene.run("thumbnail", at=["1.99s", "0.519s", "0.52s", "-1ms", "00:00:02:05"])
    assert shown(ffmpeg, scene, tmp_path / "stills") == [12, 13, 49, 55, 74]


def test_an_even_spread(ffmpeg: Path, numbered: Path, tmp_path: Path) -> None:
    scene = Scene(ffmpeg, numbered)
    scene.run("thumbnail", count=3)
    assert times(scene) == [Fraction(12, 25), Fraction(37, 25), Fraction(62, 25)]
    assert shown(ffmpeg, scene, tmp_path / "stills") == [12, 37, 62]


def test_more_than_there_are_frames_is_each_frame_once(ffmpeg: Path, numbered: Path) -> None:
    scene = Scene(ffmpeg, numbered)
    assert video_of(scene.run("thumbnail", count=500)).frame_count == 75


@pytest.mark.parametrize(
    ("interval", "expected"),
    [("0.5s", [0, 12, 25, 37, 50, 62]), ("0.7s", [0, 17, 35, 52, 70]), ("2.99s", [0, 74])],
)
def test_every_interval(
    ffmpeg: Path, numbered: Path, tmp_path: Path, interval: str, expected: list[int]
) -> None:
    scene = Scene(ffmpeg, numbered)
    assert video_of(scene.run("thumbnail", every=interval)).frame_count == len(expected)
    assert shown(ffmpeg, scene, tmp_path / "stills") == expected


def test_every_with_a_duration_that_promises_too_much(
    ffmpeg: Path, numbered: Path, tmp_path: Path
) -> None:
    """The container says 3.2 s and 2.8 s are there: the last picture comes again."""
    scene = Scene(ffmpeg, numbered)
    scene.run("trim", end="2.8s")
    video = scene.bundle.video
    assert video is not None
    lying = replace(video, stream=replace(video.stream, duration=Fraction(32, 10)))
    scene.bundle = scene.bundle.swap(video, lying)
    assert video_of(scene.run("thumbnail", every="1s")).frame_count == 4
    assert shown(ffmpeg, scene, tmp_path / "stills") == [0, 25, 50, 50]


def test_each_shot(ffmpeg: Path, three_shots: Path) -> None:
    scene = Scene(ffmpeg, three_shots)
    assert video_of(scene.run("thumbnail", at="each-shot")).frame_count == 3
    assert times(scene) == [Fraction(1, 2), Fraction(7, 4), Fraction(13, 4)]


def test_each_shot_waits_for_the_shots() -> None:
    with pytest.raises(Unknown) as caught:
        infer("thumbnail", VIDEO, at="each-shot")
    assert caught.value.node == "thumbnail/shots"


def test_the_best_of_few_frames(ffmpeg: Path, tmp_path: Path) -> None:
    """A black frame, then thirty of a scene: the black one represents nothing."""
    graph = "color=black:s=64x64:r=25:d=0.04[a];testsrc2=s=64x64:r=25:d=1.2[b];[a][b]concat"
    scene = Scene(ffmpeg, make(ffmpeg, tmp_path / "in.mp4", "-f", "lavfi", "-i", graph))
    scene.run("thumbnail", best=100)
    (picture,) = scene.pictures(tmp_path / "stills")
    assert numbers(ffmpeg, picture)[0] > 10


@pytest.mark.parametrize(
    ("params", "code", "where"),
    [
        ({"at": ["5s", "60s"]}, Code.RANGE_EMPTY, "at[1]"),
        ({"at": "-61s"}, Code.RANGE_EMPTY, "at[0]"),
        ({"at": ["1s", "1.01s"]}, Code.FIELD_INVALID, "at"),
        ({"at": "00:00:00:30"}, Code.FIELD_INVALID, "at[0]"),
        ({"sprite": {"columns": 100, "width": 1920}}, None, None),
        (
            {"sprite": {"columns": 100, "width": 1920, "interval": "0.5s"}},
            Code.FIELD_INVALID,
            "sprite",
        ),
        ({"sprite": {"interval": 0}}, Code.FIELD_INVALID, "sprite.interval"),
    ],
)
def test_what_cannot_be(params: dict[str, Any], code: Code | None, where: str | None) -> None:
    if code is None:
        infer("thumbnail", VIDEO, **params)
        return
    with pytest.raises(ReelError) as caught:
        infer("thumbnail", VIDEO, **params)
    assert [caught.value.code, caught.value.problem.where] == [code, where]


@pytest.mark.parametrize("params", [{"count": 3}, {"sprite": {}}])
def test_what_needs_a_duration(params: dict[str, Any]) -> None:
    endless = VideoStream(width_px=64, height_px=64, frame_rate=Fraction(25))
    with pytest.raises(ReelError, match="how long") as caught:
        infer("thumbnail", endless, **params)
    assert caught.value.code is Code.TIMESTAMPS_INVALID


@pytest.mark.parametrize(
    "params",
    [
        {"at": "1s", "count": 2},
        {"at": []},
        {"at": "soon"},
        {"every": 0},
        {"sprite": {}, "width": 50},
        {"best": 1},
        {"sprite": {"colums": 2}},
    ],
)
def test_wrong_parameters(params: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"one of|empty|soon|longer|sprite|best|colums"):
        given("thumbnail", **params)


def test_a_sprite_and_its_webvtt(ffmpeg: Path, numbered: Path, tmp_path: Path) -> None:
    scene = Scene(ffmpeg, numbered)
    sprite = {"interval": "0.5s", "columns": 2, "rows": 2, "width": 16}
    bundle = scene.run("thumbnail", sprite=sprite)
    video = video_of(bundle)
    assert [video.width_px, video.height_px, video.frame_count] == [32, 32, 2]
    vtt = bundle.strands[1]
    assert vtt.label == "vtt"
    node = scene.nodes[vtt.pad.node]
    assert node.inputs == (bundle.strands[0].pad,)
    assert isinstance(node.action, Write)
    assert "00:00:02.500 --> 00:00:03.000\n{file:2}#xywh=16,0,16,16\n" in node.action.text
    sheets = scene.pictures(tmp_path / "sheets")
    assert [video_size(s) for s in sheets] == [(32, 32), (32, 32)]
    first, second = cells(ffmpeg, scene.stills(tmp_path / "sheets.mkv"))
    assert first == [0, 12, 25, 37]
    assert second[:2] == [50, 62]


def test_a_short_video_has_a_small_sheet() -> None:
    video = video_of(infer("thumbnail", VIDEO, sprite={"interval": "20s", "width": 160}))
    assert [video.width_px, video.height_px, video.frame_count] == [480, 90, 1]


@pytest.mark.corpus
def test_burned_in_numbers(ffmpeg: Path, corpus: Path, tmp_path: Path) -> None:
    from tests.operators.test_trim import psnr

    scene = Scene(ffmpeg, corpus / "frames" / "counter.mp4")
    scene.run("thumbnail", at=["0s", "1.45s", "2.95s"])
    pictures = scene.pictures(tmp_path / "stills")
    for picture, number in zip(pictures, ("001", "015", "030"), strict=True):
        assert psnr(ffmpeg, picture, corpus / "frames" / f"frame{number}.png") > 40


def video_size(path: Path) -> tuple[int | None, int | None]:
    video = facts(path).video
    assert video is not None
    return video.width_px, video.height_px


def cells(ffmpeg: Path, sheets: Path) -> list[list[int]]:
    """The numbers of each sheet's four cells of 16x16, row by row."""
    import subprocess

    command: list[str | Path] = [
        ffmpeg,
        "-v",
        "error",
        "-i",
        sheets,
        "-pix_fmt",
        "yuv420p",
        "-f",
        "rawvideo",
        "-",
    ]
    planes = subprocess.run(command, check=True, capture_output=True).stdout
    frame = 32 * 32 * 3 // 2
    return [
        [number_of(planes[at + y * 32 + x]) for y in (8, 24) for x in (8, 24)]
        for at in range(0, len(planes), frame)
    ]
