"""The next revision of a plan, when results have come that decide how it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reelwright.engine import lifecycle, submission
from reelwright.engine.settings import EngineSettings
from reelwright.errors import Code, ReelError
from reelwright.planning.plan import Plan
from reelwright.store.blobs import Blobs
from reelwright.store.database import Tx
from reelwright.store.rows import Job
from reelwright.store.store import Store


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
