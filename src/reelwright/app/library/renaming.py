"""Gives assets the folders of another template, one after the other.

Each is linked into its new folder under its new names, entered there, and taken out of the old
one: a kill at any moment leaves it whole in one place, and the next run tidies what is left.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.app.library import folders, sidecars
from reelwright.app.library.layout import Layout, folder_key
from reelwright.app.library.placing import write_sums
from reelwright.errors import ReelError
from reelwright.media.digest import sha256_file
from reelwright.store import asset_files, assets
from reelwright.store.asset_files import AssetFile
from reelwright.store.assets import AssetRow, Wanted
from reelwright.store.blobs import refused
from reelwright.tools.ytdlp.info import VideoInfo

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.database import Tx

_BATCH = 200


@dataclass(frozen=True, slots=True)
class Renaming:
    """`new` is what the template says; a number is added where another asset has it. `error` is
    why it stayed where it was."""

    asset_id: str
    title: str
    old: str
    new: str
    error: str | None = None


def planned(app: App, template: str, owner: str | None = None) -> Iterator[Renaming]:
    """What `rename` would move; nothing is changed. Raises TEMPLATE_INVALID."""
    layout = Layout(template)
    for asset, info in _assets(app, owner):
        new = _wanted(layout, asset, info)
        if new is not None:
            yield Renaming(asset.id, asset.title, asset.folder, new)


def rename(
    app: App,
    template: str,
    owner: str | None = None,
    *,
    on_moved: Callable[[Renaming], None] = lambda _: None,
) -> list[Renaming]:
    """Moves all whose folder is another by `template`. What was imported and stayed elsewhere stays
    there. Gives those that could not be moved; what a run did not get to is done by the next.

    Blocking. Raises TEMPLATE_INVALID, STORE_*.
    """
    layout = Layout(template)
    tidy(app)
    failed: list[Renaming] = []
    for asset, info in _assets(app, owner):
        if _wanted(layout, asset, info) is None:
            continue
        claim = folders.claim(app, layout, info, key=asset.key, owner=asset.owner)
        if claim.folder == asset.folder:
            continue
        moved = Renaming(asset.id, asset.title, asset.folder, claim.folder)
        try:
            _move(app, asset, claim.folder)
        except ReelError as error:
            failed.append(replace(moved, error=str(error)))
            continue
        on_moved(moved)
    return failed


def tidy(app: App) -> int:
    """Finishes moves that were cut off: removes what is left in folders that their asset has left
    already. Gives the number of folders."""
    library, count = folders.root(app), 0
    for claim in list(folders.claims(library)):
        with app.store.read() as tx:
            asset = assets.by_key(tx, claim.key, claim.owner)
            files = [] if asset is None else asset_files.of_asset(tx, asset.id)
        if asset is None or asset.folder_key in (None, folder_key(claim.folder)):
            continue
        names = {file.path: file.path for file in files}
        _leave(app, library / claim.folder, claim.folder, library / asset.folder, names)
        count += 1
    return count


def _assets(app: App, owner: str | None) -> Iterator[tuple[AssetRow, VideoInfo]]:
    """Those with a folder of their own, in the order of their ids."""
    after = ""
    while True:
        with app.store.read() as tx:
            found = assets.batch_after(tx, Wanted(owner=owner), after, _BATCH)
        if not found:
            return
        after = found[-1][0].id
        for asset, info in found:
            if asset.folder_key is not None:
                yield asset, VideoInfo.from_json(info)


def _wanted(layout: Layout, asset: AssetRow, info: VideoInfo) -> str | None:
    """None where it is there already, be it with a number."""
    new = layout.folder(info)
    if asset.folder == new:
        return None
    number = asset.folder.rpartition(" (")[2].removesuffix(")")
    if number.isascii() and number.isdigit() and len(number) < 6:
        with_number = layout.folder(info, int(number)) if int(number) > 1 else new
        return None if with_number == asset.folder else new
    return new


def _move(app: App, asset: AssetRow, folder: str) -> None:
    """Raises DISK_FULL, PERMISSION_DENIED, OUTPUT_EXISTS, STORE_*."""
    library = folders.root(app)
    old, new = library / asset.folder, library / folder
    with app.store.read() as tx:
        files = asset_files.of_asset(tx, asset.id)
    before, after = asset.folder.rpartition("/")[2], folder.rpartition("/")[2]
    moved = [replace(file, path=_renamed(file.path, before, after)) for file in files]
    try:
        new.mkdir(parents=True, exist_ok=True)
        for source, target in zip(files, moved, strict=True):
            _carry(old / source.path, new / target.path, source)
    except OSError as error:
        raise refused(error, new) from error
    write_sums(new, moved)

    def enter(tx: Tx) -> None:
        assets.update(tx, asset.id, folder=folder, folder_key=folder_key(folder))
        pairs = [(a.path, b.path) for a, b in zip(files, moved, strict=True) if a.path != b.path]
        asset_files.move(tx, asset.id, pairs)

    app.store.transact(enter)
    names = {a.path: b.path for a, b in zip(files, moved, strict=True)}
    _leave(app, old, asset.folder, new, names)


def _renamed(name: str, before: str, after: str) -> str:
    return after + name.removeprefix(before) if name.startswith(before) else name


def _carry(source: Path, target: Path, file: AssetFile) -> None:
    """A second name; where the file system knows none, the file moves. What is missing stays so."""
    if target.exists():
        if not source.exists() or source.samefile(target):
            return
        if target.stat().st_size == file.size_bytes and sha256_file(target) == file.sha256:
            return
        target.unlink()  # of a claimed folder: what a try before this one has left
    if not source.exists():
        return
    try:
        os.link(source, target)
    except OSError:
        source.rename(target)


def _leave(app: App, old: Path, folder: str, new: Path, names: Mapping[str, str]) -> None:
    """Takes the asset out of `old`; what else somebody put there comes along. `names`: what its
    files are called in `new`, by their names here."""
    with suppress(OSError):
        (old / sidecars.SUMS).unlink(missing_ok=True)
        for path in sorted(old.iterdir()):
            target = new / path.name
            is_there = path.name in names and (new / names[path.name]).is_file()
            if path.is_file() and (is_there or _is_same(path, new)):
                path.unlink()
            elif not target.exists():
                path.rename(target)
        folders.prune_show(folders.root(app), old, new)
    folders.prune_empty(folders.root(app), old)
    folders.release(app, folder)


def _is_same(path: Path, new: Path) -> bool:
    """Whether it is one of the files in `new` under its old name."""
    found = path.stat()
    return found.st_nlink > 1 and any(os.path.samestat(found, p.stat()) for p in new.iterdir())
