"""What the engine does to a job when it looks at it: one change at a time, from what SQL says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from reelwright.engine import expansion, lifecycle, orders, outcome, salvage
from reelwright.engine.executor import Attempt, Executor
from reelwright.engine.settings import EngineSettings
from reelwright.engine.threads import aside, in_thread
from reelwright.errors import Code, Problem, ReelError
from reelwright.planning.plan import Plan
from reelwright.store import attempts, jobs, steps
from reelwright.store.blobs import Blobs
from reelwright.store.database import Tx
from reelwright.store.rows import Job
from reelwright.store.states import JobState, StepState
from reelwright.store.store import Store

Replan = Callable[[str, Mapping[str, Any]], Plan]
_S = StepState


class Control:
    """Decides and makes the changes of jobs; steps are started elsewhere."""

    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        executor: Executor,
        settings: EngineSettings,
        replan: Replan | None,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._executor = executor
        self._settings = settings
        self._replan = replan

    async def advance(self, job_id: str) -> bool:
        """Makes the next change that is due; False when there is none."""
        with self._store.read() as tx:
            job = jobs.find_one(tx, job_id)
            if job is None or job.state.is_final:  # what has ended may have been deleted
                return False
            counts = steps.counts(tx, job_id)
            now = tx.now()
        early = self._early_end(job, counts, now)
        if early is not None:
            await self._finish_early(job, *early)
            return True
        if job.state is JobState.QUEUED:
            await aside(self._blobs, lifecycle.begin, self._store, self._blobs, job, self._settings)
            return True
        if counts.get(_S.FAILED) and self._store.transact(lambda tx: salvage.drop(tx, job_id)):
            return True
        if counts.get(_S.UNRESOLVED):
            return await self._resolve(job, counts)
        return self._store.transact(lambda tx: lifecycle.move_on(tx, job_id))

    def cancel(self, job_id: str) -> None:
        self._store.transact(lambda tx: orders.cancel(tx, job_id))

    def _early_end(
        self, job: Job, counts: Mapping[StepState, int], now: float
    ) -> tuple[JobState, Problem] | None:
        if job.cancel_requested:
            return JobState.CANCELLED, orders.cancelled()
        if job.deadline_at is not None and now > job.deadline_at:
            said = f"the job took longer than {job.timeout_s:g} s"
            return JobState.FAILED, Problem(Code.TIMEOUT, said, where=job.id)
        if counts.get(_S.FAILED) and not self._goes_on(job):
            return JobState.FAILED, self._failure(job.id)
        return None

    def _goes_on(self, job: Job) -> bool:
        if not salvage.may_salvage(job):
            return False
        with self._store.read() as tx:
            return salvage.goes_on(job, steps.of_job(tx, job.id), steps.results(tx, job.id))

    def _failure(self, job_id: str) -> Problem:
        with self._store.read() as tx:
            failed = [r for r in steps.of_job(tx, job_id) if r.state is _S.FAILED and r.error]
        first = min(failed, key=lambda row: row.finished_at or 0.0)
        problem = Problem.from_json(first.error or {})
        if steps.is_own(first.key):  # people know nothing of it
            return problem
        evidence = {"step": first.key, "attempt": first.attempt, **problem.evidence}
        where = problem.where or first.key
        return Problem(problem.code, problem.message, where, problem.hint, evidence)

    async def _finish_early(self, job: Job, target: JobState, problem: Problem) -> None:
        """Stops what runs here first: a state in SQL must not run ahead of the processes."""
        with self._store.read() as tx:
            running = [Attempt.of(r) for r in attempts.running(tx, job_id=job.id)]
        here = await self._executor.adopt(running)
        grace_s = self._settings.grace_s
        await asyncio.gather(*(self._executor.stop(attempt, grace_s) for attempt in here))

        def change(tx: Tx) -> None:
            tx.lock_job(job.id)
            if not jobs.get(tx, job.id).state.is_final:
                outcome.finish_early(tx, job.id, target, problem)

        self._store.transact(change)

    async def _resolve(self, job: Job, counts: Mapping[StepState, int]) -> bool:
        """The next revision, when results that something waits for have come."""
        with self._store.read() as tx:
            results = steps.results(tx, job.id)
        if not expansion.is_due(job, results):
            if any(counts.get(s) for s in (_S.READY, _S.RUNNING)):
                return False
            if self._store.transact(lambda tx: steps.wake(tx, job.id)):
                return True
            return await self._give_up(job, "nothing can make the results that it waits for")
        if self._replan is None:
            return await self._give_up(job, "this engine cannot plan")
        try:
            plan = await in_thread(self._replan, job.id, results)
            expansion.check_progress(job, plan, results)
            work = (expansion.apply, self._store, self._blobs, job, plan, self._settings)
            await aside(self._blobs, *work)
        except ReelError as error:
            if error.code is Code.ARTIFACTS_UNAVAILABLE:
                raise  # it is tried again
            await self._finish_early(job, JobState.FAILED, error.problem)
        return True

    async def _give_up(self, job: Job, reason: str) -> bool:
        waiting = sorted(job.plan["unresolved"])
        problem = Problem(
            Code.PLAN_INVALID, f"{', '.join(waiting)} stays unresolved: {reason}", where=job.id
        )
        await self._finish_early(job, JobState.FAILED, problem)
        return True
