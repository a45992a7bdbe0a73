"""What the yt-dlp child is asked and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class PageWish:
    """Bring what the page or playlist at `url` shows into `folder`.

    `format` is yt-dlp's format selector. `ffmpeg` is the binary that joins video and audio.
    `allow_private`, `net_allow`: see `download.addresses.Reach`.
    """

    url: str
    folder: str
    ffmpeg: str
    format: str
    max_bytes: int | None = None
    max_seconds: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    allow_private: bool = True
    net_allow: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageAnswer:
    """Either a plain file that is better downloaded by us (`direct_url`), or the name of the file
    that was written into the folder. `referer_headers` go with a direct URL."""

    direct_url: str | None = None
    file_name: str | None = None
    media_url: str | None = None
    title: str | None = None
    format_id: str | None = None
    referer_headers: Mapping[str, str] = field(default_factory=dict)
