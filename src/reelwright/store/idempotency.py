"""Answers by Idempotency-Key: which request a key stands for, and what that request made."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from reelwright.store.database import Tx
from reelwright.store.tables_service import idempotency


@dataclass(frozen=True, slots=True)
class Remembered:
    """`digest` is that of the request, `target` the id of what it made."""

    digest: str
    target: str
    created_at: float


def claim(
    tx: Tx, owner: str, key: str, *, digest: str, target: str, keep_s: float
) -> Remembered | None:
    """None where the key is the caller's now; else what it stands for.

    Another transaction that claims the same key at this moment is waited for.
    """
    now = tx.now()
    mine = (idempotency.c.owner == owner, idempotency.c.key == key)
    tx.run(sa.delete(idempotency).where(*mine, idempotency.c.created_at < now - keep_s))
    row = {"owner": owner, "key": key, "digest": digest, "target": target, "created_at": now}
    statement = tx.dialect.insert(idempotency).values(**row)
    if tx.run(statement.on_conflict_do_nothing(index_elements=["owner", "key"])).rowcount:
        return None
    columns = (idempotency.c.digest, idempotency.c.target, idempotency.c.created_at)
    return Remembered(*tx.run(sa.select(*columns).where(*mine)).one())


def forget(tx: Tx, keep_s: float) -> int:
    """Drops keys that count no longer; gives how many."""
    old = idempotency.c.created_at < tx.now() - keep_s
    return int(tx.run(sa.delete(idempotency).where(old)).rowcount)


def known(tx: Tx, owner: str, key: str, *, keep_s: float) -> Remembered | None:
    """What the key stands for; nothing is written."""
    columns = (idempotency.c.digest, idempotency.c.target, idempotency.c.created_at)
    query = sa.select(*columns).where(
        idempotency.c.owner == owner,
        idempotency.c.key == key,
        idempotency.c.created_at >= tx.now() - keep_s,
    )
    row = tx.run(query).one_or_none()
    return None if row is None else Remembered(*row)
