"""The YouTube Data API with its quota counted and its answers remembered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from reelwright.app.metadata.addresses import Named, Target
from reelwright.app.metadata.ledger import Ledger, exhausted
from reelwright.errors import Code, Problem, ReelError
from reelwright.store import api_cache
from reelwright.store.api_cache import Cached, Fresh
from reelwright.tools.youtube.client import Client
from reelwright.tools.youtube.model import (
    Channel,
    ItemsPage,
    Method,
    Playlist,
    SearchHit,
    Video,
)
from reelwright.tools.ytdlp.info import VideoInfo

if TYPE_CHECKING:
    from reelwright.app.wiring import App

T = TypeVar("T")
_HOUR_S = 3600.0
_LOST = frozenset({"deleted", "failed", "rejected"})


@dataclass(frozen=True, slots=True)
class State:
    """What the API said of one video: `info`, or why it is not shown (`problem`), or both."""

    info: VideoInfo | None
    problem: Problem | None
    fetched_at: float
    is_cached: bool


@dataclass(frozen=True, slots=True)
class Head:
    """A list before its items. `items`: the playlist that has them."""

    kind: str
    id: str
    items: str
    title: str | None
    description: str | None
    channel: str | None
    channel_id: str | None
    published_at: float | None
    count: int | None


class Api:
    """Use it as an async context manager. `refresh`: what is remembered does not count.

    All calls raise API_QUOTA, API_KEY, HTTP_*, NETWORK_*, STORE_*.
    """

    def __init__(self, app: App, *, refresh: bool = False) -> None:
        settings, retry = app.settings.youtube, app.settings.retry
        if not settings.key:
            raise ReelError(Code.API_KEY, "there is no key of the YouTube Data API")
        self._app = app
        self._refresh = refresh
        self._lifetime_s = settings.cache_hours * _HOUR_S
        self.ledger = Ledger(app)
        self._client = Client(
            settings.key,
            settings.url,
            before=self.ledger.reserve,
            backoff_s=retry.backoff_s,
            backoff_max_s=retry.backoff_max_s,
        )

    async def __aenter__(self) -> Api:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    async def known(self, ids: Sequence[str]) -> dict[str, State]:
        """Those whose answer still counts, without asking."""
        if self._refresh:
            return {}
        found = await self._cached([_video(one) for one in ids])
        fresh = {one: found[_video(one)] for one in ids if _video(one) in found}
        states = {one: _state(row) for one, row in fresh.items() if row.is_fresh}
        return {one: state for one, state in states.items() if state is not None}

    async def ask(self, ids: Sequence[str]) -> dict[str, State]:
        """At most 50, by one call: a state for each."""
        batch = sorted(set(ids))
        name = "videos:" + ",".join(batch)
        before = await self._cached([name, *map(_video, batch)])
        held = {one: _state(before[_video(one)]) for one in batch if _video(one) in before}
        is_whole = len(held) == len(batch) and None not in held.values()
        etag = before[name].etag if is_whole and name in before else None
        answer = await self._guarded(Method.VIDEOS, self._client.videos(batch, etag))
        if answer.value is None:
            names = [name, *map(_video, batch)]
            await self._write(lambda tx: api_cache.renew(tx, names, self._lifetime_s))
        else:
            shown = {video.id: video for video in answer.value}
            rows = {_video(one): Fresh(_told(one, shown.get(one))) for one in batch}
            rows[name] = Fresh({}, answer.etag)
            await self._put(rows)
        after = await self._cached([_video(one) for one in batch])
        states = {one: _state(after[_video(one)], is_cached=False) for one in batch}
        return {one: state for one, state in states.items() if state is not None}

    async def head(self, target: Target) -> Head | None:
        """Of a playlist or a channel; None: there is none, or it is private."""
        name = f"{target.kind}:{target.id}"
        row = None if self._refresh else (await self._cached([name])).get(name)
        held = _read_head(row.body) if row is not None and row.is_fresh else None
        if held is not None:
            return held
        found = await self._guarded(Method.PLAYLISTS, self._find(target))
        if found is not None:
            await self._put({name: Fresh(asdict(found))})
        return found

    async def holds(self, playlist_id: str) -> bool:
        """Whether its items need not be asked for: what was asked together is held together."""
        name = _items(playlist_id, None)
        row = None if self._refresh else (await self._cached([name])).get(name)
        return row is not None and row.is_fresh

    async def pages(self, playlist_id: str) -> AsyncIterator[tuple[ItemsPage, bool]]:
        """Each with whether it was remembered."""
        token: str | None = None
        seen: set[str | None] = set()
        while token not in seen:
            seen.add(token)
            page, is_cached = await self._page(playlist_id, token)
            yield page, is_cached
            token = page.next_token
            if token is None:
                return

    async def search(self, words: str, kind: str, limit: int) -> list[SearchHit]:
        """Never remembered: what is asked for is what there is now."""
        hits: list[SearchHit] = []
        token: str | None = None
        while len(hits) < limit:
            asked = self._client.search(words, kind=kind, limit=limit - len(hits), token=token)
            page = await self._guarded(Method.SEARCH, asked)
            hits += page.hits
            token = page.next_token
            if token is None or not page.hits:
                break
        return hits[:limit]

    async def _page(self, playlist_id: str, token: str | None) -> tuple[ItemsPage, bool]:
        name = _items(playlist_id, token)
        row = (await self._cached([name])).get(name)
        held = None if row is None else _read_page(row.body)
        if held is not None and row is not None and row.is_fresh and not self._refresh:
            return held, True
        etag = row.etag if held is not None and row is not None else None
        asked = self._client.playlist_items(playlist_id, token, etag)
        answer = await self._guarded(Method.PLAYLIST_ITEMS, asked)
        if answer.value is None and held is not None:
            await self._write(lambda tx: api_cache.renew(tx, [name], self._lifetime_s))
            return held, False
        page = answer.value or ItemsPage(items=())
        await self._put({name: Fresh(page.to_json(), answer.etag)})
        return page, False

    async def _find(self, target: Target) -> Head | None:
        match target.kind:
            case Named.PLAYLIST:
                playlist = await self._client.playlist(target.id)
                return None if playlist is None else _head_of_playlist(playlist)
            case Named.CHANNEL:
                channel = await self._client.channel(channel_id=target.id)
            case Named.HANDLE:
                channel = await self._client.channel(handle=target.id)
            case _:
                channel = await self._client.channel(user=target.id)
        return None if channel is None else _head_of_channel(channel)

    async def _guarded(self, method: Method, call: Awaitable[T]) -> T:
        """That the API says of itself that the day is over is noted."""
        try:
            return await call
        except ReelError as error:
            if error.code is not Code.API_QUOTA or "status" not in error.problem.evidence:
                raise
            bucket = method.bucket
            found = await asyncio.to_thread(self.ledger.refused, bucket)
            told = exhausted(bucket, found)
            evidence = {**told.problem.evidence, **error.problem.evidence}
            raise ReelError(
                Code.API_QUOTA,
                error.problem.message,
                where="youtube",
                hint=told.problem.hint,
                evidence=evidence,
            ) from error

    async def _cached(self, names: Sequence[str]) -> dict[str, Cached]:
        def read() -> dict[str, Cached]:
            with self._app.store.read() as tx:
                return api_cache.get_many(tx, names)

        return await asyncio.to_thread(read)

    async def _put(self, rows: Mapping[str, Fresh]) -> None:
        def change(tx: Any) -> None:
            api_cache.put(tx, rows, self._lifetime_s)
            api_cache.trim(tx)

        await self._write(change)

    async def _write(self, change: Any) -> None:
        await asyncio.to_thread(self._app.store.transact, change)


def units_for(videos: int) -> int:
    """What asking for so many videos costs."""
    from reelwright.tools.youtube.client import PER_CALL

    return -(-videos // PER_CALL)


def _video(video_id: str) -> str:
    return f"video:{video_id}"


def _items(playlist_id: str, token: str | None) -> str:
    return f"items:{playlist_id}:{token or ''}"


def _told(video_id: str, video: Video | None) -> dict[str, Any]:
    """What is remembered of an answer."""
    if video is None:
        said = f"YouTube does not show {video_id}: it was removed, or made private"
        problem = Problem(Code.VIDEO_GONE, said, video_id, evidence={"source": "youtube-api"})
    elif video.upload_status in _LOST:
        reason = f" ({video.reason})" if video.reason else ""
        said = f"YouTube has {video_id} as {video.upload_status}{reason}"
        code = Code.VIDEO_BLOCKED if video.upload_status == "rejected" else Code.VIDEO_GONE
        problem = Problem(code, said, video_id, evidence={"source": "youtube-api"})
    else:
        return {"info": video.info.to_json(), "problem": None}
    return {"info": video and video.info.to_json(), "problem": problem.to_json()}


def _state(row: Cached, *, is_cached: bool = True) -> State | None:
    """None: another release wrote it, in another form."""
    try:
        info, problem = row.body["info"], row.body["problem"]
        return State(
            VideoInfo.from_json(info) if info else None,
            Problem.from_json(problem) if problem else None,
            row.fetched_at,
            is_cached,
        )
    except (KeyError, TypeError):
        return None


def _read_page(body: Mapping[str, Any]) -> ItemsPage | None:
    try:
        return ItemsPage.from_json(body)
    except (KeyError, TypeError):
        return None


def _read_head(body: Mapping[str, Any]) -> Head | None:
    try:
        return Head(**body)
    except TypeError:
        return None


def _head_of_playlist(playlist: Playlist) -> Head:
    return Head(
        kind="playlist",
        id=playlist.id,
        items=playlist.id,
        title=playlist.title,
        description=playlist.description,
        channel=playlist.channel,
        channel_id=playlist.channel_id,
        published_at=playlist.published_at,
        count=playlist.count,
    )


def _head_of_channel(channel: Channel) -> Head:
    return Head(
        kind="channel",
        id=channel.id,
        # The list of all uploads is named like its channel, if for the second letter.
        items=channel.uploads or f"UU{channel.id[2:]}",
        title=channel.title,
        description=channel.description,
        channel=channel.title,
        channel_id=channel.id,
        published_at=channel.published_at,
        count=channel.video_count,
    )
