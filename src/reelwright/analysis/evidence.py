"""What was said, shown and written in a video, line by line, each with a mark: what a summary is
made from, and what it is checked against. Pure.

It reads the results of `transcribe`, `read_text` and `describe` as they are stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SAID, SHOWN, WRITTEN = "said", "shown", "written"

# A pause after which something new is said, and words that are a sentence at the most where a
# transcript has no marks.
_PAUSE_S = 0.8
_MOST_WORDS = 40
_END = re.compile(r"[.!?…。！？][\"'”’)]*$")
_MARK = re.compile(r"[a-z]?(\d+)")


@dataclass(frozen=True, slots=True)
class Evidence:
    """Line `mark` (``e12``): `text` was `kind` (said, shown, written) in [`start_s`, `end_s`)."""

    mark: str
    start_s: float
    end_s: float
    kind: str
    text: str

    def line(self) -> str:
        """As a model reads it."""
        return f"{self.mark} | {clock(self.start_s)} | {self.kind} | {self.text}"


def evidence_of(
    transcript: Mapping[str, Any] | None = None,
    texts: Mapping[str, Any] | None = None,
    descriptions: Mapping[str, Any] | None = None,
) -> tuple[Evidence, ...]:
    """In the order of their times. The same results give the same marks."""
    found = [
        *((*one, SAID) for one in sentences_said(transcript)),
        *((*one, WRITTEN) for one in _plain((texts or {}).get("texts", ()), "text")),
        *((*one, SHOWN) for one in _described((descriptions or {}).get("descriptions", ()))),
    ]
    ordered = sorted(found, key=lambda one: (one[0], one[1], one[3]))
    return tuple(
        Evidence(f"e{number}", start, end, kind, text)
        for number, (start, end, text, kind) in enumerate(ordered, 1)
    )


def sentences_said(transcript: Mapping[str, Any] | None) -> list[tuple[float, float, str]]:
    """Start and end in seconds, and words, up to the end of a sentence or a pause."""
    found: list[tuple[float, float, str]] = []
    words: list[Mapping[str, Any]] = []
    for word in (transcript or {}).get("words", ()):
        if words and (
            word["start"] - words[-1]["end"] >= _PAUSE_S
            or _END.search(words[-1]["text"].strip())
            or len(words) >= _MOST_WORDS
        ):
            found.append(_sentence(words))
            words = []
        words.append(word)
    if words:
        found.append(_sentence(words))
    return [one for one in found if one[2]]


def _sentence(words: Sequence[Mapping[str, Any]]) -> tuple[float, float, str]:
    text = " ".join(" ".join(str(word["text"]) for word in words).split())
    return float(words[0]["start"]), float(words[-1]["end"]), text


def _plain(entries: Iterable[Mapping[str, Any]], key: str) -> list[tuple[float, float, str]]:
    return [
        (float(one.get("start") or 0.0), float(one.get("end") or one.get("start") or 0.0), text)
        for one in entries
        if (text := " ".join(str(one.get(key) or "").split()))
    ]


def _described(entries: Iterable[Mapping[str, Any]]) -> list[tuple[float, float, str]]:
    return _plain(entries, "description")


def parts(lines: Sequence[Evidence], most_characters: int) -> tuple[tuple[Evidence, ...], ...]:
    """Neighbouring lines, as many together as one ask takes: about evenly, none empty."""
    total = sum(len(line.line()) for line in lines)
    if not lines:
        return ()
    count = -(-total // most_characters)
    limit = total / count
    made: list[list[Evidence]] = [[]]
    size = 0.0
    for line in lines:
        if made[-1] and size + len(line.line()) / 2 > limit * len(made):
            made.append([])
        made[-1].append(line)
        size += len(line.line())
    return tuple(tuple(part) for part in made)


def named(marks: Any, lines: Mapping[str, Evidence]) -> list[Evidence]:
    """The lines that a model's answer names: those that are there, in the order of their times.
    ``[e3]``, ``E3`` and ``3`` are what a model may write for ``e3``."""
    given = [marks] if isinstance(marks, str | int) else marks if isinstance(marks, list) else []
    found = {
        line.mark: line
        for mark in given
        for number in _MARK.findall(str(mark).lower())
        if (line := lines.get(f"e{number}")) is not None
    }
    return sorted(found.values(), key=lambda line: (line.start_s, line.mark))


def clock(time_s: float) -> str:
    """00:12:31"""
    minutes, seconds = divmod(int(time_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}"
