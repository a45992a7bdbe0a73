"""Everything of yt-dlp that can be asked for, typed; its own dictionary is made here and nowhere
else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class YtdlpOptions:
    """How videos are chosen and fetched; what is left out is yt-dlp's own choice.

    `formats`: selectors of yt-dlp, the first that fits is taken (`profiles.profile` makes them);
    `format_sort` as yt-dlp's ``-S``. `container`: what picture and sound are joined into (mp4,
    mkv, webm). `captions`: languages, as patterns (``en``, ``en.*``, ``all``, ``-de``); each comes
    in every one of `caption_formats`. `sponsor_categories`: marks that are asked of `sponsor_api`;
    nothing is cut. `cookies`: a file in Netscape's form; it is read, never written.
    `sleep_s`: between two requests of one extraction. `rate_bytes_s`: the download's upper speed.
    `geo_country`: two letters, claimed in X-Forwarded-For. `extractors`: names (patterns) of those
    allowed; empty: chosen by the URL. `extractor_args`: by extractor, by key.
    `js_runtime`: path of deno, which some sites need.
    """

    formats: tuple[str, ...] = ("bv*+ba/b",)
    format_sort: tuple[str, ...] = ()
    container: str | None = None
    captions: tuple[str, ...] = ()
    captions_human: bool = True
    captions_auto: bool = False
    caption_formats: tuple[str, ...] = ("vtt", "srt")
    comments_max: int = 1000
    sponsor_categories: tuple[str, ...] = ()
    sponsor_api: str = "https://sponsor.ajay.app"
    cookies: str | None = None
    proxy: str | None = None
    user_agent: str | None = None
    referer: str | None = None
    sleep_s: float = 0.0
    rate_bytes_s: int | None = None
    geo_country: str | None = None
    geo_proxy: str | None = None
    extractors: tuple[str, ...] = ()
    extractor_args: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    fragments_at_once: int = 1
    retries: int = 3
    timeout_s: float = 30.0
    live_from_start: bool = False
    js_runtime: str | None = None
