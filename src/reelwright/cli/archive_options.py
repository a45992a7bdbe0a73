"""The options of `reel archive` and `reel follow`, and what they mean for the use case."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.archive.options import ArchiveOptions

_WHAT, _HOW, _WHICH = "What is kept", "How sites are asked", "Which of a list"
STDIN = "-"

Profile: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--profile",
        metavar="NAME",
        help="Quality: best, 2160p, 1080p, 720p, 480p, audio, smallest, … [archive.profile]",
        rich_help_panel=_WHAT,
    ),
]
Format: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="SELECTOR",
        help="A format selector of yt-dlp, in place of a profile.",
        rich_help_panel=_WHAT,
    ),
]
Codec: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Preferred among videos of one size: h264, av1, vp9, hevc.",
        rich_help_panel=_WHAT,
    ),
]
Container: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="What picture and sound are joined into: mp4, mkv, webm.",
        rich_help_panel=_WHAT,
    ),
]
Captions: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--captions",
        metavar="LANGUAGES",
        help="Captions: en,de or en.* or all; none: no captions. [archive.languages]",
        rich_help_panel=_WHAT,
    ),
]
AutoCaptions: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--auto-captions/--no-auto-captions",
        help="Captions that a machine made, where no others are. [archive.auto_captions]",
        rich_help_panel=_WHAT,
    ),
]
CaptionFormats: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="FORMATS", help="vtt, srt, or vtt,srt (the default).", rich_help_panel=_WHAT
    ),
]
Thumbnail: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--thumbnail/--no-thumbnail",
        help="The picture that the site shows for it.",
        rich_help_panel=_WHAT,
    ),
]
Comments: TypeAlias = Annotated[
    int | None,
    typer.Option(
        metavar="N", min=1, help="Comments too, this many at the most.", rich_help_panel=_WHAT
    ),
]
LiveChat: TypeAlias = Annotated[
    bool, typer.Option("--live-chat", help="The chat of live streams too.", rich_help_panel=_WHAT)
]
Sponsorblock: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--sponsorblock",
        metavar="CATEGORIES",
        help="Marks of SponsorBlock: sponsor,intro,… or all; nothing is cut.",
        rich_help_panel=_WHAT,
    ),
]
Template: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="TEMPLATE",
        help="Folder in the library, e.g. '{channel}/{title} [{id}]'. [archive.template]",
        rich_help_panel=_WHAT,
    ),
]
Cookies: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="A cookies file in Netscape's format. [archive.cookies]",
        rich_help_panel=_HOW,
    ),
]
Proxy: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Go through a proxy. [archive.proxy]", rich_help_panel=_HOW),
]
UserAgent: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        help="User-Agent of all requests. [archive.user_agent]",
        rich_help_panel=_HOW,
    ),
]
Country: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="CC", help="Claim to ask from this country: two letters.", rich_help_panel=_HOW
    ),
]
Sleep: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="SPAN",
        help="Between requests to a site, e.g. 2s. [archive.sleep_s]",
        rich_help_panel=_HOW,
    ),
]
MaxRate: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE", help="Bytes a second of one download, e.g. 2MB.", rich_help_panel=_HOW
    ),
]
MaxSize: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE", help="Give up where a video is larger, e.g. 4GB.", rich_help_panel=_HOW
    ),
]
Limit: TypeAlias = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="The first N of the list alone.", rich_help_panel=_WHICH),
]
After: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="DAY", help="Published on this day (2026-11-21) or after.", rich_help_panel=_WHICH
    ),
]
Before: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="DAY", help="Published on this day or before.", rich_help_panel=_WHICH),
]
Match: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="REGEX", help="Titles that have this alone, in any case.", rich_help_panel=_WHICH
    ),
]
Reject: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="REGEX", help="No titles that have this.", rich_help_panel=_WHICH),
]
Order: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="ORDER",
        help="What comes first: listed (the site's order), newest, oldest.",
        rich_help_panel=_WHICH,
    ),
]
Understand: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--understand",
        help="Make it searchable, too, by what is said, shown and written in it.",
        rich_help_panel=_WHAT,
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """The options as they were typed; None and False: left out."""

    profile: str | None = None
    format: str | None = None
    codec: str | None = None
    container: str | None = None
    captions: str | None = None
    auto_captions: bool | None = None
    caption_formats: str | None = None
    thumbnail: bool = True
    comments: int | None = None
    live_chat: bool = False
    sponsorblock: str | None = None
    template: str | None = None
    cookies: Path | None = None
    proxy: str | None = None
    user_agent: str | None = None
    country: str | None = None
    sleep: str | None = None
    max_rate: str | None = None
    max_size: str | None = None
    limit: int | None = None
    after: str | None = None
    before: str | None = None
    match: str | None = None
    reject: str | None = None
    order: str | None = None
    refresh: bool = False
    understand: bool = False


def options_of(said: Said) -> ArchiveOptions:
    """Raises FIELD_INVALID, USAGE."""
    from reelwright.app.archive.options import SPONSOR_CATEGORIES, ArchiveOptions
    from reelwright.cli.spans import seconds

    marks = _commas(said.sponsorblock)
    return ArchiveOptions(
        profile=said.profile,
        format=said.format,
        codec=said.codec,
        container=said.container,
        languages=_commas(said.captions),
        auto_captions=said.auto_captions,
        caption_formats=_commas(said.caption_formats),
        thumbnail=said.thumbnail,
        comments=said.comments,
        live_chat=said.live_chat,
        sponsorblock=SPONSOR_CATEGORIES if marks == ("all",) else marks,
        template=said.template,
        cookies=None if said.cookies is None else str(said.cookies.expanduser().absolute()),
        proxy=said.proxy,
        user_agent=said.user_agent,
        country=said.country,
        sleep_s=None if said.sleep is None else seconds(said.sleep, "--sleep"),
        max_rate_bytes=_bytes(said.max_rate, "--max-rate"),
        max_bytes=_bytes(said.max_size, "--max-size"),
        limit=said.limit,
        after=said.after,
        before=said.before,
        match=said.match,
        reject=said.reject,
        order=said.order or "listed",
        refresh=said.refresh,
        understand=said.understand,
    ).checked()


def read_urls(given: list[str], files: list[Path]) -> list[str]:
    """Addresses as they were typed, those of standard input where one is ``-``, and those in files:
    one a line, without empty lines and those that begin with ``#``. Raises USAGE, INPUT_*."""
    found: list[str] = []
    for one in given:
        found += _lines(sys.stdin.read()) if one == STDIN else [one]
    for path in files:
        found += _lines(_text(path))
    if not found:
        raise ReelError(
            Code.USAGE,
            "no address is named",
            where="URL",
            hint="`reel archive https://example.org/talk`, or `--file urls.txt`",
        )
    return found


def _lines(text: str) -> list[str]:
    stripped = (line.strip() for line in text.lstrip("\ufeff").splitlines())
    return [line for line in stripped if line and not line.startswith("#")]


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError as error:
        raise ReelError(Code.INPUT_NOT_FOUND, f"there is no {path}", where=str(path)) from error
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path} cannot be read: {error}"
        raise ReelError(Code.INPUT_UNREADABLE, message, where=str(path)) from error


def _commas(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def _bytes(text: str | None, option: str) -> int | None:
    if text is None:
        return None
    from pydantic import TypeAdapter, ValidationError

    from reelwright.graph.params.amounts import ByteSize

    adapter: Any = TypeAdapter(ByteSize)
    try:
        return int(adapter.validate_python(text))
    except ValidationError as error:
        message = f"'{text}' is no size"
        raise ReelError(Code.USAGE, message, where=option, hint="write 500MB or 2GiB") from error
