"""Takes over an existing library: `reel import DIR`.

Each video is hashed and probed, and becomes an asset where it stands; not a byte of it is moved,
unless `How.LINK` or `How.MOVE` is asked for. What the library knows already, by its path, size and
time, is passed over, so a second run goes on where the first was cut off.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.app.library import carrying, describing, folders
from reelwright.app.library.found import FoundVideo, videos_below
from reelwright.app.library.said import passages_of
from reelwright.errors import Code, Problem, ReelError
from reelwright.store import asset_files, assets, captions, entry_moves
from reelwright.store.asset_files import Role
from reelwright.store.assets import AssetRow
from reelwright.store.blobs import refused
from reelwright.store.jobs import LOCAL_OWNER

if TYPE_CHECKING:
    from reelwright.app.library.carrying import Carried
    from reelwright.app.wiring import App
    from reelwright.media.info import MediaInfo
    from reelwright.store.captions import Passage
    from reelwright.store.database import Tx
    from reelwright.tools.ytdlp.info import VideoInfo


class How(StrEnum):
    """`IN_PLACE`: where it is; `LINK`, `MOVE`: into the library, by its template."""

    IN_PLACE = "in-place"
    LINK = "link"
    MOVE = "move"


class Outcome(StrEnum):
    IMPORTED = "imported"
    KNOWN = "known"  # since an earlier run
    DUPLICATE = "duplicate"  # of another file of the library
    FAILED = "failed"
    FOUND = "found"  # by a dry run


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """`metadata`: a backup of Tube Archivist. `owner` has what is imported."""

    folder: Path
    how: How = How.IN_PLACE
    template: str | None = None
    metadata: Path | None = None
    owner: str = LOCAL_OWNER
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of one file. `asset_id`: its own, or of a duplicate the one that has it;
    `is_same` False: a duplicate's content is another than the one that is held."""

    path: str
    outcome: Outcome
    title: str | None = None
    size_bytes: int = 0
    asset_id: str | None = None
    is_same: bool = True
    problem: Problem | None = None

    def to_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "event": "file",
            "path": self.path,
            "state": self.outcome.value,
            "title": self.title,
            "bytes": self.size_bytes,
            "asset": self.asset_id,
        }
        if self.outcome is Outcome.DUPLICATE:
            body["same_content"] = self.is_same
        if self.problem is not None:
            body["code"] = self.problem.code.text
            body["error"] = self.problem.to_json()
        return body


def measure(folder: Path) -> tuple[int, int]:
    """(videos, bytes) below it, for whoever shows how far an import is. Raises as `import_all`."""
    check_folder(folder)
    sizes = [video.size_bytes for group in videos_below(folder) for video in group]
    return len(sizes), sum(sizes)


async def import_all(app: App, wish: Wish, on_file: Callable[[Imported], None]) -> dict[str, int]:
    """Gives how many files came to each end. One that fails stops no other.

    Raises INPUT_NOT_FOUND, INPUT_UNREADABLE for the folder, TEMPLATE_INVALID, TOOL_MISSING,
    DISK_FULL, STORE_*.
    """
    check_folder(wish.folder)
    importing = _Importing(app, wish)
    counts: dict[str, int] = dict.fromkeys(Outcome, 0)
    for group in videos_below(wish.folder):
        known = await asyncio.to_thread(importing.known, group)
        for video in group:
            done = known.get(video.path.name) or await importing.one(video)
            counts[done.outcome] += 1
            on_file(done)
    return counts


def check_folder(folder: Path) -> None:
    """Raises INPUT_NOT_FOUND, INPUT_UNREADABLE."""
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "is not there"
        raise ReelError(
            Code.INPUT_NOT_FOUND, f"{folder} {what}", where=str(folder), hint="name a folder"
        )
    if not os.access(folder, os.R_OK | os.X_OK):
        raise ReelError(Code.INPUT_UNREADABLE, f"{folder} may not be read", where=str(folder))


class _Importing:
    def __init__(self, app: App, wish: Wish) -> None:
        self._app = app
        self._wish = wish
        self._library = folders.root(app)
        self._layout = carrying.layout(app, wish.template)
        self._describer = describing.Describer(self._metadata())

    def _metadata(self) -> Mapping[str, VideoInfo]:
        named = self._wish.metadata
        try:
            if named is not None:
                return describing.tube_archivist(named)
            # Where Tube Archivist keeps them, beside its media.
            places = (self._wish.folder, self._wish.folder / "backup")
            return {
                k: v for p in places if p.is_dir() for k, v in describing.tube_archivist(p).items()
            }
        except OSError as error:
            raise refused(error, named or self._wish.folder) from error

    def known(self, group: list[FoundVideo]) -> dict[str, Imported]:
        """Of one folder's, those that did not change since they were entered."""
        folder = carrying.relative(self._library, group[0].path.parent)
        places = {(folder, video.path.name) for video in group}
        with self._app.store.read() as tx:
            rows = asset_files.at(tx, self._wish.owner, places)
        found: dict[str, Imported] = {}
        for video in group:
            row = rows.get((folder, video.path.name))
            if row and (row.size_bytes, row.mtime_ns) == (video.size_bytes, video.mtime_ns):
                found[video.path.name] = _told(video, Outcome.KNOWN, asset_id=row.asset_id)
        return found

    async def one(self, video: FoundVideo) -> Imported:
        info = await asyncio.to_thread(self._describer.describe, video)
        if self._wish.dry_run:
            return _told(video, Outcome.FOUND, title=info.title)
        try:
            return await self._enter(video, info)
        except ReelError as error:
            if error.code in {Code.DISK_FULL, Code.TOOL_MISSING} or error.code.name.startswith(
                "STORE"
            ):
                raise
            return _told(video, Outcome.FAILED, title=info.title, problem=error.problem)
        except OSError as error:
            problem = refused(error, video.path).problem
            return _told(video, Outcome.FAILED, title=info.title, problem=problem)

    async def _enter(self, video: FoundVideo, info: VideoInfo) -> Imported:
        from reelwright.app.probe import probe_file

        media = await probe_file(self._app, video.path)
        if info.duration_s is None and media.duration is not None:
            info = replace(info, duration_s=float(media.duration))
        return await asyncio.to_thread(self._keep, video, info, media)

    def _keep(self, video: FoundVideo, info: VideoInfo, media: MediaInfo) -> Imported:
        key = describing.key_of(info, media.sha256)
        with self._app.store.read() as tx:
            there = assets.by_key(tx, key, self._wish.owner)
        if there is not None and not self._is_same_place(there, video):
            return self._duplicate(video, info, there, media.sha256)
        carried = carrying.carry(
            self._app,
            video,
            info,
            key=key,
            owner=self._wish.owner,
            asset_id=None if there is None else there.id,
            layout=None if self._wish.how is How.IN_PLACE else self._layout,
            media=media,
        )
        said = passages_of(carried.path, carried.files)
        self._app.store.transact(lambda tx: self._write(tx, carried, info, media, said))
        if self._wish.how is How.MOVE:
            carrying.remove_sources(carried)
        row = carried.row
        return _told(video, Outcome.IMPORTED, title=row.title, asset_id=row.id)

    def _is_same_place(self, asset: AssetRow, video: FoundVideo) -> bool:
        """Whether the file is the asset's own, changed since it was entered."""
        with self._app.store.read() as tx:
            files = asset_files.of_asset(tx, asset.id)
        paths = {folders.path_of(self._app, asset, file) for file in files}
        return video.path in paths

    def _duplicate(
        self, video: FoundVideo, info: VideoInfo, there: AssetRow, sha256: str
    ) -> Imported:
        """When videos move, the second name of what is held goes: a move that was cut off ends."""
        with self._app.store.read() as tx:
            files = asset_files.of_asset(tx, there.id)
        same = [f for f in files if f.role is Role.VIDEO and f.sha256 == sha256]
        held = [folders.path_of(self._app, there, file) for file in same]
        if self._wish.how is How.MOVE and any(carrying.is_twin(video.path, p) for p in held):
            video.path.unlink()
            for one in video.beside:
                carrying.remove_twin(one.path, folders.folder_of(self._app, there))
            return _told(video, Outcome.IMPORTED, title=there.title, asset_id=there.id)
        if self._wish.how is How.LINK and any(path.is_file() for path in held):
            return _told(video, Outcome.KNOWN, title=there.title, asset_id=there.id)
        told = _told(video, Outcome.DUPLICATE, title=info.title, asset_id=there.id)
        return replace(told, is_same=bool(same))

    def _write(
        self,
        tx: Tx,
        carried: Carried,
        info: VideoInfo,
        media: MediaInfo,
        said: Mapping[str, list[Passage]],
    ) -> None:
        row, now = carried.row, tx.now()
        there = assets.by_key(tx, row.key, row.owner)
        if there is None:
            assets.insert(tx, replace(row, created_at=now, changed_at=now), info.to_json())
        else:
            values = {"sha256": row.sha256, "size_bytes": row.size_bytes, "state": row.state}
            assets.update(tx, there.id, info=info.to_json(), **values)
        for file in carried.files:
            asset_files.put(tx, file, media.to_json() if file.role is Role.VIDEO else None)
        spoken = [file.path for file in carried.files if file.role is Role.CAPTIONS]
        captions.replace(tx, row.id, spoken, [p for group in said.values() for p in group])
        entry_moves.hold(tx, row.id, owner=row.owner, key=row.key)


def _told(
    video: FoundVideo,
    outcome: Outcome,
    *,
    title: str | None = None,
    asset_id: str | None = None,
    problem: Problem | None = None,
) -> Imported:
    return Imported(
        path=str(video.path),
        outcome=outcome,
        title=title,
        size_bytes=video.size_bytes,
        asset_id=asset_id,
        problem=problem,
    )
