"""Queries over API keys. Only the SHA-256 of a secret is here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import sqlalchemy as sa

from reelwright.errors import Code, ReelError
from reelwright.store.database import Tx
from reelwright.store.tables_service import api_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """Times are seconds since 1970; `rate`, `max_running` and `max_bytes` None: the settings'."""

    id: str
    name: str
    owner: str
    role: str
    hash: str
    scopes: Sequence[str]
    folders: Mapping[str, Sequence[str]]
    rate: str | None
    max_running: int | None
    max_bytes: int | None
    created_by: str
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None
    last_used_at: float | None = None


_COLUMNS = [api_keys.c[f.name] for f in fields(KeyRow)]


def insert(tx: Tx, key: KeyRow) -> None:
    tx.run(sa.insert(api_keys), asdict(key))


def get(tx: Tx, key_id: str) -> KeyRow:
    """Raises KEY_UNKNOWN."""
    row = tx.run(sa.select(*_COLUMNS).where(api_keys.c.id == key_id)).one_or_none()
    if row is None:
        raise ReelError(Code.KEY_UNKNOWN, f"there is no key {key_id!r}", where=key_id)
    return KeyRow(**row._asdict())


def usable(tx: Tx, key_id: str) -> KeyRow | None:
    """The key, unless it is unknown, revoked or expired."""
    query = sa.select(*_COLUMNS).where(api_keys.c.id == key_id, _is_usable(tx))
    row = tx.run(query).one_or_none()
    return None if row is None else KeyRow(**row._asdict())


def listing(tx: Tx, *, limit: int, before: str | None = None) -> list[KeyRow]:
    """The newest first, revoked and expired ones too; `before` is the last id of the page before
    this one."""
    query = sa.select(*_COLUMNS).order_by(api_keys.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(api_keys.c.id < before)
    return [KeyRow(**row._asdict()) for row in tx.run(query)]


def find(tx: Tx, prefix: str) -> list[str]:
    """The ids that begin with `prefix`, ten at the most."""
    query = sa.select(api_keys.c.id).where(api_keys.c.id.startswith(prefix, autoescape=True))
    return list(tx.run(query.order_by(api_keys.c.id).limit(10)).scalars())


def revoke(tx: Tx, key_id: str) -> bool:
    """Whether it was not revoked before. Raises KEY_UNKNOWN."""
    where = (api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
    if tx.run(sa.update(api_keys).where(*where).values(revoked_at=tx.now())).rowcount:
        return True
    get(tx, key_id)
    return False


def used(tx: Tx, key_id: str, *, older_s: float) -> None:
    """Notes that the key was used now, unless that is noted since `older_s` seconds or less."""
    last = api_keys.c.last_used_at
    where = (api_keys.c.id == key_id, sa.or_(last.is_(None), last < tx.now() - older_s))
    tx.run(sa.update(api_keys).where(*where).values(last_used_at=tx.now()))


def _is_usable(tx: Tx) -> Any:
    expires = api_keys.c.expires_at
    return sa.and_(api_keys.c.revoked_at.is_(None), sa.or_(expires.is_(None), expires > tx.now()))
