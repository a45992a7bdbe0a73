"""Is there room for another video, and may it be written? Asked before each download.

A download takes its space twice where the library is on another file system than the home: first
in its workspace, then in the library. What running steps were promised and have not written yet
counts as taken; so does what `archive.keep_free_bytes` leaves free.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.app.library import folders
from reelwright.errors import Code, Problem, ReelError
from reelwright.store import asset_files, assets, attempts, entries, sources
from reelwright.store.blobs import refused

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.assets import AssetRow

# An asset has a dozen files; a file system without inodes is full whatever its bytes say.
_INODES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """One file system. `reserved_bytes`: what running steps will still write there, `keep_bytes`:
    what is left free; `free_inodes` None: it does not count them."""

    folder: str
    free_bytes: int
    total_bytes: int
    reserved_bytes: int
    keep_bytes: int
    free_inodes: int | None
    is_writable: bool

    @property
    def room_bytes(self) -> int:
        return max(0, self.free_bytes - self.reserved_bytes - self.keep_bytes)

    def to_json(self) -> dict[str, Any]:
        return {
            "folder": self.folder,
            "free_bytes": self.free_bytes,
            "total_bytes": self.total_bytes,
            "reserved_bytes": self.reserved_bytes,
            "keep_free_bytes": self.keep_bytes,
            "room_bytes": self.room_bytes,
            "free_inodes": self.free_inodes,
            "writable": self.is_writable,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """`wanted_bytes`: of the video that was asked about, 0 where nobody knows; `problem` None:
    there is room. `path`: where it stands or would stand."""

    disks: tuple[Disk, ...]
    wanted_bytes: int = 0
    path: str | None = None
    problem: Problem | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "ok": self.problem is None,
            "path": self.path,
            "wanted_bytes": self.wanted_bytes,
            "disks": [disk.to_json() for disk in self.disks],
            "problem": None if self.problem is None else self.problem.to_json(),
        }


def look(app: App, wanted_bytes: int = 0) -> Storage:
    """Of the home and the library. Blocking: reads tables and asks the file systems."""
    disks = tuple(_disks(app))
    found = next(filter(None, (_problem(disk, wanted_bytes) for disk in disks)), None)
    return Storage(disks=disks, wanted_bytes=wanted_bytes, problem=found)


def problem(app: App, wanted_bytes: int = 0) -> Problem | None:
    """Why nothing more is fetched now: no room, or a library whose disk is not mounted; None: it
    may be. Blocking."""
    from reelwright.app.library.verify import check_library

    try:
        check_library(app)
    except ReelError as error:
        return error.problem
    return look(app, wanted_bytes).problem


def check_storage(app: App, asset_or_entry_id: str, owner: str | None = None) -> Storage:
    """Whether there is room for this video: an asset's next version, or an entry's first.

    Raises ASSET_UNKNOWN, also for what is others'.
    """
    target = _target(app, asset_or_entry_id, owner)
    found = look(app, target.wanted_bytes)
    return Storage(
        disks=found.disks,
        wanted_bytes=target.wanted_bytes,
        path=None if target.folder is None else str(target.folder),
        problem=found.problem,
    )


def prepare_storage(app: App, asset_or_entry_id: str, owner: str | None = None) -> Storage:
    """`check_storage`, after the library was made where there is none, and a file was written there
    and removed: permissions alone do not say whether a share takes files."""
    target = _target(app, asset_or_entry_id, owner)
    _try_to_write(target.folder or folders.root(app), folders.root(app))
    return check_storage(app, asset_or_entry_id, owner)


def storage_path(app: App, asset_or_entry_id: str, owner: str | None = None) -> dict[str, Any]:
    """Where it stands: the library, the asset's folder and its newest video, each absolute; None
    for what there is not yet."""
    target = _target(app, asset_or_entry_id, owner)
    return {
        "library": str(folders.root(app).absolute()),
        "folder": None if target.folder is None else str(target.folder.absolute()),
        "file": None if target.file is None else str(target.file.absolute()),
        "exists": target.file is not None and target.file.is_file(),
    }


@dataclass(frozen=True, slots=True)
class _Target:
    folder: Path | None
    file: Path | None
    wanted_bytes: int


def _target(app: App, given: str, owner: str | None) -> _Target:
    with app.store.read() as tx:
        entry = entries.get(tx, given)
        if entry is not None and owner is not None:
            entry = entry if sources.get(tx, entry.source_id).owner == owner else None
        asset_id = given if entry is None else entry.asset_id
        if asset_id is None:
            return _Target(None, None, 0)
        asset = assets.get(tx, asset_id, owner)
        video = asset_files.newest_video(asset_files.of_asset(tx, asset_id))
        said = assets.info(tx, asset_id)
    folder = folders.folder_of(app, asset)
    file = None if video is None else folder / video.path
    return _Target(folder, file, _expected(asset, said))


def _expected(asset: AssetRow, info: Mapping[str, Any]) -> int:
    """What it takes again: as much as it has, or as the site said."""
    said = (info.get("format") or {}).get("size_bytes")
    return int(asset.size_bytes or said or 0)


def _disks(app: App) -> Iterator[Disk]:
    """The home's and the library's, once where they are one."""
    from reelwright.engine.disk import held_bytes
    from reelwright.engine.presence import this_host

    with app.store.read() as tx:
        reserved = held_bytes(attempts.work(tx, this_host()).reserved)
    seen: set[int] = set()
    for folder, promised in ((app.home, reserved), (folders.root(app), 0)):
        there = existing(folder)
        device = there.stat().st_dev
        if device in seen:
            continue
        seen.add(device)
        yield _disk(app, folder, there, promised)


def _disk(app: App, folder: Path, there: Path, reserved_bytes: int) -> Disk:
    found = os.statvfs(there)
    return Disk(
        folder=str(folder),
        free_bytes=found.f_bavail * found.f_frsize,
        total_bytes=found.f_blocks * found.f_frsize,
        reserved_bytes=reserved_bytes,
        keep_bytes=app.settings.archive.keep_free_bytes,
        free_inodes=found.f_favail if found.f_files else None,
        is_writable=os.access(there, os.W_OK | os.X_OK),
    )


def _problem(disk: Disk, wanted_bytes: int) -> Problem | None:
    if not disk.is_writable:
        return Problem(
            Code.PERMISSION_DENIED, f"{disk.folder} may not be written", where=disk.folder
        )
    if disk.free_inodes is not None and disk.free_inodes < _INODES:
        said = f"the file system has room for {disk.free_inodes} more files"
        return Problem(Code.DISK_FULL, said, where=disk.folder, evidence=disk.to_json())
    room = disk.free_bytes - disk.reserved_bytes - disk.keep_bytes
    if room >= max(wanted_bytes, 0):
        return None
    said = f"{disk.free_bytes >> 20} MiB are free"
    if disk.reserved_bytes:
        said += f", {disk.reserved_bytes >> 20} MiB of them promised to running downloads"
    said += f", and {disk.keep_bytes >> 20} MiB are left free"
    if wanted_bytes:
        said += f": the video's {wanted_bytes >> 20} MiB do not fit"
    hint = "free some space, or lower `archive.keep_free_bytes`; it goes on by itself"
    return Problem(Code.DISK_FULL, said, where=disk.folder, hint=hint, evidence=disk.to_json())


def _try_to_write(folder: Path, library: Path) -> None:
    """Raises PERMISSION_DENIED, DISK_FULL, OUTPUT_PATH."""
    target = folder if folder.is_dir() else library
    probe = target / f".reelwright-{secrets.token_hex(4)}"
    try:
        target.mkdir(parents=True, exist_ok=True)
        try:
            probe.write_bytes(b"x")
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise refused(error, target) from error


def existing(folder: Path) -> Path:
    """The folder, or the nearest one above that there is. Raises OUTPUT_PATH."""
    for place in (folder, *folder.absolute().parents):
        if place.is_dir():
            return place
        if place.exists():
            raise ReelError(Code.OUTPUT_PATH, f"{place} is no folder", where=str(place))
    return Path("/")
