"""What the API answers, typed. Times are seconds since 1970; what it does not say is None."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import Enum, StrEnum
from typing import Any, Generic, TypeVar

from reelwright.tools.ytdlp.info import VideoInfo

T = TypeVar("T")


class Bucket(StrEnum):
    """What quota is counted in; each has a limit a day.

    https://developers.google.com/youtube/data/determine_quota_cost (read in November 2026): 100
    calls of search.list a day, and 10,000 units for all else; both begin anew at midnight Pacific
    time.
    """

    UNITS = "units"
    SEARCHES = "searches"


class Method(Enum):
    """A call, by its path. Each costs 1 of its bucket, every page and every try of it, and also
    when the answer is 304 or an error."""

    VIDEOS = "videos"
    PLAYLIST_ITEMS = "playlistItems"
    PLAYLISTS = "playlists"
    CHANNELS = "channels"
    SEARCH = "search"

    @property
    def bucket(self) -> Bucket:
        return Bucket.SEARCHES if self is Method.SEARCH else Bucket.UNITS


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """`value` None: it is what the ETag that was sent stands for (304)."""

    value: T | None
    etag: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """`upload_status`: ``processed``, ``uploaded``, ``deleted``, ``failed``, ``rejected``; of the
    latter two `reason` says why (``copyright``, ``termsOfUse``)."""

    info: VideoInfo
    upload_status: str | None = None
    reason: str | None = None

    @property
    def id(self) -> str:
        return self.info.native_id


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaylistItem:
    """`availability` as in `VideoInfo`; ``private`` and None also where the video is deleted."""

    position: int
    video_id: str
    title: str | None = None
    channel: str | None = None
    channel_id: str | None = None
    published_at: float | None = None
    added_at: float | None = None
    availability: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemsPage:
    """`next_token` None: the last page. `total`: items of the list, as the API counts them."""

    items: tuple[PlaylistItem, ...]
    next_token: str | None = None
    total: int | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(body: Mapping[str, Any]) -> ItemsPage:
        return ItemsPage(**{**body, "items": tuple(PlaylistItem(**one) for one in body["items"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Playlist:
    id: str
    title: str | None = None
    description: str | None = None
    channel: str | None = None
    channel_id: str | None = None
    published_at: float | None = None
    count: int | None = None
    availability: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """`uploads`: the playlist of all that it published."""

    id: str
    title: str | None = None
    description: str | None = None
    handle: str | None = None
    published_at: float | None = None
    uploads: str | None = None
    video_count: int | None = None
    view_count: int | None = None
    subscriber_count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchHit:
    """`kind`: ``video``, ``channel`` or ``playlist``."""

    kind: str
    id: str
    title: str | None = None
    channel: str | None = None
    channel_id: str | None = None
    published_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPage:
    hits: tuple[SearchHit, ...]
    next_token: str | None = None
    total: int | None = None
