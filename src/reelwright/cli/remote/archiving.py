"""Keeping videos by a service: asked for there, and followed from here until they are settled."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reelwright.app.archive.driver import Standing
from reelwright.app.archive.running import PATIENCE_S, Counts, Settled, Tally
from reelwright.cli.archive_options import options_of, read_urls
from reelwright.cli.archive_shown import PlainLines, display, ended_code
from reelwright.cli.choice import Target
from reelwright.cli.interrupts import Interrupts
from reelwright.cli.remote.session import be_patient, greet, linked
from reelwright.client import models
from reelwright.client.asynchronous.client import AsyncClient
from reelwright.errors import Code, Problem, ReelError
from reelwright.store.entries import Entry, EntryState

if TYPE_CHECKING:
    from reelwright.cli.archiving import ArchiveArguments

_PAGE = 500
_URLS_AT_ONCE = 1000
_POLL_S, _POLL_EACH_S = 0.5, 0.02
_BUSY = frozenset({"waiting", "listing"})
_FINAL = frozenset({EntryState.HELD, EntryState.FAILED, EntryState.GONE})


def archive(target: Target, arguments: ArchiveArguments) -> int:
    """As `cli.archiving.archive`: gives the exit code. Raises ReelError."""
    _refuse(arguments)
    urls = read_urls(arguments.urls, arguments.files)
    options = options_of(arguments.said).to_json()

    async def ask(client: AsyncClient) -> tuple[list[str], float]:
        found: dict[str, None] = {}
        at: float | None = None
        for begin in range(0, len(urls), _URLS_AT_ONCE):
            part = urls[begin : begin + _URLS_AT_ONCE]
            body = {"urls": part, "options": options, "retry_gone": arguments.retry_gone}
            asked = await client.archive(body)
            found |= dict.fromkeys(source.id for source in asked.sources)
            at = asked.at if at is None else at
        return list(found), at or 0.0

    return follow(target, ask, as_json=arguments.as_json)


def follow(target: Target, ask: Any, *, as_json: bool, only_new: bool = False) -> int:
    """`ask` gives the ids of sources and the service's clock before it; shows what becomes of
    them, and gives the exit code. Ctrl-C ends that; the service goes on."""
    shown, interrupts = display(as_json=as_json), Interrupts()
    tally = Tally()

    async def work() -> Tally:
        async with linked(target) as client:
            await greet(client, as_json=as_json)
            ids, at = await ask(client)
            be_patient(client)
            following = Following(client, ids, at, shown, tally, only_new=only_new)
            if isinstance(shown, PlainLines):
                shown.name_of = lambda job_id: job_id
            interrupts.running("archive", following.stop, left="the service goes on with it")
            await following.to_the_end()
        return tally

    try:
        shown.ended(interrupts.run(work()))
    finally:
        shown.close()
    return ended_code(tally)


def option_body(said: Any) -> dict[str, Any]:
    """Options as they were typed, as the service takes them. Raises USAGE, FIELD_INVALID."""
    if said.proxy is not None:
        raise _not_there("--proxy", "the service has its own, `archive.proxy`")
    return options_of(said).to_json()


def _refuse(arguments: ArchiveArguments) -> None:
    """Raises USAGE for what is about this machine."""
    for option, is_given in (
        ("--library", arguments.library is not None),
        ("--at-once", arguments.at_once is not None),
        ("--list-only", arguments.list_only),
        ("--dry-run", arguments.dry_run),
        ("--sandbox", arguments.sandbox is not None),
        ("--proxy", arguments.said.proxy is not None),
    ):
        if is_given:
            raise _not_there(option, "the service has settings of its own")


def _not_there(option: str, why: str) -> ReelError:
    message = f"{option} does not go with --server: {why}"
    return ReelError(Code.USAGE, message, where=option, hint="leave it out")


@dataclass(slots=True)
class _Watched:
    """A source: where its changes were read to, and failures that are tried again soon."""

    cursor: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    soon: set[str] = field(default_factory=set)
    source: models.Source | None = None


class Following:
    """Tells of entries when they are settled, whoever settles them. `at`: what was held before that
    moment was held already."""

    def __init__(
        self,
        client: AsyncClient,
        ids: Iterable[str],
        at: float,
        shown: Any,
        tally: Tally,
        *,
        only_new: bool,
    ) -> None:
        self._client = client
        self._at = at
        self._shown = shown
        self._tally = tally
        self._only_new = only_new
        self._watched = {source_id: _Watched() for source_id in ids}
        self._told: set[str] = set()
        self._is_stopped = asyncio.Event()

    def stop(self, _job_id: str = "") -> None:
        self._tally.was_stopped = True
        self._is_stopped.set()

    async def to_the_end(self) -> None:
        open_ids = list(self._watched)
        while open_ids and not self._is_stopped.is_set():
            open_ids = [one for one in open_ids if not await self._is_settled(one)]
            self._shown.standing(self._counts(), Standing(is_open=True))
            if open_ids:
                wait_s = _POLL_S + _POLL_EACH_S * len(open_ids)
                try:
                    await asyncio.wait_for(self._is_stopped.wait(), wait_s)
                except TimeoutError:
                    continue
        self._tell_lists()

    async def _is_settled(self, source_id: str) -> bool:
        watched = self._watched[source_id]
        try:
            source = await self._client.get_source(source_id)
        except ReelError as error:
            if error.code is Code.SOURCE_UNKNOWN:  # somebody ended it
                return True
            raise
        watched.source = source
        at_work = source.entries.get("pending", 0) + source.entries.get("queued", 0)
        is_read = source.state not in _BUSY and not _is_soon(source)
        if dict(source.entries) != watched.counts:
            watched.counts = dict(source.entries)
            await self._read(source_id, watched, is_last=False)
        if not is_read or at_work or watched.soon:
            return False
        # Changes are not committed in the order of their times.
        watched.cursor = None
        await self._read(source_id, watched, is_last=True)
        return True

    async def _read(self, source_id: str, watched: _Watched, *, is_last: bool) -> None:
        while True:
            page = await self._client.list_entries(
                source_id, changes=True, limit=_PAGE, cursor=watched.cursor
            )
            for entry in page.entries:
                self._hear(watched, entry, is_last=is_last)
            watched.cursor = page.next
            if len(page.entries) < _PAGE:
                return

    def _hear(self, watched: _Watched, entry: models.Entry, *, is_last: bool) -> None:
        watched.soon.discard(entry.id)
        if entry.id in self._told or entry.state not in _FINAL:
            return
        if not is_last and _is_tried_soon(entry):
            watched.soon.add(entry.id)
            return
        is_new = entry.changed_at >= self._at
        if self._only_new and not is_new:
            return
        self._told.add(entry.id)
        self._tell(_settled(entry, is_new=is_new))

    def _tell_lists(self) -> None:
        """Those that could not be read; what is not fetched yet is counted."""
        for watched in self._watched.values():
            source = watched.source
            if source is None:
                continue
            counts = source.entries
            self._tally.left += counts.get("pending", 0) + counts.get("queued", 0)
            if source.state == "failed" and source.error is not None:
                problem = problem_of(source.error)
                one = Settled(
                    url=source.url, state="failed", problem=problem, title=source.title,
                    next_at=source.next_at,
                )  # fmt: skip
                self._tell(one)

    def _tell(self, one: Settled) -> None:
        self._tally.add(one)
        self._shown.settled(one)

    def _counts(self) -> Counts:
        states: dict[str, int] = {}
        unread = 0
        for watched in self._watched.values():
            unread += watched.source is None or watched.source.state in _BUSY
            for state, number in watched.counts.items():
                states[state] = states.get(state, 0) + number
        return Counts(states, unread)


def _settled(entry: models.Entry, *, is_new: bool) -> Settled:
    state: str = entry.state
    if state == EntryState.HELD and entry.job is not None and is_new:
        state = "kept"
    return Settled(
        url=entry.url,
        state=state,
        asset_id=entry.asset,
        path=entry.path,
        problem=None if entry.error is None else problem_of(entry.error),
        title=entry.title,
        next_at=entry.next_at,
        is_new=is_new,
        entry=_row(entry),
    )


def _row(entry: models.Entry) -> Entry:
    """What a display looks at."""
    return Entry(
        id=entry.id,
        source_id=entry.source,
        position=entry.position,
        key="",
        host="",
        url=entry.url,
        title=entry.title,
        published_at=entry.published_at,
        duration_s=entry.duration_s,
        state=entry.state,
        code=entry.code,
        error=None,
        job_id=entry.job,
        asset_id=entry.asset,
        tries=entry.tries,
        created_at=entry.changed_at,
        changed_at=entry.changed_at,
        next_at=entry.next_at,
    )


def problem_of(fault: models.Fault) -> Problem:
    """A newer service may know codes that this release has not."""
    is_known = fault.code.upper() in Code.__members__
    code = Code.of(fault.code) if is_known else Code.INTERNAL
    message = fault.message if is_known else f"{fault.message} [{fault.code}]"
    return Problem(code, message, fault.where, fault.hint, fault.evidence or {})


def _is_tried_soon(entry: models.Entry) -> bool:
    """It failed, and is waited for."""
    if str(entry.state) != EntryState.FAILED or entry.next_at is None:
        return False
    return entry.next_at - entry.changed_at <= PATIENCE_S


def _is_soon(source: models.Source) -> bool:
    """A list that failed and is read again within a minute, by this machine's clock."""
    if source.state != "failed" or source.next_at is None:
        return False
    return source.next_at - time.time() <= PATIENCE_S


def source_json(source: models.Source) -> dict[str, Any]:
    """As `reel follow --json` of this machine tells it."""
    body = source.model_dump()
    if body["error"] is not None:
        body["error"] = {k: v for k, v in body["error"].items() if v is not None or k == "where"}
    return body


async def subscriptions(client: AsyncClient) -> list[models.Source]:
    """All of them."""
    found: list[models.Source] = []
    cursor: str | None = None
    while True:
        page = await client.list_subscriptions(limit=_PAGE, cursor=cursor)
        found += page.subscriptions
        cursor = page.next
        if cursor is None:
            return found


def identified(found: Sequence[models.Source], given: str) -> models.Source:
    """The one whose id begins with `given`, or that follows this address. Raises SOURCE_UNKNOWN."""
    fits = [one for one in found if one.id.startswith(given) or one.url == given]
    if len(fits) != 1:
        said = f"may be {', '.join(one.id for one in fits[:10])}" if fits else "is none of them"
        raise ReelError(Code.SOURCE_UNKNOWN, f"'{given}' {said}", where=given)
    return fits[0]
