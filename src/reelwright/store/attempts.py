"""Queries over running steps: claims, leases, results. The attempt number is the fencing token."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import sqlalchemy as sa

from reelwright.errors import Code, ReelError
from reelwright.store.candidates import Candidate
from reelwright.store.database import Tx
from reelwright.store.rows import AttemptRow, Running, StepRow
from reelwright.store.states import AttemptState, StepState
from reelwright.store.steps import step_row
from reelwright.store.tables import attempts, reservations, steps

_RUNNING = [
    steps.c.id,
    steps.c.job_id,
    steps.c.key,
    steps.c.attempt,
    steps.c.host,
    steps.c.lease_owner,
    steps.c.lease_until,
]


@dataclass(frozen=True, slots=True)
class Usage:
    """What running steps of a host hold."""

    cpus: float
    memory_bytes: int
    count: int


def usage(tx: Tx, host: str) -> Usage:
    row = tx.run(
        sa.select(
            sa.func.coalesce(sa.func.sum(steps.c.cpus), 0.0),
            sa.func.coalesce(sa.func.sum(steps.c.memory_bytes), 0),
            sa.func.count(),
        ).where(steps.c.state == StepState.RUNNING, steps.c.host == host)
    ).one()
    return Usage(float(row[0]), int(row[1]), int(row[2]))


@dataclass(frozen=True, slots=True)
class Work:
    """What runs: of this host what its steps hold, and (workspace, bytes promised) of each; and
    the identities of all that is being made, by whomever: nobody starts the same a second time."""

    used: Usage
    reserved: list[tuple[str, int]]
    identities: set[str]


def work(tx: Tx, host: str) -> Work:
    rows = list(tx.run(_WORK))
    mine = [row for row in rows if row.host == host]
    used = Usage(sum(r.cpus for r in mine), sum(r.memory_bytes for r in mine), len(mine))
    # A reservation lives as long as its attempt.
    reserved = [(r.workspace, r.size_bytes) for r in mine if r.workspace is not None]
    return Work(used, reserved, {row.identity for row in rows})


_WORK = (
    sa.select(
        steps.c.identity,
        steps.c.host,
        steps.c.cpus,
        steps.c.memory_bytes,
        reservations.c.workspace,
        reservations.c.size_bytes,
    )
    .outerjoin(reservations, reservations.c.step_id == steps.c.id)
    .where(steps.c.state == StepState.RUNNING)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Who runs an attempt, and where. ``{n}`` in the paths is the number of the attempt."""

    host: str
    worker: str
    workspace: str
    log: str


def start(tx: Tx, chosen: Candidate, place: Place, lease_s: float) -> int | None:
    """Leases a ready step; gives the number of the attempt, None when another was faster."""
    started = start_each(tx, [(chosen, place)], lease_s).get(chosen.step_id)
    return None if started is None else started[1].number


def start_each(
    tx: Tx, chosen: Sequence[tuple[Candidate, Place]], lease_s: float
) -> dict[str, tuple[StepRow, AttemptRow]]:
    """Leases ready steps, each for the worker of its place: by step, what it is and its attempt;
    what another was faster to take is left out."""
    if not chosen:
        return {}
    leased = _lease(tx, chosen, lease_s)
    started: dict[str, tuple[StepRow, AttemptRow]] = {}
    promised = []
    for item, place in chosen:
        row = leased.get(item.step_id)
        if row is None:
            continue
        attempt = _opened(row, place, tx.now())
        started[item.step_id] = row, attempt
        promised.append(
            {
                "step_id": item.step_id,
                "host": place.host,
                "size_bytes": item.disk_bytes,
                "workspace": attempt.workspace,
            }
        )
    if started:
        names = ("step_id", "number", "worker", "state", "workspace", "log", "started_at")
        opened = [{n: getattr(attempt, n) for n in names} for _, attempt in started.values()]
        tx.run(sa.insert(attempts), opened)
        tx.run(sa.insert(reservations), promised)
    return started


def _opened(row: StepRow, place: Place, now: float) -> AttemptRow:
    return AttemptRow(
        step_id=row.id,
        number=row.attempt,
        worker=place.worker,
        state=AttemptState.RUNNING,
        workspace=place.workspace.replace("{n}", str(row.attempt)),
        log=place.log.replace("{n}", str(row.attempt)),
        error=None,
        cpu_seconds=None,
        max_rss_bytes=None,
        started_at=now,
        finished_at=None,
    )


def _lease(tx: Tx, chosen: Sequence[tuple[Candidate, Place]], lease_s: float) -> dict[str, StepRow]:
    now, first = tx.now(), chosen[0][1]
    values = {"ids": [item.step_id for item, _ in chosen], "now": now, "until": now + lease_s}
    if all(place.worker == first.worker for _, place in chosen):
        found = tx.run(_LEASE, {**values, "on": first.host, "by": first.worker})
    else:
        hosts = sa.case({i.step_id: p.host for i, p in chosen}, value=steps.c.id)
        owners = sa.case({i.step_id: p.worker for i, p in chosen}, value=steps.c.id)
        found = tx.run(_LEASE.values(host=hosts, lease_owner=owners), values)
    return {row.id: row for row in map(step_row, found)}


_LEASE = (
    sa.update(steps)
    .where(steps.c.id.in_(sa.bindparam("ids", expanding=True)), steps.c.state == StepState.READY)
    .values(
        state=StepState.RUNNING,
        attempt=steps.c.attempt + 1,
        host=sa.bindparam("on"),
        lease_owner=sa.bindparam("by"),
        lease_until=sa.bindparam("until"),
        started_at=sa.bindparam("now"),
        finished_at=None,
        fraction=0.0,
        progress=None,
        error=None,
    )
    .returning(*(steps.c[f.name] for f in fields(StepRow)))
)


def renew(
    tx: Tx, worker: str, lease_s: float, but: Sequence[tuple[str, int]] = ()
) -> set[tuple[str, int]]:
    """Prolongs every lease that `worker` still holds, `but` these; gives those attempts."""
    where = [steps.c.lease_owner == worker, steps.c.state == StepState.RUNNING]
    if but:
        where.append(sa.tuple_(steps.c.id, steps.c.attempt).not_in(list(but)))
    statement = (
        sa.update(steps)
        .where(*where)
        .values(lease_until=tx.now() + lease_s)
        .returning(steps.c.id, steps.c.attempt)
    )
    return {(step_id, number) for step_id, number in tx.run(statement)}


def leased(tx: Tx, worker: str) -> set[tuple[str, int]]:
    """The attempts that `worker` holds."""
    where = (steps.c.state == StepState.RUNNING, steps.c.lease_owner == worker)
    return {
        (row[0], row[1]) for row in tx.run(sa.select(steps.c.id, steps.c.attempt).where(*where))
    }


def of_worker(tx: Tx, worker: str, step_ids: Collection[str]) -> list[tuple[StepRow, AttemptRow]]:
    """Those of these steps whose leases `worker` holds, each with its attempt."""
    same = sa.and_(attempts.c.step_id == steps.c.id, attempts.c.number == steps.c.attempt)
    query = _both().join(attempts, same)
    where = (
        steps.c.id.in_(list(step_ids)),
        steps.c.state == StepState.RUNNING,
        steps.c.lease_owner == worker,
    )
    return [_pair(row) for row in tx.run(query.where(*where).order_by(steps.c.id))]


def running(tx: Tx, *, job_id: str | None = None, host: str | None = None) -> list[Running]:
    query = sa.select(*_RUNNING).where(steps.c.state == StepState.RUNNING)
    if job_id is not None:
        query = query.where(steps.c.job_id == job_id)
    if host is not None:
        query = query.where(steps.c.host == host)
    return [Running(*row) for row in tx.run(query.order_by(steps.c.id))]


def expired(tx: Tx) -> list[Running]:
    """Running steps whose lease ran out on the database's clock."""
    query = sa.select(*_RUNNING).where(
        steps.c.state == StepState.RUNNING, steps.c.lease_until < tx.now()
    )
    return [Running(*row) for row in tx.run(query.order_by(steps.c.id))]


def is_held(tx: Tx, step_id: str, number: int) -> bool:
    """Whether this attempt still is the one whose result counts."""
    where = (steps.c.id == step_id, steps.c.attempt == number, steps.c.state == StepState.RUNNING)
    return tx.run(sa.select(sa.literal(1)).where(*where)).first() is not None


def settle(
    tx: Tx, step_id: str, number: int, target: StepState, ended: AttemptState, **values: Any
) -> None:
    """Ends an attempt, with the attempt number as the fence. Raises LEASE_LOST.

    `values` are columns of the step. The reservation of disk space ends with it.
    """
    if target not in {StepState.SUCCEEDED, StepState.READY, StepState.FAILED, StepState.CANCELLED}:
        raise ReelError(Code.TRANSITION_REFUSED, f"an attempt does not end as {target}")
    now = tx.now()
    values = {"lease_owner": None, "lease_until": None, "finished_at": now, **values}
    if target is StepState.READY:
        values |= {"ready_at": now, "finished_at": None, "fraction": 0.0}
    where = (steps.c.id == step_id, steps.c.attempt == number, steps.c.state == StepState.RUNNING)
    if not tx.run(sa.update(steps).where(*where).values(state=target, **values)).rowcount:
        raise lost(step_id, number)
    free(tx, [step_id])
    shared = ("error", "cpu_seconds", "max_rss_bytes")
    tx.run(
        sa.update(attempts)
        .where(attempts.c.step_id == step_id, attempts.c.number == number)
        .values(state=ended, finished_at=now, **{k: values[k] for k in shared if k in values})
    )


def lost(step_id: str, number: int) -> ReelError:
    """What `settle` and its like raise: the fence has closed."""
    said = f"attempt {number} is no longer the one that counts; its result is dropped"
    return ReelError(Code.LEASE_LOST, said, where=step_id)


def free(tx: Tx, step_ids: Sequence[str]) -> None:
    """Ends the reservations of these steps."""
    tx.run(_FREE, {"ids": list(step_ids)})


_FREE = sa.delete(reservations).where(
    reservations.c.step_id.in_(sa.bindparam("ids", expanding=True))
)


def get(tx: Tx, step_id: str, number: int) -> AttemptRow:
    """Raises STEP_UNKNOWN."""
    columns = [attempts.c[f.name] for f in fields(AttemptRow)]
    where = (attempts.c.step_id == step_id, attempts.c.number == number)
    row = tx.run(sa.select(*columns).where(*where)).one_or_none()
    if row is None:
        raise _unknown(step_id, number)
    return _attempt(row)


def with_step(tx: Tx, step_id: str, number: int) -> tuple[StepRow, AttemptRow]:
    """Both in one statement. Raises STEP_UNKNOWN."""
    query = _both().join(attempts, attempts.c.step_id == steps.c.id)
    where = (steps.c.id == step_id, attempts.c.number == number)
    row = tx.run(query.where(*where)).one_or_none()
    if row is None:
        raise _unknown(step_id, number)
    return _pair(row)


_STEP = [f.name for f in fields(StepRow)]


def _both() -> sa.Select[Any]:
    columns = [steps.c[name] for name in _STEP] + [attempts.c[f.name] for f in fields(AttemptRow)]
    return sa.select(*columns)


def _pair(row: Any) -> tuple[StepRow, AttemptRow]:
    values = dict(zip(_STEP, row, strict=False))
    values["state"] = StepState(values["state"])
    values["needs"] = tuple(values["needs"])
    attempt = AttemptRow(*row[len(_STEP) :])
    return StepRow(**values), replace(attempt, state=AttemptState(attempt.state))


def _unknown(step_id: str, number: int) -> ReelError:
    said = f"no attempt {number} of {step_id!r}"
    return ReelError(Code.STEP_UNKNOWN, said, where=step_id)


def of_step(tx: Tx, step_id: str) -> list[AttemptRow]:
    columns = [attempts.c[f.name] for f in fields(AttemptRow)]
    query = sa.select(*columns).where(attempts.c.step_id == step_id).order_by(attempts.c.number)
    return [_attempt(row) for row in tx.run(query)]


def live_workspaces(tx: Tx) -> set[str]:
    return set(tx.run(sa.select(reservations.c.workspace)).scalars())


def _attempt(row: Any) -> AttemptRow:
    values = row._asdict()
    values["state"] = AttemptState(values["state"])
    return AttemptRow(**values)
