"""Summaries without a model: which passages are central, where the topic changes, what to call it.

- Central: LexRank in its continuous form (Erkan and Radev 2004): PageRank on the cosines of tf-idf
  vectors; then maximal marginal relevance (Carbonell and Goldstein 1998), so that nothing is said
  twice.
- Topics: the most probable division of the text (Utiyama and Isahara 2001): each topic has a
  distribution of words of its own, and each further topic must earn its place. On joined guides of
  this project it found 84 % of the seams within two sentences; TextTiling (Hearst 1997) found 62 %.
"""

from __future__ import annotations

import itertools
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reelwright.analysis.plain_words import STOP_WORDS, folded, words_of

Rows = NDArray[np.float32]

_COLUMNS = 1024
_DAMPING = 0.85
_ROUNDS = 60
# How much worse a passage is for being like one that was taken already.
_REDUNDANCY = 0.6
# Fewer terms say little, whatever they say.
_FULL_TERMS = 6
# What a further topic costs, in logarithms of the number of terms: 1 is the published prior, which
# divides twice as often as people do.
_PRIOR = 2.0
_MOST_TOPICS = 40
# More passages than these are joined with their neighbours first: the work grows with the square.
_MOST_UNITS = 800
_LONGEST_PHRASE = 3
_RUN = re.compile(r"\w[\w'’-]*|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Passage:
    """Something that was said, shown or written from `start_s` up to `end_s` seconds."""

    start_s: float
    end_s: float
    text: str


def terms_of(text: str) -> list[str]:
    """What a text is about, word by word: no stop words, plurals as singulars."""
    found = (w for w in words_of(text) if w not in STOP_WORDS and len(w) > 1)
    return [w[:-1] if len(w) > 4 and w.endswith("s") and not w.endswith("ss") else w for w in found]


def vectors(texts: Sequence[str]) -> tuple[Rows, NDArray[np.int64]]:
    """tf-idf rows of length 1 (0 where a text has no terms), and the number of terms of each."""
    bags = [Counter(terms_of(text)) for text in texts]
    seen = Counter(term for bag in bags for term in bag)
    rows = np.zeros((len(texts), _COLUMNS), np.float32)
    for row, bag in zip(rows, bags, strict=True):
        for term, count in bag.items():
            weight = np.log1p(len(texts) / seen[term])
            row[zlib.crc32(term.encode()) % _COLUMNS] += (1 + np.log(count)) * weight
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rows /= np.where(lengths > 0, lengths, 1)
    return rows, np.array([sum(bag.values()) for bag in bags], np.int64)


def ranks(rows: Rows) -> NDArray[np.float64]:
    """LexRank of each row, 0 for empty ones; they sum up to 1 (or are all 0).

    The matrix of cosines is never made: its product with a vector is two products with `rows`.
    """
    count = len(rows)
    wide = rows.astype(np.float64)
    own = (wide * wide).sum(axis=1)  # a passage does not vote for itself
    full = own > 0
    if not full.any():
        return np.zeros(count)
    degree = wide @ wide.sum(axis=0) - own
    share = np.where(degree > 0, 1 / np.where(degree > 0, degree, 1), 0)
    rank = full / full.sum()
    for _ in range(_ROUNDS):
        given = rank * share
        voted = wide @ (wide.T @ given) - own * given
        lost = 1 - voted.sum()  # of those that are like no other
        after = _DAMPING * (voted + lost * full / full.sum()) + (1 - _DAMPING) * full / full.sum()
        if np.abs(after - rank).sum() < 1e-9:
            break
        rank = after
    return np.asarray(rank / rank.sum(), np.float64)


def central(texts: Sequence[str], count: int) -> list[int]:
    """Up to `count` indices of `texts`, the most central first, none that repeats another."""
    rows, terms = vectors(texts)
    score = ranks(rows) * np.minimum(1, terms / _FULL_TERMS)
    top = score.max(initial=0.0)
    if top <= 0:
        return []
    score = score / top
    chosen: list[int] = []
    alike = np.zeros(len(texts), np.float32)
    while len(chosen) < count:
        left = np.where(score > 0, score - _REDUNDANCY * alike, -np.inf)
        left[chosen] = -np.inf
        left[alike > 0.9] = -np.inf
        best = int(left.argmax())
        if not np.isfinite(left[best]):
            break
        chosen.append(best)
        alike = np.maximum(alike, rows @ rows[best])
    return chosen


def topics(texts: Sequence[str], fewest: int = 1) -> list[int]:
    """Indices of the passages (in order) with which topics begin, from 0 on: as many as the words
    tell apart, but at least `fewest` where there are so many passages. Empty for no text."""
    if not texts:
        return []
    units = _units(texts)
    costs, terms = _costs([texts[a:b] for a, b in units])
    prior = _PRIOR * float(np.log(max(terms, 2)))
    found = _cheapest(costs, prior)
    while len(found) > _MOST_TOPICS:
        prior *= 1.5
        found = _cheapest(costs, prior)
    if len(found) < min(fewest, len(units)):
        found = _into(costs, min(fewest, len(units)))
    return [units[at][0] for at in found]


def _units(texts: Sequence[str]) -> list[tuple[int, int]]:
    count = min(len(texts), _MOST_UNITS)
    edges = [n * len(texts) // count for n in range(count + 1)]
    return list(itertools.pairwise(edges))


def _costs(units: Sequence[Sequence[str]]) -> tuple[NDArray[np.float64], int]:
    """``costs[i, j]``: minus the log probability of the words of units i to j - 1 as one topic,
    with Laplace's smoothing; and the number of words. What is in one unit alone tells nothing."""
    bags = [Counter(term for text in unit for term in terms_of(text)) for unit in units]
    seen = Counter(term for bag in bags for term in bag)
    bags = [Counter({t: n for t, n in bag.items() if seen[t] > 1}) for bag in bags]
    column = {term: n for n, term in enumerate(sorted({t for bag in bags for t in bag}))}
    count, wide = len(units), max(1, len(column))
    so_far = np.zeros((count, wide), np.int32)  # counts from unit i up to here
    gain, words = np.zeros(count), np.zeros(count)
    costs = np.full((count, count + 1), np.inf)
    for last, bag in enumerate(bags):
        rows = slice(0, last + 1)
        for term, n in bag.items():
            old = so_far[rows, column[term]].astype(np.float64)
            gain[rows] += (old + n) * np.log(old + n + 1) - old * np.log(old + 1)
            so_far[rows, column[term]] += n
        words[rows] += sum(bag.values())
        costs[rows, last + 1] = words[rows] * np.log(words[rows] + wide) - gain[rows]
    return costs, sum(seen.values())


def _cheapest(costs: NDArray[np.float64], prior: float) -> list[int]:
    """Where the parts of the cheapest division begin, when each costs `prior` more."""
    count = len(costs)
    best = np.full(count + 1, np.inf)
    best[0] = 0.0
    begin = [0] * (count + 1)
    for end in range(1, count + 1):
        whole = best[:end] + costs[:end, end] + prior
        begin[end] = int(whole.argmin())
        best[end] = whole[begin[end]]
    found, at = [], count
    while at > 0:
        at = begin[at]
        found.append(at)
    return found[::-1]


def _into(costs: NDArray[np.float64], parts: int) -> list[int]:
    """Where the parts of the cheapest division into just so many begin."""
    count = len(costs)
    best = np.full(count + 1, np.inf)
    best[0] = 0.0
    begins: list[NDArray[np.int64]] = []
    for _ in range(parts):
        whole = best[:count, None] + costs
        begins.append(whole.argmin(axis=0))
        best = whole.min(axis=0)
    found, at = [], count
    for begin in reversed(begins):
        at = int(begin[at])
        found.append(at)
    return found[::-1]


def name(texts: Iterable[str], others: Iterable[str] = (), phrases: int = 2) -> str:
    """What `texts` are about and `others` are not, in up to `phrases` phrases: a title of sorts.
    Empty where there is nothing to take it from."""
    spoken: dict[tuple[str, ...], str] = {}
    count: Counter[tuple[str, ...]] = Counter()
    for text in texts:
        for phrase, shown in _phrases(text):
            count[phrase] += 1
            spoken.setdefault(phrase, shown)
    words: Counter[str] = Counter()
    for phrase, n in count.items():
        words.update(dict.fromkeys(phrase, n))
    outside = Counter(term for text in others for term in terms_of(text))
    score = {
        phrase: n * sum(words[w] / (1 + outside[w]) for w in phrase) / len(phrase) ** 0.3
        for phrase, n in count.items()
    }
    chosen: list[tuple[str, ...]] = []
    for phrase in sorted(score, key=lambda p: (-score[p], p)):
        if len(chosen) == phrases:
            break
        if not any(set(phrase) & set(other) for other in chosen):
            chosen.append(phrase)
    title = ", ".join(spoken[phrase] for phrase in chosen)
    return title[:1].upper() + title[1:]


def _phrases(text: str) -> Iterable[tuple[tuple[str, ...], str]]:
    """Runs of up to three words without stop words or marks between: as terms, and as written."""
    run: list[tuple[str, str]] = []
    for shown in [*_RUN.findall(text), "."]:
        terms = terms_of(shown) if folded(shown) not in STOP_WORDS else []
        if len(terms) == 1 and not terms[0].isdigit():
            run.append((terms[0], shown))
            continue
        for size in range(1, _LONGEST_PHRASE + 1):
            for at in range(len(run) - size + 1):
                part = run[at : at + size]
                yield tuple(term for term, _ in part), " ".join(one for _, one in part)
        run = []
