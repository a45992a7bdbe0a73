"""A summary: what a model wrote of evidence, checked against it; and what is made without a model.

Both have one form::

    {"title", "summary", "key_points": [{"text", "start", "end", "evidence": [Evidence]}],
     "chapters": [{"start", "end", "title", "method"}], "method": "model" | "extractive",
     "duration", "dropped"}

`dropped` counts what a model said without evidence that is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reelwright.analysis.chapters import FEWEST, Beginning, Chapter, covering
from reelwright.analysis.evidence import SAID, SHOWN, Evidence, named

_MOST_POINTS = 10
_SENTENCES_MOST = 7
_WORDS_MOST = 160
# A minute of talk for each sentence of its summary, three at least.
_SECONDS_PER_SENTENCE = 60
_QUOTE_CHARACTERS = 400
# What lies between an answer's chapters of this many is topics, beyond it noise.
_CHAPTERS_MOST = 30


def checked(
    answer: Mapping[str, Any], lines: Sequence[Evidence], duration_s: float
) -> dict[str, Any]:
    """A model's answer (``{"title", "summary", "key_points", "chapters"}``) with the times of the
    evidence that it names. What names none that is there is dropped."""
    by_mark = {line.mark: line for line in lines}
    points, lost = _points(answer.get("key_points"), by_mark)
    begin: list[Beginning] = []
    given = _objects(answer.get("chapters"))
    for one in given:
        found = named(one.get("evidence"), by_mark)
        if found and _plain(one.get("title")):
            begin.append(Beginning(found[0].start_s, _plain(one["title"])))
    # Where a model found too few, words find more.
    more = found_topics(lines) if len(begin) < FEWEST else []
    more += _line_starts(lines, duration_s)
    chapters = covering(begin[:_CHAPTERS_MOST], duration_s, more=more)
    return {
        "title": _plain(answer.get("title")),
        "summary": str(answer.get("summary") or "").strip(),
        "key_points": points[:_MOST_POINTS],
        "chapters": [chapter_json(one) for one in titled(chapters, lines)],
        "method": "model",
        "duration": duration_s,
        "dropped": lost + len(given) - len(begin),
    }


def checked_part(answer: Mapping[str, Any], lines: Sequence[Evidence]) -> dict[str, Any]:
    """A model's answer for one part: with marks that are there, nothing else."""
    by_mark = {line.mark: line for line in lines}
    points = [
        {"text": text, "evidence": [line.mark for line in found]}
        for one in _objects(answer.get("points"))
        if (text := _plain(one.get("text"))) and (found := named(one.get("evidence"), by_mark))
    ]
    chapters = [
        {"title": title, "evidence": found[0].mark}
        for one in _objects(answer.get("chapters"))
        if (title := _plain(one.get("title"))) and (found := named(one.get("evidence"), by_mark))
    ]
    summary = str(answer.get("summary") or "").strip()
    return {"summary": summary, "points": points, "chapters": chapters}


def extractive(lines: Sequence[Evidence], duration_s: float) -> dict[str, Any]:
    """Without a model: the most central sentences as they stand, in their order. Where there is no
    evidence there is nothing, not even chapters."""
    from reelwright.analysis import extracts

    # What is said tells most; a video in which nobody speaks has what is shown and written.
    spoken = [line for line in lines if line.kind == SAID]
    body = spoken or [line for line in lines if line.kind == SHOWN] or list(lines)
    count = max(3, min(_SENTENCES_MOST, round(duration_s / _SECONDS_PER_SENTENCE)))
    chosen = [body[n] for n in extracts.central([line.text for line in body], count)]
    kept: list[Evidence] = []
    for line in chosen:
        words = sum(len(one.text.split()) for one in kept)
        if not kept or words + len(line.text.split()) <= _WORDS_MOST:
            kept.append(line)
    ordered = sorted(kept, key=lambda line: line.start_s)
    topics = found_topics(lines)
    first = Beginning(0.0, "", is_extractive=True)
    more = _line_starts(lines, duration_s)
    chapters = covering([first, *topics], duration_s, more=more) if lines else ()
    return {
        "title": extracts.name([line.text for line in body]),
        "summary": " ".join(_sentence(line.text) for line in ordered),
        "key_points": [_point(line.text, [line]) for line in ordered],
        "chapters": [chapter_json(one) for one in titled(chapters, lines)],
        "method": "extractive",
        "duration": duration_s,
        "dropped": 0,
    }


def found_topics(lines: Sequence[Evidence]) -> list[Beginning]:
    """Where topics begin by the words alone, named by theirs."""
    from reelwright.analysis import extracts

    texts = [line.text for line in lines]
    if not texts:
        return []
    begin = extracts.topics(texts, FEWEST)
    ends = [*begin[1:], len(lines)]
    made = []
    for first, end in zip(begin, ends, strict=True):
        others = texts[:first] + texts[end:]
        title = extracts.name(texts[first:end], others)
        made.append(Beginning(lines[first].start_s, title, is_extractive=True))
    return made


def _line_starts(lines: Sequence[Evidence], duration_s: float) -> list[Beginning]:
    """Where a chapter may begin without cutting a line in two: nearest to equal parts first."""
    edges = [duration_s * n / FEWEST for n in range(1, FEWEST)]
    starts = sorted(
        {line.start_s for line in lines}, key=lambda s: min(abs(s - edge) for edge in edges)
    )
    return [Beginning(start, "", is_extractive=True) for start in starts]


def titled(chapters: Sequence[Chapter], lines: Sequence[Evidence]) -> list[Chapter]:
    """Chapters that were found by words, named by what is in them as they came to be."""
    from dataclasses import replace

    from reelwright.analysis import extracts

    made = []
    for one in chapters:
        inside: list[str] = []
        outside: list[str] = []
        for line in lines:
            middle = (line.start_s + line.end_s) / 2
            (inside if one.start_s <= middle < one.end_s else outside).append(line.text)
        title = extracts.name(inside, outside) or one.title
        made.append(replace(one, title=title) if one.is_extractive else one)
    return made


def chapter_json(one: Chapter) -> dict[str, Any]:
    return {
        "start": round(one.start_s, 3),
        "end": round(one.end_s, 3),
        "title": one.title,
        "method": "extractive" if one.is_extractive else "model",
    }


def chapters_of(body: Sequence[Mapping[str, Any]]) -> list[Chapter]:
    return [
        Chapter(one["start"], one["end"], one["title"], one["method"] == "extractive")
        for one in body
    ]


def _points(given: Any, by_mark: Mapping[str, Evidence]) -> tuple[list[dict[str, Any]], int]:
    points = []
    lost = 0
    for one in _objects(given):
        found = named(one.get("evidence"), by_mark)
        text = _plain(one.get("text"))
        if found and text:
            points.append(_point(text, found))
        else:
            lost += 1
    return points, lost


def _point(text: str, found: Sequence[Evidence]) -> dict[str, Any]:
    return {
        "text": text,
        "start": round(found[0].start_s, 3),
        "end": round(max(line.end_s for line in found), 3),
        "evidence": [
            {
                "start": round(line.start_s, 3),
                "end": round(line.end_s, 3),
                "kind": line.kind,
                "quote": line.text[:_QUOTE_CHARACTERS],
            }
            for line in found
        ],
    }


def _sentence(text: str) -> str:
    """What was heard without marks reads as a sentence too."""
    end = "" if text[-1:] in ".!?…。！？\"'”’" else "."
    return text[:1].upper() + text[1:] + end


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _plain(value: Any) -> str:
    return " ".join(str(value or "").split())
