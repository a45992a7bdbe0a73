"""What a site says of a video, typed; it goes through JSON and back without a change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """`end_s` None: until the end of the video."""

    title: str
    start_s: float
    end_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SponsorSegment:
    """A mark of SponsorBlock's; `category` is its word (``sponsor``, ``intro``, ``selfpromo``)."""

    category: str
    start_s: float
    end_s: float
    title: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaylistFacts:
    """The playlist that the video was found in; `position` counts from 1."""

    id: str | None = None
    title: str | None = None
    url: str | None = None
    position: int | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatFacts:
    """What was chosen of the formats that the site offers. `id` is the site's own, ``a+b`` where
    picture and sound came apart. `size_bytes` may be the site's guess."""

    id: str | None = None
    extension: str | None = None
    protocol: str | None = None
    width_px: int | None = None
    height_px: int | None = None
    frame_rate: float | None = None
    video_codec: str | None = None
    audio_codec: str | None = None
    dynamic_range: str | None = None
    bitrate_kbps: float | None = None
    size_bytes: int | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoInfo:
    """One video, as its site describes it.

    `extractor` is yt-dlp's name of the site in lower case (``youtube``), ``generic`` for a page of
    no site that it knows. `native_id` is the site's id, unique only together with `extractor` and
    `host`, and empty of a ``generic`` one, whose only name is its address: `url`, the canonical
    page, and where that shows several videos also `media_url`.
    Times are seconds since 1970 (UTC); where a site tells only the day, its midnight.
    `availability`: ``public``, ``unlisted``, ``needs_auth``, ``subscriber_only``,
    ``premium_only``, ``private``. `live_status`: ``not_live``, ``was_live``, ``post_live``,
    ``is_live``, ``is_upcoming``. `captions_human` and `captions_auto` are the languages on offer.
    What the site does not say is None or empty.
    """

    extractor: str
    native_id: str
    url: str
    host: str
    media_url: str | None = None
    title: str | None = None
    description: str | None = None
    channel: str | None = None
    channel_id: str | None = None
    channel_url: str | None = None
    uploader: str | None = None
    uploader_id: str | None = None
    published_at: float | None = None
    modified_at: float | None = None
    duration_s: float | None = None
    language: str | None = None
    tags: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    sponsor_segments: tuple[SponsorSegment, ...] = ()
    view_count: int | None = None
    like_count: int | None = None
    comment_count: int | None = None
    availability: str | None = None
    live_status: str | None = None
    age_limit: int | None = None
    license: str | None = None
    series: str | None = None
    season_number: int | None = None
    episode: str | None = None
    episode_number: int | None = None
    thumbnail_url: str | None = None
    captions_human: tuple[str, ...] = ()
    captions_auto: tuple[str, ...] = ()
    playlist: PlaylistFacts | None = None
    format: FormatFacts | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(body: Mapping[str, Any]) -> VideoInfo:
        """The reverse of `to_json`, also after a way through JSON text. TypeError where a field is
        unknown or a needed one is missing."""
        playlist, chosen = body.get("playlist"), body.get("format")
        lists = {name: tuple(body.get(name) or ()) for name in _LISTS}
        return VideoInfo(
            **{
                **body,
                **lists,
                "chapters": tuple(Chapter(**one) for one in body.get("chapters") or ()),
                "sponsor_segments": tuple(
                    SponsorSegment(**one) for one in body.get("sponsor_segments") or ()
                ),
                "playlist": PlaylistFacts(**playlist) if playlist else None,
                "format": FormatFacts(**chosen) if chosen else None,
            }
        )


_LISTS = ("tags", "categories", "captions_human", "captions_auto")
