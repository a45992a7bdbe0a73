"""What is kept for a while only: uploads, sessions, answers by Idempotency-Key."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from reelwright.errors import Code, ReelError
from reelwright.store.database import Tx
from reelwright.store.tables_service import idempotency, sessions, uploads, workers
from reelwright.store.uploads import delete_expired

# So many rows go in one transaction: others want to write, too.
_MOST = 1000


@dataclass(frozen=True, slots=True)
class Handed:
    """A whole upload; `name` is what its sender calls the file."""

    id: str
    name: str
    sha256: str


def upload(tx: Tx, upload_id: str, owner: str | None) -> Handed:
    """Raises UPLOAD_UNKNOWN (of another owner, too), UPLOAD_UNFINISHED."""
    query = sa.select(uploads.c.name, uploads.c.sha256, uploads.c.finished_at)
    where = (uploads.c.id == upload_id, uploads.c.owner == owner)
    row = tx.run(query.where(*where)).one_or_none()
    if row is None:
        raise unknown(upload_id)
    if row.finished_at is None or row.sha256 is None:
        raise ReelError(Code.UPLOAD_UNFINISHED, f"upload {upload_id} is not whole", where=upload_id)
    return Handed(upload_id, row.name, row.sha256)


def unknown(upload_id: str) -> ReelError:
    return ReelError(Code.UPLOAD_UNKNOWN, f"no upload {upload_id!r}", where=upload_id)


def drop_expired(tx: Tx, *, idempotency_s: float, worker_s: float) -> list[str]:
    """Removes the rows whose time is over; gives the ids of uploads, whose files are to go too.

    Answers by Idempotency-Key live `idempotency_s`; workers that gave no sign of life for
    `worker_s` seconds are forgotten.
    """
    now = tx.now()
    tx.run(sa.delete(sessions).where(sessions.c.expires_at < now))
    tx.run(sa.delete(idempotency).where(idempotency.c.created_at < now - idempotency_s))
    tx.run(sa.delete(workers).where(workers.c.heartbeat_at < now - worker_s))
    return delete_expired(tx, _MOST)
