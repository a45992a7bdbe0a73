"""A part of a video that somebody names by its times."""

from __future__ import annotations

import asyncio
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.app.search.cuts import Cut
from reelwright.errors import Code, ReelError
from reelwright.media.timecode import parse_time, seconds

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.media.info import MediaInfo
    from reelwright.store.assets import AssetRow

_ASSET = "asset:"


def is_video(app: App, named: str) -> bool:
    """Whether it is a file that is there, or an asset, and not something to look for."""
    return Path(named).is_file() or named.startswith(_ASSET) or _asset(app, named) is not None


async def part_of(app: App, named: str, start: str | None, end: str | None) -> Cut:
    """`named`: a file, or an asset by its id or URL; times as ``1:02:03.5`` or ``00:01:02:12``
    (frames); None: its own beginning and end.

    Raises INPUT_NOT_FOUND, ASSET_UNKNOWN, MEDIA_*, FIELD_INVALID, RANGE_EMPTY.
    """
    from reelwright.app.probe import probe_file

    uri, path, title = await asyncio.to_thread(_located, app, named)
    info = await probe_file(app, path)
    first = Fraction(0) if start is None else _time(start, info, "--from")
    last = info.duration if end is None else _time(end, info, "--to")
    if last is None:
        said = "nobody knows how long it is: say where the part ends"
        raise ReelError(Code.FIELD_MISSING, said, where="--to")
    whole = last if info.duration is None else info.duration
    if first >= min(last, whole):
        raise ReelError(
            Code.RANGE_EMPTY,
            f"from {float(first):.3f} s to {float(last):.3f} s there is nothing"
            f" of the {float(whole):.3f} s of {path.name}",
            where="--from",
        )
    return Cut(
        subject=uri if uri.startswith(_ASSET) else f"file:{info.sha256}",
        uri=uri,
        path=path,
        info=info,
        title=title,
        start=first,
        end=min(last, whole),
    )


def _located(app: App, named: str) -> tuple[str, Path, str]:
    from reelwright.app.library.taking_out import file_of
    from reelwright.spec.inputs import AssetRef

    path = Path(named).absolute()
    if path.is_file():
        return str(path), path, path.stem
    asset = _asset(app, named.removeprefix(_ASSET))
    if asset is None:
        said = f"there is no file and no asset '{named}'"
        hint = "with --from and --to a video is named; without them something is looked for"
        raise ReelError(Code.INPUT_NOT_FOUND, said, where=named, hint=hint)
    return f"{_ASSET}{asset.id}", file_of(app, AssetRef(asset.id)), asset.title


def _asset(app: App, named: str) -> AssetRow | None:
    from reelwright.app.library.looking import identify

    if " " in named:
        return None
    try:
        return identify(app, named)
    except ReelError as error:
        if error.code in (Code.ASSET_UNKNOWN, Code.USAGE):
            return None
        raise


def _time(text: str, info: MediaInfo, where: str) -> Fraction:
    video = info.video
    try:
        return seconds(parse_time(text), None if video is None else video.frame_rate)
    except ValueError as error:
        hint = "1:02:03.5, 62.5, 62s, or with frames 00:01:02:12"
        said = f"'{text}' is no time{f': {error}' if str(error) else ''}"
        raise ReelError(Code.FIELD_INVALID, said, where=where, hint=hint) from error
