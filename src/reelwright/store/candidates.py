"""Queries of a claim: what may start, in whose turn, and what is taken already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from reelwright.store.database import Tx
from reelwright.store.dialects import clock
from reelwright.store.states import JobState, StepState
from reelwright.store.tables import artifacts, blobs, edges, jobs, reservations, steps


@dataclass(frozen=True, slots=True)
class Candidate:
    """A step that could start now, and what it needs. `weight` is its estimate in CPU-seconds,
    `asks` what it asks of a node beside cores, memory and disk (`engine.asking`)."""

    step_id: str
    job_id: str
    key: str
    kind: str
    identity: str
    cpus: float
    memory_bytes: int
    disk_bytes: int
    priority: int
    waited_s: float
    weight: float = 0.0
    asks: str | None = None


def candidates(tx: Tx, job_id: str | None, limit: int) -> list[Candidate]:
    """Steps that may start. Owners take turns, whoever has less at work first; of one owner's the
    job of the least rank comes first, then the plan's order."""
    if job_id is not None:
        rows = tx.run(_OF_JOB, {"job": job_id, "most": limit})
    else:
        rows = tx.run(_OF_ALL, {"most": limit})
    return [Candidate(*row) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """The most that is free on any node. `but_ids`: steps that were looked at already, and
    `but_asks`: what no node gives now."""

    cpus: float
    memory_bytes: int
    disk_bytes: int
    but_ids: Sequence[str] = ()
    but_asks: Sequence[str] = ()


def candidates_within(tx: Tx, job_id: str | None, limit: int, gap: Gap) -> list[Candidate]:
    """`candidates` that may fit: those behind a long line of others that do not."""
    query = (_OF_ALL if job_id is None else _OF_JOB).where(
        steps.c.cpus <= gap.cpus,
        steps.c.memory_bytes <= gap.memory_bytes,
        steps.c.disk_bytes <= gap.disk_bytes,
        steps.c.id.not_in(list(gap.but_ids)),
    )
    if gap.but_asks:
        query = query.where(sa.or_(steps.c.asks.is_(None), steps.c.asks.not_in(gap.but_asks)))
    values = {"most": limit} if job_id is None else {"most": limit, "job": job_id}
    return [Candidate(*row) for row in tx.run(query, values)]


def _busy() -> sa.Subquery:
    """Owner → running steps."""
    return (
        sa.select(jobs.c.owner, sa.func.count().label("count"))
        .join(steps, steps.c.job_id == jobs.c.id)
        .where(steps.c.state == StepState.RUNNING)
        .group_by(jobs.c.owner)
        .subquery()
    )


def _candidates() -> sa.Select[Any]:
    columns = (
        steps.c.id,
        steps.c.job_id,
        steps.c.key,
        steps.c.kind,
        steps.c.identity,
        steps.c.cpus,
        steps.c.memory_bytes,
        steps.c.disk_bytes,
        jobs.c.priority,
        (clock() - sa.func.coalesce(steps.c.ready_at, clock())).label("waited_s"),
        steps.c.weight,
        steps.c.asks,
    )
    return (
        sa.select(*columns)
        .join(jobs, jobs.c.id == steps.c.job_id)
        .where(
            steps.c.state == StepState.READY,
            steps.c.not_before <= clock(),
            jobs.c.state == JobState.RUNNING,
            jobs.c.cancel_requested.is_(sa.false()),
        )
        .limit(sa.bindparam("most"))
    )


def _of_all() -> sa.Select[Any]:
    order = (jobs.c.rank, jobs.c.id, steps.c.position)
    turn = sa.func.row_number().over(partition_by=jobs.c.owner, order_by=order)
    busy = _busy()
    at_work = sa.func.coalesce(busy.c.count, 0)
    query = _candidates().outerjoin(busy, busy.c.owner == jobs.c.owner)
    return query.order_by(turn + at_work, *order)


# What is asked for often is put together once: that takes as long as running it.
_OF_ALL = _of_all()
_OF_JOB = (
    _candidates()
    .where(steps.c.job_id == sa.bindparam("job"))
    .order_by(jobs.c.rank, jobs.c.id, steps.c.position)
)


@dataclass(frozen=True, slots=True)
class Held:
    """What running steps of a host hold that ask for the same: sums, and how many they are."""

    host: str
    asks: str | None
    cpus: float
    memory_bytes: int
    promised_bytes: int
    count: int


def held(tx: Tx) -> list[Held]:
    """Of all hosts, whoever runs their steps."""
    return [Held(*row) for row in tx.run(_HELD)]


_HELD = (
    sa.select(
        steps.c.host,
        steps.c.asks,
        sa.func.sum(steps.c.cpus),
        sa.func.sum(steps.c.memory_bytes),
        sa.func.coalesce(sa.func.sum(reservations.c.size_bytes), 0),
        sa.func.count(),
    )
    .outerjoin(reservations, reservations.c.step_id == steps.c.id)
    .where(steps.c.state == StepState.RUNNING)
    .group_by(steps.c.host, steps.c.asks)
)


def making(tx: Tx, identities: Sequence[str]) -> set[str]:
    """Those of `identities` that somebody is making."""
    if not identities:
        return set()
    where = (steps.c.state == StepState.RUNNING, steps.c.identity.in_(identities))
    return set(tx.run(sa.select(steps.c.identity).where(*where)).scalars())


@dataclass(frozen=True, slots=True)
class Needed:
    """What a running step was given."""

    cpus: float
    memory_bytes: int
    disk_bytes: int
    asks: str | None


def needs(tx: Tx, limit: int) -> list[Needed]:
    """Of what runs."""
    columns = (steps.c.cpus, steps.c.memory_bytes, steps.c.disk_bytes, steps.c.asks)
    query = sa.select(*columns).where(steps.c.state == StepState.RUNNING).limit(limit)
    return [Needed(*row) for row in tx.run(query)]


def inputs_at(tx: Tx, ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """Step → host → bytes of its inputs that were made there."""
    if not ids:
        return {}
    reader, maker = steps.alias("reader"), steps.alias("maker")
    query = (
        sa.select(reader.c.id, maker.c.host, sa.func.sum(blobs.c.size_bytes))
        .join(edges, sa.and_(edges.c.job_id == reader.c.job_id, edges.c.key == reader.c.key))
        .join(maker, sa.and_(maker.c.job_id == edges.c.job_id, maker.c.key == edges.c.need))
        .join(artifacts, artifacts.c.identity == maker.c.identity)
        .join(blobs, blobs.c.sha256 == artifacts.c.sha256)
        .where(reader.c.id.in_(ids), maker.c.host.is_not(None))
        .group_by(reader.c.id, maker.c.host)
    )
    found: dict[str, dict[str, int]] = {}
    for step_id, host, size_bytes in tx.run(query):
        found.setdefault(step_id, {})[host] = int(size_bytes)
    return found
