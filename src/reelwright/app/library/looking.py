"""Looking at the library: lists, one asset with all that is known of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from reelwright.app.library import folders
from reelwright.errors import Code, ReelError
from reelwright.store import asset_files, assets
from reelwright.store.asset_files import AssetFile, Role
from reelwright.store.assets import AssetRow, Sort, Totals, Wanted

if TYPE_CHECKING:
    from reelwright.app.wiring import App

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Listed:
    """An asset in a list. `path`: its newest video; `captions`: their languages."""

    asset: AssetRow
    folder: str
    path: str | None
    captions: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            **asset_json(self.asset),
            "folder": self.folder,
            "path": self.path,
            "captions": list(self.captions),
        }


@dataclass(frozen=True, slots=True)
class Details:
    """`info` is a `VideoInfo` as JSON, `media` the MediaInfo of the newest video."""

    asset: AssetRow
    folder: str
    files: tuple[AssetFile, ...]
    info: Mapping[str, Any]
    media: Mapping[str, Any] | None

    def to_json(self) -> dict[str, Any]:
        return {
            **asset_json(self.asset),
            "folder": self.folder,
            "path": _video_path(self.folder, self.files),
            "files": [file_json(file) for file in self.files],
            "chapters": list(self.info.get("chapters") or ()),
            "info": dict(self.info),
            "media": None if self.media is None else dict(self.media),
        }


def listing(
    app: App,
    wanted: Wanted,
    *,
    sort: Sort = Sort.ADDED,
    reverse: bool = False,
    limit: int = 50,
    after: str | None = None,
) -> list[Listed]:
    """A page; `after` is the id of the last asset of the one before. Raises ASSET_UNKNOWN."""
    with app.store.read() as tx:
        rows = assets.page(tx, wanted, sort=sort, limit=limit, after=after, reverse=reverse)
        files = asset_files.of_assets(tx, [row.id for row in rows])
    return [_listed(app, row, files[row.id]) for row in rows]


def everything(
    app: App, wanted: Wanted, *, sort: Sort = Sort.ADDED, reverse: bool = False
) -> Iterator[Listed]:
    """All of them, as they were at one moment; a few hundred in memory at a time."""
    with app.store.read() as tx:
        rows = assets.stream(tx, wanted, sort=sort, reverse=reverse, batch=_BATCH)
        while batch := list(islice(rows, _BATCH)):
            # Of a connection of its own: this one is in the middle of an answer.
            with app.store.read() as beside:
                files = asset_files.of_assets(beside, [row.id for row in batch])
            yield from (_listed(app, row, files[row.id]) for row in batch)


def totals(app: App, owner: str | None = None) -> Totals:
    with app.store.read() as tx:
        return assets.totals(tx, owner)


def head(app: App, owner: str | None = None) -> dict[str, Any]:
    """Of a document of the library: where it is, and how much it holds."""
    held = totals(app, owner)
    return {
        "library": str(folders.root(app).absolute()),
        "total": {"assets": held.assets, "files": held.files, "bytes": held.size_bytes},
    }


def identify(app: App, given: str, owner: str | None = None) -> AssetRow:
    """By the beginning of its id, its URL, its id at the origin, or ``last``. Raises
    ASSET_UNKNOWN."""
    with app.store.read() as tx:
        if given == "last":
            found = assets.page(tx, Wanted(owner=owner), limit=1)
        else:
            found = assets.find(tx, given, owner) if given else []
    exact = [row for row in found if row.id == given]
    if len(exact or found) == 1:
        return (exact or found)[0]
    if found:
        named = ", ".join(f"{row.id} ({row.title[:40]})" for row in found)
        raise ReelError(
            Code.ASSET_UNKNOWN, f"'{given}' may be {named}", where=given, hint="give more of the id"
        )
    raise ReelError(Code.ASSET_UNKNOWN, f"there is no asset '{given}'", where=given)


def named(app: App, given: str, owner: str | None = None) -> list[Listed]:
    """A few that `given` may mean: the beginning of an id, a URL, or an id at the origin."""
    with app.store.read() as tx:
        rows = assets.find(tx, given, owner)
        files = asset_files.of_assets(tx, [row.id for row in rows])
    return [_listed(app, row, files[row.id]) for row in rows]


def details(app: App, asset_id: str, owner: str | None = None) -> Details:
    """Raises ASSET_UNKNOWN, also for what is others'."""
    with app.store.read() as tx:
        asset = assets.get(tx, asset_id, owner)
        files = asset_files.of_asset(tx, asset_id)
        info = assets.info(tx, asset_id)
        video = asset_files.newest_video(files)
        media = None if video is None else asset_files.facts(tx, asset_id, video.path)
    folder = str(folders.folder_of(app, asset).absolute())
    return Details(asset, folder, tuple(files), info, media)


def asset_json(asset: AssetRow) -> dict[str, Any]:
    return {
        "id": asset.id,
        "key": asset.key,
        "title": asset.title,
        "channel": asset.channel,
        "channel_id": asset.channel_id,
        "url": asset.url,
        "extractor": asset.extractor,
        "host": asset.host,
        "native_id": asset.native_id,
        "published_at": asset.published_at,
        "duration_s": asset.duration_s,
        "language": asset.language,
        "state": asset.state.value,
        "origin": asset.origin_state,
        "sha256": asset.sha256,
        "bytes": asset.size_bytes,
        "created_at": asset.created_at,
        "changed_at": asset.changed_at,
        "verified_at": asset.verified_at,
        "origin_checked_at": asset.origin_checked_at,
    }


def file_json(file: AssetFile) -> dict[str, Any]:
    return {
        "path": file.path,
        "role": file.role.value,
        "version": file.version,
        "format": file.format,
        "language": file.language,
        "kind": file.kind,
        "sha256": file.sha256,
        "bytes": file.size_bytes,
        "state": file.state.value,
        "checked_at": file.checked_at,
    }


def _listed(app: App, row: AssetRow, files: Sequence[AssetFile]) -> Listed:
    folder = str(folders.folder_of(app, row).absolute())
    spoken = {f.language for f in files if f.role is Role.CAPTIONS and f.language}
    return Listed(row, folder, _video_path(folder, files), tuple(sorted(spoken)))


def _video_path(folder: str, files: Sequence[AssetFile]) -> str | None:
    video = asset_files.newest_video(files)
    return None if video is None else f"{folder}/{video.path}"
