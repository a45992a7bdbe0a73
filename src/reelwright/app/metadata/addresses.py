"""What somebody names: an id or an address of YouTube's, or of another site."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qs, unquote, urlsplit

from reelwright.app.archive.asking import addresses
from reelwright.app.archive.identity import site_of, youtube_id
from reelwright.errors import Code, ReelError

_VIDEO = re.compile(r"[0-9A-Za-z_-]{11}")
_CHANNEL = re.compile(r"UC[0-9A-Za-z_-]{22}")
# Uploads, mixes, albums, favourites and what people put together: PL and 16 or 32 more, most often.
_PLAYLIST = re.compile(r"(?:PL|UU|UL|FL|LL|OL|RD|EL|SP)[0-9A-Za-z_-]{10,80}")
_HANDLE = re.compile(r"@[^\s/@]{1,100}")
_SITE = "https://www.youtube.com"


class Named(StrEnum):
    VIDEO = "video"
    PLAYLIST = "playlist"
    CHANNEL = "channel"  # by id
    HANDLE = "handle"
    USER = "user"  # by the name of old addresses
    OTHER = "other"  # an address that only yt-dlp can read


@dataclass(frozen=True, slots=True)
class Target:
    """`id` is empty of `OTHER`; `url` is what yt-dlp takes."""

    kind: Named
    id: str
    url: str


def video_target(given: str) -> Target:
    """Of an id or an address. Raises FIELD_INVALID."""
    text = given.strip()
    if _VIDEO.fullmatch(text):
        return Target(Named.VIDEO, text, f"{_SITE}/watch?v={text}")
    url = _address(text, "the id of a YouTube video has 11 characters")
    known = youtube_id(url)
    if known is not None:
        return Target(Named.VIDEO, known, f"{_SITE}/watch?v={known}")
    return Target(Named.OTHER, "", url)


def playlist_target(given: str) -> Target:
    """Of the id or address of a playlist or a channel, or a handle (``@name``). Raises
    FIELD_INVALID."""
    text = given.strip()
    if _CHANNEL.fullmatch(text):
        return Target(Named.CHANNEL, text, f"{_SITE}/channel/{text}/videos")
    if _PLAYLIST.fullmatch(text):
        return Target(Named.PLAYLIST, text, f"{_SITE}/playlist?list={text}")
    if _HANDLE.fullmatch(text):
        return Target(Named.HANDLE, text, f"{_SITE}/{text}/videos")
    url = _address(text, "ids of playlists begin with PL, UU or OL, of channels with UC")
    return _of_address(url) if site_of(url) == "youtube.com" else Target(Named.OTHER, "", url)


def _of_address(url: str) -> Target:
    parts = urlsplit(url)
    listed = parse_qs(parts.query).get("list", [""])[0]
    if _PLAYLIST.fullmatch(listed):
        return Target(Named.PLAYLIST, listed, f"{_SITE}/playlist?list={listed}")
    words = [unquote(word) for word in parts.path.split("/") if word]
    first, second = (*words, "", "")[:2]
    if _HANDLE.fullmatch(first):
        return Target(Named.HANDLE, first, url)
    if first == "channel" and _CHANNEL.fullmatch(second):
        return Target(Named.CHANNEL, second, url)
    if first == "user" and second:
        return Target(Named.USER, second, url)
    return Target(Named.OTHER, "", url)


def _address(text: str, hint: str) -> str:
    try:
        return addresses([text])[0]
    except ReelError as error:
        message = f"'{text[:200]}' is no id and no address"
        raise ReelError(Code.FIELD_INVALID, message, where="id", hint=hint) from error
