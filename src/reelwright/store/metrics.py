"""Aggregates for whoever watches the service: what is so now, and what ended since a moment.

All of it by index: the tables may hold years of jobs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from reelwright.store.database import Tx
from reelwright.store.states import JobState, StepState
from reelwright.store.tables import artifacts, attempts, blobs, deliveries, jobs, steps
from reelwright.store.tables_service import cluster_heads, cluster_nodes, outbox, workers
from reelwright.store.workers import SILENT_S

_OPEN_JOBS = [JobState.QUEUED, JobState.RUNNING]
_OPEN_STEPS = [StepState.WAITING, StepState.READY, StepState.RUNNING]
_OPEN_MESSAGES = ["pending", "dead"]
# SQLite took at most 999 variables before 3.32.
_BATCH = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """How it stands. `oldest_wait_s` 0.0: nothing waits. `workers` by state, `stale` among them.
    `nodes` of a cluster by state, and `node_steps` that run on those of each state. `cluster_up`:
    whether its head answers the dispatcher; None: there is no cluster."""

    at: float
    jobs: Mapping[str, int]
    steps: Mapping[str, int]
    oldest_wait_s: float
    leases_expired: int
    workers: Mapping[str, int]
    outbox: Mapping[str, int]
    nodes: Mapping[str, int]
    node_steps: Mapping[str, int]
    cluster_up: bool | None


@dataclass(frozen=True, slots=True)
class AttemptEnd:
    """An attempt that is over. `payload` is that of its step where it succeeded, else None.
    `waited_s`: from ready to its start, None where its step was put back since."""

    step_id: str
    number: int
    state: str
    error: Mapping[str, Any] | None
    started_at: float
    finished_at: float
    cpu_seconds: float | None
    job_id: str
    kind: str
    payload: Mapping[str, Any] | None
    waited_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEnd:
    """A job that came to its end. Of its last run: steps that the cache spared (`cached`), steps
    that ran for a result (`made`), and what was delivered."""

    id: str
    state: str
    error: Mapping[str, Any] | None
    created_at: float
    started_at: float | None
    finished_at: float
    cached: int = 0
    made: int = 0
    delivered_files: int = 0
    delivered_bytes: int = 0


def now(tx: Tx) -> Now:
    at = tx.now()
    oldest = sa.select(sa.func.min(jobs.c.created_at)).where(jobs.c.state == JobState.QUEUED)
    created_at = tx.run(oldest).scalar_one()
    expired = sa.select(sa.func.count()).where(
        steps.c.state == StepState.RUNNING, steps.c.lease_until < at
    )
    return Now(
        at=at,
        jobs=_counts(tx, jobs.c.state, jobs.c.state.in_(_OPEN_JOBS)),
        steps=_counts(tx, steps.c.state, steps.c.state.in_(_OPEN_STEPS)),
        oldest_wait_s=0.0 if created_at is None else max(0.0, at - created_at),
        leases_expired=tx.run(expired).scalar_one(),
        workers=_workers(tx, at),
        outbox=_counts(tx, outbox.c.state, outbox.c.state.in_(_OPEN_MESSAGES)),
        nodes=_counts(tx, cluster_nodes.c.state, sa.true()),
        node_steps=_node_steps(tx),
        cluster_up=_cluster_up(tx, at),
    )


def _counts(tx: Tx, column: sa.Column[Any], where: sa.ColumnElement[bool]) -> dict[str, int]:
    query = sa.select(column, sa.func.count()).where(where).group_by(column)
    return {str(state): count for state, count in tx.run(query)}


def _workers(tx: Tx, at: float) -> dict[str, int]:
    state = sa.case((workers.c.heartbeat_at < at - SILENT_S, "stale"), else_=workers.c.state)
    found: dict[str, int] = {}
    # A process that only decides has no cores, and runs nothing.
    for name in tx.run(sa.select(state).where(workers.c.cpus > 0)).scalars():
        found[name] = found.get(name, 0) + 1
    return found


def _node_steps(tx: Tx) -> dict[str, int]:
    joined = steps.join(cluster_nodes, cluster_nodes.c.host == steps.c.host)
    query = sa.select(cluster_nodes.c.state, sa.func.count()).select_from(joined)
    running = query.where(steps.c.state == StepState.RUNNING).group_by(cluster_nodes.c.state)
    return {str(state): count for state, count in tx.run(running)}


def _cluster_up(tx: Tx, at: float) -> bool | None:
    """The last word of a dispatcher counts as long as it would be renewed."""
    columns = cluster_heads.c.problem, cluster_heads.c.seen_at
    query = sa.select(*columns).order_by(cluster_heads.c.seen_at.desc()).limit(1)
    found = tx.run(query).one_or_none()
    return None if found is None else found.problem is None and found.seen_at > at - SILENT_S


def cache_bytes(tx: Tx) -> int:
    """Reads every row of the cache's files: not for every scrape."""
    return int(tx.run(sa.select(sa.func.coalesce(sa.func.sum(blobs.c.size_bytes), 0))).scalar_one())


def attempts_ended(tx: Tx, after: tuple[float, str, int], limit: int) -> list[AttemptEnd]:
    """The next `limit` in the order of (finished_at, step_id, number), after that place."""
    at, step_id, number = after
    key = sa.tuple_(attempts.c.finished_at, attempts.c.step_id, attempts.c.number)
    # Payloads are large, and of the others nobody asks what they would have done.
    payload = sa.case((attempts.c.state == "succeeded", steps.c.payload), else_=None)
    waited = attempts.c.started_at - steps.c.ready_at
    query = (
        sa.select(
            attempts.c.step_id,
            attempts.c.number,
            attempts.c.state,
            attempts.c.error,
            attempts.c.started_at,
            attempts.c.finished_at,
            attempts.c.cpu_seconds,
            steps.c.job_id,
            steps.c.kind,
            sa.type_coerce(payload, steps.c.payload.type),
            sa.case((waited >= 0.0, waited), else_=None),
        )
        .join(steps, steps.c.id == attempts.c.step_id)
        .where(
            attempts.c.finished_at >= at,
            key > sa.tuple_(sa.literal(at), sa.literal(step_id), sa.literal(number)),
        )
        .order_by(attempts.c.finished_at, attempts.c.step_id, attempts.c.number)
        .limit(limit)
    )
    return [AttemptEnd(*row) for row in tx.run(query)]


def jobs_ended(tx: Tx, after: tuple[float, str], limit: int) -> list[JobEnd]:
    """The next `limit` in the order of (finished_at, id), after that place."""
    at, job_id = after
    query = (
        sa.select(
            jobs.c.id,
            jobs.c.state,
            jobs.c.error,
            jobs.c.created_at,
            jobs.c.started_at,
            jobs.c.finished_at,
        )
        .where(
            jobs.c.finished_at >= at,
            sa.tuple_(jobs.c.finished_at, jobs.c.id)
            > sa.tuple_(sa.literal(at), sa.literal(job_id)),
        )
        .order_by(jobs.c.finished_at, jobs.c.id)
        .limit(min(limit, _BATCH))
    )
    rows = [row._asdict() for row in tx.run(query)]
    ids = [row["id"] for row in rows]
    counted, files = _steps_of(tx, ids), _deliveries_of(tx, ids)
    return [
        JobEnd(
            **row,
            cached=counted.get((row["id"], StepState.CACHED), 0),
            made=counted.get((row["id"], StepState.SUCCEEDED), 0),
            delivered_files=files.get(row["id"], (0, 0))[0],
            delivered_bytes=files.get(row["id"], (0, 0))[1],
        )
        for row in rows
    ]


def _steps_of(tx: Tx, ids: Collection[str]) -> dict[tuple[str, str], int]:
    """By job and state. The engine's own steps have no identity, and no cache is asked for them."""
    query = (
        sa.select(steps.c.job_id, steps.c.state, sa.func.count())
        .join(jobs, jobs.c.id == steps.c.job_id)
        .where(
            steps.c.job_id.in_(ids),
            steps.c.identity != "",
            steps.c.finished_at >= jobs.c.started_at,
        )
        .group_by(steps.c.job_id, steps.c.state)
    )
    return {(job_id, state): count for job_id, state, count in tx.run(query)}


def _deliveries_of(tx: Tx, ids: Collection[str]) -> dict[str, tuple[int, int]]:
    query = (
        sa.select(
            deliveries.c.job_id,
            sa.func.count(),
            sa.func.coalesce(sa.func.sum(deliveries.c.size_bytes), 0),
        )
        .join(jobs, jobs.c.id == deliveries.c.job_id)
        .where(deliveries.c.job_id.in_(ids), deliveries.c.at >= jobs.c.started_at)
        .group_by(deliveries.c.job_id)
    )
    return {job_id: (count, int(size)) for job_id, count, size in tx.run(query)}


def operators_of(tx: Tx, ids: Collection[str]) -> dict[str, dict[str, str]]:
    """Job → operation → operator, as the job's spec names them."""
    found: dict[str, dict[str, str]] = {}
    wanted = list(ids)
    for start in range(0, len(wanted), _BATCH):
        query = sa.select(jobs.c.id, jobs.c.spec).where(
            jobs.c.id.in_(wanted[start : start + _BATCH])
        )
        found |= {job_id: dict(spec.get("operators") or {}) for job_id, spec in tx.run(query)}
    return found


def made_bytes(tx: Tx, identities: Collection[str]) -> dict[str, int]:
    """Identity of a step → the bytes of its files."""
    found: dict[str, int] = {}
    wanted = list(identities)
    for start in range(0, len(wanted), _BATCH):
        query = (
            sa.select(artifacts.c.identity, sa.func.sum(blobs.c.size_bytes))
            .join(blobs, blobs.c.sha256 == artifacts.c.sha256)
            .where(artifacts.c.identity.in_(wanted[start : start + _BATCH]))
            .group_by(artifacts.c.identity)
        )
        found |= {identity: int(size) for identity, size in tx.run(query)}
    return found
