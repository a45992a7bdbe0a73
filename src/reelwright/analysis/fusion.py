"""Several rankings made one: reciprocal rank fusion, weighted.

Cormack, Clarke and Büttcher, Reciprocal Rank Fusion outperforms Condorcet and individual Rank
Learning Methods, SIGIR 2009: ranks are added up as ``1 / (k + rank)``, with k = 60; what the legs
measure by need not be comparable.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

K = 60

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Leg(Generic[T]):
    """A ranking: things with the leg's own measure of them, the best first. A thing that comes
    again counts where it comes first."""

    name: str
    weight: float
    ranked: Sequence[tuple[T, float]]


@dataclass(frozen=True, slots=True)
class Share:
    """What a leg adds to a thing's score: ``weight / (60 + rank)``, ranks from 1."""

    leg: str
    rank: int
    value: float
    weight: float
    share: float


@dataclass(frozen=True, slots=True)
class Fused(Generic[T]):
    """`shares`: the largest first."""

    thing: T
    score: float
    shares: tuple[Share, ...]


def fuse(legs: Iterable[Leg[T]]) -> list[Fused[T]]:
    """The best first; of equals the one that an earlier leg has higher up."""
    found: dict[T, list[Share]] = {}
    for leg in legs:
        seen: set[T] = set()
        for thing, value in leg.ranked:
            if thing in seen:
                continue
            seen.add(thing)
            share = leg.weight / (K + len(seen))
            found.setdefault(thing, []).append(Share(leg.name, len(seen), value, leg.weight, share))
    fused = [
        Fused(thing, sum(s.share for s in shares), tuple(sorted(shares, key=lambda s: -s.share)))
        for thing, shares in found.items()
    ]
    return sorted(fused, key=lambda one: -one.score)


def strengths(legs: Iterable[Leg[T]]) -> dict[T, float]:
    """The scores alone."""
    found: dict[T, float] = {}
    for leg in legs:
        ranks = dict.fromkeys(thing for thing, _ in leg.ranked)
        for rank, thing in enumerate(ranks, 1):
            found[thing] = found.get(thing, 0.0) + leg.weight / (K + rank)
    return found
