"""Takes assets out of the library.

Files go first and rows last: whatever breaks in between, the asset is still listed, and removing it
again finishes the work. Files of others in its folder stay.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.app.library import folders, sidecars
from reelwright.app.library.placing import write_sums
from reelwright.store import asset_files, assets, entry_moves
from reelwright.store.asset_files import Role
from reelwright.store.blobs import refused

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.assets import AssetRow
    from reelwright.store.database import Tx


@dataclass(frozen=True, slots=True)
class Removed:
    asset_id: str
    title: str
    files: int
    size_bytes: int


def remove(
    app: App, asset_id: str, *, keep_files: bool = False, owner: str | None = None
) -> Removed:
    """Forgets the asset, and deletes its files unless `keep_files`. Entries of sources that led to
    it are skipped from now on: a subscription does not fetch it again.

    Blocking. Raises ASSET_UNKNOWN, PERMISSION_DENIED, STORE_*.
    """
    with app.store.read() as tx:
        asset = assets.get(tx, asset_id, owner)
        files = asset_files.of_asset(tx, asset_id)
    gone = [] if keep_files else _delete(app, asset, [file.path for file in files])

    def forget(tx: Tx) -> None:
        entry_moves.forget(tx, asset_id)
        assets.remove(tx, asset_id)

    app.store.transact(forget)
    if asset.folder_key is not None:
        folders.release(app, asset.folder)
    sizes = {file.path: file.size_bytes for file in files}
    return Removed(asset_id, asset.title, len(gone), sum(sizes[path] for path in gone))


def remove_old_versions(app: App, asset_id: str, *, owner: str | None = None) -> Removed:
    """Deletes all videos of the asset but the newest. Raises as `remove`."""
    with app.store.read() as tx:
        asset = assets.get(tx, asset_id, owner)
        files = asset_files.of_asset(tx, asset_id)
    newest = asset_files.newest_video(files)
    old = [file for file in files if file.role is Role.VIDEO and file is not newest]
    kept = [file for file in files if file not in old]
    paths = [file.path for file in old]
    # The sums first: they must not name what is no longer there.
    if asset.folder_key is not None and old:
        write_sums(folders.folder_of(app, asset), kept)
    gone = _unlink(folders.folder_of(app, asset), paths)
    app.store.transact(lambda tx: asset_files.remove(tx, asset_id, paths))
    return Removed(asset_id, asset.title, len(gone), sum(file.size_bytes for file in old))


def _delete(app: App, asset: AssetRow, paths: list[str]) -> list[str]:
    folder = folders.folder_of(app, asset)
    gone = _unlink(folder, paths)
    if asset.folder_key is not None:
        _unlink(folder, [sidecars.SUMS])
        with suppress(OSError):
            folders.prune_show(folders.root(app), folder)
        folders.prune_empty(folders.root(app), folder)
    return gone


def _unlink(folder: Path, names: Iterable[str]) -> list[str]:
    """Gives those that were there."""
    found: list[str] = []
    for name in names:
        path = folder / name
        try:
            path.unlink()
            found.append(name)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise refused(error, path) from error
    return found
