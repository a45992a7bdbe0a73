"""Puts files into an asset's folder: each whole or not at all, and none of anybody else's lost."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.app.library import sidecars
from reelwright.errors import Code, ReelError
from reelwright.media.digest import sha256_file
from reelwright.store.asset_files import AssetFile, FileState, Role
from reelwright.store.blobs import refused, unfinished

if TYPE_CHECKING:
    from reelwright.store.blobs import Blobs

# Beside what an asset may have (captions in all languages), a guard against a loop without end.
_MOST = 10_000
# An unfinished file of another job is somebody's at work, unless it is so old.
_ABANDONED_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A file to be put under `name`: a stored content, or `text`. `facts`: MediaInfo as JSON."""

    role: Role
    name: str
    format: str
    sha256: str
    size_bytes: int
    text: bytes | None = None
    version: int = 1
    language: str | None = None
    kind: str | None = None
    facts: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Put:
    """A file that stands. `is_copy`: its bytes are on the disk twice, here and in the cache."""

    file: AssetFile
    facts: Mapping[str, Any] | None
    is_copy: bool = False


def text_item(role: Role, name: str, form: str, text: bytes) -> Item:
    digest = sha256(text).hexdigest()
    return Item(role=role, name=name, format=form, sha256=digest, size_bytes=len(text), text=text)


class Placing:
    """Of one asset. `known` are its files' rows, by name; `is_ours`: nobody else has written into
    the folder, so that what stands there without a row is left from a try before this one. `mark`
    sets unfinished files of tries apart."""

    def __init__(
        self,
        blobs: Blobs,
        folder: Path,
        asset_id: str,
        known: Sequence[AssetFile],
        *,
        is_ours: bool,
        mark: str,
    ) -> None:
        self._blobs = blobs
        self._folder = folder
        self._asset_id = asset_id
        self._known = {file.path: file for file in known}
        self._is_ours = is_ours
        self._mark = mark
        self._taken: set[str] = set()

    def tidy(self) -> None:
        """Removes what tries before this one were writing when they were killed."""
        job = self._mark.rpartition("-")[0]
        old = time.time() - _ABANDONED_S
        for path in self._folder.glob(".*.part"):
            if path.name.endswith(f".{self._mark}.part"):
                continue
            with suppress(OSError):
                # Not its mtime, which a link has from the cache's file.
                if f".{job}-" in path.name or path.stat().st_ctime < old:
                    path.unlink()

    def put(self, item: Item) -> Put:
        """Under its name, or another where a stranger's file has that. Blocking.

        Raises DISK_FULL, PERMISSION_DENIED, ARTIFACT_DAMAGED, OUTPUT_PATH.
        """
        try:
            name, stands = self._name(item)
            self._taken.add(name.casefold())
            path = self._folder / name
            is_copy = not stands and self._write(item, path)
            found = path.stat()
        except OSError as error:
            raise refused(error, self._folder / item.name) from error
        file = AssetFile(
            asset_id=self._asset_id,
            path=name,
            role=item.role,
            format=item.format,
            sha256=item.sha256,
            size_bytes=item.size_bytes,
            mtime_ns=found.st_mtime_ns,
            version=item.version,
            language=item.language,
            kind=item.kind,
            state=FileState.OK,
        )
        return Put(file, item.facts, is_copy)

    def _name(self, item: Item) -> tuple[str, bool]:
        """The name, and whether this content stands under it already."""
        stem, ending = _ending(item.name)
        for number in range(1, _MOST):
            name = item.name if number == 1 else f"{stem} ({number}){ending}"
            if name.casefold() in self._taken:
                continue
            row, path = self._known.get(name), self._folder / name
            if not os.path.lexists(path):
                return name, False
            if self._is_same(path, item, row):
                return name, True
            may_replace = row is not None or self._is_ours
            # A video is never replaced by another: that is a version of its own.
            if may_replace and not (
                row is not None and item.role is Role.VIDEO and row.sha256 != item.sha256
            ):
                return name, False
        raise ReelError(Code.OUTPUT_PATH, f"{item.name} has no free name", where=str(self._folder))

    def _is_same(self, path: Path, item: Item, row: AssetFile | None) -> bool:
        """Read only where neither a row nor the cache's own file says what it is."""
        found = path.stat()
        if not path.is_file() or path.is_symlink() or found.st_size != item.size_bytes:
            return False
        # What was found damaged may look as it did.
        is_trusted = row is not None and row.state is FileState.OK
        known = (row.sha256, row.mtime_ns) if row is not None and is_trusted else None
        if known == (item.sha256, found.st_mtime_ns):
            return True
        if item.text is None:
            stored = self._blobs.path(item.sha256)
            if stored.exists() and os.path.samestat(found, stored.stat()):
                return True
        return sha256_file(path) == item.sha256

    def _write(self, item: Item, path: Path) -> bool:
        if item.text is not None:
            write_text(path, item.text, self._mark)
            return False
        how = self._blobs.deliver(item.sha256, path, overwrite=True, mark=self._mark)
        return how == "copy"


def write_sums(folder: Path, files: Sequence[AssetFile]) -> None:
    """``SHA256SUMS`` of an asset's folder. Raises DISK_FULL, PERMISSION_DENIED."""
    text = sidecars.sums({file.path: file.sha256 for file in files})
    path = folder / sidecars.SUMS
    try:
        if not path.is_file() or path.read_bytes() != text:
            write_text(path, text, secrets.token_hex(4))
    except OSError as error:
        raise refused(error, path) from error


def write_text(path: Path, text: bytes, mark: str) -> None:
    """In one move, and on the disk before it has its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = unfinished(path, mark)
    try:
        with part.open("wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _ending(name: str) -> tuple[str, str]:
    """``talk.en.vtt`` → ``talk``, ``.en.vtt``: a number goes before what media centres read."""
    stem, dot, last = name.rpartition(".")
    before, dot_before, language = stem.rpartition(".")
    if dot_before and before and len(language) <= 8 and " " not in language:
        return before, f".{language}.{last}"
    return (stem, f".{last}") if dot else (name, "")
