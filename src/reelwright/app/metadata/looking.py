"""Use cases: what is known of a video or of a list, and from whom."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from reelwright.app.metadata import sites
from reelwright.app.metadata.addresses import Named, Target, playlist_target, video_target
from reelwright.app.metadata.api import Api, Head, units_for
from reelwright.app.metadata.ledger import Ledger, exhausted
from reelwright.errors import Code, ReelError
from reelwright.store import quota
from reelwright.tools.youtube.model import Bucket
from reelwright.tools.ytdlp.info import VideoInfo

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.quota import Standing, Used
    from reelwright.tools.youtube.model import PlaylistItem, SearchHit
    from reelwright.tools.ytdlp.request import Listed

_WATCH = "https://www.youtube.com/watch?v="
_LIST = "https://www.youtube.com/playlist?list="
_CHANNEL = "https://www.youtube.com/channel/"
MOST_SEARCHED = 500


class Source(StrEnum):
    """Who is asked. `AUTO`: the API where there is a key and it is YouTube's, else yt-dlp."""

    AUTO = "auto"
    API = "youtube-api"
    YTDLP = "yt-dlp"


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFound:
    """`units`: of quota that were spent for it."""

    id: str
    info: VideoInfo
    source: Source
    is_cached: bool
    fetched_at: float
    units: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "source": self.source.value,
            "cached": self.is_cached,
            "fetched_at": self.fetched_at,
            "units": self.units,
            **self.info.to_json(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One video of a list; what the list does not say is None."""

    position: int
    id: str | None
    url: str
    title: str | None = None
    channel: str | None = None
    channel_id: str | None = None
    published_at: float | None = None
    duration_s: float | None = None
    availability: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in Entry.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaylistFound:
    """`kind`: ``playlist``, ``channel``, or what yt-dlp calls it. `count`: of the whole list, as
    the site says; `entries` may be fewer. `is_whole` False: the quota ended before them.
    `is_cached`: nothing was asked."""

    id: str | None
    kind: str
    url: str
    source: Source
    is_cached: bool
    fetched_at: float
    units: int = 0
    is_whole: bool = True
    title: str | None = None
    description: str | None = None
    channel: str | None = None
    channel_id: str | None = None
    published_at: float | None = None
    count: int | None = None
    entries: tuple[Entry, ...] = ()

    def to_json(self) -> dict[str, Any]:
        body = {name: getattr(self, name) for name in PlaylistFound.__slots__}
        body["cached"], body["whole"] = body.pop("is_cached"), body.pop("is_whole")
        return {
            **body,
            "source": self.source.value,
            "entries": [one.to_json() for one in self.entries],
        }


@dataclass(frozen=True, slots=True)
class Quota:
    """Of today, and of the days before (the newest first)."""

    has_key: bool
    today: Mapping[Bucket, Standing]
    history: Mapping[Bucket, list[Used]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "has_key": self.has_key,
            "buckets": [
                {
                    "bucket": bucket.value,
                    "used": one.used,
                    "limit": one.limit,
                    "left": one.left,
                    "resets_at": one.resets_at,
                    "days": [{"day": u.day, "used": u.used} for u in self.history[bucket]],
                }
                for bucket, one in self.today.items()
            ],
        }


async def video(
    app: App, given: str, *, source: Source = Source.AUTO, refresh: bool = False
) -> VideoFound:
    """By the id of a YouTube video, or any address. `refresh`: what is remembered does not count.

    Raises FIELD_INVALID, VIDEO_*, API_QUOTA, API_KEY, HTTP_*, NETWORK_*, BUDGET_SPENT,
    CIRCUIT_OPEN, EXTRACTOR_*.
    """
    target = video_target(given)
    if chosen(app, target, source) is Source.YTDLP:
        info = await sites.video(app, target.url)
        return VideoFound(
            id=info.native_id or target.id or target.url,
            info=info,
            source=Source.YTDLP,
            is_cached=False,
            fetched_at=time.time(),
        )
    async with Api(app, refresh=refresh) as api:
        found = await api.known([target.id]) or await api.ask([target.id])
        units = api.ledger.spent[Bucket.UNITS]
    state = found[target.id]
    if state.info is None or state.problem is not None:
        assert state.problem is not None
        raise ReelError.of(state.problem)
    return VideoFound(
        id=target.id,
        info=state.info,
        source=Source.API,
        is_cached=state.is_cached,
        fetched_at=state.fetched_at,
        units=units,
    )


async def playlist(
    app: App,
    given: str,
    *,
    source: Source = Source.AUTO,
    refresh: bool = False,
    limit: int | None = None,
    force: bool = False,
) -> PlaylistFound:
    """By the id or address of a playlist or channel, a handle (``@name``), or any list's address.

    `limit`: so many entries at the most. `force`: goes as far as the day's quota goes; without it
    nothing is asked for that the quota cannot pay. Raises as `video`.
    """
    target = playlist_target(given)
    if chosen(app, target, source) is Source.YTDLP:
        return await _by_ytdlp(app, target, limit)
    async with Api(app, refresh=refresh) as api:
        return await _by_api(api, target, limit, force=force)


async def search(app: App, words: str, *, kind: str = "video", limit: int = 25) -> list[SearchHit]:
    """What YouTube finds, by search.list: one of its calls for 50 hits. Raises FIELD_INVALID,
    API_KEY, API_QUOTA."""
    if not words.strip() or kind not in ("video", "channel", "playlist"):
        said = "there is nothing to search for" if not words.strip() else f"'{kind}' is no kind"
        raise ReelError(Code.FIELD_INVALID, said, hint="video, channel or playlist, and words")
    async with Api(app) as api:
        return await api.search(words, kind, min(limit, MOST_SEARCHED))


def quota_of(app: App, days: int = 7) -> Quota:
    """Blocking; nothing is asked of the API."""
    ledger = Ledger(app)
    today = {bucket: ledger.standing(bucket) for bucket in Bucket}
    with app.store.read() as tx:
        history = {bucket: quota.history(tx, ledger.name(bucket), days) for bucket in Bucket}
    return Quota(bool(app.settings.youtube.key), today, history)


def chosen(app: App, target: Target, source: Source) -> Source:
    """Raises API_KEY, FIELD_INVALID where the API was asked for and cannot answer."""
    has_key, is_other = bool(app.settings.youtube.key), target.kind is Named.OTHER
    if source is Source.API:
        if not has_key:
            raise ReelError(Code.API_KEY, "there is no key of the YouTube Data API")
        if is_other:
            said = f"the YouTube Data API knows nothing of {target.url}"
            raise ReelError(Code.FIELD_INVALID, said, where="source", hint="leave `source` out")
    if source is Source.AUTO:
        return Source.API if has_key and not is_other else Source.YTDLP
    return source


async def _by_api(api: Api, target: Target, limit: int | None, *, force: bool) -> PlaylistFound:
    head = await api.head(target)
    if head is None:
        said = f"YouTube has no {target.kind} {target.id}, or it is private"
        raise ReelError(Code.HTTP_NOT_FOUND, said, where=target.id)
    if not force:
        await _check_quota(api, head, limit)
    entries: list[Entry] = []
    is_cached, is_whole = api.ledger.spent[Bucket.UNITS] == 0, True
    try:
        async for page, page_cached in api.pages(head.items):
            is_cached = is_cached and page_cached
            entries += map(_of_item, page.items)
            if limit is not None and len(entries) >= limit:
                break
    except ReelError as error:
        if error.code is not Code.API_QUOTA or not force:
            raise
        is_whole = False
    return PlaylistFound(
        id=head.id,
        kind=head.kind,
        url=(_LIST if head.kind == "playlist" else _CHANNEL) + head.id,
        source=Source.API,
        is_cached=is_cached,
        is_whole=is_whole,
        fetched_at=time.time(),
        units=api.ledger.spent[Bucket.UNITS],
        title=head.title,
        description=head.description,
        channel=head.channel,
        channel_id=head.channel_id,
        published_at=head.published_at,
        count=head.count,
        entries=tuple(entries[:limit]),
    )


async def _check_quota(api: Api, head: Head, limit: int | None) -> None:
    """Raises API_QUOTA where the items cost more than what is left of the day."""
    count = head.count or 0
    needed = units_for(count if limit is None else min(limit, count))
    standing = await asyncio.to_thread(api.ledger.standing)
    if needed > standing.left and not await api.holds(head.items):
        raise exhausted(Bucket.UNITS, standing, needed)


def _of_item(item: PlaylistItem) -> Entry:
    return Entry(
        position=item.position,
        id=item.video_id,
        url=_WATCH + item.video_id,
        title=item.title,
        channel=item.channel,
        channel_id=item.channel_id,
        published_at=item.published_at,
        availability=item.availability,
    )


async def _by_ytdlp(app: App, target: Target, limit: int | None) -> PlaylistFound:
    told, found = await sites.listing(app, target.url, limit)
    return PlaylistFound(
        id=target.id or None,
        kind=told.kind.value,
        url=told.url or target.url,
        source=Source.YTDLP,
        is_cached=False,
        fetched_at=time.time(),
        title=told.title,
        channel=told.channel,
        channel_id=told.channel_id,
        count=len(found) if told.is_whole else None,
        entries=tuple(map(_entry, found)),
    )


def _entry(listed: Listed) -> Entry:
    return Entry(
        position=listed.position,
        id=listed.native_id,
        url=listed.url,
        title=listed.title,
        channel=listed.channel,
        channel_id=listed.channel_id,
        published_at=listed.published_at,
        duration_s=listed.duration_s,
        availability=listed.availability,
    )
