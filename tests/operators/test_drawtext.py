"""`drawtext`: any text, placed, wrapped, timed."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reelwright.errors import Code, ReelError
from reelwright.graph.actions import Asset, Text
from reelwright.media.streams import AudioStream, VideoStream
from tests.operators.built import build
from tests.operators.job import Done, run_job
from tests.operators.scene import given, infer, make, streams, video_of
from tests.operators.senses import Frames, frames

PICTURE = VideoStream(
    codec="h264",
    width_px=640,
    height_px=360,
    frame_rate=Fraction(25),
    is_vfr=False,
    duration=Fraction(2),
    frame_count=50,
    pix_fmt="yuv420p",
)
SOUND = AudioStream(codec="aac", sample_rate_hz=48000, channels=1)


def options(**params: Any) -> dict[str, Any]:
    return build("drawtext", {"input": (streams(PICTURE),)}, **params).options("drawtext")


def lines(**params: Any) -> list[str]:
    text = options(**params)["textfile"]
    assert isinstance(text, Text)
    return text.value.split("\n")


@pytest.fixture
def black(ffmpeg: Path, tmp_path: Path) -> Path:
    source = ("-f", "lavfi", "-i", "color=black:s=320x180:r=10:d=2")
    return make(ffmpeg, tmp_path / "black.mp4", *source, "-c:v", "libx264", "-qp", "0")


def job(folder: Path, **params: Any) -> Done:
    spec = {
        "inputs": {"black": "black.mp4"},
        "operations": [{"id": "title", "op": "drawtext", "input": "black", **params}],
        "outputs": [{"from": "title", "to": "out.mkv", "video": {"codec": "ffv1"}}],
    }
    return run_job(spec, folder)


def seen(ffmpeg: Path, done: Done) -> Frames:
    return frames(ffmpeg, done.files["out.mkv"], 320, 180)


def box(picture: np.ndarray[Any, Any]) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what is bright."""
    rows, columns = np.nonzero(picture.max(axis=2) > 100)
    return int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max())


# What follows from the facts


def test_only_the_picture_is_touched_and_its_facts_stay() -> None:
    made = infer("drawtext", PICTURE, SOUND, text="hello")
    video = video_of(made)
    assert (video.width_px, video.pix_fmt, video.frame_count) == (640, "yuv420p", 50)
    assert [s.encoded for s in made] == [False, True]


HOSTILE = [
    "it's 100%",
    "%{pts} %{eif:1:d} %%",
    "a:b,c;d[e]f='g'",
    "back\\slash \\n \\: \\\\",
    "quotes \" ' ` “ ”",
    "{title/x.y} {title} $(id)",
    "movie=/etc/passwd",
    "emoji 🎬 and 中文",
    "مرحبا بالعالم",
    "@%~#&|<>",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_stands_in_the_graph(text: str) -> None:
    found = options(text=text)
    assert found["textfile"] == Text(text)
    assert found["expansion"] == "none"
    assert not [v for v in found.values() if isinstance(v, str) and text in v]


def test_the_bundled_font_or_ones_own() -> None:
    assert options(text="x")["fontfile"] == Asset("@font/DejaVuSans.ttf")
    assert options(text="x", font="/fonts/My.ttf")["fontfile"] == Asset("/fonts/My.ttf")


def test_line_ends_and_control_characters() -> None:
    assert lines(text="one\r\ntwo\rthree\u2028four\x07\x1b") == ["one", "two", "three", "four"]


def test_text_wraps_at_the_room_that_there_is() -> None:
    text = "The quick brown fox jumps over the lazy dog and runs away from it as fast as it can"
    wide, narrow = lines(text=text, size=36), lines(text=text, size=36, width=200)
    assert 1 < len(wide) < len(narrow)
    assert " ".join(narrow) == text
    assert lines(text=text, size=36, width="50%") == lines(text=text, size=36, width=320)


def test_a_text_at_a_place_wraps_at_the_right_edge() -> None:
    text = "word " * 30
    left = lines(text=text, size=20, position=[0, 0])
    middle = lines(text=text, size=20, position="50%,50%")
    assert len(middle) == pytest.approx(2 * len(left), abs=1)


def test_sizes_are_of_the_height() -> None:
    assert options(text="x")["fontsize"] == 18
    assert options(text="x", size="10%")["fontsize"] == 36
    assert options(text="x", size=7)["fontsize"] == 7


def test_decorations() -> None:
    found = options(text="x", box=True, box_color="red@0.5", border=2, shadow=3)
    assert (found["box"], found["boxcolor"]) == (1, "0xFF000080")
    assert (found["borderw"], found["shadowx"], found["shadowy"]) == (2, 3, 3)
    assert "box" not in options(text="x")


def test_times() -> None:
    assert "enable" not in options(text="x")
    assert options(text="x", start=1)["enable"] == "gte(t,1)"
    assert options(text="x", start="00:00:00:05", end=1)["enable"] == "gte(t,0.2)*lt(t,1)"


def test_timecodes() -> None:
    assert options(timecode=True)["timecode"] == "00:00:00:00"
    found = options(text="REC", timecode="10:00:00:00")
    assert (found["timecode"], found["timecode_rate"]) == ("10:00:00:00", 25)
    assert found["textfile"] == Text("REC ")


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="drawtext needs a text"):
        given("drawtext", text="  ")
    with pytest.raises(ReelError, match="frame 25"):
        options(text="x", timecode="00:00:00:25")
    with pytest.raises(ReelError, match="the size of the picture is not known"):
        infer("drawtext", VideoStream(codec="h264"), text="x")
    with pytest.raises(ReelError, match="at most 20000"):
        options(text="x" * 20001)
    with pytest.raises(ReelError) as caught:
        options(text="x", start=1, end=1)
    assert caught.value.code is Code.RANGE_EMPTY
    endless = VideoStream(width_px=64, height_px=64)
    with pytest.raises(ReelError, match="neither is when to fade out"):
        infer("drawtext", endless, text="x", fade=1)


# Real pictures


@pytest.mark.parametrize("text", [*HOSTILE, "two\nlines", "-v quiet", "тест ñ ü ß"])
def test_it_is_drawn_whatever_it_is(ffmpeg: Path, black: Path, text: str) -> None:
    done = job(black.parent, text=text, position="center", size="10%")
    assert text not in done.graph
    assert (seen(ffmpeg, done)[0] > 200).sum() > 50


def test_percent_signs_and_backslashes_are_drawn_as_they_are(ffmpeg: Path, black: Path) -> None:
    """`%{pts}` expanded would be a longer text, and `\\\\` a shorter one."""
    plain = box(seen(ffmpeg, job(black.parent, text="MMMMMM", position=[10, 10]))[0])
    other = job(_again(black), text="%{pts}", position=[10, 10])
    assert box(seen(ffmpeg, other)[0])[2] < plain[2] + 10


def _again(black: Path) -> Path:
    folder = black.parent / "again"
    folder.mkdir()
    (folder / black.name).symlink_to(black)
    return folder


@pytest.mark.parametrize("position", ["top-left", "top-right", "bottom-left", "bottom-right"])
def test_it_keeps_off_the_edges(ffmpeg: Path, black: Path, position: str) -> None:
    look = {"text": "Corner", "size": 20, "margin": 12, "position": position}
    left, top, right, bottom = box(seen(ffmpeg, job(black.parent, **look))[0])
    assert min(left, top) >= 10
    assert right <= 320 - 10
    assert bottom <= 180 - 10
    assert ("left" in position) == (left < 20)
    assert ("top" in position) == (top < 25)


def test_the_box_keeps_off_the_edges_too(ffmpeg: Path, black: Path) -> None:
    look = {"box": True, "box_color": "white", "box_padding": 6, "margin": 10, "color": "black"}
    made = job(black.parent, text="Box", size=20, position="bottom-right", **look)
    _, _, right, bottom = box(seen(ffmpeg, made)[0])
    assert right == pytest.approx(309, abs=2)
    assert bottom == pytest.approx(169, abs=2)


def test_wrapped_lines_stay_inside(ffmpeg: Path, black: Path) -> None:
    text = "Wherever this text is wrapped, none of its letters may leave the picture. " * 2
    picture = seen(ffmpeg, job(black.parent, text=text, size=16, position="center"))[0]
    left, _, right, _ = box(picture)
    # Margin 4 % of 320.
    assert left >= 12
    assert right <= 308


def test_it_comes_and_goes(ffmpeg: Path, black: Path) -> None:
    done = job(black.parent, text="Now", size="30%", position="center", start="500ms", end="1s")
    lit = seen(ffmpeg, done).max(axis=(1, 2, 3)) > 100
    assert list(np.nonzero(lit)[0]) == [5, 6, 7, 8, 9]


def test_it_fades(ffmpeg: Path, black: Path) -> None:
    done = job(black.parent, text="Slow", size="30%", position="center", fade="500ms")
    light = seen(ffmpeg, done).max(axis=(1, 2, 3)).astype(int)
    assert light[0] < 20
    assert 60 < light[2] < 140
    assert light[10] > 240
    assert light[18] < 140


def test_a_running_timecode(ffmpeg: Path, black: Path) -> None:
    pictures = seen(ffmpeg, job(black.parent, timecode=True, size="20%", position="center"))
    assert (pictures[0] != pictures[1]).any()


@pytest.mark.corpus
def test_deep_and_odd_pictures(tmp_path: Path, corpus: Path) -> None:
    for number, name in enumerate(("codecs/test_yuv422p.mp4", "hdr/hdr10-av1.mp4")):
        folder = tmp_path / str(number)
        folder.mkdir()
        spec = {
            "inputs": {"film": str(corpus / name)},
            "operations": [
                {"id": "c", "op": "trim", "input": "film", "duration": "0.2s"},
                {"id": "t", "op": "drawtext", "input": "c", "text": "Grüße: 100%"},
            ],
            "outputs": [{"from": "t.video", "to": "out.mkv", "video": {"codec": "ffv1"}}],
        }
        done = run_job(spec, folder)
        before, after = done.plan.steps[0].outputs[0].expect.streams[0], done.info("out.mkv").video
        assert after is not None
        assert isinstance(before, VideoStream)
        assert after.pix_fmt == before.pix_fmt


def test_letters_that_the_bundled_font_lacks_are_warned_of() -> None:
    """They would be boxes in the picture, without a word."""
    inputs = {"input": (streams(PICTURE),)}
    (warning,) = build("drawtext", inputs, text="日本 ok 日 é\tß").warnings
    assert "no '日本'" in warning
    assert build("drawtext", inputs, text="It's\u00a0ok, ça va? \u200b😀").warnings == []
