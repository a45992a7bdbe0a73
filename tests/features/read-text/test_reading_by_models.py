"""What a model is asked, and how often: only for what is new, and never twice for the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import ImageDraw

from tests.cli.reel import reel
from tests.features import writing
from tests.features.jobs import Studio
from tests.wire_server import Turn, WireServer, wire_server

SPEC = """\
inputs: {talk: talk.mp4}
operations: [{id: found, op: read_text, input: talk}]
outputs: [{from: found.text, to: text.json}]
"""


@pytest.fixture
def seer(monkeypatch: pytest.MonkeyPatch) -> Iterator[WireServer]:
    """A vision model at an address of the user's own: it says the same of every picture."""
    data = {"lines": [{"text": "Слово", "box": [0, 0, 500, 500]}]}
    with wire_server(Turn(data=data)) as server:
        monkeypatch.setenv("REEL_MODELS__OCR", "local:seer-1")
        monkeypatch.setenv("REEL_MODELS__LOCAL_URL", f"{server.url}/v1")
        yield server


def _slides(on: ImageDraw.ImageDraw, second: float) -> None:
    """The upper half changes once; a sign in the lower right corner stands still."""
    text = "One slide" if second < 4 else "Another slide"
    on.text((60, 40), text, font=writing.font(), fill="white")
    on.text((400, 300), "Station One", font=writing.font(), fill="white")


def test_a_video_is_read_only_where_it_changed(
    ffmpeg: Path, studio: Studio, seer: WireServer
) -> None:
    writing.video(ffmpeg, studio.path("talk.mp4"), 8, _slides)
    studio.run(SPEC)
    found = json.loads(studio.path("text.json").read_text())
    assert found["pictures"] == {"whole": 1, "part": 1, "same": 0, "blank": 0}
    assert found["sampled"] == 8
    assert len(seer.asked) == 2
    studio.run(SPEC, "--overwrite")
    assert len(seer.asked) == 2


def test_what_a_model_does_not_say_stays_unsaid(
    ffmpeg: Path, studio: Studio, seer: WireServer
) -> None:
    writing.video(ffmpeg, studio.path("talk.mp4"), 3, _slides)
    studio.run(SPEC)
    (text,) = json.loads(studio.path("text.json").read_text())["texts"]
    assert (text["text"], text["confidence"]) == ("Слово", None)
    assert (text["provider"], text["model"]) == ("local", "seer-1")
    assert (text["start"], text["end"], text["box"]) == (0, 3, [0, 0, 320, 180])


def test_black_frames_are_shown_to_nobody(ffmpeg: Path, studio: Studio, seer: WireServer) -> None:
    writing.video(ffmpeg, studio.path("talk.mp4"), 3, lambda *_: None)
    studio.run(SPEC)
    found: dict[str, Any] = json.loads(studio.path("text.json").read_text())
    assert (found["texts"], found["pictures"]["blank"]) == ([], 1)
    assert not seer.asked


def test_where_a_model_cannot_serve_the_next_one_reads_and_it_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    writing.picture(tmp_path / "slide.png", "Some words")
    with wire_server(Turn(status=400, message="no pictures, please")) as server:
        monkeypatch.setenv("REEL_MODELS__OCR", "local:seer-1,rapidocr")
        monkeypatch.setenv("REEL_MODELS__LOCAL_URL", f"{server.url}/v1")
        done = reel("read-text", "slide.png", "--json", cwd=tmp_path)
        assert len(server.asked) == 1
    assert [text["text"] for text in done.json["texts"]] == ["Some words"]
    (by,) = done.json["by"]
    assert by["provider"] == "rapidocr"
    assert [one["provider"] for one in by["passed_over"]] == ["local"]


def test_a_picture_is_asked_about_once(tmp_path: Path, seer: WireServer) -> None:
    writing.picture(tmp_path / "slide.png", "Some words")
    first = reel("read-text", "slide.png", "--json", cwd=tmp_path)
    assert reel("read-text", "slide.png", "--json", cwd=tmp_path).json == first.json
    assert len(seer.asked) == 1
