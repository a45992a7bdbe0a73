"""SubStation files are read as players show them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reelwright.media.cues import Cue, read_cues
from reelwright.media.cues_ass import is_ass, plain_text, read_ass

HEAD = "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nStyle: Dialogue,Arial,20\n\n[Events]\n"
FORMAT = "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"


def _event(text: str, start: str = "0:00:01.00", end: str = "0:00:02.50") -> str:
    return f"Dialogue: 0,{start},{end},Default,,0,0,0,,{text}\n"


def test_dialogue_and_nothing_else() -> None:
    text = HEAD + FORMAT + "Comment: 0,0:00:00.00,0:00:01.00,Default,,0,0,0,,no\n"
    text += _event("b", "0:00:05.00", "0:00:06.00") + "Sound: x\n" + _event("a, with, commas")
    text += "\n[Fonts]\n" + _event("no")
    assert list(read_ass(text)) == [
        Cue(1.0, 2.5, "a, with, commas", "a, with, commas"), Cue(5.0, 6.0, "b", "b"),
    ]  # fmt: skip


def test_the_order_of_fields_is_the_files() -> None:
    text = "[Events]\r\nFormat: Text2, End, Start, Text\r\nDialogue: x,1:00:02:50,1:00:01.5,hi\r\n"
    assert list(read_ass(text)) == [Cue(3601.5, 3602.5, "hi", "hi")]


def test_a_line_that_is_no_event_is_left_out() -> None:
    text = HEAD + FORMAT + "Dialogue: 0\n" + _event("x", "soon") + _event(r"{\an8}") + _event("y")
    assert [cue.plain for cue in read_ass(text)] == ["y"]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (r"{\i1}one{\i0} two", "one two"),
        (r"one\Ntwo\nthree\hfour", "one\ntwo\nthree four"),
        (r"{\p1}m 0 0 l 10 0 10 10{\p0}shown", "shown"),
        (r"{\pos(1,2)\p2}m 0 0", ""),
        ("a {unclosed", "a {unclosed"),
        (r"{\pbo20}kept", "kept"),
    ],
)
def test_without_its_looks(text: str, plain: str) -> None:
    assert plain_text(text) == plain


def test_what_such_a_file_begins_with() -> None:
    assert is_ass(HEAD)
    assert is_ass("\ufeff; made by\n[events]\n")
    assert not is_ass("1\n00:00:01,000 --> 00:00:02,000\n[Script Info] is what he said")


@pytest.mark.corpus
def test_media3s_file_with_a_slip_in_its_time(corpus: Path) -> None:
    truth = json.loads((corpus / "truth" / "subtitles.json").read_text())["files"]
    for name in (name for name in truth if name.endswith(".ass")):
        found = read_cues((corpus / "subtitles" / name).read_bytes(), "ass")
        assert [(c.start_s, c.end_s, c.plain) for c in found] == [
            (c["start"], c["end"], c["text"]) for c in truth[name]
        ]
