"""yt-dlp's dictionaries, which anything may stand in, made into our types."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from reelwright.tools.ytdlp.info import (
    Chapter,
    FormatFacts,
    PlaylistFacts,
    SponsorSegment,
    VideoInfo,
)

GENERIC_NAME = "generic"
_TEXT_CHARS = 2000
_DESCRIPTION_CHARS = 200_000
_LIST_ITEMS = 2000
# What leads to the file itself: signed for one address and a few hours, and some of it secret.
_SECRET = frozenset(
    {
        "url",
        "urls",
        "manifest_url",
        "fragment_base_url",
        "fragments",
        "http_headers",
        "cookies",
        "requested_formats",
        "requested_downloads",
        "requested_subtitles",
        "downloader_options",
        "request_data",
        "play_path",
        "player_url",
        "hls_aes",
        "extra_param_to_segment_url",
        "extra_param_to_key_url",
    }
)


def video_info(raw: Mapping[str, Any], asked: str) -> VideoInfo:
    """`asked`: the URL, where the extractor names no page."""
    subtitles = _keys(raw.get("subtitles"))
    extractor = extractor_name(raw)
    page = page_url(raw, asked)
    return VideoInfo(
        extractor=extractor,
        # yt-dlp makes one up of the address' last part, or counts: "v", "page-1".
        native_id="" if extractor == GENERIC_NAME else text(raw.get("id")) or "",
        url=page,
        host=(urlsplit(page).hostname or "").lower(),
        media_url=media_url(raw),
        title=title(raw),
        description=text(raw.get("description"), _DESCRIPTION_CHARS),
        **_people(raw),
        published_at=published_at(raw),
        modified_at=_time(raw.get("modified_timestamp"), raw.get("modified_date")),
        duration_s=number(raw.get("duration")),
        language=text(raw.get("language")),
        tags=_texts(raw.get("tags")),
        categories=_texts(raw.get("categories")),
        chapters=_chapters(raw.get("chapters")),
        sponsor_segments=_segments(raw.get("sponsorblock_chapters")),
        view_count=whole(raw.get("view_count")),
        like_count=whole(raw.get("like_count")),
        comment_count=whole(raw.get("comment_count")),
        availability=text(raw.get("availability")),
        live_status=text(raw.get("live_status")),
        age_limit=whole(raw.get("age_limit")),
        license=text(raw.get("license")),
        series=text(raw.get("series")),
        season_number=whole(raw.get("season_number")),
        episode=text(raw.get("episode")),
        episode_number=whole(raw.get("episode_number")),
        thumbnail_url=text(raw.get("thumbnail")),
        captions_human=tuple(name for name in subtitles if name != "live_chat"),
        captions_auto=_keys(raw.get("automatic_captions")),
        playlist=_playlist(raw),
        format=format_facts(raw),
    )


def page_url(raw: Mapping[str, Any], asked: str) -> str:
    """The page that the site itself calls the video's. Of a page of no known site it is the one
    that was asked for: yt-dlp names the file that it led to."""
    is_known = extractor_name(raw) != GENERIC_NAME
    return without_user((text(raw.get("webpage_url")) if is_known else None) or asked)


def title(raw: Mapping[str, Any]) -> str | None:
    """Without the " (1)" that yt-dlp gives the only video of a page."""
    found = text(raw.get("title")) or text(raw.get("fulltitle"))
    is_alone = extractor_name(raw) == GENERIC_NAME and not raw.get("playlist_title")
    return found.removesuffix(" (1)") if found and is_alone else found


def extractor_name(raw: Mapping[str, Any]) -> str:
    name = (text(raw.get("extractor_key") or raw.get("ie_key")) or GENERIC_NAME).lower()
    return GENERIC_NAME if name.startswith(("generic", "html5")) else name


def media_url(raw: Mapping[str, Any]) -> str | None:
    """The address of its best file, or of the manifest that names it."""
    formats = [one for one in raw.get("formats") or [raw] if isinstance(one, Mapping)]
    found = [one.get("manifest_url") or one.get("url") for one in formats]
    urls = [without_user(url) for url in found if isinstance(url, str)]
    return urls[-1] if urls else None


def shows(raw: Mapping[str, Any], url: str) -> bool:
    """Whether `media_url` is among its files."""
    formats = [one for one in raw.get("formats") or [raw] if isinstance(one, Mapping)]
    found = [one.get(key) for one in formats for key in ("url", "manifest_url")]
    return url in [without_user(one) for one in found if isinstance(one, str)]


def clean_info(raw: Mapping[str, Any]) -> dict[str, Any]:
    """For the info file: as yt-dlp writes it, without what opens the file to whoever reads it, and
    without comments, which have a file of their own."""
    cleaned = {key: value for key, value in raw.items() if key not in _SECRET and key != "comments"}
    if isinstance(raw.get("formats"), list | tuple):
        cleaned["formats"] = [_public(one) for one in raw["formats"] if isinstance(one, Mapping)]
    for key in ("subtitles", "automatic_captions"):
        offered = raw.get(key)
        if isinstance(offered, Mapping):
            cleaned[key] = {
                language: [_public(one) for one in kinds if isinstance(one, Mapping)]
                for language, kinds in offered.items()
            }
    if isinstance(cleaned.get("webpage_url_domain"), str):
        cleaned["webpage_url_domain"] = cleaned["webpage_url_domain"].rpartition("@")[2]
    return cleaned


def published_at(raw: Mapping[str, Any]) -> float | None:
    """Seconds since 1970; of a mere day its midnight, UTC."""
    exact = raw.get("timestamp") or raw.get("release_timestamp")
    return _time(exact, raw.get("upload_date") or raw.get("release_date"))


def format_facts(raw: Mapping[str, Any]) -> FormatFacts | None:
    if not raw.get("format_id"):
        return None
    size = raw.get("filesize") or raw.get("filesize_approx")
    return FormatFacts(
        id=text(raw.get("format_id")),
        extension=text(raw.get("ext")),
        protocol=text(raw.get("protocol")),
        width_px=whole(raw.get("width")),
        height_px=whole(raw.get("height")),
        frame_rate=number(raw.get("fps")),
        video_codec=_codec(raw.get("vcodec")),
        audio_codec=_codec(raw.get("acodec")),
        dynamic_range=text(raw.get("dynamic_range")),
        bitrate_kbps=number(raw.get("tbr")),
        size_bytes=whole(size),
        language=text(raw.get("language")),
    )


def text(value: Any, chars: int = _TEXT_CHARS) -> str | None:
    """At most `chars`; None where there is none. A lone surrogate is no text for a database."""
    if value is None or isinstance(value, bool | Mapping | list | tuple):
        return None
    clean = str(value).encode("utf-8", "replace").decode("utf-8").replace("\x00", "").strip()
    return clean[:chars] or None


def number(value: Any) -> float | None:
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def whole(value: Any) -> int | None:
    found = number(value)
    return None if found is None or abs(found) >= 1 << 63 else int(found)


def without_user(url: str) -> str:
    """Without the name and password that it may hold."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _public(one: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in one.items() if key not in _SECRET}


def _time(exact: Any, day: Any) -> float | None:
    found = number(exact)
    if found is not None:
        return found
    try:
        return datetime.strptime(str(day), "%Y%m%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _people(raw: Mapping[str, Any]) -> dict[str, str | None]:
    """Sites without channels have those who upload."""
    uploader, uploader_id = text(raw.get("uploader")), text(raw.get("uploader_id"))
    return {
        "channel": text(raw.get("channel")) or uploader,
        "channel_id": text(raw.get("channel_id")) or uploader_id,
        "channel_url": text(raw.get("channel_url")) or text(raw.get("uploader_url")),
        "uploader": uploader,
        "uploader_id": uploader_id,
    }


def _playlist(raw: Mapping[str, Any]) -> PlaylistFacts | None:
    if not raw.get("playlist_id") and not raw.get("playlist_title"):
        return None
    return PlaylistFacts(
        id=text(raw.get("playlist_id")),
        title=text(raw.get("playlist_title")),
        url=text(raw.get("playlist_webpage_url")),
        position=whole(raw.get("playlist_index")),
        count=whole(raw.get("playlist_count")),
    )


def _chapters(found: Any) -> tuple[Chapter, ...]:
    made = []
    for one in _maps(found):
        start_s = number(one.get("start_time"))
        if start_s is not None:
            title = text(one.get("title")) or ""
            made.append(Chapter(title=title, start_s=start_s, end_s=number(one.get("end_time"))))
    return tuple(made)


def _segments(found: Any) -> tuple[SponsorSegment, ...]:
    made = []
    for one in _maps(found):
        start_s, end_s = number(one.get("start_time")), number(one.get("end_time"))
        if start_s is not None and end_s is not None:
            made.append(
                SponsorSegment(
                    category=text(one.get("category")) or "sponsor",
                    start_s=start_s,
                    end_s=end_s,
                    title=text(one.get("title")),
                )
            )
    return tuple(made)


def _maps(found: Any) -> list[Mapping[str, Any]]:
    if not isinstance(found, list | tuple):
        return []
    return [one for one in found[:_LIST_ITEMS] if isinstance(one, Mapping)]


def _texts(found: Any) -> tuple[str, ...]:
    if not isinstance(found, list | tuple):
        return ()
    return tuple(clean for clean in map(text, found[:_LIST_ITEMS]) if clean)


def _keys(found: Any) -> tuple[str, ...]:
    return tuple(sorted(map(str, found))) if isinstance(found, Mapping) else ()


def _codec(value: Any) -> str | None:
    return None if value == "none" else text(value)
