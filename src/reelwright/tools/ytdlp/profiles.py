"""Qualities with a name; each is a ladder of yt-dlp's selectors, from what is meant to what is
there."""

from __future__ import annotations

from dataclasses import dataclass, replace

from reelwright.errors import Code, ReelError
from reelwright.tools.ytdlp.options import YtdlpOptions

_HEIGHTS_PX = (4320, 2160, 1440, 1080, 720, 480, 360, 240)
# yt-dlp's words for codecs in `-S`.
_CODECS = {"h264": "h264", "av1": "av01", "vp9": "vp9", "hevc": "h265"}
# Picture and sound that came apart, a file with both, then what there is of one.
_ANY = ("bv*+ba", "b", "bv*", "ba")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """`formats` are tried in turn, `sort` orders what one of them offers."""

    name: str
    about: str
    formats: tuple[str, ...]
    sort: tuple[str, ...] = ()
    container: str | None = None

    def applied(self, options: YtdlpOptions) -> YtdlpOptions:
        """`options` with this choice; a container or order that they name already stays."""
        return replace(
            options,
            formats=self.formats,
            format_sort=options.format_sort or self.sort,
            container=options.container or self.container,
        )


def profile(name: str, *, codec: str | None = None, container: str | None = None) -> Profile:
    """The profile `name`; `codec` (h264, av1, vp9, hevc) is preferred, not insisted on.

    A name that is none of `profile_names` is a selector of yt-dlp's own if it reads like one
    (``bv*[height<=1080]+ba/b``). Raises FIELD_INVALID.
    """
    made = _NAMED.get(name.strip().lower()) or _selector(name)
    sort = made.sort
    if codec is not None:
        if codec not in _CODECS:
            raise _invalid("codec", codec, ", ".join(sorted(_CODECS)))
        # After the size and before all else: another codec in the size that was asked for is
        # better than the codec in another size.
        lead = [one for one in sort if one.startswith(("res", "+size", "hasvid"))] or ["res"]
        rest = [one for one in sort if one not in lead]
        sort = (*lead, f"vcodec:{_CODECS[codec]}", *rest)
    return replace(made, sort=sort, container=container or made.container)


def profile_names() -> tuple[str, ...]:
    return tuple(_NAMED)


def profiles() -> tuple[Profile, ...]:
    return tuple(_NAMED.values())


def _up_to(height_px: int) -> Profile:
    """yt-dlp's ``res`` is the smaller side, so that an upright video of 1080x1920 is 1080p; the
    largest that is not larger comes first, then the smallest above it. A filter
    (``[height<=1080]``) would do neither."""
    return Profile(
        name=f"{height_px}p",
        about=f"at most {height_px} lines, else the nearest above",
        formats=_ANY,
        sort=(f"res:{height_px}",),
    )


def _selector(text: str) -> Profile:
    shown = text.strip()
    if not (any(mark in shown for mark in "+/[*") or shown in _WORDS or shown.isdecimal()):
        raise _invalid("profile", text, ", ".join(_NAMED) + ", or a selector of yt-dlp")
    return Profile(name=shown, about="a selector of yt-dlp", formats=(shown,))


def _invalid(name: str, value: str, allowed: str) -> ReelError:
    return ReelError(
        Code.FIELD_INVALID,
        f"'{value}' is no {name}; there are {allowed}",
        where=name,
        hint=f"use one of {allowed}",
    )


# What yt-dlp knows of selectors without any sign in them.
_WORDS = frozenset({"b", "w", "bv", "wv", "ba", "wa", "best", "worst", "bestvideo", "bestaudio"})

_NAMED = {
    one.name: one
    for one in (
        Profile(
            name="best",
            about="the best picture with the best sound",
            formats=_ANY,
        ),
        *map(_up_to, _HEIGHTS_PX),
        Profile(
            name="audio",
            about="the best sound alone; where there is none alone, with the smallest picture",
            formats=("ba", "ba*", "b"),
            sort=("hasaud", "abr", "+res"),
        ),
        Profile(
            name="smallest",
            about="the smallest file that has picture and sound",
            formats=_ANY,  # of an order that puts the smallest first
            sort=("+size", "+br", "+res", "+fps"),
        ),
    )
}
