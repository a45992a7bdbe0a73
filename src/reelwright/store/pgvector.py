"""Vectors where PostgreSQL has pgvector: half floats in a table of each space, with an HNSW index.

``vectors`` is still the truth: the tables are filled from it, and a search is made exact by it. A
database without the extension, and one that may not have it made, does without.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from reelwright.store.database import Tx
from reelwright.store.dialects import Postgres
from reelwright.store.full_text import Chosen
from reelwright.store.tables_understand import documents, passages, vectors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from reelwright.store.spaces import Space

_ROWS = 500
# pgvector indexes half floats of at most so many dimensions.
_DIMENSIONS = 4000
# As many are looked at as are rescored; the index's own default, 40, finds too few of them.
_LOOKED_AT = 400
_SPARE = 2


def make(tx: Tx, space_id: str, dimension: int) -> None:
    """The space's table, where the server has pgvector or may get it; with all its vectors."""
    if not isinstance(tx.dialect, Postgres) or dimension > _DIMENSIONS or not _extend(tx):
        return
    name = _name(space_id)
    if _there(tx, name):
        return
    tx.run(
        sa.text(
            f"CREATE TABLE {name} (passage_id bigint PRIMARY KEY REFERENCES passages (id) "
            f"ON DELETE CASCADE, vector halfvec({int(dimension)}) NOT NULL)"
        )
    )
    tx.run(sa.text(f"CREATE INDEX {name}_near ON {name} USING hnsw (vector halfvec_ip_ops)"))
    query = sa.select(vectors.c.passage_id, vectors.c.vector).where(vectors.c.space_id == space_id)
    there = tx.run(query).all()
    add(tx, space_id, [(int(number), bytes(body)) for number, body in there])


def add(tx: Tx, space_id: str, rows: Sequence[tuple[int, bytes]]) -> None:
    """Passages and their vectors (float32, little-endian), over those that there are."""
    import numpy as np

    name = _name(space_id)
    if not isinstance(tx.dialect, Postgres) or not rows or not _there(tx, name):
        return
    insert = sa.text(
        f"INSERT INTO {name} VALUES (:number, CAST(:vector AS halfvec)) "
        "ON CONFLICT (passage_id) DO UPDATE SET vector = excluded.vector"
    )
    for start in range(0, len(rows), _ROWS):
        batch = rows[start : start + _ROWS]
        tx.run(
            insert,
            [
                {"number": number, "vector": _text(np.frombuffer(body, dtype="<f4"))}
                for number, body in batch
            ],
        )


def has(tx: Tx, space: Space) -> bool:
    return isinstance(tx.dialect, Postgres) and _there(tx, _name(space.id))


def drop(tx: Tx, space_id: str) -> None:
    if isinstance(tx.dialect, Postgres):
        tx.run(sa.text(f"DROP TABLE IF EXISTS {_name(space_id)}"))


def nearest(
    tx: Tx, space: Space, row: NDArray[np.float32], chosen: Chosen, count: int
) -> list[tuple[int, float]]:
    """At most `count` passages with their cosines, the nearest first. In a read that is steady."""
    from reelwright.store.vectors import get_many

    name = _name(space.id)
    table = sa.table(name, sa.column("passage_id", sa.BigInteger), sa.column("vector"))
    of: sa.FromClause = table
    if not chosen.is_any:
        of = of.join(passages, passages.c.id == table.c.passage_id)
    if chosen.on_documents:
        of = of.join(documents, documents.c.id == passages.c.document_id)
    where = [*chosen.where, *chosen.on_documents]
    if chosen.kinds is not None:
        where.append(passages.c.kind.in_(chosen.kinds))
    # The index gives what is nearest in order; with filters it goes on until there are enough.
    _set(tx, "hnsw.ef_search", str(max(_LOOKED_AT, count * _SPARE)))
    _set(tx, "hnsw.iterative_scan", "relaxed_order")
    far = sa.text(f"{name}.vector <#> CAST(:asked AS halfvec)")
    query = sa.select(table.c.passage_id).select_from(of).where(*where)
    query = query.order_by(far).limit(count * _SPARE)
    found = [int(number) for number in tx.run(query, {"asked": _text(row)}).scalars()]
    ids, rows = get_many(tx, space, found)
    cosines = (rows @ row).tolist()
    return sorted(zip(ids, cosines, strict=True), key=lambda one: (-one[1], one[0]))[:count]


def _extend(tx: Tx) -> bool:
    """Whether the extension is there: installed now, where we may."""
    asked = sa.text("SELECT installed_version FROM pg_available_extensions WHERE name = 'vector'")
    row = tx.run(asked).one_or_none()
    if row is None:
        return False
    if row[0] is not None:
        return True
    try:
        with tx.connection.begin_nested():
            tx.run(sa.text("CREATE EXTENSION vector"))
    except DBAPIError:  # only an administrator may, here
        return False
    return True


def _there(tx: Tx, name: str) -> bool:
    query = sa.select(sa.func.to_regclass(name).is_not(None))
    return bool(tx.run(query).scalar_one())


def _set(tx: Tx, name: str, value: str) -> None:
    """To the end of the transaction."""
    tx.run(sa.select(sa.func.set_config(name, value, True)))


def _name(space_id: str) -> str:
    """Ids are letters and digits of our own making (`store.ids`)."""
    assert space_id.isalnum(), space_id
    return f"vectors_{space_id}"


def _text(row: NDArray[np.float32]) -> str:
    return "[" + ",".join(map(repr, row.tolist())) + "]"
