"""Search in what captions say: every word has to be there, the best passages come first."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError
from reelwright.store import assets, captions
from reelwright.store.captions import Found, Term

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.assets import AssetRow

_TERM = re.compile(r'"([^"]*)"?|(\S+)')
_WORD = re.compile(r"\w+")
_MOST_TERMS = 32
_SNIPPET_WORDS = 24
# BM25's usual ones: how soon a repeated word counts no more, and how much length matters.
_K, _B = 1.2, 0.6
# Words that stand together are worth about two that do not.
_TOGETHER = 1.0


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage, from `start_s` to `end_s` seconds of the asset's video. `snippet` is of its text,
    with what was looked for between ``[`` and ``]``; `score` compares hits of one search."""

    asset: AssetRow
    path: str
    language: str | None
    start_s: float
    end_s: float
    snippet: str
    text: str
    score: float

    def to_json(self) -> dict[str, Any]:
        return {
            "asset": self.asset.id,
            "title": self.asset.title,
            "channel": self.asset.channel,
            "url": self.asset.url,
            "published_at": self.asset.published_at,
            "captions": self.path,
            "language": self.language,
            "start_s": self.start_s,
            "end_s": self.end_s,
            "snippet": self.snippet,
            "text": self.text,
            "score": round(self.score, 4),
        }


def search(
    app: App,
    words: str,
    *,
    owner: str | None = None,
    language: str | None = None,
    asset_id: str | None = None,
    limit: int = 20,
) -> list[Hit]:
    """`words`: all of them are in a passage; "some words" in quotes stand together, and a word may
    be begun only: ``transl*``. Where very many passages match, the newest are compared.

    Raises USAGE where there is no word.
    """
    terms = read_terms(words)
    with app.store.read() as tx:
        found = captions.candidates(tx, terms, owner=owner, language=language, asset_id=asset_id)
        ranked = list(_ranked(terms, found))[:limit]
        of = {one.passage.asset_id: None for _, one in ranked}
        rows = {asset_id: assets.get(tx, asset_id) for asset_id in of}
    return [
        Hit(
            asset=rows[one.passage.asset_id],
            path=one.passage.path,
            language=one.passage.language,
            start_s=one.passage.start_s,
            end_s=one.passage.end_s,
            snippet=snippet(one.passage.text, terms),
            text=one.passage.text,
            score=score,
        )
        for score, one in ranked
    ]


def read_terms(words: str) -> list[Term]:
    """Raises USAGE where there is no word, or there are too many."""
    found: list[Term] = []
    for quoted, bare in _TERM.findall(words):
        text = quoted or bare
        is_prefix = not quoted and text.endswith("*")
        if _WORD.search(text):
            found.append(Term(text.rstrip("*"), is_prefix))
    if not found or len(found) > _MOST_TERMS:
        said = "there is no word to look for" if not found else f"{len(found)} words are too many"
        hint = 'write words, "words that stand together", or the beginning of one: transl*'
        raise ReelError(Code.USAGE, said, where="words", hint=hint)
    return found


def _ranked(terms: Sequence[Term], found: Sequence[Found]) -> Iterator[tuple[float, Found]]:
    """The best first; of equals the newest."""
    lengths = [len(one.passage.text) for one in found]
    average = sum(lengths) / len(lengths) if lengths else 1.0
    patterns = [_pattern(term) for term in terms]
    near = _pattern(Term(" ".join(term.text for term in terms))) if len(terms) > 1 else None
    scored = [(_score(patterns, near, one.passage.text, average), one) for one in found]
    yield from sorted(scored, key=lambda pair: (-pair[0], -pair[1].id))


def _score(
    patterns: Sequence[re.Pattern[str]], near: re.Pattern[str] | None, text: str, average: float
) -> float:
    folded = _fold(text)
    weight = _K * (1 - _B + _B * len(text) / average)
    score = 0.0
    for pattern in patterns:
        count = sum(1 for _ in pattern.finditer(folded))
        score += count * (_K + 1) / (count + weight)
    return score + (_TOGETHER if near is not None and near.search(folded) else 0.0)


def snippet(text: str, terms: Sequence[Term]) -> str:
    """About two dozen words around the first that was looked for."""
    words = list(re.finditer(r"\S+", text))
    patterns = [_pattern(term) for term in terms]
    spans = sorted(span for pattern in patterns for span in _spans(pattern, text))
    first = next((n for n, w in enumerate(words) if spans and w.end() > spans[0][0]), 0)
    begin = max(0, min(first - _SNIPPET_WORDS // 3, len(words) - _SNIPPET_WORDS))
    shown = words[begin : begin + _SNIPPET_WORDS]
    if not shown:
        return ""
    start, end = shown[0].start(), shown[-1].end()
    out, at = ["… "] if begin else [], start
    for left, right in spans:
        if left >= at and right <= end:
            out += [text[at:left], "[", text[left:right], "]"]
            at = right
    return "".join([*out, text[at:end], " …" if end < len(text.rstrip()) else ""])


def _pattern(term: Term) -> re.Pattern[str]:
    """Finds the term in a folded text, whatever stands between its words."""
    words = _WORD.findall(_fold(term.text).replace("_", " "))
    last = r"\w*" if term.is_prefix else ""
    return re.compile(r"(?<!\w)" + r"[\W_]+".join(map(re.escape, words)) + last + r"(?!\w)")


def _spans(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, int]]:
    """Where it is in the text itself: folding may have changed lengths before it."""
    places: list[int] = []
    folded: list[str] = []
    for at, character in enumerate(text):
        part = _fold(character)
        folded.append(part)
        places += [at] * len(part)
    places.append(len(text))
    for found in pattern.finditer("".join(folded)):
        if found.end() > found.start():
            yield places[found.start()], places[found.end() - 1] + 1


def _fold(text: str) -> str:
    """Without case and marks, as the index has it."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in plain if unicodedata.category(c) != "Mn")
