"""BM25: how much a passage has of what is asked, rare words before common ones.

Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009; the inverse
document frequency is Lucene's, which is never negative.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

K1, B = 1.2, 0.75


@dataclass(frozen=True, slots=True)
class Group:
    """One thing that is asked, in any of its forms: stems, or several that follow each other,
    parted by spaces. `is_prefix`: the last stem is the beginning of one."""

    any_of: tuple[str, ...]
    is_prefix: bool = False


@dataclass(frozen=True, slots=True)
class Scored:
    """`score` by BM25; `coverage` is the share of the asked weight that is there at all, 0 to 1."""

    score: float
    coverage: float


class Ranker:
    """Scores passages by `groups`, of which ``frequencies[n]`` of all `passages` have the nth;
    `mean_length` in words."""

    def __init__(
        self,
        groups: Sequence[Group],
        frequencies: Sequence[int],
        passages: int,
        mean_length: float,
    ) -> None:
        self._groups = groups
        self._weights = [idf(count, passages) for count in frequencies]
        self._total = sum(self._weights) or 1.0
        self._mean = max(1.0, mean_length)

    def score(self, words: str, *, title_weight: float = 1.0) -> Scored:
        """`words`: stems parted by spaces; those of a title on a second line, which count
        `title_weight` times."""
        body, _, title = words.partition("\n")
        body_counts, title_counts = _counts(self._groups, body), _counts(self._groups, title)
        length = body.count(" ") + 1 + title_weight * (title.count(" ") + 1 if title else 0)
        norm = K1 * (1 - B + B * length / self._mean)
        score = covered = 0.0
        for weight, here, above in zip(self._weights, body_counts, title_counts, strict=True):
            count = here + title_weight * above
            if count:
                covered += weight
                score += weight * count * (K1 + 1) / (count + norm)
        return Scored(score, covered / self._total)


def idf(frequency: int, passages: int) -> float:
    """How much a word tells that `frequency` of so many passages have."""
    frequency = min(frequency, passages)
    return math.log(1 + (passages - frequency + 0.5) / (frequency + 0.5))


def has(words: str, group: Group) -> bool:
    """Whether what is asked is there, in body or title."""
    return any(_counts([group], line)[0] for line in words.split("\n"))


def _counts(groups: Sequence[Group], line: str) -> list[int]:
    if not line:
        return [0] * len(groups)
    counts = Counter(line.split(" "))
    padded = f" {line} "
    return [
        sum(_count(form, group.is_prefix, counts, padded) for form in group.any_of)
        for group in groups
    ]


def _count(form: str, is_prefix: bool, counts: Counter[str], padded: str) -> int:
    if " " in form:
        return padded.count(f" {form}" if is_prefix else f" {form} ")
    if is_prefix:
        return sum(number for word, number in counts.items() if word.startswith(form))
    return counts[form]
