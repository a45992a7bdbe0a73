"""Captions are read as browsers and players read them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwright.media.cues import Cue, decoded, passages, read_cues, read_srt, read_vtt


def _truth(corpus: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((corpus / "truth" / name).read_text())["files"]
    return found


def _spans(cues: tuple[Cue, ...]) -> list[tuple[float, float]]:
    return [(cue.start_s, cue.end_s) for cue in cues]


@pytest.mark.corpus
def test_every_case_of_the_vtt_js_suite(corpus: Path) -> None:
    truth = _truth(corpus, "webvtt_vttjs.json")
    assert len(truth) > 80
    for name, expected in truth.items():
        found = read_cues((corpus / "webvtt_vttjs" / name).read_bytes(), "vtt")
        said = [
            {"id": c.id, "startTime": c.start_s, "endTime": c.end_s, "text": c.text} for c in found
        ]
        wanted = [{key: cue[key] for key in said[0]} if said else cue for cue in expected["cues"]]
        assert said == wanted, name


@pytest.mark.corpus
def test_every_case_of_web_platform_tests(corpus: Path) -> None:
    for name, expected in _truth(corpus, "webvtt_wpt.json").items():
        found = read_cues((corpus / "webvtt_wpt" / name).read_bytes(), "vtt")
        if "cue_count" in expected:
            assert len(found) == expected["cue_count"], name
            continue
        assert _spans(found) == [(c["start"], c["end"]) for c in expected["cues"]], name
        assert [c.text for c in found] == [c["text"] for c in expected["cues"]], name
        ids = [cue.get("id") for cue in expected["cues"]]
        assert [c.id if i is not None else None for c, i in zip(found, ids, strict=True)] == ids


@pytest.mark.corpus
def test_every_case_of_media3(corpus: Path) -> None:
    for name, expected in _truth(corpus, "subtitles.json").items():
        if name.endswith(".ass"):
            continue
        found = read_cues((corpus / "subtitles" / name).read_bytes(), name[-3:])
        if isinstance(expected, dict):
            plain = [cue.plain for cue in found[:5]]
            assert _words(plain) == _words(expected["plain_text_of_first_five"]), name
            continue
        assert _spans(found) == [(c["start"], c["end"]) for c in expected], name
        for cue, wanted in zip(found, expected, strict=True):
            if "text" in wanted:
                assert cue.plain == wanted["text"], name


def _words(texts: list[str]) -> list[list[str]]:
    """A tag leaves the spaces at both of its sides."""
    return [text.split() for text in texts]


def _vtt(body: str) -> list[Cue]:
    return list(read_vtt(f"WEBVTT\n\n{body}"))


@pytest.mark.parametrize(
    ("line", "start"),
    [
        ("00:01.500 --> 00:02.000", 1.5),
        ("\t00:01.500\t-->\t00:02.000 align:start", 1.5),
        ("100:00:00.000-->100:00:01.000", 360000.0),
        ("00:60.000 --> 00:61.000", None),
        ("60:00.000 --> 61:00.000", None),
        ("0:01.500 --> 0:02.000", None),
        ("00:01,500 --> 00:02,000", None),
        ("00:01.5 --> 00:02.0", None),
        ("00:01.5000 --> 00:02.000", None),
        ("00:01.500 -> 00:02.000", None),
        ("00:01.500 --> ", None),
    ],
)
def test_a_line_of_times(line: str, start: float | None) -> None:
    assert [cue.start_s for cue in _vtt(f"{line}\nx")] == ([] if start is None else [start])


def test_comments_styles_and_regions_are_no_cues() -> None:
    body = "NOTE\nx\n\nSTYLE\n::cue {}\n\nREGION\nid:a\n\n"
    body += "id\n00:01.000 --> 00:02.000\n<v Ann>a &amp; b"
    assert _vtt(body) == [Cue(1.0, 2.0, "<v Ann>a &amp; b", "a & b", "id")]


def test_a_cue_right_below_the_header() -> None:
    assert len(list(read_vtt("WEBVTT\n00:01.000 --> 00:02.000\nx"))) == 1
    assert (
        len(list(read_vtt("WEBVTT - a title\nKind: captions\n\n00:01.000 --> 00:02.000\nx"))) == 1
    )
    assert list(read_vtt("WEBVTTx\n\n00:01.000 --> 00:02.000\nx")) == []


def test_what_players_accept_as_subrip() -> None:
    text = (
        "1\r\n0:00:01,5 --> 0:00:02.25\r\n<font color='red'>A</font> {\\an8}1 < 2\r\n"
        "2\r\n00:00:03,000 --> 00:00:04,000\r\n- 7\r\n8\r\n\r\n\r\n"
        "00:00:05,000 --> 00:00:06,000\r\n\r\n9\r\n00:00:07,000 --> 00:00:08,000\r\nend"
    )
    assert list(read_srt(text)) == [
        Cue(1.5, 2.25, "<font color='red'>A</font> {\\an8}1 < 2", "A 1 < 2", "1"),
        Cue(3.0, 4.0, "- 7\n8", "- 7\n8", "2"),
        Cue(7.0, 8.0, "end", "end", "9"),
    ]


def test_the_bytes_of_a_file_say_how_it_is_written() -> None:
    assert decoded("ü".encode("utf-16")) == "ü"
    assert decoded("\ufeffü".encode()) == "ü"
    assert decoded("gr\u00fc\u00dfe \u20ac".encode("cp1252")) == "gr\u00fc\u00dfe \u20ac"
    assert decoded(b"WEBVTT\n\xff\0") == "WEBVTT\n\ufffd\ufffd"


def test_passages_are_about_half_a_minute() -> None:
    cues = [Cue(float(n), n + 1.0, f"w{n}", f"w{n}") for n in range(100)]
    found = list(passages(cues))
    assert [(p.start_s, p.end_s) for p in found] == [(0, 30), (30, 60), (60, 90), (90, 100)]
    assert " ".join(p.text for p in found).split() == [f"w{n}" for n in range(100)]
    after_a_pause = [Cue(0, 1, "a", "a"), Cue(15, 16, "b", "b")]
    assert [p.text for p in passages(after_a_pause)] == ["a", "b"]


def test_rolling_captions_are_said_once() -> None:
    shown = [
        (0.0, 2.0, " \nhello there"),
        (2.0, 2.01, "hello there\n "),
        (2.01, 4.0, "hello there\nmy friend"),
        (4.0, 4.01, "my friend\n "),
        (4.01, 6.0, "my friend\nmy friend"),
    ]
    cues = [Cue(start, end, text, text) for start, end, text in shown]
    assert [p.text for p in passages(cues)] == ["hello there my friend my friend"]


@given(st.binary(max_size=400))
def test_no_bytes_are_too_strange(data: bytes) -> None:
    for head in (b"", b"WEBVTT\n\n", b"1\n00:00:01,000 --> 00:00:02,000\n"):
        cues = read_cues(head + data, "srt")
        said = " ".join(passage.text for passage in passages(cues))
        assert "\0" not in said
        assert all(p.text.strip() and p.end_s >= p.start_s for p in passages(cues))


_LINE = st.text(st.characters(blacklist_categories=["C", "Z"]), min_size=1).filter(
    lambda line: not set("<&{-") & set(line) and not line.isdigit()
)


@given(st.lists(st.tuples(st.integers(0, 359_999_999), _LINE), max_size=8))
def test_what_was_written_is_read(wanted: list[tuple[int, str]]) -> None:
    def stamp(ms: int, point: str) -> str:
        return f"{ms // 3600000:02}:{ms // 60000 % 60:02}:{ms // 1000 % 60:02}{point}{ms % 1000:03}"

    for head, point in (("WEBVTT\n\n", "."), ("", ",")):
        body = "".join(
            f"{n}\n{stamp(ms, point)} --> {stamp(ms + 1, point)}\n{line}\n\n"
            for n, (ms, line) in enumerate(wanted, 1)
        )
        found = read_cues((head + body).encode(), "vtt" if head else "srt")
        assert [(cue.start_s, cue.plain) for cue in found] == [(ms / 1000, t) for ms, t in wanted]
