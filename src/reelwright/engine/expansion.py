"""The first plan of a job, and the next revisions when results have come that decide how it goes
on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from reelwright.engine import events, lifecycle, submission
from reelwright.engine.settings import EngineSettings
from reelwright.errors import Code, ReelError
from reelwright.planning.plan import Plan
from reelwright.store import attempts, jobs, steps
from reelwright.store.blobs import Blobs
from reelwright.store.database import Tx
from reelwright.store.rows import Job, NewStep, StepRow
from reelwright.store.states import AttemptState, StepState
from reelwright.store.store import Store


@dataclass(frozen=True, slots=True)
class Prepared:
    """What planning a job gave: `spec` is kept in place of what the job came in with."""

    plan: Plan
    spec: Mapping[str, Any]


# Plans a job that came in without a plan. Raises ReelError, SpecErrors.
PlanJob = Callable[[str], Awaitable[Prepared]]


def is_due(job: Job, results: Mapping[str, Any]) -> bool:
    """Whether some operation has everything that it waits for."""
    unresolved: Mapping[str, list[str]] = job.plan["unresolved"]
    return any(all(node in results for node in nodes) for nodes in unresolved.values())


def check_progress(job: Job, plan: Plan, results: Mapping[str, Any]) -> None:
    """Planning again must have led somewhere, or it would be called for ever.

    Raises PLAN_INVALID.
    """
    if plan.revision <= job.revision:
        raise ReelError(Code.PLAN_INVALID, f"revision {plan.revision} came twice", where=job.id)
    for operation, nodes in plan.unresolved.items():
        if all(node in results for node in nodes):
            raise ReelError(
                Code.PLAN_INVALID,
                f"{operation} waits for results that are there: {', '.join(nodes)}",
                where=operation,
            )


def apply(store: Store, blobs: Blobs, job: Job, plan: Plan, settings: EngineSettings) -> None:
    """Adds the new steps, and takes from the cache what it has of them. Raises PLAN_INVALID."""
    if not store.transact(lambda tx: submission.revise(tx, job, plan, settings)):
        return
    cache = lifecycle.look_up(store, blobs, job.id)

    def change(tx: Tx) -> None:
        tx.lock_job(job.id)
        lifecycle.settle(tx, job.id, cache)

    store.transact(change)


def enter(
    store: Store, blobs: Blobs, step: StepRow, prepared: Prepared, settings: EngineSettings
) -> Callable[[Tx], None]:
    """The commit of the step that planned a job. Blocking: files of the cache are looked at.

    Raises PLAN_INVALID, NEEDS_TOO_MUCH; the change raises LEASE_LOST.
    """
    rows = submission.rows_of(prepared.plan, settings)
    cache = lifecycle.look_for(store, blobs, {row.identity for row in rows if row.identity})
    return partial(_enter, step=step, prepared=prepared, rows=rows, cache=cache, settings=settings)


def _enter(
    tx: Tx,
    *,
    step: StepRow,
    prepared: Prepared,
    rows: list[NewStep],
    cache: lifecycle.Cache,
    settings: EngineSettings,
) -> None:
    tx.lock_job(step.job_id)
    attempts.settle(
        tx, step.id, step.attempt, StepState.SUCCEEDED, AttemptState.SUCCEEDED, fraction=1.0
    )
    plan = prepared.plan
    jobs.change(
        tx,
        step.job_id,
        revision=plan.revision,
        plan=submission.header(plan),
        spec=dict(prepared.spec),
    )
    steps.insert(tx, step.job_id, rows, max_attempts=settings.max_attempts)
    body = {"revision": plan.revision, "added": [row.key for row in rows]}
    jobs.record(
        tx,
        step.job_id,
        events.step_changed(step.key, StepState.SUCCEEDED, attempt=step.attempt),
        (events.REVISED, body),
    )
    lifecycle.settle(tx, step.job_id, cache)
    lifecycle.move_on(tx, step.job_id)
