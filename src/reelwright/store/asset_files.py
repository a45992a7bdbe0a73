"""Queries over the files of assets, and what the library knows of each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from reelwright.store.database import Tx
from reelwright.store.tables_library import asset_files, assets, caption_passages

_BATCH = 900


class Role(StrEnum):
    """What a file is to its asset; all but `VIDEO` are its sidecars."""

    VIDEO = "video"
    CAPTIONS = "captions"
    THUMBNAIL = "thumbnail"
    INFO = "info"
    DESCRIPTION = "description"
    COMMENTS = "comments"
    LIVE_CHAT = "live_chat"
    CHAPTERS = "chapters"
    NFO = "nfo"


class FileState(StrEnum):
    OK = "ok"
    MISSING = "missing"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetFile:
    """`path` is relative to the asset's folder. `version` counts the videos of an asset from 1;
    sidecars are replaced by newer ones and have that of their video. `mtime_ns`: when the file was
    known to be good. `facts`: MediaInfo as JSON, of a video."""

    asset_id: str
    path: str
    role: Role
    format: str
    sha256: str
    size_bytes: int
    mtime_ns: int
    version: int = 1
    language: str | None = None
    kind: str | None = None
    state: FileState = FileState.OK
    created_at: float | None = None
    checked_at: float | None = None


_NAMES = tuple(f.name for f in fields(AssetFile))
_COLUMNS = [asset_files.c[name] for name in _NAMES]


def put(tx: Tx, file: AssetFile, facts: Mapping[str, Any] | None = None) -> None:
    """Enters it, in place of what was known of the path. `created_at` None: now."""
    values = {name: getattr(file, name) for name in _NAMES}
    values["created_at"] = file.created_at or tx.now()
    values["facts"] = None if facts is None else dict(facts)
    fixed = {"asset_id", "path", "created_at"}
    statement = tx.dialect.insert(asset_files).values(**values)
    changed = {name: value for name, value in values.items() if name not in fixed}
    tx.run(statement.on_conflict_do_update(index_elements=["asset_id", "path"], set_=changed))


def of_asset(tx: Tx, asset_id: str) -> list[AssetFile]:
    """Videos first, the newest version of them before all."""
    return of_assets(tx, [asset_id])[asset_id]


def of_assets(tx: Tx, asset_ids: Collection[str]) -> dict[str, list[AssetFile]]:
    """Of each, in the order of `of_asset`."""
    found: dict[str, list[AssetFile]] = {asset_id: [] for asset_id in asset_ids}
    wanted = list(found)
    for start in range(0, len(wanted), _BATCH):
        part = asset_files.c.asset_id.in_(wanted[start : start + _BATCH])
        for row in tx.run(sa.select(*_COLUMNS).where(part)):
            found[row.asset_id].append(_file(row))
    for files in found.values():
        files.sort(key=lambda file: (file.role is not Role.VIDEO, -file.version, file.path))
    return found


def facts(tx: Tx, asset_id: str, path: str) -> dict[str, Any] | None:
    """MediaInfo as JSON; None where there is none."""
    where = (asset_files.c.asset_id == asset_id, asset_files.c.path == path)
    found = tx.run(sa.select(asset_files.c.facts).where(*where)).scalar_one_or_none()
    return None if found is None else dict(found)


def page(
    tx: Tx, after: tuple[str, str] = ("", ""), limit: int = 500, owner: str | None = None
) -> list[AssetFile]:
    """All files in the order of (asset, path), for whoever goes through them a few at a time."""
    beyond = sa.or_(
        asset_files.c.asset_id > after[0],
        sa.and_(asset_files.c.asset_id == after[0], asset_files.c.path > after[1]),
    )
    query = sa.select(*_COLUMNS).where(beyond)
    if owner is not None:
        query = query.join(assets, assets.c.id == asset_files.c.asset_id)
        query = query.where(assets.c.owner == owner)
    order = (asset_files.c.asset_id, asset_files.c.path)
    return [_file(row) for row in tx.run(query.order_by(*order).limit(limit))]


def at(tx: Tx, owner: str, places: Collection[tuple[str, str]]) -> dict[tuple[str, str], AssetFile]:
    """The owner's files at these (folder, path), by them."""
    found: dict[tuple[str, str], AssetFile] = {}
    folders = sorted({folder for folder, _ in places})
    for start in range(0, len(folders), _BATCH):
        query = sa.select(assets.c.folder, *_COLUMNS).join(
            assets, assets.c.id == asset_files.c.asset_id
        )
        part = folders[start : start + _BATCH]
        for row in tx.run(query.where(assets.c.folder.in_(part), assets.c.owner == owner)):
            place = (row.folder, row.path)
            if place in places:
                found[place] = _file(row)
    return found


def with_content(tx: Tx, sha256s: Collection[str]) -> dict[str, list[AssetFile]]:
    """The files that have these contents, by them."""
    found: dict[str, list[AssetFile]] = {}
    wanted = list(sha256s)
    for start in range(0, len(wanted), _BATCH):
        part = asset_files.c.sha256.in_(wanted[start : start + _BATCH])
        for row in tx.run(sa.select(*_COLUMNS).where(part)):
            found.setdefault(row.sha256, []).append(_file(row))
    return found


def move(tx: Tx, asset_id: str, moved: Sequence[tuple[str, str]]) -> None:
    """New names for files: (old, new). Passages go with their captions."""
    for old, new in moved:
        for table in (asset_files, caption_passages):
            where = (table.c.asset_id == asset_id, table.c.path == old)
            tx.run(sa.update(table).where(*where).values(path=new))


def mark(tx: Tx, asset_id: str, path: str, state: FileState, **values: Any) -> None:
    """What a look at the file has found; `values`: further columns (`mtime_ns`)."""
    where = (asset_files.c.asset_id == asset_id, asset_files.c.path == path)
    values = {"state": state, "checked_at": tx.now(), **values}
    tx.run(sa.update(asset_files).where(*where).values(**values))


def remove(tx: Tx, asset_id: str, paths: Collection[str]) -> None:
    for table in (asset_files, caption_passages):
        where = (table.c.asset_id == asset_id, table.c.path.in_(list(paths)))
        tx.run(sa.delete(table).where(*where))


def newest_video(files: Sequence[AssetFile]) -> AssetFile | None:
    """Of one asset's files."""
    videos = [file for file in files if file.role is Role.VIDEO]
    return max(videos, key=lambda file: file.version, default=None)


def _file(row: Any) -> AssetFile:
    values = {name: getattr(row, name) for name in _NAMES}
    return AssetFile(
        **{**values, "role": Role(values["role"]), "state": FileState(values["state"])}
    )
