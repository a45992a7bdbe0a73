"""Queries over uploads: files that are handed in part by part."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa

from reelwright.errors import Code, ReelError
from reelwright.store.database import Tx
from reelwright.store.states import JobState
from reelwright.store.tables import jobs
from reelwright.store.tables_service import uploads

_ALIVE = tuple(state for state in JobState if not state.is_final)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """`offset_bytes` of `size_bytes` are here and durable; times in seconds since 1970.

    `sha256` is known when it is finished. `metadata` is what its client said: name → base64.
    """

    id: str
    owner: str
    name: str
    size_bytes: int
    offset_bytes: int
    metadata: Mapping[str, str]
    created_at: float
    expires_at: float
    sha256: str | None = None
    finished_at: float | None = None

    @property
    def is_finished(self) -> bool:
        return self.finished_at is not None


_NAMES = tuple(f.name for f in fields(Upload))
_COLUMNS = [uploads.c[name] for name in _NAMES]


def insert(tx: Tx, upload: Upload) -> None:
    tx.run(sa.insert(uploads), {name: getattr(upload, name) for name in _NAMES})


def get(tx: Tx, upload_id: str, owner: str | None = None) -> Upload:
    """`owner` None: anybody's. Raises UPLOAD_UNKNOWN, also for what belongs to others."""
    row = tx.run(sa.select(*_COLUMNS).where(uploads.c.id == upload_id)).one_or_none()
    if row is None or owner not in (None, row.owner):
        raise unknown(upload_id)
    return _upload(row)


def page(tx: Tx, owner: str | None, *, limit: int, before_id: str | None = None) -> list[Upload]:
    """The newest first; `before_id` is the last id of the page that came before."""
    query = sa.select(*_COLUMNS).order_by(uploads.c.id.desc()).limit(limit)
    if owner is not None:
        query = query.where(uploads.c.owner == owner)
    if before_id is not None:
        query = query.where(uploads.c.id < before_id)
    return [_upload(row) for row in tx.run(query)]


def move(tx: Tx, upload_id: str, *, old: int, new: int, expires_at: float) -> bool:
    """Sets the offset, unless somebody else did since it was `old`, or finished or deleted it."""
    where = (
        uploads.c.id == upload_id,
        uploads.c.offset_bytes == old,
        uploads.c.finished_at.is_(None),
    )
    statement = sa.update(uploads).where(*where)
    done = tx.run(statement.values(offset_bytes=new, expires_at=expires_at))
    return bool(done.rowcount)


def finish(tx: Tx, upload_id: str, *, old: int, sha256: str, expires_at: float) -> bool:
    """All of it is here. Not where the offset is no longer `old`."""
    where = (
        uploads.c.id == upload_id,
        uploads.c.offset_bytes == old,
        uploads.c.finished_at.is_(None),
    )
    values = {
        "offset_bytes": uploads.c.size_bytes,
        "sha256": sha256,
        "expires_at": expires_at,
        "finished_at": tx.now(),
    }
    return bool(tx.run(sa.update(uploads).where(*where).values(**values)).rowcount)


def same(tx: Tx, owner: str, sha256: str, size_bytes: int) -> list[Upload]:
    """Finished uploads of the owner with this content, the newest first."""
    where = (
        uploads.c.owner == owner,
        uploads.c.sha256 == sha256,
        uploads.c.size_bytes == size_bytes,
        uploads.c.finished_at.is_not(None),
    )
    query = sa.select(*_COLUMNS).where(*where).order_by(uploads.c.id.desc()).limit(4)
    return [_upload(row) for row in tx.run(query)]


@dataclass(frozen=True, slots=True)
class Promised:
    """What unfinished uploads will still take of the disk: all of them, and those of one owner,
    who has begun `count` that are unfinished."""

    all_bytes: int
    own_bytes: int
    count: int


def promised(tx: Tx, owner: str, expires_after: float = 0.0) -> Promised:
    """Nothing is kept for uploads that expire at `expires_after` (seconds since 1970) or before;
    they are counted all the same."""
    left = uploads.c.size_bytes - uploads.c.offset_bytes
    is_awake, is_own = uploads.c.expires_at > expires_after, uploads.c.owner == owner
    query = sa.select(
        sa.func.sum(sa.case((is_awake, left), else_=0)),
        sa.func.sum(sa.case((is_awake & is_own, left), else_=0)),
        sa.func.sum(sa.case((is_own, 1), else_=0)),
    )
    row = tx.run(query.where(uploads.c.finished_at.is_(None))).one()
    return Promised(*(int(value or 0) for value in row))


def delete(tx: Tx, upload_id: str, owner: str | None = None) -> None:
    """Raises UPLOAD_UNKNOWN, UPLOAD_BUSY where an unfinished job needs it."""
    get(tx, upload_id, owner)
    needed_by = _needed_by(tx, upload_id)
    if needed_by is not None:
        raise ReelError(
            Code.UPLOAD_BUSY,
            f"job {needed_by} needs upload {upload_id}",
            where=upload_id,
            hint=f"cancel job {needed_by}, or wait for its end",
        )
    tx.run(sa.delete(uploads).where(uploads.c.id == upload_id))


def delete_expired(tx: Tx, limit: int = 100) -> list[str]:
    """Forgets uploads whose time has come, but those that an unfinished job needs; gives their ids:
    their files go after the commit (`app.uploads.remove_files`)."""
    query = sa.select(uploads.c.id).where(
        uploads.c.expires_at < tx.now(), ~sa.exists().where(*_needs(uploads.c.id))
    )
    gone = list(tx.run(query.order_by(uploads.c.expires_at).limit(limit)).scalars())
    if gone:
        tx.run(sa.delete(uploads).where(uploads.c.id.in_(gone)))
    return gone


def known(tx: Tx, upload_ids: Collection[str]) -> set[str]:
    """Those that there are."""
    return set(tx.run(sa.select(uploads.c.id).where(uploads.c.id.in_(list(upload_ids)))).scalars())


def unknown(upload_id: str) -> ReelError:
    return ReelError(Code.UPLOAD_UNKNOWN, f"no upload {upload_id!r}", where=upload_id)


def _needed_by(tx: Tx, upload_id: str) -> str | None:
    where = _needs(sa.literal(upload_id))
    return tx.run(sa.select(jobs.c.id).where(*where).limit(1)).scalar_one_or_none()


def _needs(upload_id: Any) -> tuple[Any, ...]:
    """Unfinished jobs whose spec names the upload. The id stands in the spec's text or in a
    variable; ids are random, so nothing else looks like one."""
    spec = sa.type_coerce(jobs.c.spec, sa.Text)
    return jobs.c.state.in_(_ALIVE), spec.contains(upload_id)


def _upload(row: Any) -> Upload:
    return Upload(**row._asdict())
