"""The body of the operation `keep`: a fetched video becomes an asset, or a new version of one.

Its files are linked into its folder first, which may be done again any number of times; its rows
are written in the transaction in which the step succeeds. What is held is never touched: a video
with another content stands beside the one before it, as ``NAME - v2.mp4``, until somebody asks for
the old one's removal. Sidecars are replaced by newer ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.app.archive import identity, telling
from reelwright.app.archive.completing import completed
from reelwright.app.library import copies, folders, sidecars
from reelwright.app.library.layout import Layout, folder_key, name_of, show_folder
from reelwright.app.library.placing import Item, Placing, Put, text_item, write_sums, write_text
from reelwright.app.library.said import passages_of
from reelwright.app.settings import without_password
from reelwright.app.understand import archived
from reelwright.errors import Code, ReelError
from reelwright.media.info import MediaInfo
from reelwright.store import asset_files, assets, captions, entries, entry_moves, origins
from reelwright.store.asset_files import AssetFile, Role
from reelwright.store.assets import AssetRow, AssetState
from reelwright.store.ids import new_id
from reelwright.store.jobs import LOCAL_OWNER
from reelwright.store.understanding import Wanting
from reelwright.tools.ytdlp.info import VideoInfo

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.engine.keeping import KeepOrder, Kept, KeptFile
    from reelwright.store.captions import Passage
    from reelwright.store.database import Tx
    from reelwright.store.rows import NewJobRow

_ENDINGS = {
    Role.INFO: ".info.json",
    Role.DESCRIPTION: ".description",
    Role.COMMENTS: ".comments.json",
    Role.LIVE_CHAT: ".live_chat.json",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where the asset stands. `existing`: what the library knew of it before."""

    asset_id: str
    key: str
    owner: str
    folder: str
    is_own: bool
    existing: AssetRow | None
    known: tuple[AssetFile, ...]

    @property
    def stem(self) -> str:
        """Of the names of its files."""
        first = [file for file in self.known if file.role is Role.VIDEO and file.version == 1]
        return Path(first[0].path).stem if first else self.folder.rpartition("/")[2]


async def keep_video(app: App, order: KeepOrder) -> Kept:
    """Raises EXTRACTOR_UNSUPPORTED (a picture), DISK_FULL, PERMISSION_DENIED, ARTIFACT_DAMAGED,
    TEMPLATE_INVALID, STORE_*."""
    _check_moving(order)
    return await asyncio.to_thread(_keep, app, order)


def _check_moving(order: KeepOrder) -> None:
    media = MediaInfo.from_json(order.media)
    if media.audio is None and media.video is not None and media.video.is_still:
        raise ReelError(
            Code.EXTRACTOR_UNSUPPORTED,
            f"{without_password(order.url)} is a picture: nothing in it moves or sounds",
            where=without_password(order.url),
            hint="a picture is fetched by the `fetch` operation of a spec",
        )


def _keep(app: App, order: KeepOrder) -> Kept:
    from reelwright.engine.keeping import Kept

    copies.sweep(app)
    with app.store.read() as tx:
        info = completed(tx, VideoInfo.from_json(order.info), order.job_id)
    place = _place(app, order, info)
    folder = folders.root(app) / place.folder
    placing = Placing(
        app.blobs,
        folder,
        place.asset_id,
        place.known,
        is_ours=place.is_own and place.existing is None,
        mark=f"{order.job_id}-{order.attempt}",
    )
    placing.tidy()
    # The video first: what is beside it says what it is.
    put = [placing.put(item) for item in _items(app, order, info, place)]
    _show(app, place, info, order)
    files = _together(place.known, put)
    if place.is_own:
        write_sums(folder, files)
    said, row = passages_of(folder, [one.file for one in put]), _row(place, info, order, files)
    understanding = _understanding(app, order, place)

    def commit(tx: Tx) -> None:
        _enter(tx, place, row, info, put, said)
        if understanding is not None:
            archived.enter(tx, understanding)
        entry_moves.hold(tx, row.id, owner=place.owner, key=place.key, job_id=order.job_id)
        copies.drop(app, tx, order.job_id, [one.file.sha256 for one in put if one.is_copy])

    video = next(one.file for one in put if one.file.role is Role.VIDEO)
    result = {"asset": row.id, "folder": row.folder, "path": video.path, "version": video.version}
    telling.kept(
        app, row.id, row.title, f"{row.folder}/{video.path}", owner=place.owner, job_id=order.job_id
    )
    return Kept(result=result, commit=commit)


def _understanding(app: App, order: KeepOrder, place: _Place) -> NewJobRow | None:
    """The job that is to follow, where it was asked for."""
    if not order.options.get("understand"):
        return None
    entry = order.options.get("entry")
    with app.store.read() as tx:
        known = None if entry is None else entries.get(tx, entry)
    one = Wanting(place.asset_id, place.owner, order.of("video")[0].sha256)
    return archived.job_of(app, one, order.media, None if known is None else known.source_id)


def _place(app: App, order: KeepOrder, info: VideoInfo) -> _Place:
    owner = order.owner or LOCAL_OWNER
    key = identity.key_of_info(info, item=order.item)
    with app.store.read() as tx:
        existing = assets.by_key(tx, key, owner)
        known = () if existing is None else tuple(asset_files.of_asset(tx, existing.id))
    if existing is not None:
        folder, is_own = existing.folder, existing.folder_key is not None
    else:
        layout = Layout(order.options.get("template") or app.settings.archive.template)
        folder, is_own = folders.claim(app, layout, info, key=key, owner=owner).folder, True
    return _Place(
        asset_id=existing.id if existing else new_id(),
        key=key,
        owner=owner,
        folder=folder,
        is_own=is_own,
        existing=existing,
        known=known,
    )


def _items(app: App, order: KeepOrder, info: VideoInfo, place: _Place) -> list[Item]:
    video = _video(order, place)
    items = [video, *_captions(order, place.stem)]
    thumbnail = next(iter(order.of("thumbnail")), None)
    if thumbnail is not None:
        items.append(_item(thumbnail, Role.THUMBNAIL, f"{place.stem}.{thumbnail.format}"))
    for role, ending in _ENDINGS.items():
        found = next(iter(order.of(role.value)), None)
        if found is not None:
            items.append(_item(found, role, place.stem + ending))
        elif role is Role.INFO:
            name = place.stem + ending
            items.append(text_item(role, name, "json", sidecars.info_json(info)))
    if info.chapters:
        text = sidecars.chapters_text(info.chapters, info.duration_s)
        items.append(text_item(Role.CHAPTERS, f"{place.stem}.ffmetadata", "ffmetadata", text))
    if _wants_nfo(app, order):
        picture = next((item.name for item in items if item.role is Role.THUMBNAIL), None)
        text = sidecars.video_nfo(
            info,
            media=MediaInfo.from_json(order.media),
            show=_show_name(place, info),
            thumbnail=picture,
        )
        items.append(text_item(Role.NFO, f"{place.stem}.nfo", "nfo", text))
    return items


def _wants_nfo(app: App, order: KeepOrder) -> bool:
    chosen = order.options.get("nfo")
    return app.settings.archive.nfo if chosen is None else bool(chosen)


def _video(order: KeepOrder, place: _Place) -> Item:
    """The file that holds this content already, or the next version."""
    found = order.of("video")[0]
    videos = [file for file in place.known if file.role is Role.VIDEO]
    for file in videos:
        if file.sha256 == found.sha256:
            item = _item(found, Role.VIDEO, file.path, order.media)
            return replace(item, version=file.version)
    version = 1 + max((file.version for file in videos), default=0)
    name = place.stem + (f" - v{version}" if version > 1 else "")
    item = _item(found, Role.VIDEO, f"{name}.{found.format}", order.media)
    return replace(item, version=version)


def _captions(order: KeepOrder, stem: str) -> Iterator[Item]:
    """``NAME.en.vtt``; what a machine wrote is ``NAME.en.auto.vtt``."""
    for file in order.of("captions"):
        auto = ".auto" if file.kind == "auto" else ""
        language = file.language or "und"
        item = _item(file, Role.CAPTIONS, f"{stem}.{language}{auto}.{file.format}")
        yield replace(item, language=language, kind=file.kind or "human")


def _item(file: KeptFile, role: Role, name: str, facts: Mapping[str, Any] | None = None) -> Item:
    return Item(
        role=role,
        name=name,
        format=file.format[:16],
        sha256=file.sha256,
        size_bytes=file.size_bytes,
        facts=facts,
    )


def _show_name(place: _Place, info: VideoInfo) -> str | None:
    """The channel, where the asset's folder stands in one: a media centre's show."""
    is_in_show = place.is_own and show_folder(place.folder, info) is not None
    return info.channel or info.uploader if is_in_show else None


def _show(app: App, place: _Place, info: VideoInfo, order: KeepOrder) -> None:
    """``tvshow.nfo`` of the channel's folder; one that is there is somebody's work and stays."""
    name = _show_name(place, info)
    if name is None or not _wants_nfo(app, order):
        return
    path = folders.root(app) / (show_folder(place.folder, info) or "") / folders.SHOW
    if not path.exists():
        write_text(path, sidecars.show_nfo(name, info), f"{order.job_id}-{order.attempt}")


def _together(known: Sequence[AssetFile], put: Sequence[Put]) -> list[AssetFile]:
    found = {file.path: file for file in known} | {one.file.path: one.file for one in put}
    return list(found.values())


def _row(place: _Place, info: VideoInfo, order: KeepOrder, files: Sequence[AssetFile]) -> AssetRow:
    newest = asset_files.newest_video(files)
    if newest is None:
        raise ReelError(Code.OUTPUT_MISSING, "there is no video to keep", where=order.url)
    return AssetRow(
        id=place.asset_id,
        key=place.key,
        owner=place.owner,
        extractor=info.extractor,
        host=info.host,
        native_id=info.native_id or None,
        url=info.url or order.url,
        title=info.title or name_of(info) or info.host,
        channel=info.channel or info.uploader,
        channel_id=info.channel_id,
        published_at=info.published_at,
        duration_s=info.duration_s,
        language=(info.language or None) and info.language[:35],
        folder=place.folder,
        folder_key=folder_key(place.folder) if place.is_own else None,
        state=AssetState.HELD,
        sha256=newest.sha256,
        size_bytes=newest.size_bytes,
        origin_state="there",
        created_at=0.0,
        changed_at=0.0,
    )


def _enter(
    tx: Tx,
    place: _Place,
    row: AssetRow,
    info: VideoInfo,
    put: Sequence[Put],
    said: Mapping[str, Sequence[Passage]],
) -> None:
    """Raises STORE_LOCKED where another process has entered the same video, or taken its folder,
    since: the next try finds that."""
    now = tx.now()
    there = assets.by_key(tx, row.key, row.owner)
    holder = assets.by_folder(tx, row.folder_key) if row.folder_key is not None else None
    if (there and (there.id, there.folder) != (row.id, row.folder)) or (
        holder and holder.id != row.id
    ):
        raise ReelError(Code.STORE_LOCKED, f"{row.key} is being kept twice", where=row.folder)
    if there is None:
        new = replace(row, created_at=now, changed_at=now, origin_checked_at=now)
        assets.insert(tx, new, info.to_json())
    else:
        fixed = {"id", "key", "owner", "created_at", "changed_at", "verified_at", "folder"}
        values = {name: getattr(row, name) for name in assets.NAMES if name not in fixed}
        values |= {"origin_checked_at": now, "info": info.to_json()}
        assets.update(tx, row.id, **values)
    origins.note(tx, key=row.key, url=row.url or "", outcome=row.origin_state, asset_id=row.id)
    for one in put:
        asset_files.put(tx, one.file, one.facts)
    spoken = [one.file.path for one in put if one.file.role is Role.CAPTIONS]
    captions.replace(tx, row.id, spoken, [p for group in said.values() for p in group])
