"""What a feed says, and how its texts, times and files are understood."""

from __future__ import annotations

import email.utils
import html
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urljoin, urlsplit

_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_SPACE = re.compile(r"\s+")
_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)")
_TEXT_CHARS = 2000
_MEDIA_SUFFIXES = frozenset(
    {
        *("mp4", "m4v", "mov", "mkv", "webm", "avi", "wmv", "flv", "ogv", "ts", "mpg", "mpeg"),
        *("mp3", "m4a", "m4b", "aac", "ogg", "oga", "opus", "flac", "wav", "m3u8", "mpd"),
    }
)
_MEDIA_TYPES = ("video/", "audio/", "application/vnd.apple.mpegurl", "application/x-mpegurl")


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedHead:
    """`url` is the site's page that the feed is of."""

    title: str | None = None
    author: str | None = None
    url: str | None = None
    channel_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFile:
    """A file that an entry names. `rank` orders several of one entry: the highest is meant."""

    url: str
    content_type: str = ""
    rank: tuple[int, float] = (0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEntry:
    """`url` is the entry's page, `file` the audio or video that it names; at least one of them is
    there. `youtube_id`: of a feed of YouTube's. `published_at`: seconds since 1970."""

    id: str | None = None
    url: str | None = None
    file: str | None = None
    title: str | None = None
    author: str | None = None
    published_at: float | None = None
    duration_s: float | None = None
    youtube_id: str | None = None


def make_entry(
    *,
    base: str,
    id: str | None,  # noqa: A002 - the feed's own word
    link: str | None,
    files: Sequence[FeedFile],
    title: str | None,
    author: str | None,
    published: str | None,
    duration: str | None,
    youtube_id: str | None,
) -> FeedEntry | None:
    """From texts as they stand in the feed; None where the entry leads nowhere."""
    media = [file for file in files if is_media(file)]
    best = max(media, key=lambda file: file.rank, default=None)
    url = absolute(base, link)
    file = absolute(base, best.url) if best else None
    if url is None and file is None:
        return None
    return FeedEntry(
        id=_short(id),
        url=url,
        file=file,
        title=plain(title),
        author=plain(author),
        published_at=moment(published),
        duration_s=duration_s(duration),
        youtube_id=_short(youtube_id),
    )


def is_media(file: FeedFile) -> bool:
    """Feeds also enclose pictures, pages and Flash players."""
    kind = file.content_type.partition(";")[0].strip().lower()
    if kind.startswith(_MEDIA_TYPES):
        return True
    if kind and kind not in ("application/octet-stream", "binary/octet-stream", "video", "audio"):
        return False
    return urlsplit(file.url).path.rpartition(".")[2].lower() in _MEDIA_SUFFIXES


def absolute(base: str, url: str | None) -> str | None:
    """None where it is no address of the web."""
    if not url or not url.strip():
        return None
    try:
        joined = urljoin(base, url.strip())
        parts = urlsplit(joined)
    except ValueError:
        return None
    return joined if parts.scheme in ("http", "https") and parts.hostname else None


def plain(value: str | None) -> str | None:
    """Without markup, which feeds escape once, twice or not at all."""
    if not value:
        return None
    text = value
    if "&" in text or "<" in text:
        text = html.unescape(_TAG.sub("", html.unescape(text) if "&lt;" in text else text))
    return _SPACE.sub(" ", text).strip()[:_TEXT_CHARS] or None


def moment(value: str | None) -> float | None:
    """Seconds since 1970, of RFC 822 and of ISO 8601; without a zone it is UTC."""
    if not value:
        return None
    clean = value.strip()
    try:
        found = datetime.fromisoformat(clean)
    except ValueError:
        try:
            found = email.utils.parsedate_to_datetime(clean)
        except (ValueError, IndexError, TypeError):
            return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    try:
        return found.timestamp()
    except (OverflowError, ValueError):
        return None


def duration_s(value: str | None) -> float | None:
    """``3723``, ``1:02:03``, ``62:03``."""
    if not value:
        return None
    clean = value.strip()
    match = _CLOCK.fullmatch(clean)
    if match:
        return int(match[1] or 0) * 3600 + int(match[2]) * 60 + float(match[3])
    try:
        seconds = float(clean)
    except ValueError:
        return None
    return seconds if 0 <= seconds < math.inf else None


def _short(value: str | None) -> str | None:
    return value.strip()[:_TEXT_CHARS] or None if value else None
