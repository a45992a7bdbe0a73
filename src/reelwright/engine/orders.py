"""What somebody asks of a job, as changes of one transaction: for processes that run no engine."""

from __future__ import annotations

from collections.abc import Callable

from reelwright.engine import lifecycle, outcome
from reelwright.errors import Code, Problem, ReelError
from reelwright.store import attempts, jobs
from reelwright.store.blobs import Blobs
from reelwright.store.database import Tx
from reelwright.store.states import JobState
from reelwright.store.store import Store


def cancelled() -> Problem:
    return Problem(Code.CANCELLED, "the job was cancelled")


def cancel(tx: Tx, job_id: str) -> None:
    """Sets the flag; ends the job at once where no step runs that somebody has to stop.

    Raises JOB_UNKNOWN, and TRANSITION_REFUSED when it has come to its end.
    """
    tx.lock_job(job_id)
    job = jobs.get(tx, job_id)
    if job.state.is_final:
        raise ReelError(
            Code.TRANSITION_REFUSED, f"job {job_id} is {job.state} already", where=job_id
        )
    tx.is_news = True  # whoever runs its steps is to look
    jobs.change(tx, job_id, cancel_requested=True)
    if not attempts.running(tx, job_id=job_id):
        outcome.finish_early(tx, job_id, JobState.CANCELLED, cancelled())


def retrying(store: Store, blobs: Blobs, job_id: str) -> Callable[[Tx], None]:
    """The change that queues a failed or cancelled job again, from its finished steps.

    Looks at the cache first, which is no work for a transaction. The change raises JOB_UNKNOWN,
    TRANSITION_REFUSED.
    """
    cache = lifecycle.look_up(store, blobs, job_id)
    return lambda tx: lifecycle.restart(tx, job_id, cache)
