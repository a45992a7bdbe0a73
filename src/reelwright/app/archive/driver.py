"""Drives the archive: lists what is due, makes a job for each entry, and settles those that ended.

All that it knows is in the tables, and each change names the state that it starts from. So a kill
anywhere loses nothing, and two at once do nothing twice.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from reelwright.app.archive import settling, telling
from reelwright.app.archive.causes import listing_wait_s
from reelwright.app.archive.options import ArchiveOptions
from reelwright.app.archive.order import job_row
from reelwright.app.archive.schedule import next_after
from reelwright.app.archive.taking import LEASE_S, take_in
from reelwright.app.library import storage
from reelwright.errors import Code, Problem, ReelError
from reelwright.store import entries, entry_moves, sources
from reelwright.store.states import JobState

if TYPE_CHECKING:
    from reelwright.app.archive.taking import Taken
    from reelwright.app.wiring import App
    from reelwright.store.database import EventRow, Tx
    from reelwright.store.entries import Entry
    from reelwright.store.hosts import Wait
    from reelwright.store.sources import Source

_log = logging.getLogger(__name__)
_AWAY = frozenset({Code.STORE_UNAVAILABLE, Code.STORE_LOCKED})
# After a mistake that nobody foresaw.
_PAUSE_S = 1.0
_FINAL = frozenset(state.value for state in JobState if state.is_final)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """`poll_s`: how often is looked without being told; `lists`: sources that are listed at a time;
    `settles`: ended entries of one transaction."""

    poll_s: float = 1.0
    lists: int = 2
    settles: int = 200


@dataclass(slots=True)
class Standing:
    """Why pending entries are left alone, as of the last look: sites to wait for, and the disk.
    `is_open`: some are at sites that may be asked."""

    waits: dict[str, Wait] = field(default_factory=dict)
    disk: Problem | None = None
    is_open: bool = False


class Archivist:
    """Works while `leads` says so. `only`: the sources that it drives; None: all."""

    def __init__(
        self,
        app: App,
        leads: Callable[[], bool] = lambda: True,
        *,
        only: Collection[str] | None = None,
        pace: Pace | None = None,
        fetches: bool = True,
    ) -> None:
        self._app = app
        self._leads = leads
        self._only = only
        self._pace = pace or Pace()
        self._fetches = fetches
        self._budgets = app.budgets
        self._lists: dict[str, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._is_closing = False
        # Jobs that a run stopped which did not stay to see their end.
        self._put_off: frozenset[str] = frozenset()
        self.standing = Standing()
        # Called after each look.
        self.on_pass: Callable[[], None] = lambda: None

    async def run(self) -> None:
        """Until it is cancelled; what it lists then is given back."""
        stop = self._app.store.listen(ring(asyncio.get_running_loop(), self._wake))
        try:
            while True:
                self._wake.clear()
                await self._guarded_pass()
                self.on_pass()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._pace.poll_s):
                        await self._wake.wait()
        finally:
            stop()
            await self._stop_lists()

    def put_off(self, job_ids: Collection[str]) -> None:
        """What these were to fetch is fetched now: an earlier run stopped them."""
        self._put_off = frozenset(job_ids)

    def wake(self) -> None:
        self._wake.set()

    def stop_new(self) -> None:
        """Nothing is listed or begun from now on; what runs is settled, and what is cancelled waits
        for the next time."""
        self._is_closing = True
        for task in self._lists.values():
            task.cancel()

    async def _stop_lists(self) -> None:
        tasks = list(self._lists.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _guarded_pass(self) -> None:
        if not self._leads():
            return
        try:
            await self._pass()
        except ReelError as error:
            _log.warning("the archive waits: %s", error)
            await asyncio.sleep(_PAUSE_S)
        except Exception:  # noqa: BLE001 - one odd entry must not silence all the others
            _log.exception("the archive was not looked at")
            await asyncio.sleep(_PAUSE_S)

    async def _pass(self) -> None:
        due, is_revivable, ended = await asyncio.to_thread(self._look)
        if ended:
            await self._settle(ended)
        if self._is_closing:
            return
        for source in due:
            self._start_listing(source)
        if is_revivable:
            await self._write(lambda tx: entry_moves.revive(tx, self._only))
        if self._fetches and await self._submit():
            self._wake.set()

    def _look(self) -> tuple[list[Source], bool, list[entries.Ended]]:
        """Read before written: an idle service does not lock its database every second."""
        free = self._pace.lists - len(self._lists)
        with self._app.store.read() as tx:
            due = sources.due(tx, free, self._only) if free > 0 else []
            return (
                due,
                entries.is_revivable(tx, self._only),
                # Of all: what a killed run left would keep others from their turn.
                entries.ended(tx, self._pace.settles),
            )

    async def _settle(self, ended: list[entries.Ended]) -> None:
        attempts = self._app.settings.archive.attempts

        def change(tx: Tx) -> None:
            for one in ended:
                is_stopping = self._is_closing or one.entry.job_id in self._put_off
                settling.settle(tx, one, attempts, is_stopping=is_stopping)

        await self._write(change)
        self._wake.set()  # there may be more, and there is room for others
        await asyncio.to_thread(telling.ended, self._app, ended)

    # Listing

    def _start_listing(self, source: Source) -> None:
        if source.id in self._lists:
            return
        task = asyncio.create_task(self._list(source.id))
        self._lists[source.id] = task
        task.add_done_callback(lambda done: self._listed(done, source.id))

    def _listed(self, task: asyncio.Task[None], source_id: str) -> None:
        self._lists.pop(source_id, None)
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a source could not be listed", exc_info=error)

    async def _list(self, source_id: str) -> None:
        source = await self._write(lambda tx: sources.claim(tx, source_id, LEASE_S))
        if source is None:
            return
        try:
            taken = await take_in(self._app, source, self._budgets)
        except asyncio.CancelledError:
            # Here and now: whoever cancels may end the process next.
            with suppress(ReelError):
                self._app.store.transact(lambda tx: sources.give_back(tx, source))
            raise
        except ReelError as error:
            if error.code is Code.LEASE_LOST:
                return
            problem = error.problem
            await self._settle_listing(lambda tx: _failed(tx, source, problem))
            await asyncio.to_thread(telling.not_listed, self._app, source, problem)
            return
        await self._settle_listing(lambda tx: _done(tx, source, taken))
        if source.options.get("understand"):
            # Few archives are understood too, and what models are costs a start its time.
            from reelwright.app.understand import archived

            await asyncio.to_thread(archived.understand_held, self._app, source.id)
        await asyncio.to_thread(telling.listed, self._app, source, taken)

    async def _settle_listing(self, change: Callable[[Tx], None]) -> None:
        """Tried as long as the claim lives; after it the source is listed once more."""
        until = time.monotonic() + LEASE_S / 2
        while True:
            try:
                await self._write(change)
            except ReelError as error:
                if error.code is Code.LEASE_LOST:
                    return
                if error.code not in _AWAY or time.monotonic() > until:
                    raise
                await asyncio.sleep(0.2)
            else:
                return

    # Fetching

    async def _submit(self) -> bool:
        """Makes jobs of pending entries; whether there may be more at once."""
        found = await asyncio.to_thread(self._choose)
        made = False
        for source, entry in found:
            row = job_row(self._app, source, entry, ArchiveOptions.from_json(source.options))
            made |= await self._write(partial(settling.begin, entry=entry, row=row))
        return made

    def _choose(self) -> list[tuple[Source, Entry]]:
        """As many as there is room for, of the sources in turn: that with the least at work goes
        first. Blocking."""
        most = self._app.settings.archive.at_once
        with self._app.store.read() as tx:
            waiting = entries.waiting_sources(tx, self._only)
            if not waiting:
                self.standing = Standing()
                return []
            at_work = entries.queued(tx)
            free = most - sum(at_work.values())
            if free <= 0:
                return []
            names = {host for s in waiting for host in entries.hosts_pending(tx, s)}
            waits = self._budgets.blocked(tx, names)
            found = sources.of_ids(tx, waiting)
            pending = {
                s: entries.next_pending(
                    tx,
                    s,
                    free,
                    without=list(waits),
                    order=str(found[s].options.get("order", "listed")),
                )
                for s in waiting
                if s in found
            }
        chosen = _in_turn(pending, found, at_work, free)
        disk = _disk_problem(self._app) if chosen else None
        self.standing = Standing(waits, disk, is_open=not names <= set(waits))
        if disk is None:
            return chosen
        waiting_for_it = [entry.id for _, entry in chosen if entry.code != disk.code.text]
        if waiting_for_it:  # whoever looks at them sees why
            self._app.store.transact(lambda tx: entry_moves.note(tx, waiting_for_it, disk))
        return []

    async def _write(self, change: Callable[[Tx], Any]) -> Any:
        return await self._app.combiner.transact(change)


def _disk_problem(app: App) -> Problem | None:
    try:
        return storage.problem(app)
    except ReelError as error:
        if error.code is not Code.OUTPUT_PATH:
            raise
        return error.problem  # a file stands where the library should: nobody waits for that


def _in_turn(
    pending: dict[str, list[Entry]], found: dict[str, Source], at_work: dict[str, int], free: int
) -> list[tuple[Source, Entry]]:
    """No two of one video: its second is held when the first is."""
    chosen: list[tuple[Source, Entry]] = []
    keys: set[str] = set()
    load = {source_id: at_work.get(source_id, 0) for source_id in pending}
    while len(chosen) < free and any(pending.values()):
        source_id = min((s for s in pending if pending[s]), key=lambda s: (load[s], s))
        entry = pending[source_id].pop(0)
        if entry.key not in keys:
            keys.add(entry.key)
            chosen.append((found[source_id], entry))
            load[source_id] += 1
    return chosen


def _done(tx: Tx, source: Source, taken: Taken) -> None:
    listing = taken.listing
    same = listing.is_unchanged
    sources.listed(
        tx,
        source,
        kind=source.kind if same else listing.kind.value,
        title=source.title if same else listing.title or source.title,
        count=entries.count(tx, source.id),
        next_at=_next(tx, source),
        # A listing that ended early has not seen all that its marks stand for.
        etag=_mark(listing.etag, source.etag, taken),
        last_modified=_mark(listing.last_modified, source.last_modified, taken),
        digest=_mark(listing.digest, source.digest, taken),
    )


def _mark(new: str | None, old: str | None, taken: Taken) -> str | None:
    if taken.listing.is_unchanged:
        return new or old
    return new if taken.listing.is_whole else None


def _failed(tx: Tx, source: Source, problem: Problem) -> None:
    """Tried again soon where that can help; a subscription at its next time in any case."""
    planned = _next(tx, source)
    asked_s = problem.evidence.get("retry_after_s")
    wait_s = listing_wait_s(problem.code, source.failures + 1, asked_s)
    soon = None if wait_s is None else tx.now() + wait_s
    times = [at for at in (planned, soon) if at is not None]
    sources.failed(tx, source, problem, min(times) if times else None)


def _next(tx: Tx, source: Source) -> float | None:
    """Of now, not of when it was due: runs that were missed are made up for once."""
    now = tx.now()
    return None if source.schedule is None else next_after(source.schedule, now)


def ring(loop: asyncio.AbstractEventLoop, wake: asyncio.Event) -> Callable[[EventRow], None]:
    """For `Store.listen`: sets `wake` when a job came to its end. What was queued or begun makes
    room for nothing, and a service hears of hundreds of those a second."""

    def hear(event: EventRow) -> None:
        if event.kind == "job" and event.body["state"] in _FINAL:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(wake.set)

    return hear
