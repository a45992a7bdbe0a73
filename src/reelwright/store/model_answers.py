"""What models answered, by what they were asked: a response cache with an end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from reelwright.store.database import Tx
from reelwright.store.tables_understand import model_answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """`answer` and `usage` as they were given to `put`; `identity`: of the model."""

    identity: str
    answer: Any
    usage: Mapping[str, Any] | None


def get(tx: Tx, key: str) -> Remembered | None:
    """None where there is none, or it is too old."""
    columns = [model_answers.c[name] for name in ("identity", "answer", "usage")]
    where = (model_answers.c.key == key, model_answers.c.expires_at > tx.clock())
    row = tx.run(sa.select(*columns).where(*where)).one_or_none()
    return None if row is None else Remembered(**row._asdict())


def put(
    tx: Tx, key: str, *, identity: str, answer: Any, usage: Mapping[str, Any] | None, keep_s: float
) -> None:
    """In place of what was there. Those that are too old go."""
    now = tx.now()
    values = {
        "identity": identity,
        "answer": answer,
        "usage": usage,
        "created_at": now,
        "expires_at": now + keep_s,
    }
    statement = tx.dialect.insert(model_answers).values(key=key, **values)
    tx.run(statement.on_conflict_do_update(index_elements=["key"], set_=values))
    tx.run(sa.delete(model_answers).where(model_answers.c.expires_at <= now))


def forget(tx: Tx) -> int:
    """All of them; gives how many there were."""
    return tx.run(sa.delete(model_answers)).rowcount
