"""When of a moment it is said: the lines that have what was asked, in place of half a minute.

A passage knows when each of its words is said (speech) or each of its cues is shown (captions). Its
lines are sentences; those that have what was asked, and stand near each other, are the moment, with
a line or two of context. A moment whose words do not say what was asked, but mean it, stays whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reelwright.search.asked import Asked, matches
from reelwright.search.moments import Evidence

_KINDS = ("speech", "captions")
# So much of the weight of what was asked has to be in the lines: a word of five that happens to be
# there tells nothing about where the answer is.
_COVERED = 0.5
# Lines with less than this part of the best one's weight are no reason to make it longer.
_TELLING = 0.5
# Matching lines this near to each other are one stretch.
_GAP_S = 8.0
# What is shorter gets the lines after it, then those before, as long as it stays this short and
# nobody pauses for so long. What is said next tells more of a thing than what was said before.
_LEAST_S, _MOST_S, _PAUSE_S = 8.0, 20.0, 3.0
# A breath ends a line that no full stop does; a line that has neither ends after so long.
_BREATH_S, _LONG_S = 0.7, 10.0
# How far a time may be wrong that is told from the place in a text alone.
_UNSURE_S = 2.0
_WORD = re.compile(r"\S+")
_END = re.compile(r"[.!?…。！？][\"'”’»)\]}]*$")


@dataclass(frozen=True, slots=True)
class By:
    """What is looked for: what was asked, in the forms of the index's languages; `weights` are what
    each of `asked.groups` tells (its inverse frequency)."""

    asked: Asked
    stemmers: tuple[str, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Spoken:
    """Characters [`first`, `last`) of a text are said from `start_s` to `end_s`."""

    first: int
    last: int
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class _Line:
    start_s: float
    end_s: float
    groups: frozenset[int]


def narrowed(evidence: Sequence[Evidence], by: By) -> tuple[float, float] | None:
    """The stretch (from, to; seconds) of these passages of one moment where it is said; None where
    what was asked is hardly there in words. `evidence`: the strongest first."""
    timed = [one for one in evidence if one.kind in _KINDS and one.start_s is not None]
    found = [(one, matches(one.text, by.asked, by.stemmers, one.stems)) for one in timed]
    if not _is_said({group for _, there in found for *_, group in there}, by):
        return None
    lines = sorted(
        (line for one, there in found for line in _lines(one, there)),
        key=lambda line: (line.start_s, line.end_s),
    )
    stretches = list(_stretches(lines, by))
    if not stretches:
        return None
    best = max(stretches, key=lambda stretch: _weight(_groups(stretch), by))
    if not _is_said(_groups(best), by):
        return None
    start_s, end_s = _with_context(best[0].start_s, max(one.end_s for one in best), lines)
    return round(start_s, 3), round(end_s, 3)


def spoken(
    text: str, source: Mapping[str, Any], start_s: float | None, end_s: float | None
) -> list[Spoken]:
    """When each word of a passage's text is said; of cues in parts of their time. Empty where
    nobody knows when the passage is."""
    times = [(int(at), float(a), float(b)) for at, a, b in source.get("words") or ()]
    if times:
        ends = [*(at for at, _, _ in times[1:]), len(text)]
        return [Spoken(at, to, a, b) for (at, a, b), to in zip(times, ends, strict=True)]
    if start_s is None or end_s is None:
        return []
    cues = [(int(at), float(a), float(b)) for at, a, b in source.get("cues") or ()]
    cues = cues or [(0, start_s, end_s)]
    ends = [*(at for at, _, _ in cues[1:]), len(text)]
    return [
        one
        for (at, a, b), to in zip(cues, ends, strict=True)
        for one in _shared(text, (at, to), a, b)
    ]


def _shared(text: str, part: tuple[int, int], start_s: float, end_s: float) -> Iterator[Spoken]:
    """The words of a part of the text, each with as much of its time as it has of its letters; one
    begins when the one before ends."""
    words = [(found.start(), found.end()) for found in _WORD.finditer(text, *part)]
    if not words:
        return
    first, last = words[0][0], words[-1][1]
    each_s = (end_s - start_s) / (last - first)
    nexts = [*(a for a, _ in words[1:]), last]
    for (a, b), following in zip(words, nexts, strict=True):
        yield Spoken(a, b, start_s + (a - first) * each_s, start_s + (following - first) * each_s)


def _lines(one: Evidence, there: Sequence[tuple[int, int, int]]) -> Iterator[_Line]:
    words = spoken(one.text, one.source, one.start_s, one.end_s)
    is_sure = bool(one.source.get("words") or one.source.get("cues"))
    for line in _sentences(one.text, words, longest_s=_LONG_S if is_sure else float("inf")):
        first, last = line[0].first, line[-1].last
        groups = frozenset(group for a, b, group in there if a < last and b > first)
        unsure_s = 0.0 if is_sure else _UNSURE_S
        yield _Line(
            max(line[0].start_s - unsure_s, one.start_s or 0.0),
            min(line[-1].end_s + unsure_s, one.end_s or line[-1].end_s),
            groups,
        )


def _sentences(text: str, words: Sequence[Spoken], *, longest_s: float) -> Iterator[list[Spoken]]:
    line: list[Spoken] = []
    for word in words:
        if line and _ends(text, line, word, longest_s):
            yield line
            line = []
        line.append(word)
    if line:
        yield line


def _ends(text: str, line: Sequence[Spoken], following: Spoken, longest_s: float) -> bool:
    last = line[-1]
    return (
        _END.search(text[last.first : last.last].rstrip()) is not None
        or following.start_s - last.end_s >= _BREATH_S
        or following.end_s - line[0].start_s > longest_s
    )


def _stretches(lines: Sequence[_Line], by: By) -> Iterator[list[_Line]]:
    top = max((_weight(line.groups, by) for line in lines), default=0.0)
    stretch: list[_Line] = []
    for line in lines:
        if not line.groups or _weight(line.groups, by) < _TELLING * top:
            continue
        if stretch and line.start_s - max(one.end_s for one in stretch) > _GAP_S:
            yield stretch
            stretch = []
        stretch.append(line)
    if stretch:
        yield stretch


def _groups(lines: Sequence[_Line]) -> frozenset[int]:
    return frozenset[int]().union(*(line.groups for line in lines))


def _weight(groups: frozenset[int] | set[int], by: By) -> float:
    return sum(by.weights[group] for group in groups)


def _is_said(groups: frozenset[int] | set[int], by: By) -> bool:
    return bool(groups) and _weight(groups, by) >= _COVERED * sum(by.weights)


def _with_context(start_s: float, end_s: float, lines: Sequence[_Line]) -> tuple[float, float]:
    after = [line for line in lines if line.start_s >= end_s]
    before = [line for line in reversed(lines) if line.end_s <= start_s]
    for line in after:
        if end_s - start_s >= _LEAST_S or not _joins(end_s, line.start_s, line.end_s - start_s):
            break
        end_s = max(end_s, line.end_s)
    for line in before:
        if end_s - start_s >= _LEAST_S or not _joins(line.end_s, start_s, end_s - line.start_s):
            break
        start_s = min(start_s, line.start_s)
    return start_s, end_s


def _joins(end_s: float, start_s: float, length_s: float) -> bool:
    return start_s - end_s <= _PAUSE_S and length_s <= _MOST_S
