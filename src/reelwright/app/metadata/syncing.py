"""What the library knows of its YouTube videos is brought up to date, fifty of them a unit.

A run goes through the assets in the order of their keys, writes each fifty with the place where it
stands, and the next run goes on from there: after a kill, or when the day's quota was spent. What
was asked lately is not asked again. Without a key yt-dlp asks the site, video by video, within its
budget.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reelwright.app.archive.identity import NAMELESS, youtube_id
from reelwright.app.log_lines import note
from reelwright.app.metadata import sites
from reelwright.app.metadata.api import Api, State, units_for
from reelwright.app.metadata.ledger import Ledger, exhausted
from reelwright.app.metadata.looking import Source
from reelwright.errors import Code, Kind, Problem, ReelError
from reelwright.store import api_cache, asset_info
from reelwright.store.asset_info import Described, Found, Held, Merge
from reelwright.tools.youtube.client import PER_CALL
from reelwright.tools.youtube.model import Bucket

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.database import Tx
    from reelwright.store.quota import Standing
    from reelwright.tools.ytdlp.info import VideoInfo

PREFIX = "site:youtube.com:youtube:"
_PAGE = 500
# A run that nobody went on with for so long is begun anew.
_PLACE_S = 7 * 86_400.0
_STOPS = frozenset({Code.API_QUOTA, Code.BUDGET_SPENT, Code.CIRCUIT_OPEN})
# A 404 alone is believed when it is said again (`store.origins`).
_GONE = frozenset({Code.VIDEO_GONE, Code.VIDEO_BLOCKED, Code.HTTP_NOT_FOUND})
_RESTRICTED = frozenset(
    {Code.VIDEO_PRIVATE, Code.VIDEO_MEMBERS_ONLY, Code.VIDEO_LOGIN, Code.VIDEO_AGE_GATED}
    | {Code.VIDEO_GEO_BLOCKED}
)
# What is about the file that lies here, not about the video at its origin.
_OURS = frozenset({"extractor", "native_id", "url", "host", "media_url", "playlist", "format"})


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run would do: `assets` to look at, `remembered` of them, and `units` for the rest.
    `quota` None: yt-dlp would ask, which costs none."""

    source: Source
    assets: int
    remembered: int
    units: int
    quota: Standing | None

    @property
    def is_affordable(self) -> bool:
        return self.quota is None or self.units <= self.quota.left

    def to_json(self) -> dict[str, Any]:
        quota = self.quota
        return {
            "source": self.source.value,
            "assets": self.assets,
            "remembered": self.remembered,
            "units": self.units,
            "left": quota and quota.left,
            "limit": quota and quota.limit,
            "resets_at": quota and quota.resets_at,
            "affordable": self.is_affordable,
        }


@dataclass(slots=True)
class Synced:
    """What a run did. `changed` and `gone` are among the `assets` that were looked at, `failed` are
    not: yt-dlp could not say. `remaining`: left for the next run, because of `stopped`."""

    source: Source
    assets: int = 0
    changed: int = 0
    gone: int = 0
    failed: int = 0
    remaining: int = 0
    units: int = 0
    stopped: Problem | None = None
    problems: list[Problem] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        names = ("assets", "changed", "gone", "failed", "remaining", "units")
        return {
            "source": self.source.value,
            **{name: getattr(self, name) for name in names},
            "stopped": self.stopped and self.stopped.to_json(),
            "problems": [one.to_json() for one in self.problems],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """`assets`: these alone, of whichever site; None: all of YouTube, from where the last run was
    stopped. `refresh`: also what was asked lately. `force`: goes as far as the quota goes."""

    assets: Sequence[str] | None = None
    owner: str | None = None
    refresh: bool = False
    force: bool = False


_NOTHING: tuple[Any, ...] = (None, [], (), "")

# Assets that were looked at, of how many.
OnProgress = Callable[[int, int], None]


def source_of(app: App) -> Source:
    return Source.API if app.settings.youtube.key else Source.YTDLP


async def preview(app: App, wish: Wish) -> Preview:
    """Asks nobody anything. Raises STORE_*."""
    place = await _begin(app, wish)
    source = source_of(app)
    if source is Source.YTDLP:
        total = [len(batch) async for batch in _batches(app, wish, place)]
        return Preview(source, sum(total), 0, 0, None)
    assets = remembered = units = 0
    async with Api(app, refresh=wish.refresh) as api:
        async for batch in _batches(app, wish, place):
            known = await api.known(_video_ids(batch))
            assets += len(batch)
            remembered += sum(_video_id(one) in known for one in batch)
            units += sum(_video_id(one) not in {None, *known} for one in batch)
    standing = await asyncio.to_thread(Ledger(app).standing)
    return Preview(source, assets, remembered, units_for(units), standing)


async def sync(app: App, wish: Wish, on_progress: OnProgress = lambda _, __: None) -> Synced:
    """Raises API_QUOTA before anything is asked where the day cannot pay all of it (without
    `force`), API_KEY, HTTP_*, NETWORK_*, STORE_*; what was found before an error stays. That the
    quota or a site's budget ended on the way is told in `stopped`."""
    plan = await preview(app, wish)
    if not plan.is_affordable and not wish.force:
        assert plan.quota is not None
        raise exhausted(Bucket.UNITS, plan.quota, plan.units)
    run = _Run(app, wish, Synced(plan.source), plan.assets, on_progress)
    if plan.source is Source.API:
        await run.by_api()
    else:
        await run.by_ytdlp()
    await asyncio.to_thread(_tell, app, wish, run.done)
    return run.done


def _tell(app: App, wish: Wish, done: Synced) -> None:
    """Into the log of the archive."""
    said = f"metadata of {done.assets} videos by {done.source}: {done.changed} changed"
    if done.stopped is not None:
        said = f"{said}, {done.remaining} left: {done.stopped.message}"
    note(
        app,
        "info" if done.stopped is None else "warning",
        "archive.metadata",
        said,
        owner=wish.owner,
        units=done.units,
        gone=done.gone,
        failed=done.failed,
    )


class _Run:
    def __init__(
        self, app: App, wish: Wish, done: Synced, total: int, on_progress: OnProgress
    ) -> None:
        self._app = app
        self._wish = wish
        self.done = done
        self._total = total
        self._on_progress = on_progress

    async def by_api(self) -> None:
        """Asked fifty at a time; what is remembered is written on the way."""
        place = await _begin(self._app, self._wish)
        waiting: list[Held] = []
        async with Api(self._app, refresh=self._wish.refresh) as api:
            try:
                async for batch in _batches(self._app, self._wish, place):
                    known = await api.known(_video_ids(batch))
                    await self._write([one for one in batch if _video_id(one) in known], known)
                    waiting += [one for one in batch if _video_id(one) not in known]
                    while len(waiting) >= PER_CALL:
                        await self._ask(api, waiting[:PER_CALL])
                        del waiting[:PER_CALL]
                if waiting:
                    await self._ask(api, waiting)
                await self._end()
            except ReelError as error:
                if error.code not in _STOPS:
                    raise
                await self._stop(error)
            finally:
                self.done.units = api.ledger.spent[Bucket.UNITS]

    async def by_ytdlp(self) -> None:
        place = await _begin(self._app, self._wish)
        try:
            async for batch in _batches(self._app, self._wish, place):
                for one in batch:
                    await self._look(one)
            await self._end()
        except ReelError as error:
            if error.code not in _STOPS:
                raise
            await self._stop(error)

    async def _ask(self, api: Api, batch: Sequence[Held]) -> None:
        """One call, but for what is not YouTube's, which yt-dlp asks."""
        ids = _video_ids(batch)
        states = await api.ask(ids) if ids else {}
        await self._write([one for one in batch if _video_id(one) in states], states, batch[-1])
        for one in batch:
            if _video_id(one) is None:
                await self._look(one)

    async def _write(
        self, batch: Sequence[Held], states: Mapping[str, State], last: Held | None = None
    ) -> None:
        """`last`: all before it, and it, are done."""
        found = [_of_state(one, states[_video_id(one) or ""]) for one in batch]
        await self._note(found, last)

    async def _look(self, one: Held) -> None:
        """By yt-dlp. Raises BUDGET_SPENT, CIRCUIT_OPEN, and what is wrong with this machine."""
        url = one.url or _address(one)
        try:
            if url is None:
                said = f"nobody knows where '{one.title}' came from"
                raise ReelError(Code.EXTRACTOR_UNSUPPORTED, said, where=one.id)
            info = await sites.video(self._app, url)
        except ReelError as error:
            if error.code in _STOPS or error.code.kind is not Kind.NETWORK:
                raise
            told = _of_problem(one, error.problem)
            if told.outcome == "unknown":
                self.done.failed += 1
                self.done.problems.append(error.problem)
            await self._note([told], one)
            return
        found = Found(asset_id=one.id, info=_plain(info), outcome="there")
        await self._note([found], one, filled if info.extractor in NAMELESS else merged)

    async def _note(
        self, found: Sequence[Found], last: Held | None, merge: Merge | None = None
    ) -> None:
        def change(tx: Tx) -> Described:
            told = asset_info.describe(tx, found, merge or merged) if found else Described()
            if last is not None and self._wish.assets is None:
                row = api_cache.Fresh({"after": [last.key, last.id]})
                api_cache.put(tx, {_place_name(self._wish): row}, _PLACE_S)
            return told

        told = await asyncio.to_thread(self._app.store.transact, change)
        done = self.done
        done.assets += sum(one.outcome != "unknown" for one in found)
        done.gone += len(told.gone)
        done.changed += len(told.changed)
        self._on_progress(done.assets + done.failed, self._total)

    async def _end(self) -> None:
        if self._wish.assets is None:
            names = [_place_name(self._wish)]
            await asyncio.to_thread(self._app.store.transact, lambda tx: api_cache.drop(tx, names))

    async def _stop(self, error: ReelError) -> None:
        self.done.stopped = error.problem
        self.done.remaining = max(self._total - self.done.assets - self.done.failed, 0)


def merged(known: Mapping[str, Any], found: Mapping[str, Any]) -> Mapping[str, Any]:
    """What was found goes before what was known; what it does not say stays."""
    news = {n: v for n, v in found.items() if n not in _OURS and v not in _NOTHING}
    return {**known, **news}


def filled(known: Mapping[str, Any], found: Mapping[str, Any]) -> Mapping[str, Any]:
    """The other way round: a plain file's title is its name, and its day that of its upload, and
    whoever listed it knew better."""
    return {**known, **{n: v for n, v in merged({}, found).items() if known.get(n) in _NOTHING}}


async def _batches(app: App, wish: Wish, after: tuple[str, str]) -> AsyncIterator[list[Held]]:
    def read(place: tuple[str, str]) -> list[Held]:
        with app.store.read() as tx:
            if wish.assets is not None:
                return asset_info.of_ids(tx, wish.assets)
            return asset_info.page(tx, PREFIX, owner=wish.owner, after=place, limit=_PAGE)

    while batch := await asyncio.to_thread(read, after):
        yield batch
        if wish.assets is not None:
            return
        after = (batch[-1].key, batch[-1].id)


async def _begin(app: App, wish: Wish) -> tuple[str, str]:
    if wish.assets is not None:
        return ("", "")
    return await asyncio.to_thread(_place, app, wish) or ("", "")


def _place(app: App, wish: Wish) -> tuple[str, str] | None:
    """Where the last run was stopped."""
    with app.store.read() as tx:
        row = api_cache.get(tx, _place_name(wish))
    if row is None or not row.is_fresh:
        return None
    key, asset_id = row.body["after"]
    return str(key), str(asset_id)


def _place_name(wish: Wish) -> str:
    return f"sync:{wish.owner or ''}"


def _video_ids(batch: Sequence[Held]) -> list[str]:
    return [video_id for one in batch if (video_id := _video_id(one)) is not None]


def _video_id(one: Held) -> str | None:
    """None: it is not YouTube's."""
    return one.key.removeprefix(PREFIX) if one.key.startswith(PREFIX) else None


def _address(one: Held) -> str | None:
    video_id = _video_id(one)
    url = None if video_id is None else f"https://www.youtube.com/watch?v={video_id}"
    return url if url is not None and youtube_id(url) else None


def _of_state(one: Held, state: State) -> Found:
    problem, info = state.problem, None if state.info is None else _plain(state.info)
    outcome = "there" if problem is None else "gone"
    if problem is None and state.info is not None and state.info.availability == "private":
        outcome = "restricted"
    return Found(
        asset_id=one.id,
        info=info,
        outcome=outcome,
        code=problem.code.text if problem else None,
        evidence={"source": Source.API.value, **({"message": problem.message} if problem else {})},
        is_news=not state.is_cached,
    )


def _of_problem(one: Held, problem: Problem) -> Found:
    """What yt-dlp heard. That it could not ask says nothing of the video."""
    outcome = "gone" if problem.code in _GONE else "unknown"
    outcome = "restricted" if problem.code in _RESTRICTED else outcome
    return Found(
        asset_id=one.id,
        info=None,
        outcome=outcome,
        code=problem.code.text,
        evidence={
            "source": Source.YTDLP.value,
            "message": problem.message,
            "status": problem.evidence.get("status"),
        },
        is_news=outcome != "unknown",
    )


def _plain(info: VideoInfo) -> dict[str, Any]:
    """As it is after a way through JSON: lists, no tuples."""
    import json

    body: dict[str, Any] = json.loads(json.dumps(info.to_json()))
    return body
