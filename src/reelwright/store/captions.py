"""Queries over what captions say: passages, and the full-text index beside them.

A word that a third of all passages have is asked for as quickly as a rare one: of many matches only
the newest are looked at. SQLite's index gives them in that order by itself. PostgreSQL's gives all
or none, so the newest passages are read one by one first, and the index is asked where few of them
match, which says that the words are rare.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import sqlalchemy as sa

from reelwright.store.database import Tx
from reelwright.store.dialects import Postgres
from reelwright.store.tables_library import assets, caption_passages

# So many passages are compared with each other for one answer.
CANDIDATES = 200
# PostgreSQL reads so many of the newest ones without its index, 3 ms; where so few match that the
# index has few in all, it is asked; else more of the newest are read.
_WINDOW = 10_000
_FEW = 20
_WIDE = 15
_ROWS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What is said between two times (seconds); `path` is that of its captions' file, relative to
    the asset's folder."""

    asset_id: str
    path: str
    language: str | None
    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that has every term; `id` grows with the time of its entering."""

    id: int
    passage: Passage


@dataclass(frozen=True, slots=True)
class Term:
    """Words that follow each other; with `is_prefix` the last may be the beginning of a word."""

    text: str
    is_prefix: bool = False


_FIELDS = ("asset_id", "path", "language", "start_s", "end_s", "text")
_PASSAGE = (caption_passages.c.id, *(caption_passages.c[name] for name in _FIELDS))
# FTS5's table numbers its rows itself, PostgreSQL's has the ids of the passages.
_index = sa.table(
    "caption_index", sa.column("id", sa.BigInteger), sa.column("rowid", sa.BigInteger)
)

_Condition: TypeAlias = sa.ColumnElement[bool] | sa.TextClause


def replace(tx: Tx, asset_id: str, paths: Collection[str], passages: Sequence[Passage]) -> None:
    """What the files `paths` of the asset say now is `passages`."""
    if paths:
        where = (caption_passages.c.asset_id == asset_id, caption_passages.c.path.in_(list(paths)))
        tx.run(sa.delete(caption_passages).where(*where))
    rows = [{name: getattr(passage, name) for name in _FIELDS} for passage in passages]
    for start in range(0, len(rows), _ROWS):
        tx.run(sa.insert(caption_passages), rows[start : start + _ROWS])


def of_asset(tx: Tx, asset_id: str) -> list[Passage]:
    """In the order of their files and times."""
    c = caption_passages.c
    query = sa.select(*_PASSAGE[1:]).where(c.asset_id == asset_id)
    return [_passage(row) for row in tx.run(query.order_by(c.path, c.start_s, c.id))]


def candidates(
    tx: Tx,
    terms: Sequence[Term],
    *,
    owner: str | None = None,
    language: str | None = None,
    asset_id: str | None = None,
    limit: int = CANDIDATES,
) -> list[Found]:
    """Passages with all `terms`, the newest first, at most `limit`; nothing for no terms. First in
    its transaction, which is a read."""
    if not terms:
        return []
    chosen: list[_Condition] = []
    if owner is not None:
        own = sa.select(assets.c.id).where(assets.c.owner == owner)
        chosen.append(own.where(assets.c.id == caption_passages.c.asset_id).exists())
    if language is not None:
        chosen.append(caption_passages.c.language == language)
    if asset_id is not None:
        chosen.append(caption_passages.c.asset_id == asset_id)
    if isinstance(tx.dialect, Postgres):
        return _from_postgres(tx, terms, chosen, limit)
    match = sa.text("caption_index MATCH :match").bindparams(
        match=" AND ".join(_quoted(term) for term in terms)
    )
    return _found(tx, _index.c.rowid, [match, *chosen], limit)


def _quoted(term: Term) -> str:
    """As a string of FTS5, which makes its own words of it: nothing in it is an operator."""
    text = term.text.replace("\0", " ").replace('"', " ")
    return f'"{text}"*' if term.is_prefix else f'"{text}"'


def _from_postgres(
    tx: Tx, terms: Sequence[Term], chosen: Sequence[_Condition], limit: int
) -> list[Found]:
    tx.dialect.steady(tx.connection)  # what is switched off is so until the end of it
    asked = _tsquery(tx, terms)
    newest = tx.run(sa.select(sa.func.max(_index.c.id))).scalar_one()
    if not asked or newest is None:
        return []
    match = sa.text("caption_index.words @@ CAST(:match AS tsquery)").bindparams(match=asked)
    # The index of words is read through a bitmap only: without bitmaps the ids are followed.
    with _without(tx, "bitmapscan"):
        for width in (_WINDOW, _WINDOW * _WIDE):
            recent = _index.c.id > newest - width
            found = _found(tx, _index.c.id, [match, recent, *chosen], limit)
            if len(found) == limit or newest <= width:
                return found
            if len(found) < _FEW:
                break
        else:
            return found
    # By itself the planner may follow the ids here, too, and meet every passage.
    matching = sa.select(_index.c.id).where(match).cte("matching").prefix_with("MATERIALIZED")
    with _without(tx, "seqscan"):
        return _found(tx, matching.c.id, chosen, limit)


@contextmanager
def _without(tx: Tx, way: str) -> Iterator[None]:
    """The planner knows little of how common a word is: it may read all passages to join a few."""
    ways = (way, "mergejoin", "hashjoin")
    _switch(tx, ways, "off")
    yield
    _switch(tx, ways, "on")


def _switch(tx: Tx, ways: Sequence[str], value: str) -> None:
    tx.run(sa.select(*(sa.func.set_config(f"enable_{way}", value, True) for way in ways)))


def _tsquery(tx: Tx, terms: Sequence[Term]) -> str:
    """In PostgreSQL's words, which folds and parses them as it did the captions."""
    ask = sa.text("SELECT CAST(phraseto_tsquery('simple', caption_fold(:text)) AS text)")
    parts: list[str] = []
    for term in terms:
        part = str(tx.run(ask, {"text": term.text.replace("\0", " ")}).scalar_one())
        if part:
            parts.append(f"{part}:*" if term.is_prefix else part)
    return " & ".join(f"({part})" for part in parts)


def _found(tx: Tx, key: Any, where: Sequence[_Condition], limit: int) -> list[Found]:
    # Passages alone: the rows of assets are large, and only those that are shown are wanted.
    query = (
        sa.select(*_PASSAGE)
        .select_from(key.table.join(caption_passages, caption_passages.c.id == key))
        .where(*where)
        .order_by(key.desc())
        .limit(limit)
    )
    return [Found(row[0], _passage(row[1:])) for row in tx.run(query)]


def _passage(row: Sequence[Any]) -> Passage:
    return Passage(**dict(zip(_FIELDS, row, strict=True)))
