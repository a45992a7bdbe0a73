"""What there is to say of a plain file at an address, in the words of a site's video."""

from __future__ import annotations

import json
import posixpath
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from reelwright.tools.ytdlp.info import FormatFacts, VideoInfo

if TYPE_CHECKING:
    from reelwright.media.info import MediaInfo
    from reelwright.runners.bringing import Brought
    from reelwright.tools.download.wish import Downloaded

_EXTENSIONS = frozenset(
    {
        *("mp4", "m4v", "mov", "mkv", "webm", "avi", "flv", "ts", "m2ts", "mpg", "mpeg", "ogv"),
        *("3gp", "wmv", "mp3", "m4a", "aac", "opus", "ogg", "oga", "flac", "wav", "mka"),
        *("jpg", "jpeg", "png", "webp", "gif"),
    }
)
_TYPES = {
    "video/mp4": "mp4",
    "video/x-m4v": "m4v",
    "video/quicktime": "mov",
    "video/x-matroska": "mkv",
    "video/webm": "webm",
    "video/mp2t": "ts",
    "video/ogg": "ogv",
    "video/x-flv": "flv",
    "audio/mp4": "m4a",
    "audio/x-m4a": "m4a",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/flac": "flac",
    "audio/wav": "wav",
    "audio/webm": "webm",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
}
_DEMUXERS = {
    "mov": "mp4",
    "matroska": "mkv",
    "mpegts": "ts",
    "mp3": "mp3",
    "ogg": "ogg",
    "flac": "flac",
    "wav": "wav",
    "avi": "avi",
    "flv": "flv",
}


def extension_of(url: str, content_type: str | None) -> str | None:
    """Of a media file, in lower case without the dot: by its name, else by its type."""
    ending = posixpath.splitext(unquote(urlsplit(url).path))[1].lstrip(".").lower()
    if ending in _EXTENSIONS:
        return ending
    return _TYPES.get((content_type or "").partition(";")[0].strip().lower())


def extension_in(media: MediaInfo) -> str:
    """By what is in it, where neither name nor type say."""
    return _DEMUXERS.get(media.demuxer, "bin")


def plain_info(url: str, got: Downloaded) -> VideoInfo:
    """As yt-dlp's generic extractor describes such a file, without asking again."""
    page = shown_whole(url)
    name = posixpath.basename(unquote(urlsplit(url).path).rstrip("/"))
    stem = posixpath.splitext(name)[0] or (urlsplit(url).hostname or "video")
    extension = extension_of(got.final_url, got.content_type)
    return VideoInfo(
        extractor="generic",
        native_id="",  # such a file has no name but its address
        url=page,
        host=(urlsplit(url).hostname or "").lower(),
        media_url=page,
        title=stem,
        published_at=_at(got.last_modified),
        format=FormatFacts(
            id="0", extension=extension, protocol=urlsplit(url).scheme, size_bytes=got.size_bytes
        ),
    )


def write_info(path: Path, info: VideoInfo, brought: Brought) -> None:
    """The info JSON that yt-dlp would write."""
    from reelwright.tools.download.answers import shown

    extension = info.format.extension if info.format else None
    body = {
        "id": info.title,
        "title": info.title,
        "extractor": "generic",
        "extractor_key": "Generic",
        "webpage_url": info.url,
        "original_url": info.url,
        "ext": extension,
        "filesize": info.format.size_bytes if info.format else None,
        "timestamp": None if info.published_at is None else int(info.published_at),
        "upload_date": _day(info.published_at),
        "url": shown(brought.final_url),
        "_type": "video",
    }
    said = {name: value for name, value in body.items() if value is not None}
    path.write_text(json.dumps(said, ensure_ascii=False), encoding="utf-8")


def shown_whole(url: str) -> str:
    """`url` without name and password; its query may be what names the video."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _at(last_modified: str | None) -> float | None:
    import email.utils

    try:
        return email.utils.parsedate_to_datetime(last_modified or "").timestamp()
    except ValueError:
        return None


def _day(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y%m%d")
