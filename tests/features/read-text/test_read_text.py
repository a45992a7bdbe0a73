"""`reel read-text` on videos and pictures, as a person runs it, with the reader in the box."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from tests.cli.reel import REEL, Done, reel
from tests.features import writing
from tests.features.jobs import Studio, states


def _draw(on: ImageDraw.ImageDraw, second: float) -> None:
    """A sign that stands all the time, words that come twice, and a last line."""
    on.text((430, 20), "Station One", font=writing.font(28), fill="white")
    if second < 3 or 6 <= second < 9:
        on.text((60, 140), "Opening words", font=writing.font(), fill="yellow")
    if second >= 8:
        on.text((60, 280), "The last line", font=writing.font(), fill="white")


@pytest.fixture(scope="module")
def written(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written")
    return writing.video(ffmpeg, folder / "written.mp4", 12, _draw)


def _found(done: Done) -> list[dict[str, Any]]:
    assert done.code == 0, done.err
    texts: list[dict[str, Any]] = done.json["texts"]
    return texts


def _spans(texts: list[dict[str, Any]]) -> list[tuple[str, float, float]]:
    return [(text["text"], text["start"], text["end"]) for text in texts]


def test_texts_of_a_video_have_times_and_places(written: Path, tmp_path: Path) -> None:
    texts = _found(reel("read-text", str(written), "--json", cwd=tmp_path))
    assert _spans(texts) == [
        ("Station One", 0, 12),
        ("Opening words", 0, 3),
        ("Opening words", 6, 9),
        ("The last line", 8, 12),
    ]
    sign = texts[0]
    x, y, width, height = sign["box"]
    assert 420 <= x <= 435
    assert 10 <= y <= 30
    assert 580 <= x + width <= 630
    assert y + height <= 70
    assert 0.9 < sign["confidence"] <= 1
    assert (sign["provider"], sign["moved"]) == ("rapidocr", False)


def test_a_person_reads_times_and_texts(written: Path, tmp_path: Path) -> None:
    done = reel("read-text", str(written), cwd=tmp_path)
    assert done.out.splitlines() == [
        "0:00:00.0 – 0:00:12.0  Station One",
        "0:00:00.0 – 0:00:03.0  Opening words",
        "0:00:06.0 – 0:00:09.0  Opening words",
        "0:00:08.0 – 0:00:12.0  The last line",
    ]


def test_boxes_are_in_pixels_of_the_video_though_smaller_pictures_are_read(
    studio: Studio, written: Path
) -> None:
    studio.bring(written)
    done = studio.run(
        "inputs: {talk: written.mp4}\n"
        "operations: [{id: found, op: read_text, input: talk, every: 2s, width: 480}]\n"
        "outputs: [{from: found.text, to: text.json}]\n"
    )
    assert set(states(done).values()) == {"succeeded", "expanded"}
    found = json.loads(studio.path("text.json").read_text())
    assert (found["width"], found["height"], found["sampled"]) == (640, 360, 6)
    (sign,) = [text for text in found["texts"] if text["text"] == "Station One"]
    assert (sign["start"], sign["end"]) == (0, 12)
    assert 415 <= sign["box"][0] <= 440
    assert sum(found["pictures"].values()) < found["sampled"]


def test_what_was_read_once_is_not_read_again(studio: Studio, written: Path) -> None:
    studio.bring(written)
    spec = (
        "inputs: {talk: written.mp4}\n"
        "operations: [{id: found, op: read_text, input: talk}]\n"
        "outputs: [{from: found.text, to: text.json}]\n"
    )
    studio.run(spec)
    again = studio.run(spec, "--overwrite")
    assert set(states(again).values()) == {"cached", "expanded"}


def test_scrolling_text_is_one(ffmpeg: Path, tmp_path: Path) -> None:
    def scroll(on: ImageDraw.ImageDraw, second: float) -> None:
        on.text((200, 300 - 40 * second), "Directed by Nobody", font=writing.font(), fill="white")

    path = writing.video(ffmpeg, tmp_path / "scroll.mp4", 5, scroll)
    (text,) = _found(reel("read-text", str(path), "--json", cwd=tmp_path))
    assert (text["text"], text["start"], text["end"]) == ("Directed by Nobody", 0, 5)
    assert text["moved"]
    assert text["box"][3] > 150


def test_a_turned_video_is_read_as_it_is_shown(ffmpeg: Path, tmp_path: Path) -> None:
    def draw(on: ImageDraw.ImageDraw, second: float) -> None:
        on.text((60, 140), "Held upright", font=writing.font(), fill="white")

    flat = writing.video(ffmpeg, tmp_path / "flat.mp4", 1, draw)
    turned = tmp_path / "turned.mp4"
    subprocess.run(
        [
            *(str(ffmpeg), "-v", "error", "-display_rotation", "90", "-i", str(flat)),
            *("-c", "copy", str(turned)),
        ],
        check=True,
    )
    done = reel("read-text", str(turned), "--json", cwd=tmp_path)
    assert (done.json["width"], done.json["height"]) == (360, 640)
    (text,) = _found(done)
    assert text["text"] == "Held upright"
    assert text["box"][3] > text["box"][2]


def test_a_video_without_text_has_none(ffmpeg: Path, tmp_path: Path) -> None:
    def draw(on: ImageDraw.ImageDraw, second: float) -> None:
        on.rectangle((0, 0, 200 + 60 * second, 360), fill="orange")

    path = str(writing.video(ffmpeg, tmp_path / "curtain.mp4", 3, draw))
    assert _found(reel("read-text", path, "--json", cwd=tmp_path)) == []
    said = reel("read-text", path, cwd=tmp_path)
    assert (said.code, said.out) == (0, "")
    assert "nothing is written" in said.err


@pytest.mark.parametrize("ending", ["png", "jpg", "tif", "webp", "bmp", "gif", "avif"])
def test_pictures_of_many_forms(tmp_path: Path, ending: str) -> None:
    path = writing.picture(tmp_path / f"slide.{ending}", "Quarterly report")
    done = reel("read-text", path.name, "--json", cwd=tmp_path)
    (text,) = _found(done)
    assert text["text"] == "Quarterly report"
    # A GIF has frames with times, though it be one.
    assert (text["start"] is None) == (ending != "gif")
    assert 20 <= text["box"][0] <= 40
    assert (done.json["width"], done.json["height"]) == (640, 120)
    assert not done.json.get("damage")


def test_a_picture_makes_no_job(tmp_path: Path) -> None:
    writing.picture(tmp_path / "slide.png", "Quarterly report")
    assert reel("read-text", "slide.png", cwd=tmp_path).out == "Quarterly report\n"
    assert reel("jobs", "--json", cwd=tmp_path).json == {"jobs": []}


def test_the_way_a_camera_was_held_is_minded(tmp_path: Path) -> None:
    path = writing.picture(tmp_path / "plain.png", "Turned by a camera")
    exif = Image.Exif()
    exif[0x112] = 6
    with Image.open(path) as plain:
        plain.rotate(90, expand=True).save(tmp_path / "held.jpg", exif=exif, quality=95)
    done = reel("read-text", "held.jpg", "--json", cwd=tmp_path)
    assert [text["text"] for text in _found(done)] == ["Turned by a camera"]
    assert (done.json["width"], done.json["height"]) == (640, 120)


def test_a_picture_that_moves_is_a_video(tmp_path: Path) -> None:
    frames = []
    for text in ("First of two", "Second of two"):
        with Image.open(writing.picture(tmp_path / "frame.png", text)) as frame:
            frames.append(frame.convert("P"))
    path = tmp_path / "both.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=2000, loop=0)
    texts = _found(reel("read-text", str(path), "--json", cwd=tmp_path))
    assert _spans(texts) == [("First of two", 0, 2), ("Second of two", 2, 4)]


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    whole = writing.picture(tmp_path / "whole.png", "Half of this").read_bytes()
    (tmp_path / "half.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "empty.png").touch()
    for name, code in (
        ("half.png", "decode_failed"),
        ("text.png", "media_not_allowed"),
        ("empty.png", "input_empty"),
        ("missing.png", "input_not_found"),
    ):
        done = reel("read-text", name, "--json", cwd=tmp_path)
        assert done.code != 0
        assert done.json["error"]["code"] == code, done.out


def test_a_picture_that_ends_too_early_is_read_as_far_as_it_goes_and_says_so(
    tmp_path: Path,
) -> None:
    rows = "\n".join(f"Line number {n}" for n in range(1, 9))
    with Image.open(writing.picture(tmp_path / "whole.png", rows, (480, 400))) as whole:
        whole.save(tmp_path / "whole.jpg", quality=90)
    data = (tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "half.jpg").write_bytes(data[: len(data) // 2])
    done = reel("read-text", "half.jpg", "--json", cwd=tmp_path)
    texts = [text["text"] for text in _found(done)]
    assert texts[0] == "Line number 1"
    assert "Line number 8" not in texts
    assert done.json["damage"]
    assert "damaged" in done.err


def test_sound_alone_has_no_text(tone: Path, tmp_path: Path) -> None:
    done = reel("read-text", str(tone), "--json", cwd=tmp_path)
    assert done.code != 0
    assert done.json["error"]["code"] == "stream_missing"


def test_letters_that_nobody_reads_are_said_to_be(tmp_path: Path) -> None:
    writing.picture(tmp_path / "slide.png", "Some words")
    done = reel("read-text", "slide.png", "--language", "ru", "--json", cwd=tmp_path)
    assert done.code != 0
    assert done.json["error"]["code"] == "model_unavailable"
    assert "ru" in done.out


@pytest.mark.corpus
def test_real_frames_tell_their_numbers(corpus: Path, tmp_path: Path) -> None:
    """Frame k, from 1, shows ``Frame = k`` at (k - 1) / 10 s."""
    path = corpus / "frames" / "counter.mp4"
    texts = _found(reel("read-text", str(path), "--every", "1s", "--json", cwd=tmp_path))
    numbers = [text for text in texts if text["text"].startswith("Frame")]
    assert _spans(numbers) == [("Frame = 1", 0, 1), ("Frame = 11", 1, 2), ("Frame = 21", 2, 3)]


def test_two_who_ask_the_same_at_once_are_both_answered(written: Path, tmp_path: Path) -> None:
    command = [str(REEL), "read-text", str(written), "--every", "3s", "--json"]
    both = [
        subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    told = [(one.communicate(timeout=240), one.returncode) for one in both]
    assert [code for _, code in told] == [0, 0], told
    first, second = (json.loads(out)["texts"] for (out, _), _ in told)
    assert first == second
    assert first
    home = Path(os.environ["REEL_HOME"])
    assert list((home / "analyses").iterdir()) == []


def test_another_file_of_the_same_name_is_read_anew(ffmpeg: Path, tmp_path: Path) -> None:
    def says(text: str) -> Path:
        def draw(on: ImageDraw.ImageDraw, second: float) -> None:
            on.text((60, 140), text, font=writing.font(), fill="white")

        return writing.video(ffmpeg, tmp_path / "talk.mp4", 1, draw)

    for text in ("Before lunch", "After dinner"):
        found = _found(reel("read-text", str(says(text)), "--json", cwd=tmp_path))
        assert [one["text"] for one in found] == [text]
