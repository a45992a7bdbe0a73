"""The local executor: attempts are asyncio tasks of this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from reelwright.engine.attempt import AttemptRunner
from reelwright.engine.disk import free_bytes
from reelwright.engine.events import Event
from reelwright.engine.executor import Attempt, ModelHandle, Need, Work
from reelwright.engine.leases import Leases
from reelwright.engine.nodes import Node
from reelwright.engine.presence import Presence
from reelwright.engine.progress import FLUSH_S, Board
from reelwright.engine.threads import in_thread
from reelwright.errors import Code, ReelError
from reelwright.planning.plan import Step
from reelwright.store import attempts
from reelwright.store.rows import AttemptRow, StepRow

if TYPE_CHECKING:
    from reelwright.store.candidates import Candidate

_AGAIN_S = 1.0


class LocalExecutor:
    """Needs no server. Its tasks die with the process, and their commands with them (the guard).

    `on_end` is called when an attempt's task is over; `on_event` hears of progress. `worker`: in
    whose name attempts are leased; None for this process. `finds`: what was leased in its name and
    never started here is started when the leases are renewed: whoever claims is elsewhere, and
    what it says may be lost (`Resident`).
    """

    def __init__(
        self, runner: AttemptRunner, *, worker: Presence | None = None, finds: bool = False
    ) -> None:
        self.worker = worker or Presence.mine()
        self.on_end: Callable[[Attempt], None] = lambda _attempt: None
        self.on_event: Callable[[Event], None] = lambda _event: None
        self._runner = runner
        self._store = runner.store
        self._settings = runner.settings
        self._tasks: dict[Attempt, asyncio.Task[None]] = {}
        self._deaths: asyncio.Queue[Attempt] = asyncio.Queue()
        self._finding: set[asyncio.Task[None]] = set()
        found = self._found if finds else None
        self._leases = Leases(self._store, self._settings, self.worker, self._lost, found)
        self._board = Board(self._store, lambda event: self.on_event(event))
        self._upkeep: list[asyncio.Task[None]] = []

    @property
    def has_nodes(self) -> bool:
        return False

    async def capacity(self) -> list[Node]:
        settings = self._settings
        return [
            Node(
                host=self.worker.host,
                worker=str(self.worker),
                total=settings.machine,
                workspaces=settings.workspaces,
                logs=settings.logs,
                free_disk_bytes=self._free_bytes(),
                is_home=True,
            )
        ]

    async def prepare(self, ready: Sequence[Candidate]) -> set[str]:
        """Nothing leaves this machine."""
        return set()

    def begin(self) -> None:
        """Keeps leases and progress from now on, though nothing runs yet. In the event loop."""
        if not self._upkeep:
            self._upkeep = [
                asyncio.create_task(self._leases.keep()),
                asyncio.create_task(self._flush()),
            ]

    async def start(self, attempt: Attempt, work: Work | None = None) -> None:
        if attempt in self._tasks or self._leases.is_over(attempt):
            return
        self.begin()
        self._leases.take(attempt)
        self._tasks[attempt] = asyncio.create_task(self._run(attempt, work), name=attempt.name)

    async def start_all(self, told: Sequence[Attempt]) -> None:
        """`start` of several, looked up in one statement. Of those that this worker does not hold
        (any more) nothing is started."""
        new = {(one.step_id, one.number) for one in told if one not in self._tasks}
        if new:
            for attempt, work in await in_thread(self._held, new):
                await self.start(attempt, work)

    async def stop(self, attempt: Attempt, grace_s: float) -> None:
        """The runner gives its command SIGINT, its own grace, and then SIGKILL."""
        task = self._tasks.get(attempt)
        if task is None:
            self._leases.drop(attempt, has_result=False)  # it may be told of after this
            return
        task.cancel()
        await asyncio.wait([task])

    async def adopt(self, running: list[Attempt]) -> set[Attempt]:
        return self.own(running)

    def own(self, running: Iterable[Attempt]) -> set[Attempt]:
        return {attempt for attempt in running if attempt in self._tasks}

    def is_gone(self, worker: str) -> bool:
        return Presence.parse(worker).is_gone

    @property
    def held(self) -> list[Attempt]:
        """What it runs now."""
        return list(self._tasks)

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
        ending = [*self._upkeep, *self._finding]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        self._upkeep = []

    async def _run(self, attempt: Attempt, work: Work | None) -> None:
        has_result = False
        try:
            row, place = work or await self._look_up(attempt)
            duration = Step.from_json(row.payload).duration if row.payload else None
            report = self._board.open(attempt, duration)
            await self._runner.run(row, place, report, lambda: self._leases.heartbeat(attempt))
            has_result = True
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
            self._leases.drop(attempt, has_result=has_result)
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

    def _free_bytes(self) -> int:
        """What steps may fill: what is free, and within the limit where there is one."""
        free = free_bytes(self._settings.workspaces)
        limit = self._settings.machine.disk_bytes
        return min(free, limit) if limit else free

    def _held(self, wanted: set[tuple[str, int]]) -> list[tuple[Attempt, Work]]:
        with self._store.read() as tx:
            ids = {step_id for step_id, _ in wanted}
            found = attempts.of_worker(tx, str(self.worker), ids)
        return [
            (_leased(row, place), (row, place))
            for row, place in found
            if (row.id, place.number) in wanted
        ]

    def _found(self, found: set[tuple[str, int]]) -> None:
        """Leased to us and never told of: what should have told us is dead or was not heard."""
        task = asyncio.create_task(self._take_up(found))
        self._finding.add(task)
        task.add_done_callback(self._finding.discard)

    async def _take_up(self, found: set[tuple[str, int]]) -> None:
        with suppress(ReelError):  # the next renewal finds them again
            for attempt, work in await in_thread(self._held, found):
                await self.start(attempt, work)

    def _lost(self, attempt: Attempt) -> None:
        """Somebody else has the step: stop before two of them run for long."""
        task = self._tasks.get(attempt)
        if task is not None:
            task.cancel()


def _leased(row: StepRow, place: AttemptRow) -> Attempt:
    need = Need(cpus=row.cpus, memory_bytes=row.memory_bytes, disk_bytes=row.disk_bytes)
    where = (row.host or "", row.lease_owner or "")
    return Attempt(row.id, place.number, row.job_id, row.key, need, *where)
