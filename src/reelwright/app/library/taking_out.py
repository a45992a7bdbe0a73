"""Files of the library as inputs of a spec: ``asset:ID``, ``asset:ID/captions/en``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.app.library import folders
from reelwright.errors import Code, ReelError
from reelwright.store import asset_files, assets
from reelwright.store.asset_files import AssetFile, Role

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.spec.inputs import AssetRef

# Of captions of one language: a person's before a machine's, WebVTT before SubRip.
_FORMATS = ("vtt", "srt")


def file_of(app: App, ref: AssetRef, owner: str | None = None) -> Path:
    """Where it is, which is looked at. `owner` None: anybody's.

    Raises ASSET_UNKNOWN (also for what is others'), INPUT_NOT_FOUND (the asset has no such file),
    FILE_MISSING.
    """
    with app.store.read() as tx:
        asset = assets.get(tx, ref.asset_id, owner)
        files = asset_files.of_asset(tx, ref.asset_id)
    file = _chosen(ref, files)
    if file is None:
        raise _nothing(ref, asset.title, files)
    path = folders.path_of(app, asset, file).absolute()
    if not path.is_file():
        said = f"{path} is gone from the library"
        raise ReelError(Code.FILE_MISSING, said, where=str(path))
    return path


def _chosen(ref: AssetRef, files: Sequence[AssetFile]) -> AssetFile | None:
    of_role = [file for file in files if file.role == ref.role]
    if ref.role == Role.VIDEO:
        wanted = [f for f in of_role if ref.which is None or f.version == int(ref.which)]
        return asset_files.newest_video(wanted)
    if ref.which is not None:
        of_role = [f for f in of_role if (f.language or "").lower() == ref.which.lower()]
    elif len({file.language for file in of_role}) > 1:
        return None  # which language is meant?
    return min(of_role, key=_rank, default=None)


def _rank(file: AssetFile) -> tuple[bool, int, str]:
    known = file.format in _FORMATS
    order = _FORMATS.index(file.format) if known else len(_FORMATS)
    return file.kind == "auto", order, file.path


def _nothing(ref: AssetRef, title: str, files: Sequence[AssetFile]) -> ReelError:
    there = sorted({_named(file) for file in files})
    asked = "/".join(filter(None, (ref.role, ref.which)))
    return ReelError(
        Code.INPUT_NOT_FOUND,
        f"asset {ref.asset_id} ({title[:60]}) has no one file '{asked}'",
        where=f"asset:{ref.asset_id}",
        hint=f"it has {', '.join(there) or 'no files'}",
    )


def _named(file: AssetFile) -> str:
    if file.role is Role.VIDEO:
        return f"video/{file.version}"
    return f"{file.role}/{file.language}" if file.language else str(file.role)
