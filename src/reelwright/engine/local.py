"""The local executor: attempts are asyncio tasks of this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from reelwright.engine.attempt import AttemptRunner
from reelwright.engine.events import Event
from reelwright.engine.executor import Attempt, ModelHandle, Need, Work
from reelwright.engine.leases import Leases
from reelwright.engine.presence import Presence, this_host
from reelwright.engine.progress import FLUSH_S, Board
from reelwright.errors import Code, ReelError
from reelwright.planning.plan import Step
from reelwright.store import attempts

_AGAIN_S = 1.0


class LocalExecutor:
    """Needs no server. Its tasks die with the process, and their commands with them (the guard).

    `on_end` is called when an attempt's task is over; `on_event` hears of progress.
    """

    def __init__(self, runner: AttemptRunner) -> None:
        self.worker = Presence.mine()
        self.on_end: Callable[[Attempt], None] = lambda _attempt: None
        self.on_event: Callable[[Event], None] = lambda _event: None
        self._runner = runner
        self._store = runner.store
        self._settings = runner.settings
        self._tasks: dict[Attempt, asyncio.Task[None]] = {}
        self._deaths: asyncio.Queue[Attempt] = asyncio.Queue()
        self._leases = Leases(self._store, self._settings, self.worker, self._lost)
        self._board = Board(self._store, lambda event: self.on_event(event))
        self._upkeep: list[asyncio.Task[None]] = []

    async def capacity(self) -> list[Need]:
        machine = self._settings.machine
        with self._store.read() as tx:
            used = attempts.usage(tx, this_host())
        return [
            Need(
                cpus=machine.cpus - used.cpus,
                memory_bytes=machine.memory_bytes - used.memory_bytes,
                disk_bytes=machine.disk_bytes,
                gpus=machine.gpus,
            )
        ]

    async def start(self, attempt: Attempt, work: Work | None = None) -> None:
        if attempt in self._tasks:
            return
        if not self._upkeep:
            self._upkeep = [
                asyncio.create_task(self._leases.keep()),
                asyncio.create_task(self._flush()),
            ]
        self._leases.take(attempt)
        self._tasks[attempt] = asyncio.create_task(self._run(attempt, work), name=attempt.name)

    async def stop(self, attempt: Attempt, grace_s: float) -> None:
        """The runner gives its command SIGINT, its own grace, and then SIGKILL."""
        task = self._tasks.get(attempt)
        if task is None:
            return
        task.cancel()
        await asyncio.wait([task])

    async def adopt(self, running: list[Attempt]) -> set[Attempt]:
        return {attempt for attempt in running if attempt in self._tasks}

    async def deaths(self) -> AsyncIterator[Attempt]:
        while True:
            yield await self._deaths.get()

    async def demand(self, waiting: list[Need]) -> None:
        """There is only this machine."""

    async def warm(self, model: str, need: Need, count: int) -> ModelHandle:
        """A model is loaded by the first step that uses it, and shared by this process."""
        return ModelHandle(model, 1)

    async def close(self) -> None:
        """Stops everything; the states in SQL are the caller's."""
        for attempt in list(self._tasks):
            await self.stop(attempt, self._settings.grace_s)
        for task in self._upkeep:
            task.cancel()
        await asyncio.gather(*self._upkeep, return_exceptions=True)
        self._upkeep = []

    async def _run(self, attempt: Attempt, work: Work | None) -> None:
        try:
            row, place = work or await self._look_up(attempt)
            duration = Step.from_json(row.payload).duration if row.payload else None
            report = self._board.open(attempt, duration)
            await self._runner.run(row, place, report, lambda: self._leases.heartbeat(attempt))
        except ReelError as error:
            # A lost lease is no news to the engine. Everything else is a death: the step still
            # counts as running.
            if error.code is not Code.LEASE_LOST:
                self._deaths.put_nowait(attempt)
        except Exception:
            self._deaths.put_nowait(attempt)
            raise  # our own mistake: asyncio prints it
        finally:
            self._board.close(attempt)
            self._leases.drop(attempt)
            self._tasks.pop(attempt, None)
            self.on_end(attempt)

    async def _look_up(self, attempt: Attempt) -> Work:
        """Waits for a database that is away: what could not begin yet is not dead."""
        while True:
            try:
                return self._runner.look_up(attempt)
            except ReelError as error:
                if error.code not in {Code.STORE_UNAVAILABLE, Code.STORE_LOCKED}:
                    raise
                await asyncio.sleep(_AGAIN_S)

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            with suppress(ReelError):  # progress is not worth an error; the next one comes soon
                self._board.flush()

    def _lost(self, attempt: Attempt) -> None:
        """Somebody else has the step: stop before two of them run for long."""
        task = self._tasks.get(attempt)
        if task is not None:
            task.cancel()
