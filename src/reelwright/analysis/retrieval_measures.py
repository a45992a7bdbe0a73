"""How well a ranking answers a query whose answers are known: nDCG, recall, MRR, temporal IoU.

nDCG is that of Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", ACM
TOIS 20(4), 2002, with the discount log2(rank + 1) and the grade itself as gain, as trec_eval has
it. MRR is of Voorhees, TREC-8 (1999). Temporal IoU is what moment retrieval measures by
(Gao et al., "TALL", ICCV 2017). Intervals are percentiles of bootstrap samples over queries (Efron
1979; for rankings Sakai, SIGIR 2006), differences of two rankings are sampled in pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2
from statistics import fmean

import numpy as np

_SAMPLES = 2000
_SEED = 20_020_401  # any; the same one, so that the same ranking has the same interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A place in a subject (a video or a document), seconds; without times it is all of it."""

    subject: str
    start_s: float | None = None
    end_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Relevant:
    """What answers a query, and how well: `grade` above 0, 1 where all answers are alike."""

    span: Span
    grade: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean over `count` queries, and where 95 of 100 samples of them have it."""

    mean: float
    low: float
    high: float
    count: int

    def to_json(self) -> dict[str, float | int]:
        return {
            "mean": round(self.mean, 4),
            "low": round(self.low, 4),
            "high": round(self.high, 4),
            "queries": self.count,
        }


def overlap(one: Span, other: Span) -> float:
    """Intersection over union of their times, 0 to 1. Two subjects have nothing in common; a span
    without times is all of its subject, so whatever lies in it overlaps wholly."""
    if one.subject != other.subject:
        return 0.0
    if None in (one.start_s, one.end_s, other.start_s, other.end_s):
        return 1.0
    left, right = _times(one), _times(other)
    both = min(left[1], right[1]) - max(left[0], right[0])
    union = max(left[1], right[1]) - min(left[0], right[0])
    if union <= 0:
        return 1.0  # the same instant
    return max(both, 0.0) / union


def _times(span: Span) -> tuple[float, float]:
    return span.start_s or 0.0, span.end_s or 0.0


def met(
    hits: Sequence[Span], relevant: Sequence[Relevant], *, least_iou: float = 0.0
) -> list[int | None]:
    """For each hit which of `relevant` it is (an index), or None. Each counts once: for the first
    hit that meets it. A hit meets what it overlaps, by `least_iou` at the least; of several the
    one of the highest grade, then of the largest overlap."""
    free = set(range(len(relevant)))
    found: list[int | None] = []
    for hit in hits:
        scored = [
            (relevant[at].grade, iou, -at)
            for at in free
            if (iou := overlap(hit, relevant[at].span)) > 0 and iou >= least_iou
        ]
        best = -max(scored)[2] if scored else None
        found.append(best)
        free.discard(-1 if best is None else best)
    return found


def ndcg(matched: Sequence[int | None], relevant: Sequence[Relevant], k: int) -> float:
    """Of the first `k` hits, 0 to 1; `matched` is of `met`. 1 is the ideal order."""
    gains = [0.0 if at is None else relevant[at].grade for at in matched[:k]]
    ideal = sorted((one.grade for one in relevant), reverse=True)[:k]
    best = _gained(ideal)
    return _gained(gains) / best if best else 0.0


def _gained(gains: Sequence[float]) -> float:
    return sum(gain / log2(rank + 2) for rank, gain in enumerate(gains))


def recall(matched: Sequence[int | None], relevant: Sequence[Relevant], k: int) -> float:
    """The share of what is relevant that is among the first `k` hits."""
    return sum(at is not None for at in matched[:k]) / len(relevant) if relevant else 0.0


def reciprocal_rank(matched: Sequence[int | None]) -> float:
    """1 / the rank of the first hit that is relevant; 0: there is none."""
    return next((1 / rank for rank, at in enumerate(matched, 1) if at is not None), 0.0)


def temporal_iou(hits: Sequence[Span], relevant: Sequence[Relevant], k: int) -> float | None:
    """The mean over relevant moments of the best overlap that one of the first `k` hits has with
    it. None where nothing relevant has times."""
    timed = [one.span for one in relevant if one.span.start_s is not None]
    if not timed:
        return None
    return fmean(max((_timed(hit, span) for hit in hits[:k]), default=0.0) for span in timed)


def _timed(hit: Span, span: Span) -> float:
    return 0.0 if hit.start_s is None else overlap(hit, span)


def measures(
    hits: Sequence[Span],
    relevant: Sequence[Relevant],
    *,
    cutoffs: Sequence[int] = (1, 5, 10),
    least_iou: float = 0.0,
) -> dict[str, float]:
    """Of one query: ``ndcg@10``, ``recall@K`` for each of `cutoffs`, ``mrr`` and, where moments are
    known, ``temporal_iou``. `hits` are in the order of their rank."""
    matched = met(hits, relevant, least_iou=least_iou)
    found = {"ndcg@10": ndcg(matched, relevant, 10), "mrr": reciprocal_rank(matched)}
    found |= {f"recall@{k}": recall(matched, relevant, k) for k in cutoffs}
    iou = temporal_iou(hits, relevant, 10)
    return found if iou is None else {**found, "temporal_iou": iou}


def mean_of(values: Sequence[float], *, samples: int = _SAMPLES) -> Interval:
    """The mean of what each query has, with its 95 % interval. Raises ValueError for none."""
    if not values:
        raise ValueError("there is no query to take a mean of")
    given = np.asarray(values, dtype=np.float64)
    chosen = np.random.default_rng(_SEED).integers(0, len(given), (samples, len(given)))
    low, high = np.percentile(given[chosen].mean(axis=1), [2.5, 97.5])
    return Interval(mean=float(given.mean()), low=float(low), high=float(high), count=len(given))


def summary(queries: Sequence[Mapping[str, float]]) -> dict[str, Interval]:
    """By measure, over the queries that have it."""
    names = dict.fromkeys(name for one in queries for name in one)
    return {name: mean_of([one[name] for one in queries if name in one]) for name in names}


def difference(
    new: Mapping[str, Mapping[str, float]], old: Mapping[str, Mapping[str, float]]
) -> dict[str, Interval]:
    """How much better `new` is than `old`, by measure, over the queries that both have (their
    names are the keys). An interval that does not hold 0 is more than chance."""
    both = [name for name in new if name in old]
    changes = [
        {measure: new[q][measure] - old[q][measure] for measure in new[q] if measure in old[q]}
        for q in both
    ]
    return summary(changes)
