"""Where a long sound or a long row of shots is cut into segments that a model can take. Pure.

A segment is what a model hears or sees, from `start_s` to `end_s`. It *owns* a part of that: where
two segments overlap, each owns its span up to the middle, and what lies between two segments is
owned up to the middle too. What is owned covers the whole, once.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from reelwright.analysis.speech import Span


@dataclass(frozen=True, slots=True)
class Segment:
    """Times in seconds; ``owns_from_s <= owns_until_s``, both half-open."""

    start_s: float
    end_s: float
    owns_from_s: float
    owns_until_s: float

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRule:
    """`most_s`: no segment is longer. `overlap_s`: what two segments share where speech does not
    pause. `apart_s`: a silence as long as this is in no segment: hearing it costs, and models that
    hear nothing invent words. `margin_s` of the silence around is heard too."""

    most_s: float = 60.0
    overlap_s: float = 4.0
    apart_s: float = 8.0
    margin_s: float = 0.25


def cut_in_silences(
    speech: Sequence[Span], duration_s: float, rule: SegmentRule | None = None
) -> tuple[Segment, ...]:
    """Segments that hold all of `speech` (in order, none touching another), none without any.

    Each cut is in a silence, the longest of those that leave the segment at least half full;
    within speech that does not pause for `most_s`, segments overlap.
    """
    rule = rule or SegmentRule()
    heard: list[Span] = []
    for group in _groups(speech, rule):
        heard += _filled(group, rule)
    return _owning(_with_margins(heard, duration_s, rule), duration_s)


def _groups(speech: Sequence[Span], rule: SegmentRule) -> list[list[Span]]:
    """Speech between silences that nobody needs to hear."""
    groups: list[list[Span]] = []
    for span in speech:
        if groups and span.start_s - groups[-1][-1].end_s < rule.apart_s:
            groups[-1].append(span)
        else:
            groups.append([span])
    return groups


def _filled(group: Sequence[Span], rule: SegmentRule) -> list[Span]:
    """What segments hear of a group, without margins."""
    room_s = rule.most_s - 2 * rule.margin_s
    heard: list[Span] = []
    at = 0
    while at < len(group):
        start_s = group[at].start_s
        fits = at
        while fits < len(group) and group[fits].end_s - start_s <= room_s:
            fits += 1
        if fits == at:
            heard += _overlapping(group[at], room_s, rule.overlap_s)
            at += 1
            continue
        if fits < len(group):
            fits = _best_cut(group, at, fits, room_s)
        heard.append(Span(start_s, group[fits - 1].end_s))
        at = fits
    return heard


def _best_cut(group: Sequence[Span], at: int, fits: int, room_s: float) -> int:
    """The first span of the next segment: after the longest silence in the second half."""
    start_s = group[at].start_s
    late = [n for n in range(at + 1, fits + 1) if group[n - 1].end_s - start_s >= room_s / 2]
    return max(late or [fits], key=lambda n: (group[n].start_s - group[n - 1].end_s, n))


def _overlapping(span: Span, room_s: float, overlap_s: float) -> list[Span]:
    """Speech without a pause, in pieces of the same length that share `overlap_s`."""
    share_s = min(overlap_s, room_s / 2)
    count = 2
    while (span.duration_s + (count - 1) * share_s) / count > room_s:
        count += 1
    length_s = (span.duration_s + (count - 1) * share_s) / count
    step_s = length_s - share_s
    starts = [span.start_s + n * step_s for n in range(count)]
    ends = [start_s + length_s for start_s in starts[:-1]] + [span.end_s]
    return [Span(*both) for both in zip(starts, ends, strict=True)]


def _with_margins(heard: Sequence[Span], duration_s: float, rule: SegmentRule) -> list[Span]:
    """A little of the silence around, up to the middle of a short one; none of a neighbour that
    shares speech."""
    grown: list[Span] = []
    for at, span in enumerate(heard):
        before_s = span.start_s if at == 0 else (span.start_s - heard[at - 1].end_s) / 2
        after_s = duration_s - span.end_s
        if at + 1 < len(heard):
            after_s = (heard[at + 1].start_s - span.end_s) / 2
        start_s = span.start_s - max(0.0, min(rule.margin_s, before_s))
        grown.append(Span(start_s, span.end_s + max(0.0, min(rule.margin_s, after_s))))
    return grown


def _owning(heard: Sequence[Span], duration_s: float) -> tuple[Segment, ...]:
    middles = [(one.end_s + other.start_s) / 2 for one, other in itertools.pairwise(heard)]
    bounds = [0.0, *middles, duration_s]
    return tuple(
        Segment(span.start_s, span.end_s, bounds[at], bounds[at + 1])
        for at, span in enumerate(heard)
    )


class Spanning(Protocol):
    """Anything with a beginning and an end, in seconds: a shot."""

    @property
    def start_s(self) -> float: ...

    @property
    def end_s(self) -> float: ...


T = TypeVar("T", bound=Spanning)


@dataclass(frozen=True, slots=True)
class Packed(Generic[T]):
    """Neighbours that one model is shown together. `parts` of a shot that is longer than the budget
    are the same shot; `start_s` and `end_s` say which part of it is meant."""

    start_s: float
    end_s: float
    parts: tuple[T, ...]


def pack_shots(shots: Sequence[T], most_s: float) -> tuple[Packed[T], ...]:
    """Whole shots, in order, as many together as last `most_s` seconds at most; a longer one is cut
    into parts of the same length. Together they cover what `shots` cover.

    Raises ValueError for a budget that is not above 0.
    """
    if most_s <= 0:
        raise ValueError(f"a budget of {most_s} s holds no shot")
    packed: list[Packed[T]] = []
    waiting: list[T] = []
    for shot in shots:
        if waiting and shot.end_s - waiting[0].start_s > most_s:
            packed.append(Packed(waiting[0].start_s, waiting[-1].end_s, tuple(waiting)))
            waiting = []
        if shot.end_s - shot.start_s > most_s:
            packed += _parts(shot, most_s)
        else:
            waiting.append(shot)
    if waiting:
        packed.append(Packed(waiting[0].start_s, waiting[-1].end_s, tuple(waiting)))
    return tuple(packed)


def _parts(shot: T, most_s: float) -> list[Packed[T]]:
    import math

    length_s = shot.end_s - shot.start_s
    count = math.ceil(length_s / most_s - 1e-9)
    bounds = [shot.start_s + n * length_s / count for n in range(count)] + [shot.end_s]
    return [Packed(a, b, (shot,)) for a, b in itertools.pairwise(bounds)]
