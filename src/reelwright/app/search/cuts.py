"""From moments to parts of files: with room on both sides, inside the file, none said twice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.media.info import MediaInfo
    from reelwright.search.moments import Moment

# A picture is found at an instant; nobody wants a clip that is shorter than this.
_LEAST_S = Fraction(2)
_MS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A part of a file, from `start` to `end` (seconds). `uri` is how a spec names it, `subject`
    how the index does; `hits` are the numbers of the moments in it, from 1, in the order of their
    rank; `text` is what the first of them says. `score` is that of the first."""

    subject: str
    uri: str
    path: Path
    info: MediaInfo
    title: str
    start: Fraction
    end: Fraction
    text: str = ""
    score: float = 0.0
    hits: tuple[int, ...] = ()

    @property
    def seconds(self) -> Fraction:
        return self.end - self.start


async def cuts_of(
    app: App, moments: Sequence[Moment], *, padding_s: float = 1.0, owner: str | None = None
) -> tuple[list[Cut], list[str]]:
    """In the order of their rank; and what could not be cut, in words. Parts of one file that
    touch are one. Raises STORE_*, TOOL_*."""
    found: list[Cut] = []
    notes: list[str] = []
    files: dict[str, tuple[str, Path, MediaInfo]] = {}
    for number, moment in enumerate(moments, 1):
        if moment.source == "document" or moment.start_s is None or moment.kind == "title":
            what = "is a text" if moment.source == "document" else "is found by its title alone"
            notes.append(f"hit {number} ({moment.title}) {what}: it cannot be cut")
            continue
        try:
            if moment.subject not in files:
                files[moment.subject] = await _file(app, moment, owner)
        except ReelError as error:
            notes.append(f"hit {number} ({moment.title}): {error.problem.message}")
            continue
        uri, path, info = files[moment.subject]
        start, end = _padded(moment, info, padding_s)
        if start >= end:
            notes.append(f"hit {number} ({moment.title}) lies behind the end of {path}")
            continue
        cut = Cut(
            subject=moment.subject,
            uri=uri,
            path=path,
            info=info,
            title=moment.title,
            start=start,
            end=end,
            text=plain(moment.snippet),
            score=moment.score,
            hits=(number,),
        )
        _add(found, cut)
    return found, notes


async def _file(app: App, moment: Moment, owner: str | None) -> tuple[str, Path, MediaInfo]:
    """Raises FILE_MISSING, INPUT_*, MEDIA_*."""
    from reelwright.app.library.taking_out import file_of
    from reelwright.app.probe import probe_file
    from reelwright.spec.inputs import AssetRef

    if moment.asset_id is not None:
        path = await asyncio.to_thread(file_of, app, AssetRef(moment.asset_id), owner)
        return f"asset:{moment.asset_id}", path, await probe_file(app, path)
    path = Path(moment.path or "")
    if moment.path is None or not path.is_file():
        raise ReelError(Code.INPUT_NOT_FOUND, f"its file is gone: {path}", where=str(path))
    info = await probe_file(app, path)
    if moment.subject != f"file:{info.sha256}":
        hint = f"`reel understand {path}`"
        raise ReelError(Code.INPUT_CHANGED, f"{path} is another video by now", hint=hint)
    return str(path), path, info


def _padded(moment: Moment, info: MediaInfo, padding_s: float) -> tuple[Fraction, Fraction]:
    """Milliseconds: finer than any frame, and readable."""
    start, end = _ms(moment.start_s or 0.0), _ms(moment.end_s or moment.start_s or 0.0)
    padding = _ms(padding_s)
    start, end = start - padding, end + padding
    short = _LEAST_S - (end - start)
    if short > 0:
        start, end = start - short / 2, end + short / 2
    start = max(start, Fraction(0))
    return (start, end) if info.duration is None else (start, min(end, info.duration))


def _ms(seconds: float) -> Fraction:
    return Fraction(round(seconds * _MS), _MS)


def _add(found: list[Cut], new: Cut) -> None:
    """With all of the same file that it touches, at the place of the first of them."""
    touching = [
        n
        for n, one in enumerate(found)
        if one.subject == new.subject and one.start <= new.end and new.start <= one.end
    ]
    if not touching:
        found.append(new)
        return
    parts = [*(found[n] for n in touching), new]
    found[touching[0]] = replace(
        parts[0],
        start=min(part.start for part in parts),
        end=max(part.end for part in parts),
        hits=tuple(sorted(number for part in parts for number in part.hits)),
    )
    for n in reversed(touching[1:]):
        del found[n]


def in_time(cuts: Sequence[Cut]) -> list[Cut]:
    """File by file, in the order of the best of each, and as they follow each other in it."""
    order = {subject: n for n, subject in enumerate(dict.fromkeys(c.subject for c in cuts))}
    return sorted(cuts, key=lambda cut: (order[cut.subject], cut.start))


def plain(snippet: str) -> str:
    return " ".join(snippet.replace("\u2026", " ").split())
