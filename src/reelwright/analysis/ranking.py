"""BM25: how much a passage has of what is asked, rare words before common ones.

Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009; the inverse
document frequency is Lucene's, which is never negative.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

K1, B = 1.2, 0.75

_Sought: TypeAlias = tuple[str, ...]  # the forms of a group, as `_spaced` texts have them


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
        self._groups = [_sought(group) for group in groups]
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
    sought = _sought(group)
    return any(_count(_spaced(line), sought) for line in words.split("\n"))


def _counts(groups: Sequence[_Sought], line: str) -> list[int]:
    if not line:
        return [0] * len(groups)
    spaced = _spaced(line)
    return [_count(spaced, group) for group in groups]


def _count(spaced: str, forms: _Sought) -> int:
    return sum(spaced.count(form) for form in forms if form in spaced)


def _spaced(line: str) -> str:
    """With two spaces between words, so that each has one to itself on either side: counting in a
    text is quicker than counting words."""
    return f" {line.replace(' ', '  ')} "


def _sought(group: Group) -> _Sought:
    end = "" if group.is_prefix else " "
    return tuple(f" {form.replace(' ', '  ')}{end}" for form in group.any_of)
