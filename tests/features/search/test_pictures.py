"""Each moment has a picture of its own: the keyframe in it, on the disk and over HTTP."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from reelwright.app.search.pictures import chosen_of
from reelwright.app.settings import load
from reelwright.app.wiring import App
from reelwright.store import analyses
from reelwright.store.analyses import Analysis
from tests.features.indexed import found, put_speech

TIMES_S = (1.0, 12.0, 40.0)
COLORS = ("red", "lime", "blue")


@pytest.mark.parametrize(
    ("start_s", "end_s", "chosen"),
    [
        (0.0, 5.0, 0),
        (12.0, 13.0, 1),
        (5.0, 45.0, 1),  # of several in it the first
        (13.0, 20.0, 1),  # none is in it: the one before
        (50.0, 60.0, 2),
        (0.0, 0.5, 0),  # none is before it, either
        (12.0, 12.0, 1),
        (30.0, None, 2),
    ],
)
def test_the_picture_in_it_then_the_one_before(
    start_s: float, end_s: float | None, chosen: int
) -> None:
    assert chosen_of(TIMES_S, start_s, end_s) == chosen


def _jpeg(color: str) -> bytes:
    to = io.BytesIO()
    Image.new("RGB", (32, 18), color).save(to, "JPEG", quality=95)
    return to.getvalue()


def put_keyframes(subject: str, folder: Path) -> str:
    """What the analysis of a video leaves: the keyframes, and their pack in the cache; its digest.
    One second is red, twelve green, forty blue."""
    names = [f"{round(time * 1000):09d}.jpg" for time in TIMES_S]
    pack = folder / "pack.zip"
    with zipfile.ZipFile(pack, "w") as opened:
        for name, color in zip(names, COLORS, strict=True):
            opened.writestr(name, _jpeg(color))
    entries = [
        {"shot": number, "time": time, "frame": round(time * 25), "file": name}
        for number, (time, name) in enumerate(zip(TIMES_S, names, strict=True))
    ]
    with App(load()) as app:
        blob = app.blobs.put(pack)
        body = {"keyframes": entries, "width": 32, "height": 18, "pack": blob.sha256}
        one = Analysis(subject=subject, kind="keyframes", body=body)
        app.store.transact(lambda tx: analyses.put(tx, one))
    return str(blob.sha256)


def _color(path: str) -> int:
    """Which band is the brightest in the middle: 0 red, 1 green, 2 blue."""
    with Image.open(path) as picture:
        pixel: Any = picture.convert("RGB").getpixel((16, 9))
    return max(range(3), key=lambda band: int(pixel[band]))


def test_hits_of_one_video_have_their_own_pictures(tmp_path: Path) -> None:
    video = tmp_path / "talk.mp4"
    video.write_bytes(b"not looked at here")
    subject = put_speech(
        video,
        (0.0, "The kettle is boiling over in the kitchen since nobody takes care of it."),
        (11.0, "A goal was shot in the last minute of a game that nobody wanted to see."),
        (200.0, "At the end the audience leaves the hall and walks home through the rain."),
    )
    before = found("kettle", cwd=tmp_path)[0]
    assert before["thumbnail"] is None
    pack = put_keyframes(subject, tmp_path)

    shown = {
        word: str(found(word, cwd=tmp_path)[0]["thumbnail"])
        for word in ("kettle", "goal", "audience")
    }
    assert [_color(shown[word]) for word in ("kettle", "goal", "audience")] == [0, 1, 2]
    assert len(set(shown.values())) == 3

    # What the cache has let go is not there any more; what was taken out is a copy, and may go.
    with App(load()) as app:
        app.blobs.remove(pack)
    assert found("goal", cwd=tmp_path)[0]["thumbnail"] is None


def test_a_damaged_pack_costs_the_picture_and_nothing_else(tmp_path: Path) -> None:
    video = tmp_path / "talk.mp4"
    video.write_bytes(b"not looked at here")
    pack = put_keyframes(put_speech(video, (0.0, "The kettle boils.")), tmp_path)
    with App(load()) as app:
        path = app.blobs.path(pack)
        path.chmod(0o600)
        path.write_bytes(b"no zip")
    (hit,) = found("kettle", cwd=tmp_path)
    assert hit["thumbnail"] is None
