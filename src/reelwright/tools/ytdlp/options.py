"""Everything of yt-dlp that can be asked for, typed; its own dictionary is made here."""

from __future__ import annotations

import io
import re
import shutil
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from reelwright.errors import Code, ReelError
from reelwright.tools.ytdlp.sites import extractors_of

_LANGUAGE = re.compile(r"-?[\w.*+?\[\]()|^$-]+")
_COUNTRY = re.compile(r"[A-Za-z]{2}")
_CONTAINERS = frozenset({"mp4", "mkv", "webm", "mov", "avi", "flv"})
CAPTION_FORMATS = frozenset({"vtt", "srt"})
_SPONSOR_CATEGORIES = frozenset(
    {
        "sponsor",
        "intro",
        "outro",
        "selfpromo",
        "preview",
        "filler",
        "interaction",
        "music_offtopic",
        "hook",
        "poi_highlight",
        "chapter",
    }
)


class Params(TypedDict, total=False):
    """The part of yt-dlp's parameters that is used; another key is a type error."""

    allowed_extractors: list[str]
    cachedir: bool
    color: str
    concurrent_fragment_downloads: int
    continuedl: bool
    cookiefile: io.StringIO
    enable_file_urls: bool
    external_downloader: dict[str, str]
    extract_flat: str
    extractor_args: dict[str, dict[str, list[str]]]
    extractor_retries: int
    ffmpeg_location: str
    format: str
    format_sort: list[str]
    fragment_retries: int
    geo_bypass_country: str
    geo_verification_proxy: str
    getcomments: bool
    http_headers: dict[str, str]
    ignore_no_formats_error: bool
    js_runtimes: dict[str, dict[str, str]]
    lazy_playlist: bool
    live_from_start: bool
    logger: Any
    match_filter: Callable[..., str | None]
    merge_output_format: str
    noplaylist: bool
    outtmpl: dict[str, str]
    paths: dict[str, str]
    playlist_items: str
    postprocessor_args: dict[str, list[str]]
    progress_hooks: list[Callable[[Mapping[str, Any]], None]]
    proxy: str
    ratelimit: int
    retries: int
    skip_unavailable_fragments: bool
    sleep_interval_requests: float
    socket_timeout: float
    subtitlesformat: str
    subtitleslangs: list[str]
    updatetime: bool
    writeautomaticsub: bool
    writesubtitles: bool


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
    `js_runtime`: path of deno, which YouTube needs; None: the one that `js_runtime()` finds.

    Raises FIELD_INVALID where a value is not of these forms.
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
    trusts_proxy: bool = False
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

    def __post_init__(self) -> None:
        _check(bool(self.formats), "formats", self.formats, "at least one selector")
        for selector in self.formats:
            # A comma asks for several files of one video.
            good = bool(selector.strip()) and "," not in selector
            _check(good, "formats", selector, "a selector without a comma, such as bv*+ba/b")
        for pattern in self.captions:
            allowed = "a language such as en, en.*, all or -de"
            _check(_is_pattern(pattern), "captions", pattern, allowed)
        for name in self.caption_formats:
            _check(name in CAPTION_FORMATS, "caption_formats", name, "vtt or srt")
        for category in self.sponsor_categories:
            allowed = "one of " + ", ".join(sorted(_SPONSOR_CATEGORIES))
            _check(category in _SPONSOR_CATEGORIES, "sponsor_categories", category, allowed)
        if self.container is not None:
            allowed = "one of " + ", ".join(sorted(_CONTAINERS))
            _check(self.container in _CONTAINERS, "container", self.container, allowed)
        if self.geo_country is not None:
            is_country = bool(_COUNTRY.fullmatch(self.geo_country))
            _check(is_country, "geo_country", self.geo_country, "two letters, such as DE")
        self._check_numbers()

    def _check_numbers(self) -> None:
        limits = {
            "comments_max": (1, 10_000_000),
            "fragments_at_once": (1, 16),
            "retries": (0, 100),
            "rate_bytes_s": (1, 1 << 40),
            "sleep_s": (0, 3600),
            "timeout_s": (1, 600),
        }
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            _check(
                value is None or low <= value <= high, name, value, f"a number from {low} to {high}"
            )

    def to_params(self, url: str) -> Params:
        """For one URL. Reads the cookies. Raises INPUT_NOT_FOUND, INPUT_UNREADABLE."""
        more = {"User-Agent": self.user_agent, "Referer": self.referer}
        sent = {name: value for name, value in more.items() if value}
        params = Params(
            format="/".join(self.formats),
            http_headers=sent,
            retries=self.retries,
            fragment_retries=self.retries,
            extractor_retries=self.retries,
            socket_timeout=self.timeout_s,
            concurrent_fragment_downloads=self.fragments_at_once,
            sleep_interval_requests=self.sleep_s,
            live_from_start=self.live_from_start,
            extractor_args=self._extractor_args(),
        )
        allowed = self.extractors or extractors_of(url)
        if allowed:
            params["allowed_extractors"] = list(allowed)
        return self._optional(params)

    def caption_params(self) -> Params:
        """For an extraction that is to choose captions."""
        return Params(
            writesubtitles=self.captions_human,
            writeautomaticsub=self.captions_auto,
            # The live chat is no captions, though yt-dlp lists it with them.
            subtitleslangs=[*self.captions, "-live_chat"],
            subtitlesformat="vtt/srt/ttml/srv3/ass/best",
        )

    def _optional(self, params: Params) -> Params:
        if self.format_sort:
            params["format_sort"] = list(self.format_sort)
        if self.container:
            params["merge_output_format"] = self.container
        if self.proxy is not None:
            params["proxy"] = self.proxy
        if self.geo_proxy:
            params["geo_verification_proxy"] = self.geo_proxy
        if self.geo_country:
            params["geo_bypass_country"] = self.geo_country.upper()
        if self.rate_bytes_s:
            params["ratelimit"] = self.rate_bytes_s
        if self.js_runtime:
            params["js_runtimes"] = {"deno": {"path": self.js_runtime}}
        if self.cookies:
            params["cookiefile"] = _cookies(self.cookies)
        return params

    def _extractor_args(self) -> dict[str, dict[str, list[str]]]:
        given = {
            extractor.lower(): {key: list(values) for key, values in keys.items()}
            for extractor, keys in self.extractor_args.items()
        }
        limit = [str(self.comments_max), "all", "all", "all"]
        given.setdefault("youtube", {}).setdefault("max_comments", limit)
        return given


def js_runtime() -> str | None:
    """Path of a deno that runs here, on PATH or of the extra `deno`; None where there is none."""
    return shutil.which("deno") or shutil.which("deno", path=sysconfig.get_path("scripts"))


def _cookies(path: str) -> io.StringIO:
    """In memory: yt-dlp writes back what it was given, and a user's file is not ours to change."""
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - says the path as it was given
            text = file.read()
    except FileNotFoundError as error:
        raise ReelError(
            Code.INPUT_NOT_FOUND, f"there is no file of cookies at {path}", where=path
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ReelError(
            Code.INPUT_UNREADABLE, f"the cookies at {path} cannot be read: {error}", where=path
        ) from error
    return io.StringIO(text)


def _is_pattern(text: str) -> bool:
    if not _LANGUAGE.fullmatch(text):
        return False
    try:
        re.compile(text)
    except re.error:
        return False
    return True


def _check(good: bool, name: str, value: object, allowed: str) -> None:
    if not good:
        raise ReelError(
            Code.FIELD_INVALID,
            f"'{value}' is not allowed for `{name}`: it must be {allowed}",
            where=name,
            hint=f"write {allowed}",
        )
