"""An answer without a language model: the sentences of the evidence that fit the question best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from reelwright.analysis.citations import Citation, Evidence, Sentence, pieces_of
from reelwright.analysis.plain_words import Words, content_words, words_of

# What a sentence must have of the question's words (weighted by how rare they are), or how near
# its meaning must be (a cosine), to be an answer at all. MiniLM's cosine of a question and an
# unrelated sentence is rarely above 0.3.
_LEAST_WORDS = 0.4
_LEAST_NEAR = 0.45
# A sentence this much worse than the best adds little.
_LEAST_OF_BEST = 0.7
# What is said in one sentence already is not said again.
_ALIKE = 0.7
_RANK_BONUS = 0.1
# A row of a table is hard to read alone.
_ROW = 0.75
_SHORTEST_WORDS = 4


@dataclass(frozen=True, slots=True)
class Candidate:
    """A part of the evidence that could be said."""

    text: str
    evidence: Evidence


def candidates(evidence: Sequence[Evidence]) -> list[Candidate]:
    """In the order of the evidence; none twice, none that is a heading's word or two."""
    found: dict[tuple[str, ...], Candidate] = {}
    for one in evidence:
        for piece in pieces_of(one.text):
            words = tuple(words_of(piece))
            if len(words) >= _SHORTEST_WORDS and not piece.rstrip().endswith("?"):
                found.setdefault(words, Candidate(piece, one))
    return list(found.values())


def best(
    question: str,
    given: Sequence[Candidate],
    near: Sequence[float] | None = None,
    *,
    most: int = 3,
) -> list[Sentence]:
    """Up to `most` of them, the best first, each with its citation; none where nothing fits.

    `near`: of each candidate the cosine of its meaning and the question's; None: nobody knows.
    """
    asked = content_words(question)
    bags = [Words.of(one.text) for one in given]
    weights = {word: _rarity(word, bags) for word in asked}
    whole = sum(weights.values()) or 1.0
    scored = []
    for n, (one, bag) in enumerate(zip(given, bags, strict=True)):
        share = sum(weights[word] for word in asked.shared(bag)) / whole if len(asked) else 0.0
        cosine = near[n] if near is not None else 0.0
        if share >= _LEAST_WORDS or cosine >= _LEAST_NEAR:
            score = share + max(cosine, 0.0) + _RANK_BONUS / one.evidence.number
            scored.append((score * (_ROW if one.text.startswith("|") else 1.0), -n))
    scored.sort(reverse=True)
    chosen: list[int] = []
    for score, at in scored:
        is_new = all(_alike(bags[-at], bags[other]) < _ALIKE for other in chosen)
        if is_new and len(chosen) < most and score >= _LEAST_OF_BEST * scored[0][0]:
            chosen.append(-at)
    return [_said(given[n]) for n in chosen]


def _rarity(word: str, bags: Sequence[Words]) -> float:
    """A word that all have tells nothing; one that none has must be missed all the same."""
    return log(1 + len(bags) / (1 + sum(bag.has(word) for bag in bags)))


def _alike(one: Words, other: Words) -> float:
    shorter, longer = sorted((one, other), key=len)
    return len(shorter.shared(longer)) / max(len(shorter), 1)


def _said(one: Candidate) -> Sentence:
    text = " ".join(one.text.split())
    return Sentence(text=text, citations=(Citation(evidence=one.evidence, quote=one.text),))
