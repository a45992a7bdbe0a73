"""Queries of those who read the library's files again: whose turn it is, and what was found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from reelwright.store.asset_files import AssetFile, FileState, newest_video, of_asset
from reelwright.store.assets import NAMES, AssetRow, AssetState
from reelwright.store.database import Tx
from reelwright.store.tables_library import asset_files, assets

_COLUMNS = [assets.c[name] for name in NAMES]
BAD = (AssetState.DAMAGED, AssetState.MISSING, AssetState.INCOMPLETE)


def due(
    tx: Tx,
    before: float,
    *,
    owner: str | None = None,
    after: tuple[float, str] = (-1.0, ""),
    limit: int = 100,
) -> list[AssetRow]:
    """Assets that were not verified since `before` (seconds since 1970): first those that never
    were, then the longest ago. `after`: (`verified_at` or 0, id) of the last one seen."""
    found = [] if after[0] > 0.0 else _never(tx, owner, after[1], limit)
    if len(found) < limit:
        place = sa.tuple_(assets.c.verified_at, assets.c.id)
        query = sa.select(*_COLUMNS).where(assets.c.verified_at < before)
        if after[0] > 0.0:
            query = query.where(place > after)
        query = _of(query, owner).order_by(assets.c.verified_at, assets.c.id)
        found += [_asset(row) for row in tx.run(query.limit(limit - len(found)))]
    return found


def count_due(tx: Tx, before: float, owner: str | None = None) -> tuple[int, int]:
    """(assets, bytes of their files) that `due` gives, all pages together."""
    where = sa.or_(assets.c.verified_at.is_(None), assets.c.verified_at < before)
    number = _of(sa.select(sa.func.count()).select_from(assets).where(where), owner)
    size = sa.select(sa.func.coalesce(sa.func.sum(asset_files.c.size_bytes), 0)).select_from(
        asset_files.join(assets, assets.c.id == asset_files.c.asset_id)
    )
    size = _of(size.where(where), owner)
    return int(tx.run(number).scalar_one()), int(tx.run(size).scalar_one())


def bad(tx: Tx, *, owner: str | None = None, after: str = "", limit: int = 100) -> list[AssetRow]:
    """Assets that are known to be damaged or incomplete, in the order of their ids."""
    query = sa.select(*_COLUMNS).where(assets.c.state.in_(BAD), assets.c.id > after)
    return [_asset(row) for row in tx.run(_of(query, owner).order_by(assets.c.id).limit(limit))]


def mark(tx: Tx, file: AssetFile, state: FileState, mtime_ns: int | None, *, read: bool) -> bool:
    """What a look at the file has found; `read`: all of it. False where the row says another
    content by now: then the look was at something else."""
    values: dict[str, Any] = {"state": state}
    if read:
        values["checked_at"] = tx.now()
    if mtime_ns is not None:
        values["mtime_ns"] = mtime_ns
    where = (
        asset_files.c.asset_id == file.asset_id,
        asset_files.c.path == file.path,
        asset_files.c.sha256 == file.sha256,
    )
    return bool(tx.run(sa.update(asset_files).where(*where).values(**values)).rowcount)


def accept(tx: Tx, file: AssetFile, *, sha256: str, size_bytes: int, mtime_ns: int) -> bool:
    """The file is what it is by now, and good. False where its row has changed meanwhile."""
    where = (
        asset_files.c.asset_id == file.asset_id,
        asset_files.c.path == file.path,
        asset_files.c.sha256 == file.sha256,
    )
    values = {
        "sha256": sha256,
        "size_bytes": size_bytes,
        "mtime_ns": mtime_ns,
        "state": FileState.OK,
        "checked_at": tx.now(),
    }
    if not tx.run(sa.update(asset_files).where(*where).values(**values)).rowcount:
        return False
    files = of_asset(tx, file.asset_id)
    newest = newest_video(files)
    if newest is not None and newest.path == file.path:
        values = {"sha256": sha256, "size_bytes": size_bytes, "changed_at": tx.now()}
        tx.run(sa.update(assets).where(assets.c.id == file.asset_id).values(**values))
    return True


def settle(tx: Tx, asset_id: str, *, lacks_sums: bool, is_read: bool) -> AssetState:
    """Sets the asset's state by those of its files. `lacks_sums`: its checksum file is not as it
    should be; `is_read`: every file was read."""
    state = state_of(of_asset(tx, asset_id), lacks_sums=lacks_sums)
    values: dict[str, Any] = {"state": state}
    if is_read:
        values["verified_at"] = tx.now()
    tx.run(sa.update(assets).where(assets.c.id == asset_id).values(**values))
    return state


def state_of(files: Sequence[AssetFile], *, lacks_sums: bool = False) -> AssetState:
    """Its newest video decides; a damaged file of any kind comes before a missing one."""
    newest = newest_video(files)
    if newest is None or newest.state is FileState.MISSING:
        return AssetState.MISSING
    states = {file.state for file in files}
    if FileState.DAMAGED in states:
        return AssetState.DAMAGED
    if FileState.MISSING in states or lacks_sums:
        return AssetState.INCOMPLETE
    return AssetState.HELD


def has_own_folders(tx: Tx) -> bool:
    """Whether any asset stands in the library's own tree."""
    query = sa.select(assets.c.id).where(assets.c.folder_key.is_not(None)).limit(1)
    return tx.run(query).first() is not None


def copies(tx: Tx, sha256: str, owner: str, limit: int = 20) -> list[tuple[str, str, str]]:
    """(asset, folder, path) of the owner's files that have this content and are well."""
    query = (
        sa.select(asset_files.c.asset_id, assets.c.folder, asset_files.c.path)
        .join(assets, assets.c.id == asset_files.c.asset_id)
        .where(
            asset_files.c.sha256 == sha256,
            asset_files.c.state == FileState.OK,
            assets.c.owner == owner,
        )
    )
    rows = tx.run(query.order_by(asset_files.c.asset_id, asset_files.c.path).limit(limit))
    return [(row.asset_id, str(row.folder), str(row.path)) for row in rows]


def _never(tx: Tx, owner: str | None, after: str, limit: int) -> list[AssetRow]:
    query = sa.select(*_COLUMNS).where(assets.c.verified_at.is_(None), assets.c.id > after)
    return [_asset(row) for row in tx.run(_of(query, owner).order_by(assets.c.id).limit(limit))]


def _of(query: Any, owner: str | None) -> Any:
    return query if owner is None else query.where(assets.c.owner == owner)


def _asset(row: Any) -> AssetRow:
    values = row._asdict()
    return AssetRow(**{**values, "state": AssetState(values["state"])})
