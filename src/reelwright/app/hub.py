"""Follows the events of jobs for many readers at once, whichever process makes them.

The table of events is the truth: `seq` has no gaps within a job, and a reader is a cursor into it.
One look (a query for all jobs that are read) tells which jobs went on, a second one brings their
new events; readers share them. A reader that is slow reads from the table where it stopped, so
memory is bounded and nothing is lost or told twice.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from reelwright.errors import Code, ReelError
from reelwright.store import jobs, streams
from reelwright.store.bell import Bell
from reelwright.store.database import EventRow
from reelwright.store.states import JobState
from reelwright.store.streams import Position, Running

if TYPE_CHECKING:
    from reelwright.app.principal import Principal
    from reelwright.store.database import Tx
    from reelwright.store.store import Store

T = TypeVar("T")

# Looks are so far apart: what rings meanwhile is one look.
GAP_S = 0.05
# And so far where nothing rings: a ring may be lost, and progress does not ring on PostgreSQL.
POLL_S = 1.0
PROGRESS_S = 0.5
# New events of a job that are kept for its readers; who needs older ones asks the table.
TAIL = 64


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is: `fraction` 0 to 1, `eta_s` seconds, and its running steps."""

    fraction: float
    eta_s: float | None
    steps: tuple[Running, ...] = ()


@dataclass(frozen=True, slots=True)
class End:
    """Nothing more happens unless somebody asks for it; `state` None: the job was deleted."""

    state: str | None


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing was said for as long as was allowed."""


Item = EventRow | Progress | End | Silence


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a look found, by job; `steps` None: it did not look at them."""

    positions: Mapping[str, Position]
    rows: Mapping[str, list[EventRow]]
    steps: Mapping[str, tuple[Running, ...]] | None


@dataclass(slots=True, eq=False)
class _Watched:
    """A job that somebody reads; `position` None: it is not there."""

    job_id: str
    position: Position | None = None
    tail: deque[EventRow] = field(default_factory=lambda: deque(maxlen=TAIL))
    progress: Progress | None = None
    readers: set[Reading] = field(default_factory=set)

    def after(self, cursor: int) -> list[EventRow] | None:
        """The events after `cursor`; None where the table must be asked."""
        if self.position is None or self.position.seq <= cursor:
            return []
        if not self.tail or self.tail[0].seq > cursor + 1:
            return None
        return [row for row in self.tail if row.seq > cursor]

    def end(self, cursor: int) -> End | None:
        """Whether a reader who is at `cursor` has read all that there will be."""
        if self.position is None:
            return End(None)
        is_over = self.position.state.is_final and self.position.seq <= cursor
        return End(self.position.state.value) if is_over else None

    def take(self, seen: _Seen) -> None:
        """Wakes the readers where there is something new."""
        before, self.position = self.position, seen.positions.get(self.job_id)
        rows = seen.rows.get(self.job_id, [])
        if rows:
            self._keep(rows)
        progress = self._progress(seen)
        if rows or self.position != before or progress != self.progress:
            self.progress = progress
            for reader in self.readers:
                reader.woken.set()

    def _keep(self, rows: list[EventRow]) -> None:
        read = min((reader.cursor for reader in self.readers), default=rows[-1].seq)
        while self.tail and (self.tail[0].seq <= read or self.tail[-1].seq + 1 != rows[0].seq):
            self.tail.popleft()
        self.tail.extend(rows)

    def _progress(self, seen: _Seen) -> Progress | None:
        if self.position is None or self.position.state is not JobState.RUNNING:
            return None
        if seen.steps is None:
            return self.progress
        steps = seen.steps.get(self.job_id, ())
        return Progress(self.position.fraction, self.position.eta_s, steps)


class Hub:
    """One for each event loop. `close` it at the end."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="events")
        self._watched: dict[str, _Watched] = {}
        self._rung = asyncio.Event()
        self._asked: list[asyncio.Future[None]] = []
        self._task: asyncio.Task[None] | None = None
        self._bell: Bell | None = None
        self._progress_at = 0.0
        self._is_ended = False

    async def open(self, job_id: str, principal: Principal, after: int = 0) -> Reading:
        """A reader of a job's events after `after`. `close` it.

        Raises JOB_UNKNOWN, also for what belongs to others; STORE_*.
        """
        self._start()
        watched = self._watched.setdefault(job_id, _Watched(job_id))
        reading = Reading(self, watched, after)
        watched.readers.add(reading)
        try:
            await self._look_soon()
            found = watched.position
            if found is None or principal.sees not in (None, found.owner):
                raise jobs.unknown(job_id)
        except BaseException:
            reading.close()
            raise
        if self._is_ended:
            reading.leave()
        return reading

    async def close(self) -> None:
        """`end`, and the threads too."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        if self._bell is not None:
            await asyncio.to_thread(self._bell.close)
            self._bell = None
        self._answer(self._asked, ReelError(Code.STORE_UNAVAILABLE, "the service ends"))
        self.end()
        self._threads.shutdown()

    def end(self) -> None:
        """Readers end without a word: they may come back, to another process."""
        self._is_ended = True
        for watched in self._watched.values():
            for reader in watched.readers:
                reader.leave()

    def __len__(self) -> int:
        """How many read."""
        return sum(len(watched.readers) for watched in self._watched.values())

    def forget(self, watched: _Watched, reading: Reading) -> None:
        watched.readers.discard(reading)
        if not watched.readers and self._watched.get(watched.job_id) is watched:
            del self._watched[watched.job_id]

    async def read(self, query: Callable[[Tx], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, query)

    def _run(self, query: Callable[[Tx], T]) -> T:
        with self._store.read() as tx:
            return query(tx)

    def _start(self) -> None:
        if self._task is not None:
            return
        loop = asyncio.get_running_loop()

        def ring() -> None:
            with suppress(RuntimeError):  # the loop ended: nobody reads any more
                loop.call_soon_threadsafe(self._rung.set)

        self._bell = Bell(self._store, ring)
        self._bell.start()
        self._task = asyncio.create_task(self._work())

    async def _look_soon(self) -> None:
        """Returns after a look that began later than this. Raises STORE_*."""
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asked.append(answer)
        self._rung.set()
        await answer

    async def _work(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._rung.wait()
            self._rung.clear()
            asked, self._asked = self._asked, []
            try:
                await self._look()
            except asyncio.CancelledError:
                self._asked += asked
                raise
            except Exception as error:  # noqa: BLE001 - told to who waits; the next look may work
                self._answer(asked, error)
                if not isinstance(error, ReelError):
                    _report(error)
            else:
                self._answer(asked, None)
            await asyncio.sleep(GAP_S)

    @staticmethod
    def _answer(asked: list[asyncio.Future[None]], error: Exception | None) -> None:
        for one in asked:
            if one.done():  # its client went away
                continue
            if error is None:
                one.set_result(None)
            else:
                one.set_exception(error)

    async def _look(self) -> None:
        if not self._watched:
            return
        known = {
            job_id: None if watched.position is None else watched.position.seq
            for job_id, watched in self._watched.items()
        }
        now = asyncio.get_running_loop().time()
        is_due = now - self._progress_at >= PROGRESS_S
        if is_due:
            self._progress_at = now
        seen = await self.read(lambda tx: _see(tx, known, with_steps=is_due))
        for job_id in known:
            watched = self._watched.get(job_id)
            if watched is not None:
                watched.take(seen)


class Reading:
    """One reader of one job: a cursor, and a way to be woken."""

    def __init__(self, hub: Hub, watched: _Watched, cursor: int) -> None:
        self._hub = hub
        self._watched = watched
        self.cursor = cursor
        self._told: Progress | None = None
        self._is_left = False
        self.woken = asyncio.Event()

    async def items(self, *, follow: bool, silence_s: float) -> AsyncIterator[list[Item]]:
        """What there is to tell, as soon as it is there; ends after `End`, or by `leave`.

        Without `follow` it ends with what there is now. Raises nothing when the database is away:
        it waits for it.
        """
        while not self._is_left:
            self.woken.clear()
            found = await self._new()
            if found:
                yield found
            elif (end := self._watched.end(self.cursor)) is not None:
                yield [end]
                return
            elif not follow:
                return
            elif not await self._wait(silence_s):
                yield [Silence()]

    def leave(self) -> None:
        """Ends `items`; from within the event loop."""
        self._is_left = True
        self.woken.set()

    def close(self) -> None:
        self._hub.forget(self._watched, self)

    async def _new(self) -> list[Item]:
        rows = self._watched.after(self.cursor)
        if rows is None:
            rows = await self._from_table()
        found: list[Item] = list(rows)
        if rows:
            self.cursor = rows[-1].seq
        progress = self._watched.progress
        if progress is not None and progress != self._told:
            self._told = progress
            found.append(progress)
        return found

    async def _from_table(self) -> list[EventRow]:
        job_id, cursor = self._watched.job_id, self.cursor
        while not self._is_left:
            try:
                return await self._hub.read(lambda tx: jobs.events_after(tx, job_id, cursor, TAIL))
            except ReelError:
                await asyncio.sleep(POLL_S)
        return []

    async def _wait(self, most_s: float) -> bool:
        try:
            async with asyncio.timeout(most_s):
                await self.woken.wait()
        except TimeoutError:
            return False
        return True


def _see(tx: Tx, known: Mapping[str, int | None], *, with_steps: bool) -> _Seen:
    """`known`: the last `seq` of each job; None where nobody has looked yet."""
    found = streams.positions(tx, known)
    places: list[tuple[str, int]] = []
    for job_id, position in found.items():
        before = known[job_id]
        if before is not None and before < position.seq:
            first = max(before + 1, position.seq - TAIL + 1)
            places += [(job_id, seq) for seq in range(first, position.seq + 1)]
    rows: dict[str, list[EventRow]] = {}
    for row in streams.events_at(tx, places):
        rows.setdefault(row.job_id, []).append(row)
    if not with_steps:
        return _Seen(found, rows, None)
    alive = [job_id for job_id, position in found.items() if position.state is JobState.RUNNING]
    steps: dict[str, tuple[Running, ...]] = dict.fromkeys(alive, ())
    for step in streams.running(tx, alive):
        steps[step.job_id] += (step,)
    return _Seen(found, rows, steps)


def _report(error: Exception) -> None:
    import structlog

    structlog.get_logger("reelwright.events").error("look at events failed", exc_info=error)


def to_json(row: EventRow) -> dict[str, Any]:
    """What a client is told of an event. `log` is a path of the service's own."""
    body = {name: value for name, value in row.body.items() if name != "log"}
    return {"job_id": row.job_id, "at": row.at, **body}
