"""Texts of results, with their times."""

from __future__ import annotations

from reelwright.analysis.told import Told, told


def _word(text: str, start: float, end: float) -> dict[str, object]:
    return {"text": text, "start": start, "end": end}


def test_what_is_said_is_taken_in_stretches() -> None:
    words = [_word("one", 0.0, 0.5), _word("two", 1.0, 2.0), _word("three", 6.0, 7.0)]
    assert told("transcript", {"words": words}) == [
        Told(0.0, 2.0, "one two"),
        Told(6.0, 7.0, "three"),
    ]
    long = [_word(str(n), float(n), n + 0.9) for n in range(65)]
    found = told("transcript", {"words": long})
    assert len(found) == 3
    assert all((one.end_s or 0) - (one.start_s or 0) <= 30 for one in found)
    assert " ".join(one.text for one in found).split() == [str(n) for n in range(65)]


def test_other_results() -> None:
    entry = {"start": 1.0, "end": 2.0}
    assert told("text", {"texts": [{**entry, "text": "EXIT"}, {**entry, "text": " "}]}) == [
        Told(1.0, 2.0, "EXIT")
    ]
    chapters = {"chapters": [{**entry, "title": "A", "summary": "b"}]}
    assert told("chapters", chapters) == [Told(1.0, 2.0, "A\nb")]
    assert told("summary", {"summary": "All of it."}) == [Told(None, None, "All of it.")]
    assert told("shots", {"shots": []}) == []
