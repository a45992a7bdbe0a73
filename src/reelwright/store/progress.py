"""How far running steps and their jobs are: written often, for many at once, waiting for nobody."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from reelwright.store import jobs
from reelwright.store.database import Tx
from reelwright.store.states import StepState
from reelwright.store.steps import Share, shares
from reelwright.store.tables import jobs as jobs_table
from reelwright.store.tables import steps


@dataclass(frozen=True, slots=True)
class StepDone:
    """So much of an attempt at a step is done: `fraction` 0 to 1, `progress` as it was reported."""

    step_id: str
    number: int
    fraction: float
    progress: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class JobDone:
    """`fraction` 0 to 1; `eta_s` seconds left, None where that is not known yet."""

    job_id: str
    fraction: float
    eta_s: float | None


def set_steps(tx: Tx, told: Sequence[StepDone]) -> None:
    """Writes it where the attempt still is the one that counts.

    A step that somebody else changes right now is left out: it is about to end, or its lease is
    renewed, and the next word comes soon. Waiting would be for a lock in whatever order.
    """
    held = sa.select(steps.c.id).where(
        steps.c.id.in_([one.step_id for one in told]), steps.c.state == StepState.RUNNING
    )
    free = set(tx.run(held.with_for_update(skip_locked=True, key_share=True)).scalars())
    rows = [
        {"of": d.step_id, "by": d.number, "done": d.fraction, "said": dict(d.progress)}
        for d in told
        if d.step_id in free
    ]
    if rows:
        tx.run(_SET_STEP, rows)


_SET_STEP = (
    sa.update(steps)
    .where(steps.c.id == sa.bindparam("of"), steps.c.attempt == sa.bindparam("by"))
    .values(fraction=sa.bindparam("done"), progress=sa.bindparam("said"))
)


@dataclass(frozen=True, slots=True)
class JobShares:
    """What the fraction of a job is computed from."""

    shares: Mapping[StepState, Share]
    started_at: float | None


def lock_jobs(tx: Tx, job_ids: Collection[str]) -> dict[str, JobShares]:
    """Of the jobs that nobody else changes right now; whoever does writes their fractions too."""
    free = jobs.lock_free(tx, job_ids)
    if not free:
        return {}
    began = sa.select(jobs_table.c.id, jobs_table.c.started_at).where(jobs_table.c.id.in_(free))
    found = shares(tx, free)
    return {job_id: JobShares(found[job_id], at) for job_id, at in tx.run(began)}


def set_jobs(tx: Tx, done: Sequence[JobDone]) -> None:
    """Their locks are the caller's."""
    rows = [{"of": d.job_id, "done": d.fraction, "left": d.eta_s} for d in done]
    if rows:
        tx.run(_SET_JOB, rows)


_SET_JOB = (
    sa.update(jobs_table)
    .where(jobs_table.c.id == sa.bindparam("of"))
    .values(fraction=sa.bindparam("done"), eta_s=sa.bindparam("left"))
)
