"""Queries over the words of passages: which have them, and how many.

Both databases hold the same stems (`analysis.stemming`), so both give the same passages; how well
each answers is decided outside, from its words.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from reelwright.analysis.ranking import Group, idf
from reelwright.store.database import Tx
from reelwright.store.dialects import Postgres
from reelwright.store.passages import Place
from reelwright.store.tables_understand import documents, passages

# PostgreSQL counts no further than this: a word that so many passages have is common.
COUNTED = 50_000
_ROWS = 500


@dataclass(frozen=True, slots=True)
class Statistics:
    """`mean_length` in words. `stemmers`: what made the words, the most used first."""

    passages: int
    mean_length: float
    stemmers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage that has some of the words; `place` and `words` as in `passages`."""

    place: Place
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which passages count: of one of `kinds` (None: any), with all `where`, conditions on
    `passages` and, with `on_documents`, on `documents`."""

    kinds: tuple[str, ...] | None = None
    where: tuple[sa.ColumnElement[bool], ...] = ()
    on_documents: tuple[sa.ColumnElement[bool], ...] = ()

    @property
    def is_any(self) -> bool:
        return self.kinds is None and not self.where and not self.on_documents


_index = sa.table(
    "passage_index",
    sa.column("id", sa.BigInteger),
    sa.column("rowid", sa.BigInteger),
    sa.column("words", postgresql.TSVECTOR),
)


def statistics(tx: Tx) -> Statistics:
    """Of all passages with words."""
    c = passages.c
    query = (
        sa.select(c.stemmer, sa.func.count(), sa.func.sum(c.length))
        .where(c.length > 0)
        .group_by(c.stemmer)
        .order_by(sa.func.count().desc(), c.stemmer)
    )
    found = [(str(stemmer), int(n), int(words)) for stemmer, n, words in tx.run(query)]
    total = sum(n for _, n, _ in found)
    mean = sum(words for _, _, words in found) / total if total else 0.0
    return Statistics(total, mean, tuple(stemmer for stemmer, _, _ in found))


def frequency(tx: Tx, group: Group) -> int:
    """How many passages have it, about: of several forms, or of words that follow each other, an
    upper bound."""
    total = 0
    for form in group.any_of:
        counts = [_of_stem(tx, stem) for stem in form.split(" ")]
        if group.is_prefix and " " not in form:
            total += _of_prefix(tx, form)
        elif counts:
            total += min(counts)
    return total


def ranked(
    tx: Tx, groups: Sequence[Group], frequencies: Sequence[int], chosen: Chosen, limit: int
) -> list[int]:
    """Passages with any of the groups, those that have most of them first. It looks at each."""
    if isinstance(tx.dialect, Postgres):
        return _ranked_in_postgres(tx, groups, frequencies, chosen, limit)
    match = " OR ".join(_fts(group) for group in groups)
    return _in_sqlite(tx, match, chosen, limit, sa.literal_column("passage_index.rank"))


def with_all(tx: Tx, groups: Sequence[Group], chosen: Chosen, limit: int) -> list[int]:
    """Passages that have every group, the newest first."""
    if isinstance(tx.dialect, Postgres):
        match = " & ".join(_tsquery(group) for group in groups)
        return _in_postgres(tx, match, chosen, limit, _index.c.id.desc())
    match = " AND ".join(_fts(group) for group in groups)
    return _in_sqlite(tx, match, chosen, limit, _index.c.rowid.desc())


def candidates(tx: Tx, passage_ids: Collection[int]) -> list[Candidate]:
    """Those that there are, in order of their numbers."""
    c, ids = passages.c, sorted(passage_ids)
    found: list[Candidate] = []
    for start in range(0, len(ids), _ROWS):
        query = sa.select(c.words, c.id, c.document_id, c.kind, c.start_s, c.end_s)
        some = tx.run(query.where(c.id.in_(ids[start : start + _ROWS])).order_by(c.id))
        found += [Candidate(Place(*place), words) for words, *place in some]
    return found


def _of_stem(tx: Tx, stem: str) -> int:
    if isinstance(tx.dialect, Postgres):
        return _counted(tx, _quoted(stem))
    query = sa.text("SELECT doc FROM passage_vocabulary WHERE term = :term AND col = 'words'")
    return int(tx.run(query, {"term": stem}).scalar_one_or_none() or 0)


def _of_prefix(tx: Tx, prefix: str) -> int:
    if isinstance(tx.dialect, Postgres):
        return _counted(tx, f"{_quoted(prefix)}:*")
    query = sa.text(
        "SELECT sum(doc) FROM passage_vocabulary "
        "WHERE term >= :low AND term < :high AND col = 'words'"
    )
    bounds = {"low": prefix, "high": prefix + "\U0010ffff"}
    return int(tx.run(query, bounds).scalar_one_or_none() or 0)


def _counted(tx: Tx, asked: str) -> int:
    query = sa.text(
        "SELECT count(*) FROM (SELECT 1 FROM passage_index "
        "WHERE words @@ CAST(:asked AS tsquery) LIMIT :most) AS counted"
    )
    return int(tx.run(query, {"asked": asked, "most": COUNTED}).scalar_one())


def _in_sqlite(
    tx: Tx, match: str, chosen: Chosen, limit: int, order: sa.ColumnElement[Any]
) -> list[int]:
    # What the columns hold is words of ours; signs of FTS5's own language never come with them.
    asked = f"words : ({match})"
    if chosen.kinds is not None:
        asked = f"({asked}) AND kind : ({' OR '.join(map(_string, chosen.kinds))})"
    condition = sa.text("passage_index MATCH :asked").bindparams(asked=asked)
    query = _joined(_index.c.rowid, chosen).where(condition).order_by(order).limit(limit)
    return [int(number) for number in tx.run(query).scalars()]


def _in_postgres(
    tx: Tx, match: str, chosen: Chosen, limit: int, *order: sa.ColumnElement[Any]
) -> list[int]:
    query = _joined(_index.c.id, chosen).where(_matches(match))
    if chosen.kinds is not None:
        query = query.where(passages.c.kind.in_(chosen.kinds))
    return [int(number) for number in tx.run(query.order_by(*order).limit(limit)).scalars()]


def _ranked_in_postgres(
    tx: Tx, groups: Sequence[Group], frequencies: Sequence[int], chosen: Chosen, limit: int
) -> list[int]:
    """By the weight of the words that are there; ts_rank knows no rare and common ones."""
    total = max([*frequencies, 1]) * 100
    weight: sa.ColumnElement[Any] = sa.literal(0.0)
    for group, count in zip(groups, frequencies, strict=True):
        weight += sa.case((_matches(_tsquery(group)), idf(count, total)), else_=0.0)
    match = " | ".join(_tsquery(group) for group in groups)
    return _in_postgres(tx, match, chosen, limit, weight.desc(), _index.c.id.desc())


def _matches(asked: str) -> sa.ColumnElement[bool]:
    return _index.c.words.op("@@", is_comparison=True)(sa.cast(asked, postgresql.TSQUERY))


def _joined(key: sa.ColumnClause[int], chosen: Chosen) -> sa.Select[int]:
    """Only with the tables that are asked about: of what matches, each row is looked up in them."""
    query = sa.select(key)
    of: sa.FromClause = _index
    needs_passages = (
        chosen.where or chosen.on_documents or (chosen.kinds is not None and key.name == "id")
    )
    if needs_passages:
        of = of.join(passages, passages.c.id == key)
    if chosen.on_documents:
        of = of.join(documents, documents.c.id == passages.c.document_id)
    return query.select_from(of).where(*chosen.where, *chosen.on_documents)


def _fts(group: Group) -> str:
    forms = [_string(form) + ("*" if group.is_prefix else "") for form in group.any_of]
    return f"({' OR '.join(forms)})"


def _string(text: str) -> str:
    return '"' + text.replace('"', " ") + '"'


def _tsquery(group: Group) -> str:
    return f"({' | '.join(_forms(group))})"


def _forms(group: Group) -> Iterable[str]:
    for form in group.any_of:
        stems = [_quoted(stem) for stem in form.split(" ")]
        if group.is_prefix:
            stems[-1] += ":*"
        yield f"({' <-> '.join(stems)})"


def _quoted(stem: str) -> str:
    return "'" + stem.replace("\\", "\\\\").replace("'", "''") + "'"
