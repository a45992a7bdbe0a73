"""Queries over steps: reading them, moving them, what waits for what."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa

from reelwright.errors import Code, ReelError
from reelwright.store.database import Tx
from reelwright.store.ids import new_id
from reelwright.store.rows import NewStep, StepRow
from reelwright.store.states import DONE_STEPS, STEP_MOVES, StepState, sources
from reelwright.store.tables import edges, steps

_COLUMNS = [steps.c[f.name] for f in fields(StepRow)]
# SQLite took at most 999 variables before 3.32; PostgreSQL takes 65535.
_BATCH = 900

_SHARES = (
    sa.select(
        steps.c.job_id,
        steps.c.state,
        sa.func.count(),
        sa.func.sum(steps.c.weight),
        sa.func.sum(steps.c.weight * steps.c.fraction),
    )
    .where(steps.c.job_id.in_(sa.bindparam("ids", expanding=True)))
    .group_by(steps.c.job_id, steps.c.state)
)

# Keys that begin so are the engine's own steps, which no plan has.
_OWN = ":"
# The one that delivers; it waits for all others, so it has no edges.
DELIVER = ":deliver"
# The first of a job that came in without a plan: it makes the others.
PLAN = ":plan"


def is_own(key: str) -> bool:
    """Whether it is one of the engine's own steps."""
    return key.startswith(_OWN)


def insert(tx: Tx, job_id: str, new: Sequence[NewStep], *, max_attempts: int) -> None:
    if not new:
        return
    tx.run(sa.insert(steps), [_values(job_id, step, max_attempts) for step in new])
    put_edges(tx, job_id, ((s.key, s.needs) for s in new))


def put_edges(tx: Tx, job_id: str, needs: Iterable[tuple[str, Iterable[str]]]) -> None:
    rows = [
        {"job_id": job_id, "key": key, "need": need}
        for key, wanted in needs
        for need in set(wanted)
    ]
    if rows:
        tx.run(sa.insert(edges), rows)


def replace(tx: Tx, row: StepRow, step: NewStep) -> None:
    """Gives a step that nobody started what a later revision of the plan says of it."""
    values = _values(row.job_id, step, row.max_attempts)
    for name in ("id", "job_id", "key", "state", "attempt", "failures", "losses"):
        del values[name]
    tx.run(sa.update(steps).where(steps.c.id == row.id).values(**values))
    tx.run(sa.delete(edges).where(edges.c.job_id == row.job_id, edges.c.key == row.key))
    put_edges(tx, row.job_id, [(step.key, step.needs)])


def get(tx: Tx, step_id: str) -> StepRow:
    """Raises STEP_UNKNOWN."""
    row = tx.run(sa.select(*_COLUMNS).where(steps.c.id == step_id)).one_or_none()
    if row is None:
        raise ReelError(Code.STEP_UNKNOWN, f"no step {step_id!r}", where=step_id)
    return step_row(row)


def several(tx: Tx, ids: Collection[str]) -> list[StepRow]:
    """Those of them that there are, in no order."""
    found: list[StepRow] = []
    wanted = list(ids)
    for start in range(0, len(wanted), _BATCH):
        part = wanted[start : start + _BATCH]
        found += [step_row(r) for r in tx.run(sa.select(*_COLUMNS).where(steps.c.id.in_(part)))]
    return found


def of_job(tx: Tx, job_id: str) -> list[StepRow]:
    """In the plan's order."""
    query = sa.select(*_COLUMNS).where(steps.c.job_id == job_id).order_by(steps.c.position)
    return [step_row(row) for row in tx.run(query)]


@dataclass(frozen=True, slots=True)
class Outline:
    """What is to be known of a step to begin its job."""

    job_id: str
    identity: str
    state: StepState
    cpus: float


def outlines(tx: Tx, job_ids: Collection[str]) -> list[Outline]:
    """Of all steps of these jobs."""
    columns = (steps.c.job_id, steps.c.identity, steps.c.state, steps.c.cpus)
    query = sa.select(*columns).where(steps.c.job_id.in_(list(job_ids)))
    return [Outline(row[0], row[1], StepState(row[2]), row[3]) for row in tx.run(query)]


def has_kind(tx: Tx, job_id: str, kind: str) -> bool:
    """Whether the job has a step of this kind."""
    asked = sa.select(steps.c.id).where(steps.c.job_id == job_id, steps.c.kind == kind).limit(1)
    return tx.run(asked).first() is not None


def by_keys(tx: Tx, job_id: str, keys: Collection[str]) -> dict[str, StepRow]:
    found: dict[str, StepRow] = {}
    wanted = list(keys)
    for start in range(0, len(wanted), _BATCH):
        part = wanted[start : start + _BATCH]
        query = sa.select(*_COLUMNS).where(steps.c.job_id == job_id, steps.c.key.in_(part))
        found |= {row.key: step_row(row) for row in tx.run(query)}
    return found


def counts(tx: Tx, job_id: str) -> dict[StepState, int]:
    query = (
        sa.select(steps.c.state, sa.func.count())
        .where(steps.c.job_id == job_id)
        .group_by(steps.c.state)
    )
    return {StepState(state): count for state, count in tx.run(query)}


@dataclass(frozen=True, slots=True)
class Share:
    """The steps of a job that are in one state: how many, the sum of their weights, and of that
    what is done."""

    count: int
    weight: float
    done: float


def shares(tx: Tx, job_ids: Collection[str]) -> dict[str, dict[StepState, Share]]:
    found: dict[str, dict[StepState, Share]] = {job_id: {} for job_id in job_ids}
    for job_id, state, count, weight, done in tx.run(_SHARES, {"ids": list(job_ids)}):
        found[job_id][StepState(state)] = Share(count, weight, done)
    return found


def results(tx: Tx, job_id: str) -> dict[str, Any]:
    """Everything that finished steps measured: node id -> JSON."""
    query = sa.select(steps.c.result).where(
        steps.c.job_id == job_id, steps.c.state.in_(DONE_STEPS), steps.c.result.is_not(None)
    )
    merged: dict[str, Any] = {}
    for result in tx.run(query.order_by(steps.c.position)).scalars():
        merged |= result
    return merged


def move(tx: Tx, step_id: str, target: StepState, **values: Any) -> None:
    """Changes the state where the table of transitions allows it. Raises TRANSITION_REFUSED."""
    allowed = sources(STEP_MOVES, target)
    statement = sa.update(steps).where(steps.c.id == step_id, steps.c.state.in_(allowed))
    if tx.run(statement.values(state=target, **values)).rowcount:
        return
    row = get(tx, step_id)
    raise ReelError(
        Code.TRANSITION_REFUSED,
        f"step {row.key} is {row.state} and cannot become {target}",
        where=row.key,
        evidence={"state": row.state.value, "asked": target.value},
    )


def move_all(
    tx: Tx, job_id: str, origin: StepState, target: StepState, keys: Collection[str] | None = None
) -> list[str]:
    """Moves every step of the job (or of `keys`) that is in `origin`; gives their keys."""
    if target not in STEP_MOVES[origin]:
        raise ReelError(Code.TRANSITION_REFUSED, f"a step that is {origin} cannot become {target}")
    values: dict[str, Any] = {"state": target}
    if target is StepState.READY:
        values["ready_at"] = tx.now()
    moved: list[str] = []
    for part in _parts(keys):
        where = [steps.c.job_id == job_id, steps.c.state == origin]
        if part is not None:
            where.append(steps.c.key.in_(part))
        moved += tx.run(
            sa.update(steps).where(*where).values(**values).returning(steps.c.key)
        ).scalars()
    return moved


def wake(tx: Tx, job_id: str, after: str | None = None) -> list[str]:
    """Makes ready what waits for nothing any more: all of the job, or what needs step `after`."""
    woken = wake_all(tx, [job_id]) if after is None else wake_after(tx, [(job_id, after)])
    return [key for _, key in woken]


def wake_after(tx: Tx, ended: Collection[tuple[str, str]]) -> list[tuple[str, str]]:
    """Makes ready what waited for these steps, each (job, key), and for nothing else any more."""
    found: dict[str, set[str]] = {}
    for job_id, key in tx.run(_DEPENDENTS, {"ended": list(ended)}) if ended else ():
        found.setdefault(job_id, set()).add(key)
    # Asked for before: in one statement PostgreSQL asks of each waiting step what it waits for.
    keys = sorted(set().union(*found.values()))
    woken: list[tuple[str, str]] = []
    for start in range(0, len(keys), _BATCH):
        part = keys[start : start + _BATCH]
        rows = tx.run(_WAKE_KEYS, {"now": tx.now(), "jobs": sorted(found), "keys": part})
        woken += [(job, key) for job, key in rows]
    return woken


def skip_last(tx: Tx, job_ids: Collection[str]) -> set[str]:
    """Of these jobs the step that delivers is not needed: gives those where it waited."""
    return _move_last(tx, job_ids, state=StepState.SKIPPED)


def ready_last(tx: Tx, job_ids: Collection[str]) -> set[str]:
    """Of these jobs the step that delivers may start: gives those where it waited."""
    return _move_last(tx, job_ids, state=StepState.READY, ready_at=tx.now())


def _move_last(tx: Tx, job_ids: Collection[str], **values: Any) -> set[str]:
    if not job_ids:
        return set()
    where = (
        steps.c.job_id.in_(list(job_ids)),
        steps.c.key == DELIVER,
        steps.c.state == StepState.WAITING,
    )
    moved = tx.run(sa.update(steps).where(*where).values(**values).returning(steps.c.job_id))
    return set(moved.scalars())


def wake_all(tx: Tx, job_ids: Collection[str]) -> list[tuple[str, str]]:
    """Makes ready what waits for nothing any more, of these jobs: (job, key)."""
    rows = tx.run(_WAKE_ALL, {"now": tx.now(), "jobs": list(job_ids)})
    return [(job, key) for job, key in rows]


def change(tx: Tx, step_id: str, values: Mapping[str, Any]) -> None:
    """Sets columns other than the state."""
    tx.run(sa.update(steps).where(steps.c.id == step_id).values(**values))


def _waking(*of: sa.ColumnElement[bool]) -> Any:
    need = steps.alias("need")
    # As a scalar, which is asked for each step that could be woken and stops at the first: of a
    # NOT EXISTS PostgreSQL makes a join with all edges of all jobs.
    unmet = (
        sa.select(sa.literal(1))
        .select_from(
            edges.join(need, sa.and_(need.c.job_id == edges.c.job_id, need.c.key == edges.c.need))
        )
        .where(
            edges.c.job_id == steps.c.job_id,
            edges.c.key == steps.c.key,
            need.c.state.not_in(DONE_STEPS),
        )
        .correlate(steps)
        .limit(1)
        .scalar_subquery()
    )
    return (
        sa.update(steps)
        .where(
            *of,
            steps.c.state == StepState.WAITING,
            steps.c.key != DELIVER,
            unmet.is_(None),
        )
        .values(state=StepState.READY, ready_at=sa.bindparam("now"), not_before=0.0)
        .returning(steps.c.job_id, steps.c.key)
    )


_OF_JOBS = steps.c.job_id.in_(sa.bindparam("jobs", expanding=True))
_WAKE_ALL = _waking(_OF_JOBS)
_WAKE_KEYS = _waking(_OF_JOBS, steps.c.key.in_(sa.bindparam("keys", expanding=True)))
_DEPENDENTS = sa.select(edges.c.job_id, edges.c.key).where(
    sa.tuple_(edges.c.job_id, edges.c.need).in_(sa.bindparam("ended", expanding=True))
)


def _parts(keys: Collection[str] | None) -> list[list[str] | None]:
    if keys is None:
        return [None]
    listed = list(keys)
    return [listed[i : i + _BATCH] for i in range(0, len(listed), _BATCH)]


def _values(job_id: str, step: NewStep, max_attempts: int) -> dict[str, Any]:
    return {
        "id": new_id(),
        "job_id": job_id,
        "key": step.key,
        "position": step.position,
        "identity": step.identity,
        "kind": step.kind,
        "state": step.state,
        "needs": list(step.needs),
        "payload": dict(step.payload),
        "cpus": step.cpus,
        "memory_bytes": step.memory_bytes,
        "disk_bytes": step.disk_bytes,
        "weight": step.weight,
        "asks": step.asks,
        "attempt": 0,
        "failures": 0,
        "losses": 0,
        "max_attempts": max_attempts,
        "not_before": 0.0,
        "fraction": 0.0,
    }


def step_row(row: Any) -> StepRow:
    """Of a row that has its columns."""
    values = row._asdict()
    values["state"] = StepState(values["state"])
    values["needs"] = tuple(values["needs"])
    return StepRow(**values)
