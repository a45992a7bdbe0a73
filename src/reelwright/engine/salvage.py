"""What of a job with a failed step is worth going on with: what still leads to an `index`.

What is said and what is shown in a video are found apart from each other. Where one of them fails
(a provider is down, a budget is reached) the other is indexed all the same, and then the job ends
as failed; trying it again does what is left. Jobs that index nothing end at their first failure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reelwright.engine import demand, events, expansion
from reelwright.store import jobs, steps
from reelwright.store.database import Tx
from reelwright.store.rows import Job, StepRow
from reelwright.store.states import DONE_STEPS, OPEN_STEPS, StepState

_S = StepState
_INDEX = "index"
_AT_WORK = frozenset({_S.READY, _S.RUNNING})
_DEAD = frozenset({_S.FAILED, _S.CANCELLED})


def may_salvage(job: Job) -> bool:
    return _INDEX in _operators(job).values()


def goes_on(job: Job, rows: Sequence[StepRow], results: Mapping[str, Any]) -> bool:
    """Whether something runs, or may, that leads to an index."""
    left = _left(job, rows)
    states = {row.state for row in rows if row.key in left}
    return bool(states & _AT_WORK) or (_S.UNRESOLVED in states and expansion.is_due(job, results))


def drop(tx: Tx, job_id: str) -> bool:
    """Cancels what waits and leads nowhere any more; whether there was anything. What runs is let
    run: a model's answer that is paid for already is kept."""
    tx.lock_job(job_id)
    job, rows = jobs.get(tx, job_id), steps.of_job(tx, job_id)
    left = _left(job, rows)
    gone = [
        row
        for row in rows
        if row.state in {_S.READY, _S.WAITING} and row.key not in left and not steps.is_own(row.key)
    ]
    for row in gone:
        steps.move(tx, row.id, _S.CANCELLED)
    jobs.record(tx, job_id, *(events.step_changed(row.key, _S.CANCELLED) for row in gone))
    return bool(gone)


def _left(job: Job, rows: Sequence[StepRow]) -> set[str]:
    """Keys of the steps that an index, which can still be reached, is made from."""
    own = {name for name, op in _operators(job).items() if op == _INDEX}
    live = [row for row in rows if row.state is not _S.EXPANDED]
    doomed = _behind({row.key for row in live if row.state in _DEAD}, live)
    goals = [
        row.key
        for row in live
        if row.state in OPEN_STEPS
        and row.key not in doomed
        and own.intersection(row.payload.get("operations", ()))
    ]
    done = {row.key for row in live if row.state in DONE_STEPS}
    return demand.demanded({row.key: row.needs for row in live}, goals, done)


def _behind(keys: set[str], rows: Sequence[StepRow]) -> set[str]:
    """These, and all that is made from them."""
    users: dict[str, list[str]] = {}
    for row in rows:
        for need in row.needs:
            users.setdefault(need, []).append(row.key)
    found, stack = set[str](), list(keys)
    while stack:
        key = stack.pop()
        if key not in found:
            found.add(key)
            stack += users.get(key, [])
    return found


def _operators(job: Job) -> Mapping[str, str]:
    found: Mapping[str, str] = job.spec.get("operators") or {}
    return found
