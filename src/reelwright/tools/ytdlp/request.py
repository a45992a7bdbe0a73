"""What the yt-dlp children are asked and what they answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from reelwright.errors import Code, Problem
from reelwright.tools.ytdlp.info import VideoInfo
from reelwright.tools.ytdlp.options import YtdlpOptions


class Part(StrEnum):
    """What can be had of a video: asked for in `VideoWish.want`, found in `AnswerFile.role`."""

    VIDEO = "video"
    CAPTIONS = "captions"
    THUMBNAIL = "thumbnail"
    INFO = "info"
    DESCRIPTION = "description"
    COMMENTS = "comments"
    LIVE_CHAT = "live_chat"


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoWish:
    """Bring the parts `want` of the one video at `url` into `folder`, by one extraction.

    Chapters and sponsor marks are in `VideoAnswer.info` without being asked for. `ffmpeg` is the
    binary that joins picture and sound. A page with several videos gives the one whose file is
    `media_url`, else the one at `position` (from 1). `headers` are for the host of `url` alone,
    those of `options` for every one.
    `max_bytes` and `max_seconds` bound the whole. `allow_private`, `net_allow`: see
    `download.addresses.Reach`. `parts`: a folder that outlives the attempt; what is there of an
    earlier one is gone on from where the origin is provably the same. `hand_over`: a plain file is
    not downloaded but named in `VideoAnswer.direct`, since our own downloader goes on safely after
    a break.
    """

    url: str
    folder: str
    ffmpeg: str
    options: YtdlpOptions = field(default_factory=YtdlpOptions)
    want: frozenset[Part] = frozenset({Part.VIDEO, Part.INFO})
    position: int = 1
    media_url: str | None = None
    max_bytes: int | None = None
    max_seconds: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    allow_private: bool = True
    net_allow: str = ""
    parts: str | None = None
    hand_over: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFile:
    """One file that was written; `path` is relative to the wish's folder.

    `format` is its form without a dot (``mp4``, ``vtt``, ``jpg``, ``json``, ``txt``). Of captions
    also the `language` and whether a human or a machine (`kind` ``human``, ``auto``) wrote them.
    """

    role: Part
    path: str
    format: str
    language: str | None = None
    kind: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Direct:
    """A plain file for our own downloader: `headers` go with it to its host alone.

    `size_bytes`: where the site says it.
    """

    url: str
    extension: str
    headers: Mapping[str, str] = field(default_factory=dict)
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoAnswer:
    """Where the video was wanted it is either in `files` or in `direct`, never in both.

    `missing`: wanted parts that could not be had although the video could (captions that the
    server refused), each with its cause. `captions_unavailable`: languages that were asked for by
    name and do not exist. `warnings`: what yt-dlp warned of, at most twenty.
    """

    info: VideoInfo
    files: tuple[AnswerFile, ...] = ()
    direct: Direct | None = None
    missing: Mapping[Part, Problem] = field(default_factory=dict)
    captions_unavailable: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def of(self, role: Part) -> tuple[AnswerFile, ...]:
        return tuple(file for file in self.files if file.role is role)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListWish:
    """What stands behind `url`? At most `max_entries` of it, in the site's order.

    `etag`, `last_modified` and `digest` are those of the `Listing` before: the same feed again is
    answered with `is_unchanged` and without entries. `known`: URLs of entries that the caller has
    (the newest suffice); with `stop_after_known` a list ends after so many of them in a row; of a
    channel each list that it consists of.
    `folder` is empty and the child's alone.
    """

    url: str
    folder: str
    options: YtdlpOptions = field(default_factory=YtdlpOptions)
    max_entries: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    digest: str | None = None
    known: frozenset[str] = frozenset()
    stop_after_known: int | None = None
    max_seconds: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    allow_private: bool = True
    net_allow: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One entry, before anything of it is extracted; `position` counts from 1.

    `url` is what `VideoWish` takes: the video's page, or its file where a feed names that, or
    where one page shows several; `page_url` is then the page. `item` is above 1 only where the
    page's videos have no address of their own (`VideoWish.position`). `native_id` is the site's
    (a feed's guid), None where it has none. `live_status`, `availability`: as in `VideoInfo`.
    `published_at`: seconds since 1970.
    """

    position: int
    url: str
    extractor: str
    native_id: str | None = None
    item: int = 1
    media_url: str | None = None
    page_url: str | None = None
    title: str | None = None
    channel: str | None = None
    channel_id: str | None = None
    published_at: float | None = None
    duration_s: float | None = None
    live_status: str | None = None
    availability: str | None = None


class ListingKind(StrEnum):
    SINGLE = "single"
    PLAYLIST = "playlist"
    CHANNEL = "channel"
    FEED = "feed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What was listed. `count`: entries that were handed on; `is_whole` False: the listing ended
    early (`max_entries`, `stop_after_known`). `etag`, `last_modified`, `digest`: of a feed, for
    the next `ListWish`. `is_unchanged`: nothing is new, `count` is 0, and the rest may be empty.
    `max_rss_bytes`, `cpu_s`: what the child took."""

    kind: ListingKind
    url: str
    title: str | None = None
    channel: str | None = None
    channel_id: str | None = None
    count: int = 0
    is_whole: bool = True
    etag: str | None = None
    last_modified: str | None = None
    digest: str | None = None
    is_unchanged: bool = False
    cpu_s: float = 0.0
    max_rss_bytes: int = 0


class Outcome(StrEnum):
    """`UNKNOWN`: the check itself failed (no network, a bot check), which says nothing of it."""

    THERE = "there"
    GONE = "gone"
    RESTRICTED = "restricted"
    UNKNOWN = "unknown"


_GONE = frozenset({Code.VIDEO_GONE, Code.VIDEO_BLOCKED, Code.HTTP_NOT_FOUND})
_RESTRICTED = frozenset(
    {
        Code.VIDEO_PRIVATE,
        Code.VIDEO_MEMBERS_ONLY,
        Code.VIDEO_LOGIN,
        Code.VIDEO_AGE_GATED,
        Code.VIDEO_GEO_BLOCKED,
        Code.VIDEO_DRM,
        Code.HTTP_FORBIDDEN,
    }
)


def outcome_of(code: Code) -> Outcome:
    """What a failure says of the video, if anything."""
    if code in _GONE:
        return Outcome.GONE
    if code in _RESTRICTED:
        return Outcome.RESTRICTED
    return Outcome.THERE if code is Code.VIDEO_NOT_YET else Outcome.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckWish:
    """Is what `url` showed still there? `folder` is empty and the child's alone."""

    url: str
    folder: str
    options: YtdlpOptions = field(default_factory=YtdlpOptions)
    max_seconds: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    allow_private: bool = True
    net_allow: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginState:
    """What `check_origin` found. `problem`: why it is not `THERE`, with its evidence; `etag`,
    `last_modified` and `size_bytes` are a plain file's."""

    outcome: Outcome
    problem: Problem | None = None
    etag: str | None = None
    last_modified: str | None = None
    size_bytes: int | None = None
    title: str | None = None
    availability: str | None = None
    live_status: str | None = None
