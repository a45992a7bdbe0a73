"""Queries over passages: what is indexed of a document, piece by piece."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from reelwright.analysis.stemming import PLAIN, stemmer_for, stems
from reelwright.store.database import Tx
from reelwright.store.tables_understand import passages

_ROWS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPassage:
    """A unit that is found. `kind`: speech, text, captions, description, title, chapter, frame or
    body. `start_s` and `end_s` in seconds of the video; None in texts. `text` is what it says (of
    a frame: nothing, or what is seen). `language` None: the document's. `evidence` is JSON: where
    it is from (``{"provider", "model"}``, ``{"lines": [from, to]}``, ``{"box"}``, a frame's time).
    """

    kind: str
    text: str
    start_s: float | None = None
    end_s: float | None = None
    language: str | None = None
    speaker: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PassageRow(NewPassage):
    """What is there. `words`: its stems, parted by spaces, those of a document's title on a line of
    their own; `stemmer` made them."""

    id: int
    document_id: str
    words: str = ""
    stemmer: str = PLAIN


_GIVEN = ("kind", "text", "start_s", "end_s", "language", "speaker", "evidence")
_COLUMNS = [passages.c[n] for n in (*_GIVEN, "id", "document_id", "words", "stemmer")]


def add(
    tx: Tx,
    document_id: str,
    new: Sequence[NewPassage],
    *,
    language: str | None = None,
    title: str = "",
) -> list[int]:
    """Their numbers, in order, each above all before. `language` and `title` are the document's;
    with a title, each passage is also found by its words."""
    rows = _rows(document_id, new, language, title)
    ids: list[int] = []
    query = sa.insert(passages).returning(passages.c.id, sort_by_parameter_order=True)
    for start in range(0, len(rows), _ROWS):
        made = tx.connection.execute(query, rows[start : start + _ROWS])
        ids += [int(number) for number in made.scalars()]
    return ids


def add_many(tx: Tx, new: Sequence[tuple[str, Sequence[NewPassage], str | None, str]]) -> None:
    """As `add`, of several documents at once: the id, passages, language and title of each."""
    rows = [row for one in new for row in _rows(*one)]
    for start in range(0, len(rows), _ROWS):
        tx.run(sa.insert(passages), rows[start : start + _ROWS])


def _rows(
    document_id: str, new: Sequence[NewPassage], language: str | None, title: str
) -> list[dict[str, Any]]:
    # One who knows no language is as the whole document: a line alone often tells nothing.
    whole = stemmer_for("\n".join([title, *(p.text for p in new)][:50]), language)
    rows: list[dict[str, Any]] = []
    for passage in new:
        stemmer = whole if passage.language is None else stemmer_for(passage.text, passage.language)
        words = stems(passage.text, stemmer)
        lines = [" ".join(words)]
        if title:
            lines.append(" ".join(stems(title, stemmer)))
        rows.append(
            {
                **{name: getattr(passage, name) for name in _GIVEN},
                "evidence": dict(passage.evidence),
                "language": passage.language or language,
                "document_id": document_id,
                "words": "\n".join(lines),
                "stemmer": stemmer,
                "length": len(words),
            }
        )
    return rows


def clear_many(tx: Tx, document_ids: Collection[str]) -> None:
    """All of these documents, with their vectors."""
    ids = list(document_ids)
    for start in range(0, len(ids), _ROWS):
        where = passages.c.document_id.in_(ids[start : start + _ROWS])
        tx.run(sa.delete(passages).where(where))


def clear(tx: Tx, document_id: str, kinds: Collection[str] | None = None) -> None:
    """All of a document, or those of `kinds`, with their vectors."""
    where = [passages.c.document_id == document_id]
    if kinds is not None:
        where.append(passages.c.kind.in_(list(kinds)))
    tx.run(sa.delete(passages).where(*where))


def of_document(tx: Tx, document_id: str) -> list[PassageRow]:
    """In the order in which they were put in."""
    query = sa.select(*_COLUMNS).where(passages.c.document_id == document_id)
    return [PassageRow(**row._asdict()) for row in tx.run(query.order_by(passages.c.id))]


def get_many(tx: Tx, passage_ids: Collection[int]) -> dict[int, PassageRow]:
    """Those that there are, by number."""
    ids, found = list(passage_ids), {}
    for start in range(0, len(ids), _ROWS):
        where = passages.c.id.in_(ids[start : start + _ROWS])
        for row in tx.run(sa.select(*_COLUMNS).where(where)):
            found[row.id] = PassageRow(**row._asdict())
    return found


@dataclass(frozen=True, slots=True)
class Place:
    """Where a passage is; times in seconds, None in texts."""

    id: int
    document_id: str
    kind: str
    start_s: float | None
    end_s: float | None


def places(tx: Tx, passage_ids: Collection[int]) -> dict[int, Place]:
    """Of those that there are, by number."""
    c, ids, found = passages.c, list(passage_ids), {}
    for start in range(0, len(ids), _ROWS):
        query = sa.select(c.id, c.document_id, c.kind, c.start_s, c.end_s)
        for row in tx.run(query.where(c.id.in_(ids[start : start + _ROWS]))):
            found[row.id] = Place(*row)
    return found


def texts(tx: Tx, passage_ids: Collection[int]) -> dict[int, str]:
    """Of those that there are, by number."""
    c, ids = passages.c, list(passage_ids)
    found: dict[int, str] = {}
    for start in range(0, len(ids), _ROWS):
        query = sa.select(c.id, c.text).where(c.id.in_(ids[start : start + _ROWS]))
        found.update((row.id, row.text) for row in tx.run(query))
    return found


def count(tx: Tx) -> int:
    return int(tx.run(sa.select(sa.func.count()).select_from(passages)).scalar_one())
