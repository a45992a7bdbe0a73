"""Passages of several legs become moments: what lies together in a video is one, and so is a text.

A moment begins with the passage that most speaks for; others join it where they overlap it or
nearly touch it, as long as it stays short. What speaks for it much less does not make it longer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reelwright.analysis.fusion import Fused, Leg, fuse, strengths

# Passages of one video this near to each other are one moment, up to its longest.
GAP_S, LONGEST_S = 3.0, 90.0
# So much of the first passage's score lets another one widen the moment.
_STRONG = 0.5

Key = int | tuple[str, int]  # a passage's number, or ("captions", that of an archived caption)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A passage that a leg found. `unit`: the video or text that it is of."""

    key: Key
    unit: str
    kind: str
    start_s: float | None = None
    end_s: float | None = None
    is_exact: bool = False


@dataclass(slots=True)
class Gathered:
    """A moment to be: its passages, the strongest first."""

    unit: str
    start_s: float | None
    end_s: float | None
    items: list[Item] = field(default_factory=list)

    @property
    def is_exact(self) -> bool:
        return any(item.is_exact for item in self.items)


@dataclass(frozen=True, slots=True)
class Ranked:
    gathered: Gathered
    fused: Fused[int]


def gather(items: Mapping[Key, Item], legs: Sequence[Leg[Key]]) -> list[Ranked]:
    """Moments, exact ones first, then by their fused score. `items` has what the legs rank."""
    gathered = _gathered(items, strengths(legs))
    place = {item.key: number for number, one in enumerate(gathered) for item in one.items}
    by_moment = [
        Leg(
            leg.name, leg.weight, [(place[key], value) for key, value in leg.ranked if key in place]
        )
        for leg in legs
    ]
    ranked = [Ranked(gathered[one.thing], one) for one in fuse(by_moment)]
    return sorted(ranked, key=lambda one: not one.gathered.is_exact)


def _gathered(items: Mapping[Key, Item], scores: Mapping[Key, float]) -> list[Gathered]:
    by_unit: dict[str, list[Gathered]] = {}
    strongest = sorted(
        (item for key, item in items.items() if key in scores),
        key=lambda item: (not item.is_exact, -scores[item.key], str(item.key)),
    )
    for item in strongest:
        there = by_unit.setdefault(item.unit, [])
        moment = next((one for one in there if _belongs(item, one)), None)
        if moment is None:
            there.append(Gathered(item.unit, item.start_s, item.end_s, [item]))
            continue
        if scores[item.key] >= _STRONG * scores[moment.items[0].key]:
            _widen(moment, item)
        moment.items.append(item)
    return [one for there in by_unit.values() for one in there]


def _belongs(item: Item, moment: Gathered) -> bool:
    if item.start_s is None or moment.start_s is None:
        return item.start_s is None and moment.start_s is None
    start, end = item.start_s, _end(item.start_s, item.end_s)
    first, last = moment.start_s, _end(moment.start_s, moment.end_s)
    is_near = start <= last + GAP_S and end >= first - GAP_S
    length = max(end, last) - min(start, first)
    # A long chapter is a moment of its own, and what lies in a long moment belongs to it.
    is_within = first <= start and end <= last
    return is_near and (length <= LONGEST_S or is_within)


def _widen(moment: Gathered, item: Item) -> None:
    if item.start_s is None or moment.start_s is None:
        return
    moment.end_s = max(_end(moment.start_s, moment.end_s), _end(item.start_s, item.end_s))
    moment.start_s = min(moment.start_s, item.start_s)


def _end(start_s: float, end_s: float | None) -> float:
    return start_s if end_s is None else end_s
