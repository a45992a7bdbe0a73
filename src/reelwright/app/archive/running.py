"""Keeps what was asked for in this process, to the end: `reel archive` without a service.

An engine is begun when there is something to fetch. Where another process leads on this home both
work on it; the tables say what became of each entry, whoever did it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from reelwright.app.archive import presence
from reelwright.app.archive.driver import Archivist, Standing
from reelwright.errors import Code, Problem, ReelError
from reelwright.store import entries, sources, understanding
from reelwright.store.entries import Entry, EntryState
from reelwright.store.sources import SourceState

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.engine.engine import Engine, OnEvent
    from reelwright.store.sources import Source
    from reelwright.store.understanding import Told

# A failure whose next try is so near is waited for.
PATIENCE_S = 60.0
_POLL_S = 0.5
_PAGE = 500
_BUSY = frozenset({SourceState.WAITING, SourceState.LISTING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What became of a video, or of a list that could not be read (`entry` None).

    `state`: kept (by this run), held (before it), failed, gone. `path`: of the video file.
    """

    url: str
    state: str
    asset_id: str | None = None
    path: str | None = None
    problem: Problem | None = None
    title: str | None = None
    next_at: float | None = None
    is_new: bool = True
    entry: Entry | None = None

    def to_json(self) -> dict[str, Any]:
        """A line of `reel archive --json`."""
        return {
            "event": "entry",
            "url": self.url,
            "state": self.state,
            "asset": self.asset_id,
            "path": self.path,
            "code": self.problem.code.text if self.problem else None,
        }


@dataclass(slots=True)
class Tally:
    """How many of each; `worst`: the first failure of this run. `left`: not fetched yet."""

    kept: int = 0
    held: int = 0
    failed: int = 0
    gone: int = 0
    left: int = 0
    understood: int = 0
    not_understood: int = 0
    was_stopped: bool = False
    worst: Problem | None = None

    @property
    def state(self) -> str:
        """``succeeded``, ``failed``, ``cancelled``."""
        if self.was_stopped:
            return "cancelled"
        return "failed" if self.worst is not None else "succeeded"

    def add(self, one: Settled) -> None:
        setattr(self, one.state, getattr(self, one.state) + 1)
        # What is known to be gone for long is no news of this run.
        if one.problem is not None and (one.state != "gone" or one.is_new):
            self.worst = self.worst or one.problem

    def tell(self, one: Told) -> None:
        """Of a job that was to understand a video: it stays kept in any case."""
        if one.state == "succeeded":
            self.understood += 1
            return
        self.not_understood += 1
        if one.state == "failed" and one.error is not None:
            self.worst = self.worst or Problem.from_json(one.error)

    def to_json(self) -> dict[str, Any]:
        """The last line of `reel archive --json`: what is gone has failed, too."""
        counts = {"kept": self.kept, "held": self.held, "failed": self.failed + self.gone}
        if self.understood or self.not_understood:
            counts |= {"understood": self.understood, "not_understood": self.not_understood}
        return {"event": "job", "state": self.state, **counts}


class Shown(Protocol):
    """Who looks on. Called in the event loop's thread."""

    def settled(self, one: Settled) -> None: ...
    def understood(self, one: Told) -> None: ...
    def standing(self, counts: Counts, standing: Standing) -> None:
        """Every half second."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Of all sources together: entries by state, and lists that are not read yet."""

    states: dict[str, int] = field(default_factory=dict)
    unread: int = 0

    @property
    def total(self) -> int:
        return sum(n for state, n in self.states.items() if state != EntryState.SKIPPED)

    @property
    def done(self) -> int:
        return self.total - self.of(EntryState.PENDING, EntryState.QUEUED)

    def of(self, *states: str) -> int:
        return sum(self.states.get(state, 0) for state in states)


class Run:
    """One run over the sources `ids`. `fetches` False: they are listed, and nothing is fetched.
    `only_new`: what was settled before it began is not told."""

    def __init__(
        self,
        app: App,
        ids: Collection[str],
        shown: Shown,
        on_event: OnEvent,
        *,
        patience_s: float = PATIENCE_S,
        fetches: bool = True,
        only_new: bool = False,
    ) -> None:
        self._app = app
        self._ids = list(ids)
        self._shown = shown
        self._on_event = on_event
        self._patience_s = patience_s
        self._fetches = fetches
        self._only_new = only_new
        self._archivist = Archivist(app, only=self._ids, fetches=fetches)
        self._engine: Engine | None = None
        self._serving: asyncio.Task[None] | None = None
        self._told: set[str] = set()
        self._after = (0.0, "")
        self._began_at = 0.0
        self.tally = Tally()

    async def to_the_end(self) -> Tally:
        """Raises STORE_*, TOOL_MISSING."""
        with self._app.store.read() as tx:
            self._began_at = tx.now()
            self._archivist.put_off(entries.stopped_jobs(tx, self._ids))
        self._after = self._first()
        passed = asyncio.Event()
        self._archivist.on_pass = passed.set
        driving = asyncio.create_task(self._archivist.run())
        try:
            while not await self._is_over():
                passed.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_S):
                        await passed.wait()
        finally:
            driving.cancel()
            await asyncio.gather(driving, return_exceptions=True)
            await self._close()
        await self._tell(is_last=True)
        return self.tally

    def name_of(self, job_id: str) -> str:
        """What people call the video that the job fetches."""
        with suppress(ReelError), self._app.store.read() as tx:
            entry = entries.of_job(tx, job_id)
            if entry is not None:
                return entry.title or entry.url
        return job_id

    def stop(self, _job_id: str = "") -> None:
        """Cancels what runs; the next run goes on with it."""
        self.tally.was_stopped = True
        self._archivist.stop_new()
        with self._app.store.read() as tx:
            running = [
                *entries.unfinished_jobs(tx, self._ids),
                *understanding.open_jobs(tx, self._ids),
            ]
        for job_id in running:
            with suppress(ReelError):  # it came to its end meanwhile
                if self._engine is not None:
                    self._engine.cancel(job_id)

    async def _is_over(self) -> bool:
        counts, next_at, now, followers = await asyncio.to_thread(self._look)
        await self._tell(is_last=False)
        standing = self._archivist.standing
        self._shown.standing(counts, standing)
        at_work = counts.of(EntryState.QUEUED) + followers
        if self.tally.was_stopped:
            return not at_work
        waiting = counts.of(EntryState.PENDING)
        if self._fetches and (waiting or at_work):
            await self._begin()
        if not self._fetches:  # a service may be fetching already
            return not counts.unread
        if counts.unread or at_work:
            return False
        if next_at is not None and next_at - now <= self._patience_s:
            return False
        return not waiting or self._is_hopeless(standing)

    def _is_hopeless(self, standing: Standing) -> bool:
        """All that waits is at sites that failed and rest for long, or the disk takes no files; a
        budget and room are waited for."""
        if standing.disk is not None:
            return standing.disk.code is not Code.DISK_FULL
        waits = list(standing.waits.values())
        if not waits or standing.is_open:
            return False
        return all(w.code is not None and w.seconds > self._patience_s for w in waits)

    def _look(self) -> tuple[Counts, float | None, float, int]:
        """The last: how many jobs that understand what was kept are not done."""
        with self._app.store.read() as tx:
            found = sources.of_ids(tx, self._ids)
            of_source = entries.counts(tx, self._ids)
            next_at = entries.next_revival(tx, self._ids)
            followers = len(understanding.open_jobs(tx, self._ids))
            now = tx.now()
        states: dict[str, int] = {}
        for counted in of_source.values():
            for state, n in counted.items():
                states[state] = states.get(state, 0) + n
        unread = sum(self._is_unread(source, now) for source in found.values())
        return Counts(states, unread), next_at, now, followers

    def _is_unread(self, source: Source, now: float) -> bool:
        is_due = source.is_enabled and source.next_at is not None and source.next_at <= now
        if source.state in _BUSY or is_due:
            return True
        soon = source.next_at is not None and source.next_at - now <= self._patience_s
        return source.state == SourceState.FAILED and soon

    async def _begin(self) -> None:
        if self._engine is not None:
            return
        from reelwright import __version__

        _ = self._app.machine
        self._app.wait_for_room()
        self._engine = self._app.engine(self._on_event)
        serving = self._engine.serve(version=__version__)
        self._serving = asyncio.create_task(serving.run())

    async def _close(self) -> None:
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)
        if self._engine is not None:
            with suppress(ReelError):  # a database that is away: the leases run out
                await self._engine.close()

    async def _tell(self, *, is_last: bool) -> None:
        """What has been settled since the last look; at the end also what was settled beside it
        by others, in whatever order they committed it."""
        if is_last:
            self._after = self._first()
        is_more = True
        while is_more:
            page, is_more = await asyncio.to_thread(self._page, is_last)
            for one in page:
                self._tell_one(one)
        if is_last:
            for one in await asyncio.to_thread(self._rest):
                self._tell_one(one)
        for told in await asyncio.to_thread(self._followed):
            self._told.add(told.job_id)
            self.tally.tell(told)
            self._shown.understood(told)

    def _followed(self) -> list[Told]:
        """Jobs that were to understand a video, and ended in this run."""
        with self._app.store.read() as tx:
            found = understanding.ended(tx, self._ids, self._began_at)
        return [one for one in found if one.job_id not in self._told]

    def _first(self) -> tuple[float, str]:
        return (self._began_at if self._only_new else 0.0, "")

    def _tell_one(self, one: Settled) -> None:
        if one.entry is not None:
            self._told.add(one.entry.id)
        self.tally.add(one)
        self._shown.settled(one)

    def _page(self, is_last: bool) -> tuple[list[Settled], bool]:
        with self._app.store.read() as tx:
            found = entries.changed(tx, self._ids, after=self._after, limit=_PAGE)
            new = [entry for entry in found if entry.id not in self._told]
            files = entries.held_files(tx, {e.asset_id for e in new if e.asset_id})
            now = tx.now()
        if found:
            self._after = (found[-1].changed_at, found[-1].id)
        settled = [self._settled(e, files) for e in new if self._is_final(e, now, is_last)]
        return settled, len(found) == _PAGE

    def _is_final(self, entry: Entry, now: float, is_last: bool) -> bool:
        """As far as this run goes."""
        if entry.state == EntryState.FAILED:
            return is_last or entry.next_at is None or entry.next_at - now > self._patience_s
        return entry.state in {EntryState.HELD, EntryState.GONE}

    def _rest(self) -> list[Settled]:
        """Lists that failed; what waits is counted."""
        disk = self._archivist.standing.disk
        self.tally.worst = self.tally.worst or disk
        with self._app.store.read() as tx:
            found = sources.of_ids(tx, self._ids)
            states = entries.counts(tx, self._ids)
        if self._fetches:
            self.tally.left = sum(
                n
                for counted in states.values()
                for state, n in counted.items()
                if state in {EntryState.PENDING, EntryState.QUEUED}
            )
        return [
            _unreadable(source) for source in found.values() if source.state == SourceState.FAILED
        ]

    def _settled(self, entry: Entry, files: dict[str, entries.HeldFile]) -> Settled:
        state = entry.state
        is_new = entry.changed_at >= self._began_at
        if state == EntryState.HELD and entry.job_id is not None and is_new:
            state = "kept"
        file = files.get(entry.asset_id or "")
        path = None if file is None else presence.path_of(presence.library(self._app), file)
        return Settled(
            url=entry.url,
            state=str(state),
            asset_id=entry.asset_id,
            path=None if path is None else str(path),
            problem=Problem.from_json(entry.error) if entry.error else None,
            title=entry.title,
            next_at=entry.next_at,
            is_new=is_new,
            entry=entry,
        )


def _unreadable(source: Source) -> Settled:
    problem = Problem.from_json(source.error or {"code": Code.INTERNAL.text, "message": ""})
    return Settled(
        url=source.url, state="failed", problem=problem, title=source.title, next_at=source.next_at
    )
