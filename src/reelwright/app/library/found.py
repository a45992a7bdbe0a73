"""What an existing library holds: its videos, each with the files beside it, and who made it.

Known are the files of yt-dlp and what is built on it (ytdl-sub, Pinchflat: ``NAME.mp4`` with
``NAME.info.json``), of Tube Archivist (``CHANNEL/VIDEO.mp4``, where the names are ids), NFO files
of media centres, and plain files. Nothing is written.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from reelwright.store.asset_files import Role

VIDEOS = frozenset(
    {
        *("mp4", "m4v", "mkv", "webm", "mov", "avi", "ts", "m2ts", "mts", "flv", "wmv"),
        *("mpg", "mpeg", "3gp", "ogv", "vob", "divx"),
        *("mp3", "m4a", "m4b", "aac", "opus", "ogg", "oga", "flac", "wav", "wma", "mka"),
    }
)
_PICTURES = frozenset({"jpg", "jpeg", "png", "webp"})
_CAPTIONS = frozenset({"vtt", "srt", "ass", "ssa", "ttml", "lrc", "sbv"})
_ENDINGS = (
    (".info.json", Role.INFO),
    (".description", Role.DESCRIPTION),
    (".comments.json", Role.COMMENTS),
    (".live_chat.json", Role.LIVE_CHAT),
    (".live_chat.json3", Role.LIVE_CHAT),
    (".ffmetadata", Role.CHAPTERS),
    (".nfo", Role.NFO),
)
# Half downloads, and the streams that yt-dlp had not joined yet.
_UNFINISHED = re.compile(r"\.(part|ytdl|temp|tmp)$|\.part-Frag\d+|\.f\d{2,4}\.[a-z0-9]+$|\.temp\.")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]+)*")
_AUTO = frozenset({"auto", "asr", "generated"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """A file beside a video; `format` is its ending without a dot."""

    path: Path
    role: Role
    format: str
    language: str | None = None
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class FoundVideo:
    """`is_alone`: its folder has no other video."""

    path: Path
    size_bytes: int
    mtime_ns: int
    beside: tuple[Beside, ...]
    is_alone: bool

    def of(self, role: Role) -> Beside | None:
        return next((one for one in self.beside if one.role is role), None)


def videos_below(folder: Path) -> Iterator[list[FoundVideo]]:
    """A folder at a time, in the order of their names; hidden ones and links to folders are left
    out. What cannot be read is passed over."""
    for base, folders, names in os.walk(folder):
        here = Path(base)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found = _videos(here, names)
        if found:
            yield found


def _videos(folder: Path, names: Sequence[str]) -> list[FoundVideo]:
    usable = sorted(n for n in names if not n.startswith(".") and not _UNFINISHED.search(n))
    stems = {n: n.rpartition(".")[0] for n in usable if _form(n) in VIDEOS}
    # The longest first: "a.b.mp4" is none of "a.mp4"'s.
    by_length = sorted(set(stems.values()), key=len, reverse=True)
    beside: dict[str, list[Beside]] = {stem: [] for stem in by_length}
    for name in usable:
        stem = None if name in stems else next((s for s in by_length if _belongs(name, s)), None)
        if stem is not None:
            made = _beside(folder, name, stem)
            if made is not None:
                beside[stem].append(made)
    found: list[FoundVideo] = []
    for name, stem in stems.items():
        try:
            stat = (folder / name).stat()
        except OSError:
            continue
        alone = len(stems) == 1
        found.append(
            FoundVideo(
                folder / name, stat.st_size, stat.st_mtime_ns, tuple(beside.pop(stem, ())), alone
            )
        )
    return found


def _form(name: str) -> str:
    return name.rpartition(".")[2].lower()


def _belongs(name: str, stem: str) -> bool:
    return name.startswith(stem) and name[len(stem) : len(stem) + 1] in {".", "-"}


def _beside(folder: Path, name: str, stem: str) -> Beside | None:
    rest = name[len(stem) :]
    for ending, role in _ENDINGS:
        if rest.lower() == ending:
            return Beside(path=folder / name, role=role, format=_form(name)[:16])
    form = _form(name)
    if form in _PICTURES and rest.lower() in {f".{form}", f"-thumb.{form}", f"-poster.{form}"}:
        return Beside(path=folder / name, role=Role.THUMBNAIL, format=form)
    if form not in _CAPTIONS:
        return None
    words = [word for word in rest[: -len(form) - 1].split(".") if word]
    language = next((w for w in words if _LANGUAGE.fullmatch(w) and w.lower() not in _AUTO), None)
    is_auto = any(word.lower() in _AUTO for word in words)
    return Beside(
        path=folder / name,
        role=Role.CAPTIONS,
        format=form,
        language=(language or "und")[:35],
        kind="auto" if is_auto else "human",
    )
