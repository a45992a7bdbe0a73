"""The engine: the only writer of job and step states. SQL holds the truth; this moves it on."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

from reelwright.engine import events, lifecycle, orders, outcome, submission
from reelwright.engine.admission import Admission
from reelwright.engine.control import Control, Replan
from reelwright.engine.events import Event, from_row
from reelwright.engine.executor import Attempt, Executor
from reelwright.engine.leader import Leader
from reelwright.engine.recovery import Recovery
from reelwright.engine.retention import prune_calls_daily, prune_logs_daily
from reelwright.engine.serving import Serving
from reelwright.engine.settings import EngineSettings
from reelwright.engine.starting import Starter
from reelwright.engine.submission import NewJob
from reelwright.engine.writing import Write, alone
from reelwright.errors import Code, ReelError
from reelwright.store import attempts, jobs
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


# States of a step after which its job wants a look.
_ENDED = frozenset({"succeeded", "failed"})
# Whoever started it knows already, and nothing else can start because of it.
_STARTED = "running"


def _nobody(event: Event) -> None:
    """Events that nobody watches; they are in the table all the same."""


class Engine:
    """Runs jobs to their end. One engine an event loop; several may share a store.

    `replan` is called with a job's id and the results so far (node id -> JSON) when a plan's
    unresolved steps may be known, and gives the next revision. `on_event` is called in this
    process for every committed change, and for progress; of a change in the thread that committed
    it. `write` commits what is asked for often.
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
        write: Write | None = None,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._executor = executor
        self._settings = settings
        self._on_event = on_event
        self._recovery = Recovery(store, settings, executor)
        self._control = Control(store, blobs, executor, settings, replan)
        self._write = write or alone(store)
        self._starter = Starter(store, blobs, executor, settings, self._write)
        self._serving: Serving | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.get_ident()
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

    def serve(self, *, version: str, takes_steps: bool = True) -> Serving:
        """What runs whatever comes in: `run` it, and `close` this afterwards.

        `takes_steps` False: it decides where it leads, and runs no steps.
        """
        leader = Leader(
            self._store,
            self._blobs,
            self._settings,
            self._recovery,
            Admission(self._store, self._blobs, self._settings, self._write),
            self._touch,
        )
        self._serving = Serving(
            self._store,
            self._executor,
            self._settings,
            self._control,
            self._starter,
            leader,
            self._recovery,
            version=version,
            takes_steps=takes_steps,
        )
        self._hints = self._hints or asyncio.create_task(self._hear_deaths())
        return self._serving

    @property
    def serving(self) -> Serving | None:
        """What `serve` runs."""
        return self._serving

    def _touch(self, job_id: str) -> None:
        if self._serving is not None:
            self._serving.touch(job_id)

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
        await self.take_up()
        with self._store.read() as tx:
            failed = jobs.listing(tx, states=[JobState.FAILED])
        for job in failed:
            if job.error and job.error["code"] in _RESUMABLE:
                self.retry(job.id)
        with self._store.read() as tx:
            return [job.id for job in reversed(jobs.listing(tx, states=_UNFINISHED))]

    async def take_up(self) -> None:
        """Frees at once what dead workers of this host hold: whoever goes on with an unfinished job
        calls it first."""
        # Before anything here gives a sign of life.
        self._store.transact(lambda tx: lifecycle.stop_clocks(tx, self._settings.lease_s))
        await self._recover(at_once=True)

    def wake(self) -> None:
        """Something changed: look again now. From any thread."""
        if self._serving is not None:
            self._serving.wake()
        elif self._loop is None or self._thread == threading.get_ident():
            self._changed.set()
        else:
            with suppress(RuntimeError):  # the loop is closed: there is nobody to tell
                self._loop.call_soon_threadsafe(self._changed.set)

    async def close(self) -> None:
        """Stops what this process runs and gives it back: another may go on at once. Raises
        STORE_* where it could not be given back: then its leases run out."""
        if self._hints is not None:
            self._hints.cancel()
        try:
            with self._store.read() as tx:
                held = {Attempt.of(row): row for row in attempts.running(tx)}
            mine = self._executor.own(held)  # what runs on nodes goes on
            grace_s = self._settings.grace_s
            await asyncio.gather(*(self._executor.stop(attempt, grace_s) for attempt in mine))
            for attempt in mine:
                self._give_back(held[attempt])
        finally:
            await self._executor.close()
            self._unlisten()

    async def _drive(self, scope: Callable[[], list[str]], only: str | None) -> list[Job]:
        self._hints = self._hints or asyncio.create_task(self._hear_deaths())
        self._loop = asyncio.get_running_loop()
        while True:
            self._changed.clear()
            try:
                ids = scope()
                await self._recover()
                for job_id in ids:
                    await self._advance(job_id)
                if await self._starter.start(only):
                    self.wake()
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
            prune_calls_daily(self._store, self._settings)
        self._next_recovery = now + self._settings.renew_s
        await self._recovery.run(at_once=at_once)

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
            if self._serving is not None:
                self._serving.recover_soon()
            self.wake()

    def _tell(self, row: EventRow) -> None:
        self._on_event(from_row(row))
        if self._serving is None:
            self.wake()
        elif row.kind == events.STEP_STATE and row.body["state"] in _ENDED:
            if row.wants_look:
                self._serving.touch(row.job_id)
            else:
                self._serving.wake()
        elif row.kind == events.STEP_STATE and row.body["state"] == _STARTED:
            return
        elif row.kind == events.JOB_STATE and JobState(row.body["state"]).is_final:
            self._serving.forget(row.job_id)
        else:
            self._serving.wake()
