"""The folders of the library: each is one asset's, also while nobody has entered it yet.

A folder is claimed by a small file, ``LIBRARY/.reelwright/folders/…``, named by the folder's key,
before anything is written there. So two processes never write into one folder, not even under
names that only some file systems tell apart, and a try after a kill finds what the one before it
began.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.app.library.layout import Layout, folder_key
from reelwright.store import assets
from reelwright.store.blobs import refused

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.asset_files import AssetFile
    from reelwright.store.assets import AssetRow
    from reelwright.tools.ytdlp.info import VideoInfo

OWN = ".reelwright"
SHOW = "tvshow.nfo"
# So many videos of one title in one channel are believed.
_MOST = 100_000


def root(app: App) -> Path:
    """The folder of the library."""
    return app.settings.library or app.home / "library"


def folder_of(app: App, asset: AssetRow) -> Path:
    """Where its files are; what was imported from elsewhere has an absolute folder."""
    return root(app) / asset.folder


def path_of(app: App, asset: AssetRow, file: AssetFile) -> Path:
    return root(app) / asset.folder / file.path


@dataclass(frozen=True, slots=True)
class Claim:
    """Whose a folder is. `is_new` False: it was claimed before, by an earlier try."""

    folder: str
    key: str
    owner: str
    is_new: bool = True


def claim(app: App, layout: Layout, info: VideoInfo, *, key: str, owner: str) -> Claim:
    """A folder for the video of `key`: the one that it has, or the first that is nobody's.

    Blocking. Raises DISK_FULL, PERMISSION_DENIED, STORE_*.
    """
    library = root(app)
    seen: set[str] = set()
    for number in range(1, _MOST):
        folder = layout.folder(info, number)
        if folder_key(folder) in seen:
            continue
        seen.add(folder_key(folder))
        found = _take(app, library, Claim(folder, key, owner))
        if found is not None:
            return found
    raise AssertionError(f"{_MOST} folders are like {layout.folder(info)!r}")


def take(app: App, folder: str, *, key: str, owner: str) -> Claim | None:
    """This folder, if it can be had. Raises as `claim`."""
    return _take(app, root(app), Claim(folder, key, owner))


def adopt(app: App, folder: str, *, key: str, owner: str) -> bool:
    """Claims a folder with all that is in it; False where it is another asset's."""
    with app.store.read() as tx:
        holder = assets.by_folder(tx, folder_key(folder))
    if holder is not None:
        return (holder.key, holder.owner) == (key, owner)
    place = _place(root(app), folder)
    try:
        before = _read(place)
        if before is not None:
            return (before.key, before.owner) == (key, owner)
        return _write(place, Claim(folder, key, owner))
    except OSError as error:
        raise refused(error, place) from error


def release(app: App, folder: str) -> None:
    """The folder is nobody's any more."""
    with suppress(OSError):
        _place(root(app), folder).unlink(missing_ok=True)


def prune_empty(library: Path, folder: Path) -> None:
    """Removes the folder and those above it, up to the library, as far as they are empty."""
    while folder != library and library in folder.parents:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


def prune_show(library: Path, folder: Path, new: Path | None = None) -> None:
    """A channel's ``tvshow.nfo`` goes with the last video below its folder: to the folder of the
    same name above `new`, or for good."""
    for above in folder.parents:
        show = above / SHOW
        if above == library or library not in above.parents:
            return
        if not show.is_file() or any(p.is_file() and p != show for p in above.rglob("*")):
            continue
        home = next((p for p in new.parents if p.name == above.name), None) if new else None
        if home is not None and home != library and not (home / SHOW).exists():
            show.rename(home / SHOW)
        else:
            show.unlink()


def _take(app: App, library: Path, wanted: Claim) -> Claim | None:
    with app.store.read() as tx:
        holder = assets.by_folder(tx, folder_key(wanted.folder))
    if holder is not None and (holder.key, holder.owner) != (wanted.key, wanted.owner):
        return None
    place = _place(library, wanted.folder)
    try:
        before = _read(place)
        if before is not None:
            is_ours = (before.key, before.owner) == (wanted.key, wanted.owner)
            return before if is_ours else None
        if holder is None and _is_used(library / wanted.folder):
            return None
        return wanted if _write(place, wanted) else None
    except OSError as error:
        raise refused(error, place) from error


def _is_used(folder: Path) -> bool:
    """Whether files of somebody else's are there."""
    try:
        with os.scandir(folder) as entries:
            return any(True for _ in entries)
    except FileNotFoundError:
        return False
    except NotADirectoryError:
        return True


def _place(library: Path, folder: str) -> Path:
    digest = sha256(folder_key(folder).encode("utf-8", "surrogatepass")).hexdigest()
    return library / OWN / "folders" / digest[:2] / f"{digest[:40]}.json"


def _read(place: Path) -> Claim | None:
    """None where nobody has claimed it; a file that was never finished is nobody's claim."""
    try:
        body = json.loads(place.read_bytes())
        return Claim(body["folder"], body["key"], body["owner"], is_new=False)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _write(place: Path, wanted: Claim) -> bool:
    """Whole or not at all; False where somebody else was faster."""
    place.parent.mkdir(parents=True, exist_ok=True)
    body = {"folder": wanted.folder, "key": wanted.key, "owner": wanted.owner}
    part = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
    try:
        part.write_text(json.dumps(body) + "\n")
        try:
            os.link(part, place)
        except FileExistsError:
            return _replace_unfinished(part, place)
        except OSError:  # exFAT and some shares know no links
            return _write_without_links(part, place)
        return True
    finally:
        part.unlink(missing_ok=True)


def _replace_unfinished(part: Path, place: Path) -> bool:
    if _read(place) is not None:
        return False
    part.replace(place)
    return True


def _write_without_links(part: Path, place: Path) -> bool:
    try:
        os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return _replace_unfinished(part, place)
    part.replace(place)
    return True


def claims(library: Path) -> Iterator[Claim]:
    """All of them."""
    for place in (library / OWN / "folders").glob("*/*.json"):
        found = _read(place)
        if found is not None:
            yield found
