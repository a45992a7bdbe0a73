"""The file of an upload while a part of it comes in: locked, written, hashed, made durable.

All of it blocks: call it from a thread. The lock (flock) is the kernel's: it holds against other
processes, and goes with whoever dies.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import Any

from reelwright.errors import Code, ReelError
from reelwright.media.digest import sha256_file
from reelwright.store.blobs import refused

_REMEMBERED = 256
_GO_ON = "what came is kept: once space was freed, ask for the offset with HEAD, and go on"
_BEGIN = "have space freed on the server, then begin again"


class UploadFile:
    """Open for one writer. `position` is where the next byte goes; `close` it.

    Raises UPLOAD_BUSY where another one writes, DISK_FULL, PERMISSION_DENIED.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.position = 0
        self._hasher: Any = None
        self._checksum: Any = None
        # A caller that went away may close it while a thread still writes.
        self._gate = threading.Lock()
        try:
            # Where the file is gone the row is wrong: it begins anew.
            opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _refused(error, path) from error
        self._file = os.fdopen(opened, "r+b", buffering=0)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise ReelError(
                Code.UPLOAD_BUSY,
                f"another request writes upload {path.name}",
                where=path.name,
                hint="ask for the offset with HEAD, and go on from there",
            ) from error

    @property
    def size_bytes(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    def begin(self, offset: int, hasher: Any, checksum: Any) -> None:
        """Drops what is beyond `offset`: nobody was told of it. `hasher` has read what is before,
        or is None; `checksum` reads what comes."""
        try:
            self._file.truncate(offset)
            self._file.seek(offset)
        except OSError as error:
            raise _refused(error, self.path) from error
        self.position = offset
        self._hasher = hashlib.sha256() if offset == 0 else hasher
        self._checksum = checksum

    def write(self, block: bytes | bytearray) -> None:
        view = memoryview(block)
        try:
            with self._gate:
                while view:
                    view = view[self._file.write(view) or 0 :]
        except OSError as error:
            raise _refused(error, self.path) from error
        self.position += len(block)
        for hasher in (self._hasher, self._checksum):
            if hasher is not None:
                hasher.update(block)

    def sync(self) -> None:
        """What was written survives a power cut from now on."""
        try:
            # Also the new size of the file (fdatasync(2)); the times do not matter.
            with self._gate:
                getattr(os, "fdatasync", os.fsync)(self._file.fileno())
        except OSError as error:
            raise _refused(error, self.path) from error

    def digest(self) -> str:
        """SHA-256 of the whole file; read again where not all of it passed through here."""
        if self._hasher is not None:
            return str(self._hasher.hexdigest())
        return sha256_file(self.path)

    @property
    def hasher(self) -> Any:
        return self._hasher

    def close(self) -> None:
        with self._gate:
            self._file.close()


class Hashes:
    """The SHA-256 of unfinished uploads as far as they came, so that no byte is read twice.

    Of the least recently written ones beyond a few hundred, and after a restart, nothing is known.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[int, Any]] = OrderedDict()

    def put(self, upload_id: str, offset: int, hasher: Any) -> None:
        self._known.pop(upload_id, None)
        if hasher is None:
            return
        self._known[upload_id] = (offset, hasher.copy())
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    def get(self, upload_id: str, offset: int) -> Any:
        """None where it is not known up to exactly `offset`."""
        known = self._known.get(upload_id)
        return known[1].copy() if known is not None and known[0] == offset else None


def create(path: Path) -> None:
    """An empty file that nobody else may read. Raises DISK_FULL, PERMISSION_DENIED."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        _sync_folder(path.parent)
    except OSError as error:
        raise _refused(error, path, _BEGIN) from error


def link(source: Path, target: Path, size_bytes: int) -> bool:
    """Gives a finished upload's file a second name; False where that cannot be done."""
    with suppress(OSError):
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if source.stat().st_size == size_bytes:
            os.link(source, target)
            _sync_folder(target.parent)
            return True
    return False


def remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _refused(error: OSError, path: Path, hint: str = _GO_ON) -> ReelError:
    """The hint of a full disk is about jobs; an upload is gone on with in a way of its own."""
    found = refused(error, path)
    if found.code is not Code.DISK_FULL:
        return found
    problem = found.problem
    return ReelError(
        problem.code,
        problem.message,
        where=problem.where,
        hint=hint,
        evidence=problem.evidence,
    )


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
