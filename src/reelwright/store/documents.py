"""Queries over what can be searched: videos and texts, put in and taken out whole."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from reelwright.errors import Code, ReelError
from reelwright.store import passages as passage_queries
from reelwright.store import vectors as vector_queries
from reelwright.store.database import Tx
from reelwright.store.ids import new_id
from reelwright.store.passages import NewPassage
from reelwright.store.tables_understand import documents

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDocument:
    """What is put in. `subject` is ``asset:ID``, ``file:SHA256`` or a text's own name (a path, the
    id of a JSON line), `kind` ``asset``, ``file`` or ``document``. `published_at` in seconds since
    1970; `digest` tells whether it has changed; `facts` is what else is to be kept."""

    owner: str
    subject: str
    kind: str
    title: str
    asset_id: str | None = None
    path: str | None = None
    channel: str | None = None
    language: str | None = None
    published_at: float | None = None
    duration_s: float | None = None
    digest: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRow(NewDocument):
    """What is there."""

    id: str
    indexed_at: float


Vectors = Mapping[str, "Mapping[int, NDArray[np.float32]]"]
"""By space's id, by the passage's position in what is put in: its vector."""

_NEW = tuple(f.name for f in fields(NewDocument))
_COLUMNS = [documents.c[name] for name in (*_NEW, "id", "indexed_at")]


def put(
    tx: Tx,
    document: NewDocument,
    passages: Sequence[NewPassage],
    vectors: Vectors | None = None,
    *,
    kinds: Collection[str] | None = None,
) -> tuple[str, list[int]]:
    """Replaces all that was indexed of the owner's `subject`, or of it the passages of `kinds`;
    gives the document's id, which stays the same, and the new passages'. `vectors` may come later
    (`vectors.put`)."""
    values = {name: getattr(document, name) for name in _NEW}
    values |= {"facts": dict(document.facts), "indexed_at": tx.now()}
    statement = tx.dialect.insert(documents).values(id=new_id(), **values)
    changed = {name: value for name, value in values.items() if name not in ("owner", "subject")}
    statement = statement.on_conflict_do_update(
        index_elements=["owner", "subject"], set_=changed
    ).returning(documents.c.id)
    found: str = tx.run(statement).scalar_one()
    passage_queries.clear(tx, found, kinds)
    title = document.title if document.kind == "document" else ""
    ids = passage_queries.add(tx, found, passages, language=document.language, title=title)
    for space_id, rows in sorted((vectors or {}).items()):
        at = sorted(rows)
        vector_queries.put(tx, space_id, [ids[n] for n in at], [rows[n] for n in at])
    return found, ids


def put_many(tx: Tx, new: Sequence[tuple[NewDocument, Sequence[NewPassage]]]) -> None:
    """As `put`, of several at once, in as many statements as one: texts come by the hundred
    thousand. No two have the same owner and subject."""
    if not new:
        return
    statement = tx.dialect.insert(documents)
    changed = {
        name: statement.excluded[name]
        for name in (*_NEW, "indexed_at")
        if name not in ("owner", "subject")
    }
    statement = statement.on_conflict_do_update(index_elements=["owner", "subject"], set_=changed)
    for start in range(0, len(new), _BATCH):
        batch = new[start : start + _BATCH]
        rows = [
            {
                **{name: getattr(document, name) for name in _NEW},
                "facts": dict(document.facts),
                "indexed_at": tx.now(),
                "id": new_id(),
            }
            for document, _ in batch
        ]
        tx.run(statement, rows)
        ids = _ids(tx, [document for document, _ in batch])
        passage_queries.clear_many(tx, ids.values())
        passage_queries.add_many(
            tx,
            [
                (
                    ids[document.owner, document.subject],
                    passages,
                    document.language,
                    document.title if document.kind == "document" else "",
                )
                for document, passages in batch
            ],
        )


def _ids(tx: Tx, named: Sequence[NewDocument]) -> dict[tuple[str, str], str]:
    query = sa.select(documents.c.owner, documents.c.subject, documents.c.id).where(
        documents.c.owner.in_({one.owner for one in named}),
        documents.c.subject.in_([one.subject for one in named]),
    )
    return {(row.owner, row.subject): row.id for row in tx.run(query)}


def remove(tx: Tx, document_ids: Collection[str]) -> int:
    """With their passages and vectors; how many there were."""
    ids, gone = list(document_ids), 0
    for start in range(0, len(ids), _BATCH):
        where = documents.c.id.in_(ids[start : start + _BATCH])
        gone += int(tx.run(sa.delete(documents).where(where)).rowcount)
    return gone


def get(tx: Tx, document_id: str, owner: str | None = None) -> DocumentRow:
    """`owner` None: anybody's. Raises DOCUMENT_UNKNOWN, also for what belongs to others."""
    row = tx.run(sa.select(*_COLUMNS).where(documents.c.id == document_id)).one_or_none()
    if row is None or owner not in (None, row.owner):
        raise ReelError(Code.DOCUMENT_UNKNOWN, f"there is no document '{document_id}'")
    return DocumentRow(**row._asdict())


def get_many(tx: Tx, document_ids: Collection[str]) -> dict[str, DocumentRow]:
    """Those that there are, by id."""
    ids, found = list(document_ids), {}
    for start in range(0, len(ids), _BATCH):
        where = documents.c.id.in_(ids[start : start + _BATCH])
        for row in tx.run(sa.select(*_COLUMNS).where(where)):
            found[row.id] = DocumentRow(**row._asdict())
    return found


def asset_ids(tx: Tx, document_ids: Collection[str]) -> dict[str, str | None]:
    """Of those that there are: the asset that each is of, if any."""
    ids = list(document_ids)
    found: dict[str, str | None] = {}
    for start in range(0, len(ids), _BATCH):
        query = sa.select(documents.c.id, documents.c.asset_id)
        where = documents.c.id.in_(ids[start : start + _BATCH])
        found.update((row.id, row.asset_id) for row in tx.run(query.where(where)))
    return found


def of_subject(tx: Tx, owner: str, subject: str) -> DocumentRow | None:
    where = (documents.c.owner == owner, documents.c.subject == subject)
    row = tx.run(sa.select(*_COLUMNS).where(*where)).one_or_none()
    return None if row is None else DocumentRow(**row._asdict())


def digests(tx: Tx, owner: str, subjects: Collection[str]) -> dict[str, str | None]:
    """Of those subjects that are indexed, what they were when they were: by subject."""
    names = list(subjects)
    found: dict[str, str | None] = {}
    for start in range(0, len(names), _BATCH):
        where = (
            documents.c.owner == owner,
            documents.c.subject.in_(names[start : start + _BATCH]),
        )
        query = sa.select(documents.c.subject, documents.c.digest).where(*where)
        found.update((row.subject, row.digest) for row in tx.run(query))
    return found


def every(
    tx: Tx, *, owner: str | None = None, kind: str | None = None, prefix: str | None = None
) -> Iterator[DocumentRow]:
    """By subject; `prefix`: whose subject begins so."""
    query = sa.select(*_COLUMNS).order_by(documents.c.subject, documents.c.id)
    if owner is not None:
        query = query.where(documents.c.owner == owner)
    if kind is not None:
        query = query.where(documents.c.kind == kind)
    if prefix is not None:
        query = query.where(documents.c.subject.startswith(prefix, autoescape=True))
    return (DocumentRow(**row._asdict()) for row in tx.run(query))


def count(tx: Tx, owner: str | None = None) -> int:
    query = sa.select(sa.func.count()).select_from(documents)
    if owner is not None:
        query = query.where(documents.c.owner == owner)
    return int(tx.run(query).scalar_one())
