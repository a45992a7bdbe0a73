"""Queries over browser sessions. The cookie itself is nowhere; `id` is its SHA-256."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from reelwright.store import keys
from reelwright.store.database import Tx
from reelwright.store.tables_service import sessions


@dataclass(frozen=True, slots=True)
class SessionRow:
    """`principal` is `Principal.to_json`; `csrf` the SHA-256 of the token that changes need."""

    id: str
    csrf: str
    principal: Mapping[str, Any]
    created_at: float
    expires_at: float


def insert(tx: Tx, session: SessionRow) -> None:
    """Drops those that have expired, too: there is one statement a login, and no other broom."""
    tx.run(sa.delete(sessions).where(sessions.c.expires_at <= tx.now()))
    tx.run(
        sa.insert(sessions),
        {
            "id": session.id,
            "csrf": session.csrf,
            "principal": dict(session.principal),
            "created_at": session.created_at,
            "expires_at": session.expires_at,
        },
    )


def usable(tx: Tx, session_id: str) -> SessionRow | None:
    """The session, unless it is unknown or expired, or the key that it was opened with is gone."""
    columns = (
        sessions.c.id,
        sessions.c.csrf,
        sessions.c.principal,
        sessions.c.created_at,
        sessions.c.expires_at,
    )
    where = (sessions.c.id == session_id, sessions.c.expires_at > tx.now())
    row = tx.run(sa.select(*columns).where(*where)).one_or_none()
    if row is None:
        return None
    found = SessionRow(*row)
    key_id = found.principal.get("key_id")
    if key_id is not None and keys.usable(tx, key_id) is None:
        return None
    return found


def delete(tx: Tx, session_id: str) -> bool:
    """Whether there was one."""
    return bool(tx.run(sa.delete(sessions).where(sessions.c.id == session_id)).rowcount)
