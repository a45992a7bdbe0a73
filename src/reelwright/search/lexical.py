"""The legs that go by words: candidates by the index, ranked by BM25 over all that is asked.

A word that very many passages have says little and costs most. So candidates are taken by the rare
words, and by all words together; the common ones only decide among them. As the rarest words weigh
most, what is left out in this way would rank low.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from reelwright.analysis.ranking import Group, Ranker, has
from reelwright.search.asked import Asked
from reelwright.store import full_text
from reelwright.store.database import Tx
from reelwright.store.full_text import Candidate, Chosen, Statistics
from reelwright.store.passages import Place

# Each leg gives so many at the most, whatever page is asked for.
DEPTH = 200
# Passages that the database ranks for a look, 15 ms of a core; twice as long where the rest of the
# search is quick, as there are few in all.
RANKED, RANKED_OF_FEW, _NOT_MANY = 8_000, 20_000, 300_000
# Kinds that are few beside the others have a look of their own, else speech would crowd them out.
LOOKS = (("speech", "captions", "body"), ("text",), ("title", "chapter", "description", "frame"))
_LOOKED_AT, _LOOKED_AT_FEW = 500, 250
# A passage with less of what was asked than this part of the best one's is left out.
_COVERED = 0.1
_TITLE_WEIGHT = 1.0
_FEW, _FRESH_S = 20_000, 60.0


@dataclass(frozen=True, slots=True)
class Found:
    """A passage and how well it answers by its words. `is_near`: it has all of them, one after
    another, in some form."""

    place: Place
    score: float
    coverage: float
    is_near: bool = False


class Memory:
    """What a query needs to know of the whole index; of a large one it is asked once a minute."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: tuple[float, Statistics] | None = None
        self._counts: dict[Group, int] = {}

    def statistics(self, tx: Tx) -> Statistics:
        with self._lock:
            known = self._known
        if known is not None and known[1].passages > _FEW and time.monotonic() < known[0]:
            return known[1]
        found = full_text.statistics(tx)
        with self._lock:
            self._known = (time.monotonic() + _FRESH_S, found)
            self._counts = {}
        return found

    def frequency(self, tx: Tx, group: Group) -> int:
        with self._lock:
            known = self._counts.get(group)
        if known is None:
            known = full_text.frequency(tx, group)
            if known:  # what nobody had may come with the next document
                with self._lock:
                    self._counts[group] = known
        return known


def search(
    tx: Tx, asked: Asked, chosen: Chosen, memory: Memory, statistics: Statistics
) -> list[Found]:
    """The best first, at most `DEPTH` of each kind."""
    counted = [(group, memory.frequency(tx, group)) for group in asked.groups]
    there = [(group, count) for group, count in counted if count]
    must = [group for group in asked.must if memory.frequency(tx, group)]
    if not there or len(must) < len(asked.must):
        return []
    there.sort(key=lambda one: one[1])
    ids: set[int] = set()
    most = RANKED_OF_FEW if statistics.passages <= _NOT_MANY else RANKED
    rare = _rare(there, most)
    for kinds in _looks(chosen):
        ids |= _candidates(tx, there, rare, must, replace(chosen, kinds=kinds))
    return _ranked(full_text.candidates(tx, ids), asked, counted, statistics)


def _looks(chosen: Chosen) -> list[tuple[str, ...]]:
    wanted = chosen.kinds
    if wanted is None:
        return list(LOOKS)
    looks = [tuple(kind for kind in kinds if kind in wanted) for kinds in LOOKS]
    return [kinds for kinds in looks if kinds]


def _rare(there: Sequence[tuple[Group, int]], most: int) -> Sequence[tuple[Group, int]]:
    """The first of them, the rarest, that at most so many passages have together."""
    total = 0
    for number, (_, count) in enumerate(there):
        total += count
        if total > most:
            return there[:number]
    return there


def _candidates(
    tx: Tx,
    there: Sequence[tuple[Group, int]],
    rare: Sequence[tuple[Group, int]],
    must: Sequence[Group],
    chosen: Chosen,
) -> set[int]:
    most = _LOOKED_AT if set(chosen.kinds or ()) & set(LOOKS[0]) else _LOOKED_AT_FEW
    if must:
        return set(full_text.with_all(tx, must, chosen, most * 2))
    found: set[int] = set()
    if rare:
        groups, counts = [group for group, _ in rare], [count for _, count in rare]
        found.update(full_text.ranked(tx, groups, counts, chosen, most))
    # Passages with all words; where they are few, with the rarest of them.
    for count in dict.fromkeys((len(there), 3, 2, 1)):
        if len(rare) < count <= len(there) and (count == len(there) or len(found) < DEPTH):
            groups = [group for group, _ in there[:count]]
            found.update(full_text.with_all(tx, groups, chosen, most))
    return found


def _ranked(
    candidates: Sequence[Candidate],
    asked: Asked,
    counted: Sequence[tuple[Group, int]],
    statistics: Statistics,
) -> list[Found]:
    ranker = Ranker(
        [group for group, _ in counted],
        [count for _, count in counted],
        statistics.passages,
        statistics.mean_length,
    )
    found = []
    for candidate in candidates:
        if any(has(candidate.words, group) for group in asked.without):
            continue
        scored = ranker.score(candidate.words, title_weight=_TITLE_WEIGHT)
        if scored.score > 0:
            found.append(
                Found(
                    candidate.place,
                    scored.score,
                    scored.coverage,
                    asked.whole_group is not None and has(candidate.words, asked.whole_group),
                )
            )
    least = _COVERED * max((one.coverage for one in found), default=0.0)
    found = [one for one in found if one.coverage >= least]
    found.sort(key=lambda one: (-one.score, one.place.id))
    taken: dict[str, int] = {}
    return [one for one in found if _count(taken, one.place.kind) <= DEPTH]


def _count(taken: dict[str, int], kind: str) -> int:
    taken[kind] = taken.get(kind, 0) + 1
    return taken[kind]
