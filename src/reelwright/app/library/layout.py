"""Where an asset stands: a folder by template, with names that every file system takes.

A template is text with fields in braces, ``{channel}/{upload_date} - {title} [{id}]``; every ``/``
of its own begins a folder. ``{series|channel|"Others"}`` takes the first that is known,
``{upload_date:%Y/%m}`` a date by `strftime`, ``{playlist_index:03}`` a number with zeros in front;
``{{`` and ``}}`` are braces. A name may be written on ext4, NTFS, exFAT, APFS and SMB alike, and
fits their lengths: what is too long loses the end of its longest field, never the id behind it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.tools.ytdlp.info import VideoInfo

# A name has 255 bytes (ext4; NTFS and exFAT: 255 UTF-16 units, which are no more); the names of
# files add their endings to the folder's: " - v12.en-US.auto.vtt", and "..part" on their way.
_NAME_BYTES = 180
# Of the folders and a file together: what is left of the 1024 of many shares for the library.
_PATH_BYTES = 800
_LEAST_BYTES = 24

_LOOKALIKES = str.maketrans('<>:"/\\|?*', "＜＞：＂⧸⧹｜？＊")
# Of the direction of text, which a name could pretend to be another with.
_INVISIBLE = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
# Windows' devices, whatever comes after a dot.
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\..*)?", re.I)
_FIELD = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_ALTERNATIVE = re.compile(r'\s*(?:"([^"]*)"|([a-z_]+)(?::([^|"]*))?)\s*')

_Known = str | int | datetime | None


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of a name: text of the template's own, or a field's alternatives."""

    text: str = ""
    fields: tuple[tuple[str, str], ...] = ()  # (name or "", format or text)


FIELDS: Mapping[str, tuple[str, Callable[[VideoInfo], _Known]]] = {
    "id": ("the site's id of the video, or the name that its address gives", lambda i: name_of(i)),
    "title": ("its title", lambda i: i.title),
    "channel": ("its channel, or who put it there, or the site", lambda i: _channel(i)),
    "channel_id": ("the site's id of the channel", lambda i: i.channel_id),
    "uploader": ("who put it there", lambda i: i.uploader),
    "upload_date": (
        "the day, 2026-11-21; a format may follow: {upload_date:%Y}",
        lambda i: published(i),
    ),
    "site": ("the site's host without www.", lambda i: i.host.removeprefix("www.")),
    "extractor": ("yt-dlp's name of the site", lambda i: i.extractor),
    "playlist": (
        "the playlist that it was found in",
        lambda i: i.playlist.title if i.playlist else None,
    ),
    "playlist_index": (
        "its place there; a format may follow: {playlist_index:03}",
        lambda i: i.playlist.position if i.playlist else None,
    ),
    "series": ("the series", lambda i: i.series),
    "season": ("the number of the season", lambda i: i.season_number),
    "episode": ("the number of the episode", lambda i: i.episode_number),
    "language": ("its language", lambda i: i.language),
    "resolution": ("its height, 1080p", lambda i: _height(i)),
}
# What stands for a field that is not known.
_MISSING = {"upload_date": "undated", "title": "untitled", "playlist_index": "0"}
_DATE_FORMAT = "%Y-%m-%d"


def name_of(info: VideoInfo) -> str | None:
    """What tells it apart for people: its id, or the end of its address."""
    if info.native_id:
        return info.native_id
    path = unquote(urlsplit(info.url).path).rstrip("/")
    return PurePosixPath(path).stem or None


def _channel(info: VideoInfo) -> str | None:
    return info.channel or info.uploader or info.host


def published(info: VideoInfo) -> datetime | None:
    """In UTC; None also for a time that no calendar has."""
    if info.published_at is None:
        return None
    try:
        return datetime.fromtimestamp(info.published_at, UTC)
    except (OverflowError, ValueError, OSError):  # a site's nonsense
        return None


def _height(info: VideoInfo) -> str | None:
    height = info.format.height_px if info.format else None
    return f"{height}p" if height else None


class Layout:
    """A template, read once. Raises TEMPLATE_INVALID with the place of what is wrong."""

    def __init__(self, template: str) -> None:
        self.template = template
        self._folders = _parse(template)

    @property
    def depth(self) -> int:
        """How many folders stand in each other."""
        return len(self._folders)

    def folder(self, info: VideoInfo, number: int = 1) -> str:
        """Relative to the library, with ``/``. `number` from 2 on makes another name of it, for
        the next video whose folder would be the same."""
        beside = f" ({number})" if number > 1 else ""
        # A date may have brought further folders: "%Y/%m".
        parts = [list(_values(parts, info)) for parts in self._folders]
        names = [name for part in parts for name in _split(part)]
        most = max(_LEAST_BYTES, min(_NAME_BYTES, _PATH_BYTES // (len(names) + 1)))
        found = [_fitted(name, most) for name in names[:-1]]
        return "/".join([*found, _fitted([*names[-1], (beside, False)], most)])


def folder_key(folder: str) -> str:
    """`folder` as the least discerning file system compares it: two of one key are one there."""
    folded = unicodedata.normalize("NFC", folder).casefold()
    return unicodedata.normalize("NFC", folded)


def show_folder(folder: str, info: VideoInfo) -> str | None:
    """The part of `folder` that is its channel's, for media centres a show; None where no folder
    above the asset's own is called as the channel."""
    *above, _ = folder.split("/")
    name = safe_name(info.channel or info.uploader or "")
    for depth, part in enumerate(above, 1):
        if part == name:
            return "/".join(above[:depth])
    return None


def safe_name(text: str, most_bytes: int = _NAME_BYTES) -> str:
    """A name of one file or folder that looks like `text`; never empty."""
    return _guarded(_shortened(_clean(text), most_bytes), most_bytes)


def _parse(template: str) -> list[list[_Part]]:
    """By folder."""
    folders: list[list[_Part]] = [[]]
    end = 0
    for found in _FIELD.finditer(template):
        _add_text(folders, template[end : found.start()])
        end = found.end()
        if found[0] in {"{{", "}}"}:
            folders[-1].append(_Part(found[0][0]))
        elif found[1] is None:
            raise _invalid(template, found.start(), f"'{found[0]}' has no partner")
        else:
            folders[-1].append(_Part(fields=tuple(_alternatives(template, found))))
    _add_text(folders, template[end:])
    folders = [parts for parts in folders if any(p.text.strip() or p.fields for p in parts)]
    if not folders:
        raise _invalid(template, 0, "it names no folder")
    for parts in folders:
        if all(p.text.strip(" .") == "" and not p.fields for p in parts):
            raise _invalid(template, 0, "'.' and '..' are no folders of the library")
    return folders


def _add_text(folders: list[list[_Part]], text: str) -> None:
    first, *rest = text.split("/")
    folders[-1].append(_Part(first))
    folders += [[_Part(part)] for part in rest]


def _alternatives(template: str, found: re.Match[str]) -> Iterator[tuple[str, str]]:
    at, end = found.start(1), found.end(1)
    while at <= end:
        one = _ALTERNATIVE.match(template, at, end)
        if one is None:
            raise _invalid(template, at, f"'{template[at:end]}' is no field")
        if one[2] is None:
            yield "", one[1]
        else:
            _check_field(template, one)
            yield one[2], one[3] or ""
        at = one.end() + 1
        if one.end() < end and template[one.end()] != "|":
            raise _invalid(template, one.end(), f"'{template[one.end() : end]}' is no field")


def _check_field(template: str, one: re.Match[str]) -> None:
    name, form = one[2], one[3]
    if name not in FIELDS:
        from reelwright.graph.params.nearest import meant

        near = meant(name, list(FIELDS))
        raise _invalid(template, one.start(2), f"there is no field '{name}'{near and ', ' + near}")
    if form is None:
        return
    if name == "upload_date":
        is_right = "%" in form and _formatted(datetime(2026, 11, 21, tzinfo=UTC), form) != ""
    else:
        is_right = re.fullmatch(r"0?[1-9]", form) is not None and name in _NUMBERS
    if not is_right:
        raise _invalid(template, one.start(3), f"'{form}' is no format of '{name}'")


_NUMBERS = {"playlist_index", "season", "episode"}


def _invalid(template: str, at: int, why: str) -> ReelError:
    return ReelError(
        Code.TEMPLATE_INVALID,
        f"at character {at + 1} of '{template}': {why}",
        where="template",
        hint=f"fields are {', '.join(FIELDS)}; braces of their own are {{{{ and }}}}",
        evidence={"template": template, "position": at},
    )


def _values(parts: Sequence[_Part], info: VideoInfo) -> Iterator[tuple[str, bool]]:
    """(text, whether it is a field's and may be shortened)"""
    for part in parts:
        if part.fields:
            yield _value(part.fields, info), True
        else:
            yield part.text, False


def _value(fields: Sequence[tuple[str, str]], info: VideoInfo) -> str:
    for name, form in fields:
        if not name:
            return _clean(form)
        value = FIELDS[name][1](info)
        text = _formatted(value, form)
        if text:
            # The folders of a date's format are meant; a title's "/" is none.
            return text if isinstance(value, datetime) else _clean(text)
    return _MISSING.get(fields[0][0], "unknown")


def _formatted(value: _Known, form: str) -> str:
    if isinstance(value, datetime):
        return value.strftime(form or _DATE_FORMAT).strip()
    if isinstance(value, int):
        return f"{value:{form}d}"
    return _clean(value or "").strip(" .")


def _split(part: Sequence[tuple[str, bool]]) -> Iterator[list[tuple[str, bool]]]:
    """By the folders that a date's format has brought."""
    name: list[tuple[str, bool]] = []
    for text, is_field in part:
        first, *rest = text.split("/") if is_field else [text]
        name.append((first, is_field))
        for more in rest:
            yield name
            name = [(more, is_field)]
    yield name


def _fitted(pieces: Sequence[tuple[str, bool]], most: int) -> str:
    """The pieces as one name of at most `most` bytes; the longest field gives way first."""
    texts = [_clean(text) for text, _ in pieces]
    while (excess := _size("".join(texts)) - most) > 0:
        fields = [n for n, (_, is_field) in enumerate(pieces) if is_field and texts[n]]
        # With no field left the template's own text gives way, but not what tells two apart.
        fields = fields or [n for n, text in enumerate(texts[:-1]) if text]
        if not fields:
            break
        longest = max(fields, key=lambda n: _size(texts[n]))
        others = max((_size(texts[n]) for n in fields if n != longest), default=0)
        size = _size(texts[longest])
        target = max(size - excess, min(others, size - 1), 0)
        texts[longest] = _shortened(texts[longest], target)
    # What stood apart may compose: a mark that a field began with.
    name = unicodedata.normalize("NFC", "".join(texts))
    return _guarded(_shortened(name, most), most)


def _clean(text: str) -> str:
    """Without what some file system refuses or nobody sees, in the composed form."""
    text = "".join(_visible(c) for c in text if c not in _INVISIBLE)
    composed = unicodedata.normalize("NFC", re.sub(r" {2,}", " ", text))
    return composed.translate(_LOOKALIKES)


def _visible(character: str) -> str:
    kind = unicodedata.category(character)
    if kind in {"Cc", "Zl", "Zp", "Zs"}:
        return " "
    return "\ufffd" if kind == "Cs" else character


def _guarded(name: str, most: int) -> str:
    """No hidden file, no device of Windows, nothing that it would cut off the end."""
    name = name.strip(" ").rstrip(" .")
    if name.startswith("."):
        name = "_" + name.lstrip(".")
    if not name:
        return "_"
    if _RESERVED.fullmatch(name):
        name = "_" + name
    return name if _size(name) <= most else _shortened(name, most).rstrip(" .")


def _shortened(text: str, most: int) -> str:
    """At most `most` bytes of it; a letter keeps its marks or goes."""
    if _size(text) <= most:
        return text
    cut = text.encode()[: max(most, 0)].decode("utf-8", "ignore")
    # What follows belongs to the last letter: a mark, a joiner, or a variant of it.
    while cut and (_joins(text[len(cut)]) or cut.endswith("\u200d")):
        cut = cut[:-1]
    return cut.rstrip()


def _joins(character: str) -> bool:
    is_modifier = "\U0001f3fb" <= character <= "\U0001f3ff"
    return is_modifier or character == "\u200d" or unicodedata.category(character)[0] == "M"


def _size(text: str) -> int:
    return len(text.encode())
