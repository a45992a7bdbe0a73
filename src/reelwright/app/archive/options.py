"""What can be said of how videos are kept: by a command, a request, or a subscription.

`sources.options` holds it as JSON, as it was said: what was left out follows the settings, also
when these change later.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.settings_sections import Archive
    from reelwright.tools.ytdlp.options import YtdlpOptions

ORDERS = ("listed", "newest", "oldest")
SPONSOR_CATEGORIES = (
    *("sponsor", "intro", "outro", "selfpromo", "preview", "filler", "interaction"),
    *("music_offtopic", "hook", "poi_highlight", "chapter"),
)
CAPTION_FORMATS = ("vtt", "srt")
_MOST_MATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveOptions:
    """None, and an empty tuple, mean what the settings (`archive.…`) say, or what is usual.

    `profile` or `format` (a selector of yt-dlp): which quality. `languages`: of captions; ``all``,
    or patterns as ``en.*``; ``none`` alone: no captions. `comments`: so many at the most. `limit`:
    the first so many entries of the list that the filters leave. `after` and `before`: days
    (YYYY-MM-DD, UTC, both counted in) between which a video was published; an entry whose list says
    no date is kept. `match`: a regular expression that the title has, without regard to case;
    `reject`: one that it has not. `order`: what is fetched first. `refresh`: what is held is
    fetched again. `understand`: what is held is made searchable by what is said, shown and written
    in it.
    """

    profile: str | None = None
    format: str | None = None
    codec: str | None = None
    container: str | None = None
    languages: tuple[str, ...] = ()
    auto_captions: bool | None = None
    caption_formats: tuple[str, ...] = ()
    thumbnail: bool = True
    comments: int | None = None
    live_chat: bool = False
    sponsorblock: tuple[str, ...] = ()
    template: str | None = None
    nfo: bool | None = None
    cookies: str | None = None
    proxy: str | None = None
    user_agent: str | None = None
    country: str | None = None
    sleep_s: float | None = None
    max_rate_bytes: int | None = None
    max_bytes: int | None = None
    limit: int | None = None
    after: str | None = None
    before: str | None = None
    match: str | None = None
    reject: str | None = None
    order: str = "listed"
    refresh: bool = False
    understand: bool = False

    def to_json(self) -> dict[str, Any]:
        """What was said; what was left out is not in it."""
        said = {f.name: (getattr(self, f.name), f.default) for f in fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, (value, usual) in said.items()
            if value != usual
        }

    @staticmethod
    def from_json(body: Mapping[str, Any]) -> ArchiveOptions:
        """Raises FIELD_UNKNOWN, FIELD_INVALID."""
        known = {f.name for f in fields(ArchiveOptions)}
        for name in body:
            if name not in known:
                message = f"there is no option '{name}'"
                hint = f"there are {', '.join(sorted(known))}"
                raise ReelError(Code.FIELD_UNKNOWN, message, where=f"options.{name}", hint=hint)
        values: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in body.items()
        }
        return ArchiveOptions(**values).checked()

    def checked(self) -> ArchiveOptions:
        """This, if all of it can be meant. Raises FIELD_INVALID, TEMPLATE_INVALID."""
        from reelwright.tools.ytdlp.profiles import profile

        if self.profile is not None and self.format is not None:
            raise _invalid("format", self.format, "it goes without a profile")
        for name in ("profile", "format"):
            chosen = getattr(self, name)
            if chosen is not None:
                profile(chosen, codec=self.codec)
        _one_of("codec", self.codec, ("h264", "av1", "vp9", "hevc"))
        _one_of("container", self.container, ("mp4", "mkv", "webm"))
        _one_of("order", self.order, ORDERS)
        for form in self.caption_formats:
            _one_of("caption_formats", form, CAPTION_FORMATS)
        for category in self.sponsorblock:
            _one_of("sponsorblock", category, SPONSOR_CATEGORIES)
        for name, least in (("limit", 1), ("comments", 1), ("sleep_s", 0), ("max_bytes", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise _invalid(name, value, f"it is at least {least}")
        if self.template is not None:
            from reelwright.app.library.layout import Layout

            Layout(self.template)
        self._check_dates()
        for name in ("match", "reject"):
            _pattern(name, getattr(self, name))
        return self

    def _check_dates(self) -> None:
        for name in ("after", "before"):
            _day(name, getattr(self, name))
        if self.after and self.before and self.after > self.before:
            raise _invalid("after", self.after, f"it lies behind `before`, {self.before}")

    @property
    def after_s(self) -> float | None:
        """The first moment that is wanted, in seconds since 1970."""
        day = _day("after", self.after)
        return None if day is None else day.timestamp()

    @property
    def before_s(self) -> float | None:
        """The first moment that is too late."""
        day = _day("before", self.before)
        return None if day is None else (day + timedelta(days=1)).timestamp()

    @property
    def is_filtered(self) -> bool:
        return any((self.after, self.before, self.match, self.reject))

    def wants_captions(self, settings: Archive) -> tuple[str, ...]:
        """The languages; empty: none."""
        said = self.languages or _commas(settings.languages)
        return () if said == ("none",) else said


def listing_options(options: ArchiveOptions, settings: Archive) -> YtdlpOptions:
    """How a site is asked for a list."""
    from reelwright.tools.download.proxies import chosen
    from reelwright.tools.ytdlp.options import YtdlpOptions

    cookies = options.cookies or (str(settings.cookies) if settings.cookies else None)
    proxy, is_own = chosen(options.proxy or settings.proxy, settings.proxy)
    return YtdlpOptions(
        cookies=cookies,
        proxy=proxy,
        trusts_proxy=is_own,
        user_agent=options.user_agent or settings.user_agent,
        geo_country=options.country,
        sleep_s=settings.sleep_s if options.sleep_s is None else options.sleep_s,
    )


class Filter:
    """Which entries are wanted: by title and day."""

    def __init__(self, options: ArchiveOptions) -> None:
        self._match = _pattern("match", options.match)
        self._reject = _pattern("reject", options.reject)
        self._after_s, self._before_s = options.after_s, options.before_s

    def wants(self, title: str | None, published_at: float | None) -> bool:
        if self._match is not None and not self._match.search(title or ""):
            return False
        if self._reject is not None and self._reject.search(title or ""):
            return False
        if published_at is None:
            return True
        is_late = self._before_s is not None and published_at >= self._before_s
        is_early = self._after_s is not None and published_at < self._after_s
        return not (is_late or is_early)


def _pattern(name: str, text: str | None) -> re.Pattern[str] | None:
    if text is None:
        return None
    if len(text) > _MOST_MATCH:
        raise _invalid(name, text[:40] + "…", f"it has at most {_MOST_MATCH} characters")
    try:
        return re.compile(text, re.IGNORECASE)
    except re.error as error:
        raise _invalid(name, text, f"it is no regular expression: {error}") from error


def _day(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise _invalid(name, text, "write a day as 2026-11-21") from error
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _commas(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _one_of(name: str, value: str | None, allowed: tuple[str, ...]) -> None:
    if value is not None and value not in allowed:
        raise _invalid(name, value, f"it is one of {', '.join(allowed)}")


def _invalid(name: str, value: object, why: str) -> ReelError:
    return ReelError(Code.FIELD_INVALID, f"'{value}': {why}", where=f"options.{name}")
