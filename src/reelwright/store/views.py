"""Jobs as lists and status pages show them: few columns, without spec and plan."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa

from reelwright.store.database import Tx
from reelwright.store.tables import jobs
from reelwright.store.tables_service import job_labels

# SQLite took at most 999 variables before 3.32.
_BATCH = 900


@dataclass(frozen=True, slots=True)
class Summary:
    """A job without what it was made from. Times are seconds since 1970; `fraction` is 0 to 1."""

    id: str
    state: str
    owner: str | None
    fraction: float
    priority: int
    labels: Mapping[str, str]
    revision: int
    batch_id: str | None
    cancel_requested: bool
    error: Mapping[str, Any] | None
    eta_s: float | None
    created_at: float
    started_at: float | None
    finished_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What a list is narrowed to. `owner` None: everybody's. `after` and `before` are about
    `created_at`: from the first, up to but without the second."""

    owner: str | None = None
    states: Sequence[str] = ()
    labels: Sequence[tuple[str, str]] = ()
    batch_id: str | None = None
    after: float | None = None
    before: float | None = None


_COLUMNS = [jobs.c[f.name] for f in fields(Summary)]


def summaries(tx: Tx, ids: Collection[str]) -> dict[str, Summary]:
    """Those that there are, by id."""
    found: dict[str, Summary] = {}
    wanted = list(ids)
    for start in range(0, len(wanted), _BATCH):
        query = sa.select(*_COLUMNS).where(jobs.c.id.in_(wanted[start : start + _BATCH]))
        found |= {row[0]: Summary(*row) for row in tx.run(query)}
    return found


def page(tx: Tx, wanted: Filter, *, limit: int, before_id: str | None = None) -> list[Summary]:
    """The newest first; `before_id` is the last id of the page that came before."""
    where = []
    if wanted.owner is not None:
        where.append(jobs.c.owner == wanted.owner)
    if wanted.states:
        where.append(jobs.c.state.in_(wanted.states))
    if wanted.batch_id is not None:
        where.append(jobs.c.batch_id == wanted.batch_id)
    if wanted.after is not None:
        where.append(jobs.c.created_at >= wanted.after)
    if wanted.before is not None:
        where.append(jobs.c.created_at < wanted.before)
    if before_id is not None:
        where.append(jobs.c.id < before_id)
    for name, value in wanted.labels:
        named = sa.select(job_labels.c.job_id).where(
            job_labels.c.name == name, job_labels.c.value == value
        )
        where.append(jobs.c.id.in_(named))
    query = sa.select(*_COLUMNS).where(*where).order_by(jobs.c.id.desc()).limit(limit)
    return [Summary(*row) for row in tx.run(query)]


def owner_of(tx: Tx, job_id: str) -> str | None:
    """None where there is no such job."""
    query = sa.select(jobs.c.owner).where(jobs.c.id == job_id)
    owner: str | None = tx.run(query).scalar_one_or_none()
    return owner
