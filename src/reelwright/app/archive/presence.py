"""Is what the library says that it holds still there? A look at the file system, no more."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.app.library import folders
from reelwright.store import entries, entry_moves
from reelwright.store.entries import EntryState

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.database import Tx
    from reelwright.store.entries import HeldFile

_PAGE = 500


def library(app: App) -> Path:
    """The folder of the library. Raises INPUT_NOT_FOUND where its disk is not mounted: then nothing
    that is held would be there, and all of it would be fetched anew, into the mount point."""
    from reelwright.app.library.verify import check_library

    check_library(app)
    return folders.root(app)


def path_of(root: Path, file: HeldFile) -> Path | None:
    """Where the video is; None where no file is known. An absolute folder stands for itself."""
    return None if file.path is None else root / file.folder / file.path


def is_there(root: Path, file: HeldFile) -> bool:
    path = path_of(root, file)
    return path is not None and path.is_file()


def recheck(app: App, source_id: str) -> int:
    """Entries of the source whose file was taken away are pending again; gives their number.
    Blocking."""
    root, found, after = library(app), 0, (0.0, "")
    while True:
        with app.store.read() as tx:
            page = entries.changed(tx, [source_id], after=after, limit=_PAGE)
            files = entries.held_files(tx, {e.asset_id for e in page if e.asset_id})
        if not page:
            return found
        after = (page[-1].changed_at, page[-1].id)
        lost = [
            e.id
            for e in page
            if e.state == EntryState.HELD
            and not (e.asset_id in files and is_there(root, files[e.asset_id]))
        ]
        if lost:
            found += app.store.transact(_again(source_id, lost))


def _again(source_id: str, ids: Collection[str]) -> Callable[[Tx], int]:
    def change(tx: Tx) -> int:
        return entry_moves.reset(tx, source_id, [EntryState.HELD], ids=ids)

    return change
