"""Queries over what analyses of videos gave: the newest of each kind, of an asset or a file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from reelwright.store.database import Tx
from reelwright.store.tables_understand import analyses

KINDS = (
    *("shots", "keyframes", "speech", "transcript", "text", "segments"),
    *("summary", "chapters", "descriptions", "frames"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """`subject` is ``asset:ID`` or ``file:SHA256``, `kind` one of `KINDS`, `body` the result as
    JSON; `media_sha256` the content that it was made of. `created_at` in seconds since 1970."""

    subject: str
    kind: str
    body: Any
    asset_id: str | None = None
    job_id: str | None = None
    media_sha256: str | None = None
    created_at: float = 0.0


_FIELDS = ("subject", "kind", "body", "asset_id", "job_id", "media_sha256", "created_at")
_COLUMNS = [analyses.c[name] for name in _FIELDS]


def put(tx: Tx, one: Analysis) -> None:
    """In place of what there was of this kind; `created_at` is now."""
    values = {name: getattr(one, name) for name in _FIELDS} | {"created_at": tx.now()}
    changed = {name: value for name, value in values.items() if name not in {"subject", "kind"}}
    statement = tx.dialect.insert(analyses).values(**values)
    tx.run(statement.on_conflict_do_update(index_elements=["subject", "kind"], set_=changed))


def get(tx: Tx, subject: str, kind: str) -> Analysis | None:
    where = (analyses.c.subject == subject, analyses.c.kind == kind)
    row = tx.run(sa.select(*_COLUMNS).where(*where)).one_or_none()
    return None if row is None else Analysis(**dict(zip(_FIELDS, row, strict=True)))


def kinds_of(tx: Tx, subject: str) -> Mapping[str, float]:
    """Which there are of a subject, and when each was made (seconds since 1970)."""
    query = sa.select(analyses.c.kind, analyses.c.created_at).where(analyses.c.subject == subject)
    return {row.kind: row.created_at for row in tx.run(query)}


def forget_others(tx: Tx, subject: str, media_sha256: str) -> bool:
    """Drops what was made of another content than this; whether there was any."""
    other = analyses.c.media_sha256.is_distinct_from(media_sha256)
    return bool(tx.run(sa.delete(analyses).where(analyses.c.subject == subject, other)).rowcount)


def remove(tx: Tx, subjects: Collection[str]) -> int:
    """All that is known of these subjects; how many rows went."""
    return tx.run(sa.delete(analyses).where(analyses.c.subject.in_(list(subjects)))).rowcount
