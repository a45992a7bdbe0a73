"""Summaries are checked against evidence: what has none is dropped, times are the evidence's."""

from __future__ import annotations

from typing import Any

import pytest

from reelwright.analysis.evidence import Evidence, evidence_of, named, parts
from reelwright.analysis.summary import checked, checked_part, extractive

MARS = ["the", "rover", "drives", "over", "mars", "and", "finds", "a", "crater"]
BREAD = ["the", "baker", "kneads", "bread", "dough", "and", "heats", "an", "oven"]


def transcript(minutes: int = 4) -> dict[str, Any]:
    """The first half is about Mars, the second about bread; a sentence every five seconds."""
    words = []
    for number in range(minutes * 12):
        said = MARS if number < minutes * 6 else BREAD
        for at, text in enumerate(said):
            start = number * 5 + at * 0.4
            mark = "." if at == len(said) - 1 else ""
            words.append({"text": text + mark, "start": start, "end": start + 0.35})
    return {"language": "en", "words": words}


LINES = evidence_of(transcript())


def test_sentences_have_the_times_of_their_words() -> None:
    assert len(LINES) == 48
    assert (LINES[0].mark, LINES[0].start_s) == ("e1", 0.0)
    assert LINES[0].end_s == pytest.approx(3.55)
    assert LINES[0].line() == f"e1 | 00:00:00 | said | {' '.join(MARS)}."


def test_without_marks_a_pause_ends_a_sentence() -> None:
    words = [{"text": t, "start": s, "end": s + 0.2} for t, s in (("one", 0), ("two", 2))]
    assert [line.text for line in evidence_of({"words": words})] == ["one", "two"]


def test_what_is_shown_and_written_stands_between_what_is_said() -> None:
    lines = evidence_of(
        {"words": [{"text": "Hello.", "start": 1.0, "end": 1.5}]},
        {"texts": [{"text": "NEWS", "start": 0.5, "end": 9.0}, {"text": " ", "start": 1}]},
        {"descriptions": [{"description": "A desk.", "start": 2.0, "end": 4.0}]},
    )
    assert [(line.kind, line.text) for line in lines] == [
        ("written", "NEWS"),
        ("said", "Hello."),
        ("shown", "A desk."),
    ]


def test_parts_hold_every_line_once() -> None:
    for most in (100, 500, 10_000):
        made = parts(LINES, most)
        assert [line for part in made for line in part] == list(LINES)
        assert all(made)
    assert parts((), 100) == ()


@pytest.mark.parametrize("marks", ["e3", ["e3"], "[e3]", ["E3", "e99"], [3], "3", ["e3", "e3"]])
def test_marks_are_found_as_models_write_them(marks: Any) -> None:
    assert [line.mark for line in named(marks, {line.mark: line for line in LINES})] == ["e3"]


@pytest.mark.parametrize("marks", [None, {}, ["e99"], "nothing", 4.5])
def test_marks_that_are_not_there_name_nothing(marks: Any) -> None:
    assert named(marks, {line.mark: line for line in LINES}) == []


def test_a_models_answer_has_the_times_of_its_evidence() -> None:
    answer = {
        "title": " Mars  and bread ",
        "summary": "A rover, then a baker.",
        "key_points": [
            {"text": "A rover drives.", "evidence": ["e2", "e1"]},
            {"text": "Invented.", "evidence": ["e900"]},
            {"text": "Without any.", "evidence": []},
            "no object",
        ],
        "chapters": [
            {"title": "Bread", "evidence": "e25"},
            {"title": "Mars", "evidence": "e1"},
            {"title": "Oven", "evidence": "e40"},
            {"title": "Nowhere", "evidence": "e999"},
        ],
    }
    made = checked(answer, LINES, 240.0)
    assert made["title"] == "Mars and bread"
    (point,) = made["key_points"]
    assert (point["start"], point["end"]) == (0.0, pytest.approx(8.55))
    assert [one["quote"] for one in point["evidence"]] == [LINES[0].text, LINES[1].text]
    assert [(c["start"], c["end"], c["title"], c["method"]) for c in made["chapters"]] == [
        (0.0, 120.0, "Mars", "model"),
        (120.0, 195.0, "Bread", "model"),
        (195.0, 240.0, "Oven", "model"),
    ]
    assert made["dropped"] == 3


@pytest.mark.parametrize("answer", [{}, {"chapters": "no", "key_points": None, "title": 3}])
def test_an_answer_without_chapters_gets_those_of_the_words(answer: dict[str, Any]) -> None:
    made = checked(answer, LINES, 240.0)
    chapters = made["chapters"]
    assert len(chapters) >= 3
    assert chapters[0]["start"] == 0
    assert chapters[-1]["end"] == 240.0
    assert {one["method"] for one in chapters} == {"extractive"}
    assert any(abs(one["start"] - 120.0) <= 10 for one in chapters)


def test_a_part_keeps_only_marks_of_its_own() -> None:
    answer = {
        "summary": "Mars.",
        "points": [{"text": "One.", "evidence": ["e1", "e47"]}, {"text": "No.", "evidence": ["x"]}],
        "chapters": [{"title": "Mars", "evidence": "e1"}, {"title": "", "evidence": "e2"}],
    }
    made = checked_part(answer, LINES[:10])
    assert made["points"] == [{"text": "One.", "evidence": ["e1"]}]
    assert made["chapters"] == [{"title": "Mars", "evidence": "e1"}]


def test_without_a_model_sentences_stand_as_they_are() -> None:
    made = extractive(LINES, 240.0)
    assert made["method"] == "extractive"
    texts = {line.text for line in LINES}
    assert all(point["text"] in texts for point in made["key_points"])
    assert {"rover", "bread"} <= set(made["summary"].replace(".", "").split())
    assert [one["start"] for one in made["chapters"]] == sorted(
        one["start"] for one in made["chapters"]
    )
    assert any(abs(one["start"] - 120.0) <= 10 for one in made["chapters"])
    assert made["title"]


def test_nothing_to_sum_up_is_an_empty_summary() -> None:
    made = extractive([], 60.0)
    assert (made["title"], made["summary"]) == ("", "")
    assert made["chapters"] == made["key_points"] == []


def test_what_is_shown_is_summed_up_where_nobody_speaks() -> None:
    lines = [
        Evidence(f"e{n}", n * 10.0, n * 10 + 10.0, "shown", text)
        for n, text in enumerate(["A dog runs.", "The dog swims.", "A dog sleeps on a mat."], 1)
    ]
    assert "dog" in extractive(lines, 40.0)["summary"].lower()
