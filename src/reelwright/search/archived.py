"""The leg of archived captions: searched where the library keeps them, not copied.

Their index has words as they are, not stems, and gives passages that have all of them. A video
whose captions are indexed as passages is left to those.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from reelwright.analysis.ranking import Group, Ranker
from reelwright.analysis.stemming import stop_words, tokens
from reelwright.search.asked import Asked, says
from reelwright.search.gathering import Item
from reelwright.search.query import Filters, Query
from reelwright.search.unit import Unit
from reelwright.store import captions
from reelwright.store.captions import Found, Term
from reelwright.store.database import Tx
from reelwright.store.tables_library import assets, caption_passages
from reelwright.store.tables_understand import documents, passages

_KIND = "captions"
# All candidates have all words, so only how often and how near the end counts: rare words and
# common ones weigh the same.
_FREQUENCY, _PASSAGES, _WORDS = 1, 100, 60.0


@dataclass(frozen=True, slots=True)
class Caption:
    item: Item
    unit: Unit
    score: float


@dataclass(frozen=True, slots=True)
class Said:
    """`path` is that of the captions' file, relative to the asset's folder."""

    text: str
    language: str | None
    path: str


def search(tx: Tx, query: Query, asked: Asked, owner: str | None) -> list[Caption]:
    """The best first."""
    terms = _terms(query)
    if not terms or not _is_wanted(query.filters) or not any_there(tx):
        return []
    found = captions.candidates(tx, terms, owner=owner)
    if not found:
        return []
    units = _units(tx, {one.passage.asset_id for one in found}, query.filters)
    ranker = _ranker(terms)
    ranked = []
    for one in found:
        unit = units.get(one.passage.asset_id)
        if unit is None or not _holds(one, query):
            continue
        words = " ".join(tokens(one.passage.text))
        ranked.append(Caption(_item(one, unit, asked), unit, ranker.score(words).score))
    return sorted(ranked, key=lambda one: (-one.score, str(one.item.key)))


def any_there(tx: Tx) -> bool:
    return tx.run(sa.select(caption_passages.c.id).limit(1)).first() is not None


def texts(tx: Tx, numbers: Collection[int]) -> dict[int, Said]:
    """Of those that there are."""
    c = caption_passages.c
    query = sa.select(c.id, c.text, c.language, c.path).where(c.id.in_(list(numbers)))
    return {row.id: Said(row.text, row.language, row.path) for row in tx.run(query)}


def _terms(query: Query) -> list[Term]:
    """Phrases, and the words that tell something; all of them have to be there."""
    phrases = [Term(term.text, term.is_prefix) for term in query.phrases]
    words = [Term(term.text, term.is_prefix) for term in query.words if tokens(term.text)]
    telling = [term for term in words if not set(tokens(term.text)) <= stop_words()]
    return phrases + (telling or words)


def _ranker(terms: Sequence[Term]) -> Ranker:
    groups = [Group((" ".join(tokens(term.text)),), term.is_prefix) for term in terms]
    return Ranker(groups, [_FREQUENCY] * len(groups), _PASSAGES, _WORDS)


def _holds(found: Found, query: Query) -> bool:
    language = (found.passage.language or "").lower()
    tags = [tag.lower() for tag in query.filters.languages]
    if tags and not any(language == tag or language.startswith(f"{tag}-") for tag in tags):
        return False
    return not any(says(found.passage.text, term) for term in query.without)


def _item(found: Found, unit: Unit, asked: Asked) -> Item:
    said = found.passage
    whole = asked.whole
    return Item(
        key=(_KIND, found.id),
        unit=unit.name,
        kind=_KIND,
        start_s=said.start_s,
        end_s=said.end_s,
        is_exact=bool(asked.phrases) or (whole is not None and says(said.text, whole)),
    )


def _is_wanted(filters: Filters) -> bool:
    """Captions have no speaker, are no text, and are of assets alone."""
    is_kind = not filters.kinds or _KIND in filters.kinds
    is_source = not filters.sources or "video" in filters.sources
    return is_kind and is_source and not filters.speakers and not filters.documents


def _units(tx: Tx, asset_ids: Collection[str], filters: Filters) -> dict[str, Unit]:
    """The videos that are wanted and whose captions are not passages already."""
    c = assets.c
    indexed = (
        sa.select(passages.c.id)
        .join(documents, documents.c.id == passages.c.document_id)
        .where(documents.c.asset_id == c.id, passages.c.kind == _KIND)
        .exists()
    )
    query = sa.select(c.id, c.title, c.channel, c.duration_s, c.published_at).where(
        c.id.in_(list(asset_ids)), ~indexed
    )
    found = {}
    for row in tx.run(query):
        if _fits(filters, row.id, row.channel, row.published_at, row.duration_s):
            found[row.id] = Unit(
                name=f"asset:{row.id}",
                subject=f"asset:{row.id}",
                source="asset",
                title=row.title,
                asset_id=row.id,
                channel=row.channel,
                duration_s=row.duration_s,
            )
    return found


def _fits(
    filters: Filters,
    asset_id: str,
    channel: str | None,
    published_at: float | None,
    duration_s: float | None,
) -> bool:
    channels = [name.lower() for name in filters.channels]
    return (
        (not filters.assets or asset_id in filters.assets)
        and (not channels or (channel or "").lower() in channels)
        and _within(published_at, filters.after, filters.before, is_open=True)
        and _within(duration_s, filters.min_duration_s, filters.max_duration_s, is_open=False)
    )


def _within(value: float | None, low: float | None, high: float | None, *, is_open: bool) -> bool:
    if low is None and high is None:
        return True
    if value is None or (low is not None and value < low):
        return False
    return high is None or value < high or (not is_open and value == high)
