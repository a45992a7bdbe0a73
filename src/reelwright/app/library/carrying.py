"""Where an imported video stands: where it was, or linked into the library."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.app.library import folders, sidecars
from reelwright.app.library.layout import Layout, folder_key, name_of
from reelwright.app.library.placing import write_sums
from reelwright.errors import Code, ReelError
from reelwright.media.digest import sha256_file
from reelwright.store import probes
from reelwright.store.asset_files import AssetFile, FileState, Role
from reelwright.store.assets import AssetRow, AssetState
from reelwright.store.blobs import copy_to
from reelwright.store.ids import new_id

if TYPE_CHECKING:
    from reelwright.app.library.found import Beside, FoundVideo
    from reelwright.app.wiring import App
    from reelwright.media.info import MediaInfo
    from reelwright.tools.ytdlp.info import VideoInfo


@dataclass(frozen=True, slots=True)
class Carried:
    """`path`: the folder; `sources` are the files that were linked from elsewhere, none where the
    asset stands where it was found."""

    row: AssetRow
    path: Path
    files: tuple[AssetFile, ...]
    sources: tuple[tuple[Path, Path], ...] = ()


def layout(app: App, template: str | None) -> Layout:
    """Raises TEMPLATE_INVALID."""
    return Layout(template or app.settings.archive.template)


def relative(library: Path, folder: Path) -> str:
    """As `assets.folder` has it: relative to the library, absolute where it is elsewhere."""
    absolute = folder.absolute()
    if absolute.is_relative_to(library.absolute()):
        return absolute.relative_to(library.absolute()).as_posix()
    return str(absolute)


def carry(
    app: App,
    video: FoundVideo,
    info: VideoInfo,
    *,
    key: str,
    owner: str,
    asset_id: str | None,
    layout: Layout | None,
    media: MediaInfo,
) -> Carried:
    """`layout` None: it stays where it is. Nothing of the database is changed.

    Blocking. Raises OSError, DISK_FULL, PERMISSION_DENIED, OUTPUT_EXISTS.
    """
    library = folders.root(app)
    if layout is None or asset_id is not None:
        folder, stem = relative(library, video.path.parent), video.path.stem
        owned = _owned(app, video, folder, key, owner)
    else:
        folder = folders.claim(app, layout, info, key=key, owner=owner).folder
        stem, owned = folder.rpartition("/")[2], folder
    made_id = asset_id or new_id()
    target = library / folder
    pairs = [(source, target / (stem + rest)) for source, rest in _rests(video)]
    if layout is not None and asset_id is None:
        target.mkdir(parents=True, exist_ok=True)
        for source, place in pairs:
            _link(source, place)
    else:
        pairs = [(source, source) for source, _ in pairs]
    files = tuple(_files(app, made_id, video, media, [place for _, place in pairs]))
    if owned is not None:
        files = tuple(_as_summed(target, files))
        write_sums(target, files)
    row = _row(made_id, info, key, owner, folder, owned, media, video)
    if files[0].state is not FileState.OK:
        row = replace(row, sha256=files[0].sha256, state=AssetState.DAMAGED)
    moved = tuple((source, place) for source, place in pairs if source != place)
    return Carried(row, target, files, moved)


def _owned(app: App, video: FoundVideo, folder: str, key: str, owner: str) -> str | None:
    """The folder, where it is in the library and of this video alone."""
    is_inside = not Path(folder).is_absolute() and folder != "."
    if not (is_inside and video.is_alone):
        return None
    return folder if folders.adopt(app, folder, key=key, owner=owner) else None


def _rests(video: FoundVideo) -> Iterator[tuple[Path, str]]:
    """Each file with what follows the stem in its name."""
    yield video.path, video.path.suffix.lower()
    for one in video.beside:
        yield one.path, one.path.name[len(video.path.stem) :]


def _files(
    app: App, asset_id: str, video: FoundVideo, media: MediaInfo, places: list[Path]
) -> Iterator[AssetFile]:
    kinds: list[Beside | None] = [None, *video.beside]
    for one, place in zip(kinds, places, strict=True):
        found = place.stat()
        sha256 = media.sha256 if one is None else probes.digest(app.store, place)
        yield AssetFile(
            asset_id=asset_id,
            path=place.name,
            role=Role.VIDEO if one is None else one.role,
            format=(place.suffix[1:].lower() if one is None else one.format)[:16],
            sha256=sha256,
            size_bytes=found.st_size,
            mtime_ns=found.st_mtime_ns,
            language=None if one is None else one.language,
            kind=None if one is None else one.kind,
        )


def _as_summed(folder: Path, files: Iterable[AssetFile]) -> Iterator[AssetFile]:
    """A video that is no longer what the folder's own checksums say was damaged since; what they
    say is what it should be. Sidecars are edited by people."""
    sums: dict[str, str] = {}
    with suppress(OSError):
        sums = sidecars.read_sums((folder / sidecars.SUMS).read_bytes())
    for file in files:
        expected = sums.get(file.path, file.sha256)
        if file.role is Role.VIDEO and expected != file.sha256:
            yield replace(file, sha256=expected, state=FileState.DAMAGED)
        else:
            yield file


def _row(
    asset_id: str,
    info: VideoInfo,
    key: str,
    owner: str,
    folder: str,
    owned: str | None,
    media: MediaInfo,
    video: FoundVideo,
) -> AssetRow:
    return AssetRow(
        id=asset_id,
        key=key,
        owner=owner,
        extractor=info.extractor,
        host=info.host,
        native_id=info.native_id or None,
        url=info.url or None,
        title=info.title or name_of(info) or video.path.stem,
        channel=info.channel or info.uploader,
        channel_id=info.channel_id,
        published_at=info.published_at,
        duration_s=info.duration_s,
        language=(info.language or None) and info.language[:35],
        folder=folder,
        folder_key=None if owned is None else folder_key(owned),
        sha256=media.sha256,
        size_bytes=media.size_bytes,
        created_at=0.0,
        changed_at=0.0,
    )


def _link(source: Path, place: Path) -> None:
    """A second name; a copy where there can be none. Into a folder that is claimed: what stands
    there is of a run that was cut off."""
    if place.exists():
        if place.samefile(source) or _is_equal(source, place):
            return
        if place.is_dir():
            raise ReelError(Code.OUTPUT_EXISTS, f"{place} is a folder", where=str(place))
    copy_to(source, place, mark="import")


def _is_equal(one: Path, other: Path) -> bool:
    return one.stat().st_size == other.stat().st_size and sha256_file(one) == sha256_file(other)


def remove_sources(carried: Carried) -> None:
    """After the rows are there: what was linked has one name again."""
    for source, place in carried.sources:
        if place.is_file():
            source.unlink(missing_ok=True)
    for folder in {source.parent for source, _ in carried.sources}:
        with suppress(OSError):
            folder.rmdir()


def is_twin(path: Path, held: Path) -> bool:
    """Whether `held` is the same file, or its copy on another file system: what a move leaves that
    was cut off. A duplicate that somebody made is neither."""
    if not held.is_file():
        return False
    one, other = path.stat(), held.stat()
    if one.st_dev == other.st_dev:
        return os.path.samestat(one, other)
    return _is_equal(path, held)


def remove_twin(path: Path, folder: Path) -> None:
    """Removes `path` where a file in `folder` is its twin."""
    with suppress(OSError):
        if any(is_twin(path, other) for other in folder.iterdir()):
            path.unlink()
