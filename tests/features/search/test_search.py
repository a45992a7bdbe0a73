"""`reel search` as people and programs use it: hits, filters, pages, meaning, clear errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.reel import reel
from tests.features.indexed import found, index, names, put_speech, put_video, write_texts


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Three texts, and a talk in a file."""
    write_texts(tmp_path)
    index("texts", cwd=tmp_path)
    video = tmp_path / "talk.mp4"
    video.write_bytes(b"not looked at here")
    put_video(
        video,
        (0.0, 20.0, "Welcome to the talk about the render farm."),
        (300.0, 330.0, "Every frame is checked by hand."),
        title="A talk",
    )
    return tmp_path


def test_the_machine_form(library: Path) -> None:
    done = reel("search", "render", "farm", "-k", "1", "--json", cwd=library).json
    assert {"query", "hits", "offset", "next_offset", "total", "notes"} <= set(done)
    (hit,) = done["hits"]
    assert {"start", "end", "score", "kind", "snippet", "why"} <= set(hit)
    assert ("asset" in hit) != ("document" in hit)
    assert hit["score"] == pytest.approx(sum(leg["share"] for leg in hit["why"]))


def test_a_hit_in_a_video_is_a_moment(library: Path) -> None:
    (hit, *_) = found("checked by hand", "--videos", cwd=library)
    assert str(hit["asset"]).startswith("file:")
    assert (hit["start"], hit["end"]) == (300.0, 330.0)
    assert (hit["kind"], hit["source"]) == ("speech", "file")
    said = reel("search", "checked", "by", "hand", cwd=library)
    assert "A talk" in said.out
    assert "00:05:00\u201300:05:30" in said.out


def test_a_moment_is_when_it_is_said_and_its_evidence_is_the_passage(tmp_path: Path) -> None:
    video = tmp_path / "bread.mp4"
    video.write_bytes(b"not looked at here")
    put_speech(
        video,
        (0.0, "Good evening to everybody in the kitchen."),
        (4.0, "Mix the flour with some water and do not stop before it is smooth."),
        (11.0, "Then it rests."),
        (15.0, "Later on we heat the oven as much as it can be heated at all today."),
        title="Bread",
    )
    (hit,) = found("flour and water", cwd=tmp_path)
    assert (hit["start"], hit["end"]) == (4.0, 12.5)
    told: Any = hit["evidence"]
    assert [(one["start"], one["end"]) for one in told] == [(0.0, 23.0)]
    # Who asks about the same passage for something else gets another moment of it.
    assert found("oven", cwd=tmp_path)[0]["start"] == 15.0
    # One word of many is no place.
    (whole,) = found("flour prices of imaginary distant continents", cwd=tmp_path)
    assert (whole["start"], whole["end"]) == (0.0, 23.0)


def test_captions_that_are_indexed_are_found_by_their_cues(tmp_path: Path) -> None:
    cues = [
        "00:00:01.000 --> 00:00:13.000\nThe kettle is blue.\n",
        "00:00:14.000 --> 00:00:26.000\nTea is in the cupboard.\n",
    ]
    (tmp_path / "talk.vtt").write_text("\n".join(["WEBVTT\n", *cues]))
    index("talk.vtt", cwd=tmp_path)
    assert [(h["start"], h["end"]) for h in found("cupboard", cwd=tmp_path)] == [(14.0, 26.0)]
    asked = reel("ask", "Where is the tea?", "--json", cwd=tmp_path)
    (citation,) = asked.json["citations"]
    assert (citation["start"], citation["end"]) == (14.0, 26.0)
    assert "00:00:14" in asked.json["answer"]


def test_filters_of_options_and_of_the_query(library: Path) -> None:
    assert set(names(found("frame", "--documents", cwd=library))) == {"farm.md", "render.py"}
    assert names(found("frame in:video", cwd=library)) == ["talk.mp4"]
    assert names(found("frame", "--kind", "speech", cwd=library)) == ["talk.mp4"]
    assert names(found("frame -nine", "--documents", cwd=library)) == ["render.py"]
    path = str(library / "texts" / "farm.md")
    assert names(found("frame", "--asset", path, cwd=library)) == ["farm.md"]
    assert found("frame", "--channel", "Nobody", cwd=library) == []
    assert found("frame", "--after", "2024-01-01", cwd=library) == []


def test_phrases_come_word_by_word(library: Path) -> None:
    (hit,) = found('"checked by hand"', cwd=library)
    assert hit["exact"] is True
    # A word that the shell has quoted is a phrase, too.
    assert len(found("talk", "checked by hand", cwd=library)) == 1
    assert found('"hand by checked"', cwd=library) == []


def test_pages_join_without_a_seam(tmp_path: Path) -> None:
    rows = [{"id": f"d{n}", "title": "", "text": f"same word and {n}"} for n in range(7)]
    (tmp_path / "set.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    index("set.jsonl", "--jsonl", cwd=tmp_path)
    whole = [hit["document"] for hit in found("word", "-k", "7", cwd=tmp_path)]
    pages = [found("word", "-k", "3", "--page", str(n), cwd=tmp_path) for n in (1, 2, 3)]
    assert [hit["document"] for page in pages for hit in page] == whole
    assert len(set(whole)) == 7
    assert found("word", "-k", "3", "--offset", "7", cwd=tmp_path) == []
    assert "--offset 3" in reel("search", "word", "-k", "3", cwd=tmp_path).err


def test_why_says_what_speaks_for_a_hit(library: Path) -> None:
    said = reel("search", "kettle", "--why", cwd=library).out
    assert "body words: number 1" in said


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ([], "query"),
        (["  "], "query"),
        (["?!"], "query"),
        (['"open'], "query, character 1"),
        (["kind:smell", "x"], "query"),
        (["after:yesterday", "x"], "query, character 7"),
        (["x" * 3000], "query"),
    ],
)
def test_what_is_no_query_says_why(library: Path, query: list[str], where: str) -> None:
    done = reel("search", *query, "--json", cwd=library)
    assert done.code == 2
    assert done.json["error"]["code"] == "query_invalid"
    assert done.json["error"]["where"] == where


def test_an_empty_index_says_how_to_fill_it(tmp_path: Path) -> None:
    done = reel("search", "anything", "--json", cwd=tmp_path)
    assert done.code == 6
    assert done.json["error"]["code"] == "index_empty"
    assert "reel index" in done.json["error"]["hint"]


def test_options_that_exclude_each_other(library: Path) -> None:
    for arguments, where in (
        (["x", "--videos", "--documents"], "--documents"),
        (["x", "--join"], "--join"),
        (["x", "--edl", "--json"], "--edl"),
        (["x", "--asset", "nobody"], "--asset"),
    ):
        done = reel("search", *arguments, "--json", cwd=library)
        assert done.code != 0
        assert done.json["error"]["where"] == where


def test_a_picture_needs_a_model_of_pictures(library: Path) -> None:
    (library / "a.png").write_bytes(b"png")
    done = reel("search", "--image", "a.png", "--json", cwd=library)
    assert done.code == 4
    assert done.json["error"]["code"] == "model_unavailable"
    missing = reel("search", "--image", "b.png", "--json", cwd=library)
    assert missing.json["error"]["code"] == "input_not_found"


def test_meaning_finds_what_no_word_does(tmp_path: Path) -> None:
    texts = {
        "pets": "The cat sleeps on the sofa all day.",
        "cars": "The engine of the lorry was repaired in the garage.",
        "food": "Bread is baked from flour, water and salt.",
    }
    rows = [{"id": name, "title": "", "text": text} for name, text in texts.items()]
    (tmp_path / "set.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    index("set.jsonl", "--jsonl", cwd=tmp_path)
    assert found("vehicle mechanic", cwd=tmp_path) == []
    learnt = reel("index", "--json", cwd=tmp_path)
    assert learnt.code == 0, learnt.err
    assert learnt.lines[-1]["meanings"]["passages"] == 3
    hits = found("vehicle mechanic", cwd=tmp_path)
    assert hits[0]["document"] == "cars"
    assert hits[0]["why"][0]["leg"] == "body meaning"  # type: ignore[index]
    assert found("vehicle mechanic", "--words", cwd=tmp_path) == []
    # Of what is named only that is learnt; and what is learnt is not learnt again.
    (tmp_path / "a.txt").write_text("One text more.")
    (tmp_path / "b.txt").write_text("And another one.")
    index("a.txt", cwd=tmp_path)
    done = reel("index", "b.txt", "--json", cwd=tmp_path).lines[-1]
    assert (done["indexed"], done["meanings"]["passages"]) == (1, 1)
    assert reel("index", "--json", cwd=tmp_path).lines[-1]["meanings"]["passages"] == 1
    assert reel("index", "--json", cwd=tmp_path).lines[-1]["meanings"]["passages"] == 0
