"""Addresses that name one video, as anybody can see: nobody needs to be asked what they list."""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from reelwright.app.archive.identity import youtube_id
from reelwright.tools.ytdlp.request import Listed

_FILES = frozenset(
    {
        *("mp4", "m4v", "mov", "mkv", "webm", "avi", "wmv", "flv", "ogv", "ts", "mpg", "mpeg"),
        *("mp3", "m4a", "aac", "ogg", "oga", "opus", "flac", "wav"),
        *("m3u8", "mpd"),
    }
)


def single(url: str) -> Listed | None:
    """The one video behind a file's or a video's own address; None: it has to be asked for.

    A video's address that names a playlist too means the playlist.
    """
    parts = urlsplit(url)
    if youtube_id(url) is not None and "list=" not in parts.query:
        return Listed(position=1, url=url, extractor="youtube", native_id=youtube_id(url))
    name = PurePosixPath(unquote(parts.path)).name
    stem, dot, suffix = name.rpartition(".")
    if dot and suffix.lower() in _FILES:
        return Listed(position=1, url=url, extractor="generic", title=stem or None)
    return None
