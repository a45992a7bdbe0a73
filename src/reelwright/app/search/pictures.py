"""The picture of each moment: the keyframe in it, else the one before it, else the asset's own.

Keyframes stand in the pack that the job made which found them, an artifact of the cache. Where the
cache has let it go, they are gone until the video is understood again.
"""

from __future__ import annotations

import bisect
import re
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from pathlib import Path

    from reelwright.app.principal import Principal
    from reelwright.app.wiring import App
    from reelwright.search.moments import Moment
    from reelwright.store.database import Tx

KEYFRAMES = "keyframes"
# Where the analysis says which pack its pictures are in, by its SHA-256.
PACK = "pack"
_NAME = re.compile(r"\d{9,12}\.jpg")
_LARGEST_BYTES = 8 << 20
# Pictures that were taken out of packs are a copy: of so many videos they are kept.
_FOLDERS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A keyframe of a video, `name` in the pack with the digest `pack`, shown at `time_s`; or of an
    asset its own `file`, whose name is `name`."""

    asset_id: str | None
    name: str
    pack: str | None = None
    time_s: float | None = None
    file: Path | None = None


def of_moments(app: App, moments: Sequence[Moment]) -> list[Picture | None]:
    """One each, in their order. Blocking."""
    known: dict[str, Mapping[str, Any] | None] = {}
    with app.store.read() as tx:
        for moment in moments:
            if moment.source != "document" and moment.subject not in known:
                known[moment.subject] = _there(app, tx, moment.subject)
        files = _files(app, tx, {one.asset_id for one in moments if one.asset_id})
    return [
        _keyframe(moment, known.get(moment.subject)) or files.get(moment.asset_id or "")
        for moment in moments
    ]


def named(app: App, asset_id: str, name: str, principal: Principal) -> tuple[bytes, str]:
    """A keyframe of an asset, a JPEG, and its ETag. Blocking. Raises FORBIDDEN, ASSET_UNKNOWN,
    NOT_FOUND."""
    from reelwright.app.understand.looking import analysis

    body = analysis(app, asset_id, KEYFRAMES, principal)
    pack = body.get(PACK)
    data = None if pack is None else _read(app, pack, name)
    if data is None:
        raise ReelError(
            Code.NOT_FOUND,
            f"asset {asset_id} has no keyframe '{name}'",
            hint="`GET /v1/assets/{id}/keyframes` lists them; the cache may have dropped them:"
            " `POST /v1/understand` makes them anew",
        )
    return data, f'"{pack[:32]}-{name}"'


def on_disk(app: App, picture: Picture) -> str | None:
    """A file with the picture: taken out of its pack where it is in one. Blocking."""
    if picture.pack is None:
        return None if picture.file is None else str(picture.file)
    folder = app.home / "search" / "pictures" / picture.pack[:32]
    path = folder / picture.name
    if path.is_file():
        return str(path)
    data = _read(app, picture.pack, picture.name)
    if data is None:
        return None
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True, mode=0o700)
            _keep_few(folder.parent)
        _written(path, data)
    except OSError:
        return None  # a full disk is no reason to find nothing
    return str(path)


def _there(app: App, tx: Tx, subject: str) -> Mapping[str, Any] | None:
    """What keyframes a video has, where their pack still is."""
    from reelwright.store import analyses

    found = analyses.get(tx, subject, KEYFRAMES)
    pack = None if found is None else found.body.get(PACK)
    if found is None or pack is None or not app.blobs.path(pack).is_file():
        return None
    body: Mapping[str, Any] = found.body
    return body if body.get("keyframes") else None


def _keyframe(moment: Moment, body: Mapping[str, Any] | None) -> Picture | None:
    if body is None or moment.start_s is None:
        return None
    entries = sorted(body["keyframes"], key=lambda entry: float(entry["time"]))
    times = [float(entry["time"]) for entry in entries]
    seen = moment.evidence[0].source.get("time") if moment.evidence else None
    if moment.kind == "frame" and isinstance(seen, int | float):
        chosen = min(range(len(times)), key=lambda n: abs(times[n] - seen))
    else:
        chosen = chosen_of(times, moment.start_s, moment.end_s)
    entry = entries[chosen]
    return Picture(
        asset_id=moment.asset_id, name=entry["file"], pack=body[PACK], time_s=times[chosen]
    )


def chosen_of(times: Sequence[float], start_s: float, end_s: float | None) -> int:
    """Which of these times, in order, stands for a stretch: the first in it, else the last before
    it, else the first of all."""
    at = bisect.bisect_left(times, start_s)
    if at < len(times) and (end_s is None or times[at] <= max(end_s, start_s)):
        return at
    return max(0, at - 1)


def _files(app: App, tx: Tx, asset_ids: set[str]) -> dict[str, Picture]:
    """Of assets that have one, the picture that the library keeps."""
    from reelwright.app.library import folders
    from reelwright.store import asset_files, assets
    from reelwright.store.asset_files import Role

    found: dict[str, Picture] = {}
    for asset_id in asset_ids:
        files = [f for f in asset_files.of_asset(tx, asset_id) if f.role == Role.THUMBNAIL]
        if files:
            path = folders.path_of(app, assets.get(tx, asset_id), files[0])
            found[asset_id] = Picture(asset_id=asset_id, name=path.name, file=path)
    return found


def _read(app: App, pack: str, name: str) -> bytes | None:
    """Of the cache; None where it is not there (any more), or is damaged."""
    if _NAME.fullmatch(name) is None:
        return None
    try:
        with zipfile.ZipFile(app.blobs.path(pack)) as opened:
            if opened.getinfo(name).file_size > _LARGEST_BYTES:
                return None
            return opened.read(name)
    except (OSError, KeyError, zipfile.BadZipFile):
        return None


def _written(path: Path, data: bytes) -> None:
    from reelwright.store.ids import new_id

    making = path.with_name(f".{new_id()}")
    making.write_bytes(data)
    making.replace(path)


def _keep_few(folder: Path) -> None:
    """Of the videos whose pictures were taken out longest ago they go."""
    there = sorted(_aged(folder))
    for _, path in there[: max(0, len(there) - _FOLDERS)]:
        shutil.rmtree(path, ignore_errors=True)


def _aged(folder: Path) -> Iterator[tuple[float, Path]]:
    with suppress(OSError):
        for path in folder.iterdir():
            with suppress(OSError):
                yield path.stat().st_mtime, path
