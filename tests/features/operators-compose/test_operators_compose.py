"""concat, overlay, drawtext: peers that differ, pictures over pictures, any text at all."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from tests.features.jobs import Studio, argv, because
from tests.features.media import BLUE, GREEN, RED, WHITE, like, make
from tests.operators.senses import Frames, rms_db

CLEAR = "video: {codec: h264, crf: 8, preset: ultrafast}"


def job(inputs: str, operation: str, more: str = f", {CLEAR}") -> str:
    return (
        f"inputs: {{{inputs}}}\noperations:\n  - {{id: a, op: {operation}}}\n"
        f"outputs:\n  - {{from: a, to: out.mp4{more}}}\n"
    )


def plain(ffmpeg: Path, path: Path, color: str, size: str = "160x120", more: str = "") -> Path:
    """One second of one colour at 25 fps."""
    return make(ffmpeg, path, "-f", "lavfi", "-i", f"color={color}:s={size}:r=25:d=1{more}")


def changed(before: Frames, after: Frames) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Where a frame differs by more than encoding does."""
    found: np.ndarray[tuple[int, ...], np.dtype[np.bool_]] = (
        np.abs(before.astype(int) - after.astype(int)).max(axis=-1) > 60
    )
    return found


def test_peers_that_are_alike_are_copied(studio: Studio, talk: Path) -> None:
    studio.bring(talk, "in.mp4")
    text = (
        "inputs: {in: in.mp4}\noperations:\n  - {id: a, op: concat, inputs: [in, in]}\n"
        "outputs:\n  - {from: a, to: out.mp4}\n"
    )
    plan = studio.plan(text)
    assert "libx264" not in argv(plan)
    assert "copied" in because(plan)
    studio.run(text)
    assert studio.numbers("out.mp4") == [*range(250), *range(250)]


def test_peers_that_differ_in_everything_become_one_film(studio: Studio, ffmpeg: Path) -> None:
    """Other size, rate, shape, sample rate and layout; one has no sound."""
    one = ("-f", "lavfi", "-i", "color=red:s=160x120:r=25:d=1", "-f", "lavfi", "-i")
    make(ffmpeg, studio.path("one.mp4"), *one, "sine=r=48000:d=1", "-ac", "2")
    plain(ffmpeg, studio.path("two.mp4"), "lime", "320x120", ",fps=10")
    three = ("-f", "lavfi", "-i", "color=blue:s=80x60:r=50:d=1", "-f", "lavfi", "-i")
    make(ffmpeg, studio.path("three.mkv"), *three, "sine=r=22050:d=1", "-ac", "1")
    text = job("one: one.mp4, two: two.mp4, three: three.mkv", "concat, inputs: [one, two, three]")
    reasons = because(studio.plan(text))
    assert "scale" in reasons
    assert "anullsrc" in argv(studio.plan(text))
    studio.run(text)
    shown = studio.pictures("out.mp4")
    assert shown.shape == (75, 120, 160, 3)
    middles = [shown[n, 60, 80] for n in (12, 37, 62)]
    assert [like(m, c) for m, c in zip(middles, (RED, GREEN, BLUE), strict=True)] == [True] * 3
    assert like(shown[37, 5, 80], (0, 0, 0))  # a wider picture gets borders
    sound = studio.samples("out.mp4", 2)
    heard = [rms_db(sound[int((n + 0.2) * 48000) : int((n + 0.8) * 48000)]) > -40 for n in range(3)]
    assert heard == [True, False, True]


def test_a_crossfade_mixes_what_it_joins(studio: Studio, ffmpeg: Path) -> None:
    for name, color in (("one", "red"), ("two", "blue")):
        plain(ffmpeg, studio.path(f"{name}.mp4"), color)
    studio.run(job("one: one.mp4, two: two.mp4", "concat, inputs: [one, two], crossfade: 0.4s"))
    shown = studio.pictures("out.mp4")
    assert len(shown) == 40
    assert like(shown[5, 60, 80], RED)
    assert like(shown[20, 60, 80], (128, 0, 128), 30)
    assert like(shown[35, 60, 80], BLUE)


@pytest.mark.parametrize(
    ("position", "x", "y"),
    [("top-left", 4, 4), ("bottom-right", 116, 96), ("center", 60, 50), ("[30, 70]", 30, 70)],
)
def test_an_overlay_stands_where_it_was_put(
    studio: Studio, ffmpeg: Path, position: str, x: int, y: int
) -> None:
    plain(ffmpeg, studio.path("in.mp4"), "black")
    make(ffmpeg, studio.path("logo.png"), *("-f", "lavfi", "-i", "color=red:s=40x20"),
         "-frames:v", "1")  # fmt: skip
    ports = f"overlay, inputs: {{base: in, over: logo}}, margin: 4, position: {position}"
    studio.run(job("in: in.mp4, logo: logo.png", ports))
    shown = studio.pictures("out.mp4")
    assert shown.shape == (25, 120, 160, 3)
    red = np.abs(shown[12].astype(int) - np.array(RED)).max(axis=-1) < 60
    rows, columns = np.flatnonzero(red.any(axis=1)), np.flatnonzero(red.any(axis=0))
    assert abs(int(columns[0]) - x) <= 1
    assert abs(int(rows[0]) - y) <= 1
    assert (len(columns), len(rows)) == pytest.approx((40, 20), abs=2)


def test_an_overlay_has_its_time_and_its_opacity(studio: Studio, ffmpeg: Path) -> None:
    plain(ffmpeg, studio.path("in.mp4"), "black")
    plain(ffmpeg, studio.path("over.mp4"), "white", "40x40")
    ports = "overlay, inputs: {base: in, over: over}, position: center, opacity: 0.5"
    studio.run(job("in: in.mp4, over: over.mp4", ports + ", start: 0.4s, end: 0.8s"))
    middle = studio.pictures("out.mp4")[:, 60, 80].mean(axis=-1)
    assert [bool(level > 60) for level in middle] == [10 <= n < 20 for n in range(25)]
    assert middle[15] == pytest.approx(128, abs=16)


ODD_TEXTS = [
    "It's 100% safe",
    "C:\\\\path, [in]; 'x' = \\\"y\\\" : %{pts} ${HOME} $(id)",
    "Zürich 東京 – Ελλάδα",
    "- first\\nsecond",
]


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_any_text_is_drawn_letter_by_letter(studio: Studio, ffmpeg: Path, text: str) -> None:
    plain(ffmpeg, studio.path("in.mp4"), "black", "320x180")
    safe = text.replace("${", "$${")
    studio.run(job("in: in.mp4", f'drawtext, text: "{safe}", size: 24, position: center'))
    shown = studio.pictures("out.mp4")
    white = (shown[12] > 180).all(axis=-1)
    rows, columns = np.flatnonzero(white.any(axis=1)), np.flatnonzero(white.any(axis=0))
    assert white.sum() > 150
    # In the middle, inside the picture.
    assert abs((rows[0] + rows[-1]) / 2 - 90) < 20
    assert abs((columns[0] + columns[-1]) / 2 - 160) < 20


def test_long_text_is_wrapped_and_timed(studio: Studio, ffmpeg: Path) -> None:
    plain(ffmpeg, studio.path("in.mp4"), "blue", "320x180")
    words = "a line that is much too long for a picture of this width, so that it breaks"
    drawn = f'drawtext, text: "{words}", size: 20, position: top, start: 0.2s, end: 0.6s, box: true'
    studio.run(job("in: in.mp4", drawn))
    shown = studio.pictures("out.mp4")
    there = [bool(changed(shown[0], picture).any()) for picture in shown]
    assert there == [5 <= n < 15 for n in range(25)]
    white = (shown[10] > 180).all(axis=-1)
    rows, columns = np.flatnonzero(white.any(axis=1)), np.flatnonzero(white.any(axis=0))
    assert rows[-1] - rows[0] > 40  # three lines or more
    assert columns[0] > 0
    assert columns[-1] < 319


def test_a_running_timecode_changes_each_frame(studio: Studio, ffmpeg: Path) -> None:
    plain(ffmpeg, studio.path("in.mp4"), "black", "320x180")
    studio.run(job("in: in.mp4", 'drawtext, timecode: "01:00:00:00", size: 32, position: center'))
    shown = studio.pictures("out.mp4")
    assert all(changed(a, b).any() for a, b in itertools.pairwise(shown))
    assert like(shown[0][90][(shown[0][90] > 200).all(axis=-1)][0], WHITE, 60)
