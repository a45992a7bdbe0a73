"""The engine: the only writer of job and step states. SQL holds the truth; this moves it on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial

from reelwright.engine import lifecycle, orders, outcome, scheduler, submission
from reelwright.engine.control import Control, Replan
from reelwright.engine.disk import free_bytes
from reelwright.engine.events import Event, from_row
from reelwright.engine.executor import Attempt, Executor
from reelwright.engine.recovery import Recovery
from reelwright.engine.retention import prune_logs_daily
from reelwright.engine.settings import EngineSettings
from reelwright.engine.submission import NewJob
from reelwright.errors import Code, ReelError
from reelwright.store import artifacts, attempts, jobs
from reelwright.store.blobs import Blobs
from reelwright.store.database import EventRow
from reelwright.store.prune import prune
from reelwright.store.rows import Job, Running
from reelwright.store.states import JobState
from reelwright.store.store import Store

OnEvent = Callable[[Event], None]
_UNFINISHED = (JobState.QUEUED, JobState.RUNNING)
# What `resume` takes up again by itself: room may have been made since.
_RESUMABLE = frozenset({Code.DISK_FULL.text, Code.DISK_RESERVED.text})


def _nobody(event: Event) -> None:
    """Events that nobody watches; they are in the table all the same."""


class Engine:
    """Runs jobs to their end. One engine an event loop; several may share a store.

    `replan` is called with a job's id and the results so far (node id -> JSON) when a plan's
    unresolved steps may be known, and gives the next revision. `on_event` is called in this
    process for every committed change, and for progress.
    """

    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        executor: Executor,
        settings: EngineSettings,
        *,
        replan: Replan | None = None,
        on_event: OnEvent = _nobody,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._executor = executor
        self._settings = settings
        self._on_event = on_event
        self._recovery = Recovery(store, settings, executor)
        self._control = Control(store, blobs, executor, settings, replan)
        self._changed = asyncio.Event()
        self._next_recovery = 0.0
        self._hints: asyncio.Task[None] | None = None
        self._unlisten = store.listen(self._tell)

    def submit(self, new: NewJob) -> str:
        """Stores the job durably; gives its id. Raises PLAN_INVALID, NEEDS_TOO_MUCH, STORE_*."""
        job_id = self._store.transact(lambda tx: submission.submit(tx, new, self._settings))
        self.wake()
        return job_id

    async def run_job(self, job_id: str) -> Job:
        """Runs it to its end, or watches another process do so. Raises JOB_UNKNOWN, STORE_*."""
        return (await self._drive(lambda: [job_id], job_id))[0]

    async def run_until_idle(self) -> None:
        """Runs every unfinished job to its end."""

        def unfinished() -> list[str]:
            with self._store.read() as tx:
                return [job.id for job in reversed(jobs.listing(tx, states=_UNFINISHED))]

        await self._drive(unfinished, None)

    def cancel(self, job_id: str) -> None:
        """Asks for the end of a job; whoever runs it stops it within a second.

        Raises JOB_UNKNOWN, and TRANSITION_REFUSED when it has come to its end.
        """
        self._control.cancel(job_id)
        self.wake()

    def retry(self, job_id: str) -> None:
        """Queues a failed or cancelled job again, from its finished steps.

        Raises JOB_UNKNOWN, TRANSITION_REFUSED.
        """
        self._store.transact(orders.retrying(self._store, self._blobs, job_id))
        self.wake()

    async def resume(self) -> list[str]:
        """Takes up what was left: gives the ids of all unfinished jobs.

        Steps of dead workers of this host are free at once; those of other hosts when their lease
        runs out. Jobs that failed for want of disk space are queued again.
        """
        # Before anything here gives a sign of life.
        self._store.transact(lambda tx: lifecycle.stop_clocks(tx, self._settings.lease_s))
        await self._recover(at_once=True)
        with self._store.read() as tx:
            failed = jobs.listing(tx, states=[JobState.FAILED])
        for job in failed:
            if job.error and job.error["code"] in _RESUMABLE:
                self.retry(job.id)
        with self._store.read() as tx:
            return [job.id for job in reversed(jobs.listing(tx, states=_UNFINISHED))]

    def wake(self) -> None:
        """Something changed: look again now."""
        self._changed.set()

    async def close(self) -> None:
        """Stops what this process runs and gives it back: another may go on at once."""
        if self._hints is not None:
            self._hints.cancel()
        with self._store.read() as tx:
            held = {_attempt(row): row for row in attempts.running(tx)}
        mine = await self._executor.adopt(list(held))
        grace_s = self._settings.grace_s
        await asyncio.gather(*(self._executor.stop(attempt, grace_s) for attempt in mine))
        for attempt in mine:
            self._give_back(held[attempt])
        await self._executor.close()
        self._unlisten()

    async def _drive(self, scope: Callable[[], list[str]], only: str | None) -> list[Job]:
        self._hints = self._hints or asyncio.create_task(self._hear_deaths())
        while True:
            self._changed.clear()
            try:
                ids = scope()
                await self._recover()
                for job_id in ids:
                    await self._advance(job_id)
                await self._start(only)
                found = self._jobs(ids)
                if all(job.state.is_final for job in found):
                    self._keep_within_limit()
                    return found
            except ReelError as error:
                if error.code not in {Code.STORE_UNAVAILABLE, Code.STORE_LOCKED}:
                    raise
                self._recovery.outage()
            await self._pause()

    async def _pause(self) -> None:
        """Until something changes here, or it is time to look what others changed.

        Not `asyncio.wait_for`: in Python 3.11 that swallows a cancellation which comes together
        with the event (python/cpython issue 86296).
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.poll_s):
                await self._changed.wait()

    def _jobs(self, ids: Iterable[str]) -> list[Job]:
        with self._store.read() as tx:
            return [jobs.get(tx, job_id) for job_id in ids]

    async def _advance(self, job_id: str) -> None:
        """Everything that can happen to a job without running a step."""
        while await self._control.advance(job_id):
            pass

    async def _recover(self, *, at_once: bool = False) -> None:
        now = time.monotonic()
        if not at_once and now < self._next_recovery:
            return
        if self._next_recovery == 0.0:
            self._recovery.sweep()
            prune_logs_daily(self._store, self._settings)
        self._next_recovery = now + self._settings.renew_s
        await self._recovery.run(at_once=at_once)

    async def _start(self, only: str | None) -> None:
        if not self._look_again(only):
            return
        free = self._free_bytes()
        claimed = self._store.transact(
            lambda tx: scheduler.claim(tx, self._settings, self._executor.worker, only, free)
        )
        for attempt in claimed.attempts:
            await self._executor.start(attempt)
        if claimed.short_bytes:
            self._make_room(only, claimed.short_bytes)

    def _look_again(self, only: str | None) -> bool:
        """Whether something is ready that the cache does not hold: another job may have made it."""
        with self._store.read() as tx:
            ready = scheduler.ready(tx, only)
            known = artifacts.outcomes_of(tx, {item.identity for item in ready})
        found = [item for item in ready if item.identity in known]
        is_cached = False
        for job_id in sorted({item.job_id for item in found}):
            keys = [item.key for item in found if item.job_id == job_id]
            cache = lifecycle.look_up(self._store, self._blobs, job_id, keys)
            if cache.have:
                self._store.transact(partial(lifecycle.settle_in, job_id=job_id, cache=cache))
                is_cached = True
        if is_cached:
            self.wake()
        return bool(ready) and not is_cached

    def _make_room(self, only: str | None, short_bytes: int) -> None:
        """Nothing runs and a step does not fit: the cache gives way, else the step fails."""
        if prune(self._store, self._blobs, free_bytes=short_bytes).size_bytes < short_bytes:
            free = self._free_bytes()
            self._store.transact(lambda tx: scheduler.refuse_disk(tx, only, free))
        self.wake()

    def _free_bytes(self) -> int:
        """What steps may fill: what is free, and within the limit where there is one."""
        free = free_bytes(self._settings.workspaces)
        limit = self._settings.machine.disk_bytes
        return min(free, limit) if limit else free

    def _give_back(self, held: Running) -> None:
        try:
            self._store.transact(lambda tx: outcome.give_back(tx, held))
        except ReelError as error:
            if error.code is not Code.LEASE_LOST:  # it came to its own end meanwhile
                raise

    def _keep_within_limit(self) -> None:
        if self._settings.cache_bytes is not None:
            prune(self._store, self._blobs, limit_bytes=self._settings.cache_bytes)

    async def _hear_deaths(self) -> None:
        """An attempt without a result: if SQL still counts it as running, it is lost."""
        async for _dead in self._executor.deaths():
            self._next_recovery = time.monotonic()
            self.wake()

    def _tell(self, row: EventRow) -> None:
        self._on_event(from_row(row))
        self.wake()


def _attempt(held: Running) -> Attempt:
    return Attempt(held.step_id, held.attempt, held.job_id, held.key)
