"""Queries over batches: many jobs of one request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from reelwright.errors import Code, ReelError
from reelwright.store.database import Tx
from reelwright.store.states import JobState
from reelwright.store.tables import jobs
from reelwright.store.tables_service import batches


@dataclass(frozen=True, slots=True)
class Batch:
    """`size` is the number of jobs that it was made with."""

    id: str
    owner: str | None
    size: int
    labels: Mapping[str, str]
    created_at: float


def insert(tx: Tx, batch_id: str, owner: str, size: int, labels: Mapping[str, str]) -> None:
    values = {"id": batch_id, "owner": owner, "size": size, "labels": dict(labels)}
    tx.run(sa.insert(batches), {**values, "created_at": tx.now()})


def get(tx: Tx, batch_id: str, owner: str | None) -> Batch:
    """`owner` None: whoever it belongs to. Raises BATCH_UNKNOWN."""
    query = sa.select(
        batches.c.id, batches.c.owner, batches.c.size, batches.c.labels, batches.c.created_at
    ).where(batches.c.id == batch_id)
    row = tx.run(query).one_or_none()
    if row is None or owner not in (None, row.owner):
        raise ReelError(Code.BATCH_UNKNOWN, f"no batch {batch_id!r}", where=batch_id)
    return Batch(*row)


def counts(tx: Tx, batch_id: str) -> dict[str, int]:
    """The number of its jobs in each state; states without any are left out."""
    query = sa.select(jobs.c.state, sa.func.count()).where(jobs.c.batch_id == batch_id)
    return {row[0]: row[1] for row in tx.run(query.group_by(jobs.c.state))}


def fraction(tx: Tx, batch_id: str) -> float:
    """How far its jobs are together, 0 to 1; a job that has ended is done, however it ended."""
    done = [state for state in JobState if state.is_final]
    each = sa.case((jobs.c.state.in_(done), 1.0), else_=jobs.c.fraction)
    query = sa.select(sa.func.avg(each)).where(jobs.c.batch_id == batch_id)
    return float(tx.run(query).scalar_one() or 0.0)


def jobs_of(tx: Tx, batch_id: str) -> list[str]:
    """In the order in which they were asked for."""
    query = sa.select(jobs.c.id).where(jobs.c.batch_id == batch_id).order_by(jobs.c.id)
    return list(tx.run(query).scalars())


def unfinished(tx: Tx, batch_id: str) -> list[str]:
    """Jobs of it that can still be cancelled, in the order of their ids."""
    final = [state for state in JobState if state.is_final]
    query = sa.select(jobs.c.id).where(jobs.c.batch_id == batch_id, jobs.c.state.not_in(final))
    return list(tx.run(query.order_by(jobs.c.id)).scalars())


def failures(tx: Tx, batch_id: str, limit: int) -> list[tuple[str, Any]]:
    """(id, error) of jobs of it that failed, the first `limit` of them."""
    query = sa.select(jobs.c.id, jobs.c.error).where(
        jobs.c.batch_id == batch_id, jobs.c.state == JobState.FAILED
    )
    return [(row[0], row[1]) for row in tx.run(query.order_by(jobs.c.id).limit(limit))]
