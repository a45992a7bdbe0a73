"""A worker that serves: it runs until it is told to stop, and works on what changed."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from reelwright.engine.control import Control
from reelwright.engine.executor import Executor, Need
from reelwright.engine.leader import TICK_S, Leader
from reelwright.engine.presence import Presence
from reelwright.engine.recovery import Recovery
from reelwright.engine.settings import EngineSettings
from reelwright.engine.starting import Starter
from reelwright.errors import Code, ReelError
from reelwright.store import attempts, queue, workers
from reelwright.store.bell import Bell
from reelwright.store.store import Store
from reelwright.store.workers import NewWorker, WorkerState

_log = logging.getLogger(__name__)
_OUTAGES = frozenset({Code.STORE_UNAVAILABLE, Code.STORE_LOCKED, Code.DISK_FULL})
# A look at what rings: not more often, however many there are.
_LOOK_S = 0.2
# Nor a pass because of nothing but a ring: under load each commit of any process rings. One that
# comes after a rest is followed at once.
_RINGS_S = 0.03
# What was committed before a look and dated earlier; looking twice costs little.
_LATE_S = 2.0
# After an error that nobody foresaw.
_PAUSE_S = 1.0


class Serving:
    """The loops of one process. `takes_steps` False: it decides (where it leads), and runs nothing.

    `drain` asks for the end: nothing new is taken, and `run` returns when nothing runs any more.
    """

    def __init__(
        self,
        store: Store,
        executor: Executor,
        settings: EngineSettings,
        control: Control,
        starter: Starter,
        leader: Leader,
        recovery: Recovery,
        *,
        version: str,
        takes_steps: bool,
    ) -> None:
        self._store = store
        self._executor = executor
        self._settings = settings
        self._control = control
        self._starter = starter
        self._leader = leader
        self._recovery = recovery
        self._takes_steps = takes_steps
        self._changed = asyncio.Event()
        self._passed_at = 0.0
        self._rung_at = 0.0
        self._rest: asyncio.TimerHandle | None = None
        self._touched: set[str] = set()
        self._looked_at: dict[str, asyncio.Task[None]] = {}
        self._has_rung = False
        self._looked_until = 0.0  # the database's clock
        self._draining = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        machine = settings.machine if takes_steps else Need()
        self._me = _worker(executor.worker, machine, version)
        self._next_beat = 0.0
        self.seen_at = time.monotonic()  # when the database last answered

    @property
    def id(self) -> str:
        return self._me.id

    @property
    def leads(self) -> bool:
        return self._leader.leads

    @property
    def is_draining(self) -> bool:
        return self._draining.is_set()

    def drain(self) -> None:
        """In the event loop's thread."""
        self._draining.set()
        self._next_beat = 0.0
        self.wake()

    def wake(self) -> None:
        """Something changed: look again now. From any thread."""
        self._call(self._changed.set)

    def touch(self, job_id: str) -> None:
        """This job wants a look. From any thread."""
        self._call(self._touch, job_id)

    def recover_soon(self) -> None:
        """Somebody died whose steps are to be given up. In the event loop's thread."""
        self._leader.recover_soon()

    def forget(self, job_id: str) -> None:
        """It came to its end: there is nothing to look at. From any thread."""
        self._call(self._forget, job_id)

    async def run(self) -> None:
        """Until it was drained, or is cancelled."""
        bell = Bell(self._store, lambda: self._call(self._rang))
        bell.start()
        loops = [
            asyncio.create_task(self._again(self._upkeep, TICK_S)),
            asyncio.create_task(self._again(self._leader.tick, TICK_S)),
            asyncio.create_task(self._again(self._look, _LOOK_S)),
        ]
        try:
            while not (self.is_draining and await self._is_idle()):
                self._changed.clear()
                self._passed_at = self._loop.time()
                await self._guarded(self._pass)
                await self._pause()
        finally:
            looking = list(self._looked_at.values())
            for task in (*loops, *looking):
                task.cancel()
            await asyncio.gather(*loops, *looking, return_exceptions=True)
            self._leader.resign()
            await asyncio.to_thread(bell.close)
            with suppress(ReelError):
                self._store.transact(lambda tx: workers.remove(tx, self._me.id), durable=False)

    async def _pass(self) -> None:
        """Looks at jobs that changed, starts what is ready, begins what is queued."""
        touched, self._touched = self._touched, set()
        for job_id in touched:
            self._look_at(job_id)
        if self._takes_steps and not self.is_draining and await self._starter.start(None):
            self.wake()
        if await self._leader.fill():
            self.wake()

    def _look_at(self, job_id: str) -> None:
        """In a task: planning a job's next revision must not hold up the others."""
        before = self._looked_at.get(job_id)
        if before is not None:
            before.add_done_callback(lambda _task: self._touch(job_id))
            return
        task = asyncio.create_task(self._advance(job_id))
        self._looked_at[job_id] = task
        task.add_done_callback(lambda _task: self._looked_at.pop(job_id, None))

    async def _advance(self, job_id: str) -> None:
        async def everything() -> None:
            while await self._control.advance(job_id):
                self.wake()

        if not await self._guarded(everything):
            self._touch(job_id)

    async def _look(self) -> None:
        """After rings: what others asked of jobs whose steps run here."""
        if not self._has_rung or not self._takes_steps:
            return
        self._has_rung = False
        everywhere = self._executor.has_nodes
        with self._store.read() as tx:
            found = queue.interrupted(tx, None if everywhere else self._me.id)
            if everywhere:  # whoever ended them there has no engine that goes on with their jobs
                found += queue.unresolved_since(tx, self._looked_until - _LATE_S)
                self._looked_until = tx.now()
        for job_id in found:
            self._touch(job_id)

    async def _upkeep(self) -> None:
        """The sign of life, and whether somebody asked for a drain."""
        now = time.monotonic()
        if now >= self._next_beat:
            state = WorkerState.DRAINING if self.is_draining else WorkerState.ACTIVE
            asked = await asyncio.to_thread(
                self._store.transact, lambda tx: workers.beat(tx, self._me, state), durable=False
            )
            self._next_beat = now + workers.BEAT_S
            self._leader.look_again()
        else:
            with self._store.read() as tx:
                asked = workers.is_asked(tx, self._me.id)
        self._has_rung = True  # from time to time without a ring
        if asked and not self.is_draining:
            self.drain()
        self.wake()

    async def _is_idle(self) -> bool:
        try:
            with self._store.read() as tx:
                mine = [r for r in attempts.running(tx) if r.owner == self._me.id]
        except ReelError:
            return False
        return not mine and not self._looked_at

    async def _again(self, work: Callable[[], Awaitable[None]], every_s: float) -> None:
        while True:
            await self._guarded(work)
            await asyncio.sleep(every_s)

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> bool:
        """Whatever goes wrong, the service goes on; False where something did."""
        try:
            await work()
        except ReelError as error:
            if error.code in _OUTAGES:
                self._recovery.outage()
            _log.warning("%s: %s", error.code.text, error)
            await asyncio.sleep(_PAUSE_S)
        except Exception:  # noqa: BLE001 - it is told, and must not end the others
            _log.exception("a mistake of ours; the service goes on")
            await asyncio.sleep(_PAUSE_S)
        else:
            self.seen_at = time.monotonic()
            return True
        return False

    async def _pause(self) -> None:
        """Until something changes. Not `asyncio.wait_for`: see `Engine`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.poll_s):
                await self._changed.wait()

    def _rang(self) -> None:
        self._has_rung = True
        self._rung_at = self._loop.time()
        wait_s = self._passed_at + _RINGS_S - self._rung_at
        if wait_s <= 0:
            self._changed.set()
        elif self._rest is None:
            self._rest = self._loop.call_later(wait_s, self._rested)

    def _rested(self) -> None:
        """After rings that came too soon: a pass since has seen what they were about."""
        self._rest = None
        if self._passed_at <= self._rung_at:
            self._changed.set()

    def _touch(self, job_id: str) -> None:
        self._touched.add(job_id)
        self._changed.set()

    def _forget(self, job_id: str) -> None:
        self._touched.discard(job_id)
        self._changed.set()

    def _call(self, what: Callable[..., object], *args: object) -> None:
        if threading.get_ident() == self._thread:
            what(*args)
            return
        with suppress(RuntimeError):  # the loop is closed: there is nobody to tell
            self._loop.call_soon_threadsafe(what, *args)


def _worker(presence: Presence, machine: Need, version: str) -> NewWorker:
    return NewWorker(
        id=str(presence),
        host=presence.host,
        pid=presence.pid,
        version=version,
        cpus=machine.cpus,
        memory_bytes=machine.memory_bytes,
    )
