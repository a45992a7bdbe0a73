"""Chapters: from beginnings to a list that covers a whole video, and the files that say them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# https://support.google.com/youtube/answer/9884579: the first at 00:00, three or more, none shorter
# than ten seconds.
SHORTEST_S = 10.0
FEWEST = 3
_SPECIAL = re.compile(r"([=;#\\\n])")


@dataclass(frozen=True, slots=True)
class Chapter:
    """Seconds from `start_s` up to `end_s`; `is_extractive`: found by words, not by a model."""

    start_s: float
    end_s: float
    title: str
    is_extractive: bool = False


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where a chapter begins, and its title."""

    start_s: float
    title: str
    is_extractive: bool = False


def covering(
    beginnings: Iterable[Beginning],
    duration_s: float,
    *,
    more: Sequence[Beginning] = (),
    shortest_s: float = SHORTEST_S,
) -> tuple[Chapter, ...]:
    """The chapters that begin there: in order, without gaps, from 0 to `duration_s`.

    A beginning nearer than `shortest_s` to the one before, or to the end, is left out; the first
    is moved to 0. Where there are fewer than three and there is room for three, the best of `more`
    (best first) are added, and at last equal parts.
    """
    if duration_s <= 0:
        return ()
    found = _apart(sorted(beginnings, key=lambda one: one.start_s), duration_s, shortest_s)
    if not found:
        found = [Beginning(0.0, more[0].title if more else "", is_extractive=True)]
    if duration_s >= FEWEST * shortest_s:
        found = _enough(found, more, duration_s, shortest_s)
    ends = [one.start_s for one in found[1:]] + [duration_s]
    return tuple(
        Chapter(one.start_s, end, _title(one.title, n), one.is_extractive)
        for n, (one, end) in enumerate(zip(found, ends, strict=True), 1)
    )


def _apart(ordered: list[Beginning], duration_s: float, shortest_s: float) -> list[Beginning]:
    found: list[Beginning] = []
    for one in ordered:
        if not found:
            found.append(Beginning(0.0, one.title, one.is_extractive))
        elif one.start_s - found[-1].start_s >= shortest_s <= duration_s - one.start_s:
            found.append(one)
    return found


def _enough(
    found: list[Beginning], more: Sequence[Beginning], duration_s: float, shortest_s: float
) -> list[Beginning]:
    """Three or more, without moving those that are there (beside the first, at 0)."""
    parts = [Beginning(duration_s * n / FEWEST, "", is_extractive=True) for n in range(1, FEWEST)]
    for one in (*more, *parts):
        if len(found) >= FEWEST:
            break
        edges = [other.start_s for other in found] + [duration_s]
        inside = 0 < one.start_s < duration_s
        if inside and all(abs(one.start_s - edge) >= shortest_s for edge in edges):
            found = sorted([*found, one], key=lambda other: other.start_s)
    if len(found) < FEWEST:  # what is there lies in the way of three
        titles = [one.title for one in found]
        titles += [""] * (FEWEST - len(titles))
        starts = [duration_s * n / FEWEST for n in range(FEWEST)]
        found = [Beginning(s, t, is_extractive=True) for s, t in zip(starts, titles, strict=True)]
    return found


def _title(title: str, number: int) -> str:
    return " ".join(title.split()) or f"Part {number}"


def ffmetadata(chapters: Sequence[Chapter], title: str | None = None) -> str:
    """FFmpeg's text form of chapters: ``ffmpeg -i in.mp4 -i this -map_chapters 1 -c copy out.mp4``.
    Times are whole milliseconds."""
    lines = [";FFMETADATA1"]
    if title:
        lines.append(f"title={_escaped(title)}")
    for one in chapters:
        lines += ["[CHAPTER]", "TIMEBASE=1/1000", f"START={round(one.start_s * 1000)}"]
        lines += [f"END={round(one.end_s * 1000)}", f"title={_escaped(one.title)}"]
    return "\n".join(lines) + "\n"


def youtube(chapters: Sequence[Chapter]) -> str:
    """A line a chapter for a description at YouTube: ``00:00 Intro``. Hours where it has any."""
    has_hours = bool(chapters) and chapters[-1].start_s >= 3600
    return "".join(f"{_clock(one.start_s, has_hours)} {one.title}\n" for one in chapters)


def _clock(time_s: float, has_hours: bool) -> str:
    minutes, seconds = divmod(int(time_s), 60)
    if not has_hours:
        return f"{minutes:02d}:{seconds:02d}"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
