"""Queries over vectors: one a passage and space, float32, of length 1."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from reelwright.errors import Code, ReelError
from reelwright.store import pgvector
from reelwright.store.database import Tx
from reelwright.store.spaces import Purpose, Space, SpaceState
from reelwright.store.tables_understand import documents, passages, spaces, vectors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ROWS = 500
_FRAME = "frame"


@dataclass(frozen=True, slots=True)
class Missing:
    """A passage without its vector in a space."""

    passage_id: int
    text: str


def put(
    tx: Tx, space_id: str, passage_ids: Sequence[int], rows: Sequence[NDArray[np.float32]]
) -> None:
    """Replaces the passages' vectors of that space; passages that are gone by now are left out.
    Until the end of the transaction nobody else adds vectors. Raises MODEL_ANSWER_INVALID for one
    of another dimension."""
    import numpy as np

    if not passage_ids:
        return
    tx.dialect.serialise(tx.connection, "vectors")
    query = sa.select(spaces.c.dimension).where(spaces.c.id == space_id)
    dimension = tx.run(query).scalar_one()
    pgvector.make(tx, space_id, dimension)
    there = _existing(tx, passage_ids)
    bodies: list[tuple[int, bytes]] = []
    for passage_id, row in zip(passage_ids, rows, strict=True):
        if row.shape != (dimension,):
            said = f"a vector of the form {row.shape}; the space has {dimension} dimensions"
            raise ReelError(Code.MODEL_ANSWER_INVALID, said, where=space_id)
        if passage_id in there:
            bodies.append((passage_id, np.ascontiguousarray(row, dtype="<f4").tobytes()))
    for start in range(0, len(bodies), _ROWS):
        batch = bodies[start : start + _ROWS]
        ids = [passage_id for passage_id, _ in batch]
        old = (vectors.c.space_id == space_id, vectors.c.passage_id.in_(ids))
        tx.run(sa.delete(vectors).where(*old))
        new = [{"space_id": space_id, "passage_id": n, "vector": body} for n, body in batch]
        tx.run(sa.insert(vectors), new)
        pgvector.add(tx, space_id, batch)


def missing(
    tx: Tx, space: Space, limit: int, *, after: int = 0, below: Sequence[str] = ()
) -> list[Missing]:
    """Passages from number `after` on that still want a vector of this space, in order: of frames
    in a space of pictures, else those with a text. `below`: only of documents whose path is one of
    these, or below it."""
    query = (
        sa.select(passages.c.id, passages.c.text)
        .where(*_wanting(space, below), passages.c.id > after)
        .order_by(passages.c.id)
        .limit(limit)
    )
    return [Missing(*row) for row in tx.run(query)]


def missing_count(tx: Tx, space: Space, *, below: Sequence[str] = ()) -> int:
    """How many want one."""
    query = sa.select(sa.func.count()).select_from(passages).where(*_wanting(space, below))
    return int(tx.run(query).scalar_one())


def _wanting(space: Space, below: Sequence[str] = ()) -> list[sa.ColumnElement[bool]]:
    is_frame = passages.c.kind == _FRAME
    wanted = is_frame if space.purpose is Purpose.FRAMES else passages.c.text != ""
    has = sa.and_(vectors.c.space_id == space.id, vectors.c.passage_id == passages.c.id)
    found = [wanted, ~sa.exists().where(has)]
    if below:
        path = documents.c.path
        folders = (path.startswith(f"{one.rstrip('/')}/", autoescape=True) for one in below)
        of = sa.select(documents.c.id).where(sa.or_(path.in_(list(below)), *folders))
        found.append(passages.c.document_id.in_(of))
    return found


def get_many(
    tx: Tx, space: Space, passage_ids: Collection[int]
) -> tuple[list[int], NDArray[np.float32]]:
    """Numbers of those that there are, and their vectors: ``(count, dimension)``."""
    import numpy as np

    ids, found, bodies = list(passage_ids), [], []
    for start in range(0, len(ids), _ROWS):
        where = (
            vectors.c.space_id == space.id,
            vectors.c.passage_id.in_(ids[start : start + _ROWS]),
        )
        for passage_id, body in tx.run(
            sa.select(vectors.c.passage_id, vectors.c.vector).where(*where)
        ):
            found.append(int(passage_id))
            bodies.append(body)
    rows = np.frombuffer(b"".join(bodies), dtype="<f4").astype(np.float32, copy=False)
    return found, rows.reshape(len(found), space.identity.dimension)


def count(tx: Tx, space_id: str) -> int:
    query = sa.select(sa.func.count()).select_from(vectors).where(vectors.c.space_id == space_id)
    return int(tx.run(query).scalar_one())


def _existing(tx: Tx, passage_ids: Sequence[int]) -> set[int]:
    found: set[int] = set()
    for start in range(0, len(passage_ids), _ROWS):
        ids = passage_ids[start : start + _ROWS]
        found |= set(tx.run(sa.select(passages.c.id).where(passages.c.id.in_(ids))).scalars())
    return found


@dataclass(frozen=True, slots=True)
class Added:
    """Vectors in the order of their numbers (`ids`), with what their passages are."""

    ids: tuple[int, ...]
    passage_ids: tuple[int, ...]
    document_ids: tuple[str, ...]
    kinds: tuple[str, ...]
    rows: NDArray[np.float32]


def added(tx: Tx, space: Space, after: int, limit: int) -> Added:
    """The next vectors of the space whose number is above `after`."""
    import numpy as np

    query = (
        sa.select(
            vectors.c.id,
            vectors.c.passage_id,
            passages.c.document_id,
            passages.c.kind,
            vectors.c.vector,
        )
        .join(passages, passages.c.id == vectors.c.passage_id)
        .where(vectors.c.space_id == space.id, vectors.c.id > after)
        .order_by(vectors.c.id)
        .limit(limit)
    )
    found = tx.run(query).all()
    ids, passage_ids, document_ids, kinds, bodies = zip(*found, strict=True) if found else ((),) * 5
    rows = np.frombuffer(b"".join(bodies), dtype="<f4").astype(np.float32, copy=False)
    shaped = rows.reshape(len(ids), space.identity.dimension)
    return Added(tuple(ids), tuple(passage_ids), tuple(document_ids), tuple(kinds), shaped)


def clear_old(tx: Tx, limit: int = 5000) -> int:
    """Of spaces that are out of use at most so many vectors; spaces that are empty go. How many
    went; call it until it gives 0."""
    out = spaces.c.state == SpaceState.OLD
    gone = 0
    for space_id in tx.run(sa.select(spaces.c.id).where(out)).scalars().all():
        pgvector.drop(tx, space_id)
        some = sa.select(vectors.c.id).where(vectors.c.space_id == space_id).limit(limit - gone)
        gone += int(tx.run(sa.delete(vectors).where(vectors.c.id.in_(some))).rowcount)
        if gone >= limit:
            return gone
        tx.run(sa.delete(spaces).where(spaces.c.id == space_id))
    return gone


def last(tx: Tx, space_id: str) -> int:
    """The greatest number of a vector of the space; 0: there is none."""
    query = sa.select(sa.func.max(vectors.c.id)).where(vectors.c.space_id == space_id)
    return int(tx.run(query).scalar_one() or 0)


def at(tx: Tx, number: int) -> bytes | None:
    """The vector of that number, if it is there."""
    query = sa.select(vectors.c.vector).where(vectors.c.id == number)
    found: bytes | None = tx.run(query).scalar_one_or_none()
    return found
