"""Looks at the files of one asset: are they there, and are they what they were?"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.app.library import folders, sidecars
from reelwright.app.library.looking import asset_json
from reelwright.errors import Code, Problem, ReelError
from reelwright.store import asset_files, assets, scrub
from reelwright.store.asset_files import AssetFile, FileState
from reelwright.store.blobs import refused

if TYPE_CHECKING:
    from reelwright.app.library.verify_reading import Reader
    from reelwright.app.wiring import App
    from reelwright.store.assets import AssetRow
    from reelwright.store.database import Tx

# A file of this size is noted as soon as it was read: whoever is killed reads it no second time.
_NOTED_BYTES = 64 << 20
_GONE = {errno.ENOENT, errno.ENOTDIR}
_TRIES = 3


class How(StrEnum):
    """What is wrong with a file. `ROT`: other bytes, though nobody wrote to it as far as its time
    of change says; `CHANGED`: somebody did; `MOVED`: it is there under another name."""

    MISSING = "missing"
    MOVED = "moved"
    ROT = "rot"
    CHANGED = "changed"
    UNREADABLE = "unreadable"
    NOT_A_FILE = "not_a_file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A file that is not well. `actual_bytes` None: there is none; `at`: where a moved one is, in
    the same folder."""

    file: AssetFile
    how: How
    actual_bytes: int | None = None
    mtime_ns: int | None = None
    at: str | None = None

    @property
    def state(self) -> FileState:
        is_away = self.how in (How.MISSING, How.MOVED)
        return FileState.MISSING if is_away else FileState.DAMAGED

    def to_json(self) -> dict[str, Any]:
        return {
            "path": self.file.path,
            "role": self.file.role.value,
            "state": self.state.value,
            "how": self.how.value,
            "bytes": self.file.size_bytes,
            "actual_bytes": self.actual_bytes,
            "sha256": self.file.sha256,
            "at": self.at,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Of one asset, as it is in the tables afterwards. `sums`: what is wrong with its checksum file
    ("missing", "differs"); `unknown`: files in its folder that nobody knows; `problem`: why it
    could not be looked at, and nothing was decided."""

    asset: AssetRow
    folder: Path
    files: int
    findings: tuple[Finding, ...] = ()
    sums: str | None = None
    unknown: tuple[str, ...] = ()
    read_bytes: int = 0
    problem: Problem | None = None

    @property
    def is_well(self) -> bool:
        return not self.findings and self.sums is None and self.problem is None

    def to_json(self) -> dict[str, Any]:
        return {
            **asset_json(self.asset),
            "folder": str(self.folder),
            "findings": [finding.to_json() for finding in self.findings],
            "sums": self.sums,
            "unknown": list(self.unknown),
            "code": None if self.problem is None else self.problem.code.text,
            "error": None if self.problem is None else self.problem.to_json(),
        }


def verify_asset(
    app: App, asset_id: str, reader: Reader, *, quick: bool = False, since: float | None = None
) -> Report:
    """Looks, and writes down what was found. `quick`: reads only what its size or time, or what
    was found before, say is worth it. `since`: files that were found well after that (seconds
    since 1970) and look the same are not read again.

    Blocking. Raises ASSET_UNKNOWN, StoppedError, STORE_*.
    """
    for _ in range(_TRIES):
        look = _Look(app, asset_id, reader, quick=quick, since=since)
        try:
            report = look.look()
        except ReelError as error:
            if error.code not in (Code.PERMISSION_DENIED, Code.INTERNAL, Code.PROCESS_LIMIT):
                raise
            return look.given_up(error.problem)
        if report is not None:
            return report
    # Somebody keeps changing it: it is looked at the next time.
    return look.given_up(Problem(Code.STORE_LOCKED, "it changed while it was read", where=asset_id))


class _Look:
    def __init__(
        self, app: App, asset_id: str, reader: Reader, *, quick: bool, since: float | None
    ) -> None:
        self._app = app
        self._reader = reader
        self._quick = quick
        self._since = since
        with app.store.read() as tx:
            self._asset = assets.get(tx, asset_id)
            self._files = asset_files.of_asset(tx, asset_id)
        self._folder = folders.folder_of(app, self._asset)
        self._before = reader.read_bytes
        # Files that are well, with their time of change.
        self._well: list[tuple[AssetFile, int, bool]] = []

    def look(self) -> Report | None:
        """None where the asset has changed meanwhile. Raises ReelError for what the file system
        refuses."""
        findings = [found for file in self._files if (found := self._examine(file)) is not None]
        unknown = self._unknown()
        findings = [self._traced(found, unknown) for found in findings]
        moved = {found.at for found in findings}
        sums = self._sums()
        asset = self._write(findings, lacks_sums=sums is not None)
        if asset is None:
            return None
        is_own = asset.folder_key is not None
        return Report(
            asset=asset,
            folder=self._folder.absolute(),
            files=len(self._files),
            findings=tuple(findings),
            sums=sums,
            unknown=tuple(name for name in unknown if is_own and name not in moved),
            read_bytes=self._reader.read_bytes - self._before,
        )

    def given_up(self, problem: Problem) -> Report:
        return Report(
            asset=self._asset, folder=self._folder, files=len(self._files), problem=problem
        )

    def _examine(self, file: AssetFile) -> Finding | None:
        """None: it is well. Raises ReelError, StoppedError."""
        self._reader.check()
        path = self._folder / file.path
        try:
            found = path.stat()
            if not path.is_file():
                return Finding(file=file, how=How.NOT_A_FILE)
            is_same = (found.st_size, found.st_mtime_ns) == (file.size_bytes, file.mtime_ns)
            if self._is_known_well(file, is_same=is_same):
                self._well.append((file, found.st_mtime_ns, False))
                return None
            is_good = found.st_size == file.size_bytes and self._reader.sha256(path) == file.sha256
        except OSError as error:
            if error.errno in _GONE:
                return Finding(file=file, how=How.MISSING)
            if error.errno == errno.EIO:  # the disk itself
                return Finding(file=file, how=How.UNREADABLE)
            raise refused(error, path) from error
        if is_good:
            self._note_well(file, found.st_mtime_ns)
            return None
        is_untouched = found.st_mtime_ns == file.mtime_ns
        how = How.ROT if is_untouched else How.CHANGED
        return Finding(file=file, how=how, actual_bytes=found.st_size, mtime_ns=found.st_mtime_ns)

    def _is_known_well(self, file: AssetFile, *, is_same: bool) -> bool:
        if not is_same or file.state is not FileState.OK:
            return False
        was_read = self._since is not None and (file.checked_at or 0.0) >= self._since
        return self._quick or was_read

    def _note_well(self, file: AssetFile, mtime_ns: int) -> None:
        if file.size_bytes < _NOTED_BYTES:
            self._well.append((file, mtime_ns, True))
            return
        self._app.store.transact(lambda tx: scrub.mark(tx, file, FileState.OK, mtime_ns, read=True))

    def _unknown(self) -> list[str]:
        """Names in the folder that no asset has. Of a folder that several share only where
        something is missing."""
        is_own = self._asset.folder_key is not None
        try:
            with os.scandir(self._folder) as entries:
                found = {e.name: e.is_dir(follow_symlinks=False) for e in entries}
        except OSError:
            return []
        own = {file.path for file in self._files} | {sidecars.SUMS, folders.SHOW}
        names = sorted(name for name in found if name not in own)
        if not is_own:
            names = [name for name in names if not found[name]]
            places = {(self._asset.folder, name) for name in names}
            with self._app.store.read() as tx:
                known = asset_files.at(tx, self._asset.owner, places)
            names = [name for name in names if (self._asset.folder, name) not in known]
        return [f"{name}/" if found[name] else name for name in names]

    def _traced(self, found: Finding, unknown: Sequence[str]) -> Finding:
        """Of a missing file: whether one of the unknown has its content."""
        if found.how is not How.MISSING:
            return found
        name = same_content(self._folder, found.file, unknown, self._reader)
        if name is None:
            return found
        return Finding(file=found.file, how=How.MOVED, actual_bytes=found.file.size_bytes, at=name)

    def _sums(self) -> str | None:
        """Whether ``SHA256SUMS`` says what the tables say; only a folder of its own has one."""
        if self._asset.folder_key is None or not self._files:
            return None
        try:
            said = sidecars.read_sums((self._folder / sidecars.SUMS).read_bytes())
        except FileNotFoundError:
            return "missing"
        except OSError as error:
            if error.errno in _GONE:
                return "missing"
            raise refused(error, self._folder / sidecars.SUMS) from error
        wanted = {file.path: file.sha256 for file in self._files}
        return None if said == wanted else "differs"

    def _write(self, findings: Sequence[Finding], *, lacks_sums: bool) -> AssetRow | None:
        def change(tx: Tx) -> AssetRow | None:
            asset = assets.get(tx, self._asset.id)
            if asset.folder != self._asset.folder:
                return None
            for file, mtime_ns, read in self._well:
                if not scrub.mark(tx, file, FileState.OK, mtime_ns, read=read):
                    return None
            for found in findings:
                if not scrub.mark(tx, found.file, found.state, None, read=not self._quick):
                    return None
            scrub.settle(tx, asset.id, lacks_sums=lacks_sums, is_read=not self._quick)
            return assets.get(tx, asset.id)

        return self._app.store.transact(change)


def same_content(folder: Path, file: AssetFile, names: Sequence[str], reader: Reader) -> str | None:
    """Which of these names in `folder` has the content of `file`. What cannot be read has not."""
    for name in names:
        path = folder / name
        try:
            is_like = path.is_file() and path.stat().st_size == file.size_bytes
            if is_like and reader.sha256(path) == file.sha256:
                return name
        except OSError:
            continue
    return None
