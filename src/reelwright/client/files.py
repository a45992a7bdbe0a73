"""Files on their way: read for an upload, written for a download. All of it blocks."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from reelwright.errors import Code, ReelError

# Gets the bytes that are done and those that there are.
OnProgress = Callable[[int, int], None]

_CODES = {
    errno.ENOSPC: Code.DISK_FULL,
    errno.EDQUOT: Code.DISK_FULL,
    errno.EEXIST: Code.OUTPUT_EXISTS,
    errno.EISDIR: Code.OUTPUT_PATH,
    errno.ENOTDIR: Code.OUTPUT_PATH,
    errno.ENAMETOOLONG: Code.OUTPUT_PATH,
    errno.EMFILE: Code.PROCESS_LIMIT,
}
# File systems without hard links.
_NO_LINK = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.EACCES}


def sha256_of(path: Path) -> str:
    """Raises INPUT_NOT_FOUND, INPUT_UNREADABLE, INPUT_IS_DIRECTORY."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise unreadable(path, error) from error


def read_part(path: Path, start: int, size: int) -> bytes:
    """Raises as `sha256_of`."""
    try:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(size)
    except OSError as error:
        raise unreadable(path, error) from error


def size_of(path: Path) -> int:
    """Raises as `sha256_of`."""
    try:
        return path.stat().st_size
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> ReelError:
    codes = {errno.ENOENT: Code.INPUT_NOT_FOUND, errno.EISDIR: Code.INPUT_IS_DIRECTORY}
    code = codes.get(error.errno or 0, Code.INPUT_UNREADABLE)
    return ReelError(code, f"{path} cannot be read: {error.strerror}", where=str(path))


class Part:
    """What is there of a file that is downloaded to `to`. It lies beside it, under a name of its
    content, so that a later try goes on with it, also one of another process."""

    def __init__(self, to: Path, sha256: str) -> None:
        self.to = to
        self._sha256 = sha256
        begin = os.fsdecode(os.fsencode(to.name)[:150])
        self.path = to.with_name(f".{begin}.{sha256[:16]}.part")

    def check(self, *, overwrite: bool) -> None:
        """Before anything is brought. Raises OUTPUT_EXISTS, OUTPUT_PATH."""
        if self.to.is_dir():
            raise ReelError(Code.OUTPUT_PATH, f"{self.to} is a folder", where=str(self.to))
        if not overwrite and self.to.exists():
            raise ReelError(Code.OUTPUT_EXISTS, f"{self.to} exists", where=str(self.to))

    def size(self) -> int:
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    def begin(self, at: int) -> None:
        """Keeps the first `at` bytes. Raises OUTPUT_PATH, DISK_FULL, PERMISSION_DENIED."""
        try:
            self.to.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                file.truncate(at)
        except OSError as error:
            raise refused(self.to, error) from error

    def append(self, data: bytes) -> None:
        try:
            with self.path.open("ab") as file:
                file.write(data)
        except OSError as error:
            raise refused(self.to, error) from error

    def is_right(self) -> bool:
        return sha256_of(self.path) == self._sha256

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)

    def place(self, *, overwrite: bool) -> Path:
        """Gives it its name, durably. Raises OUTPUT_EXISTS, OUTPUT_PATH, PERMISSION_DENIED."""
        try:
            _sync(self.path)
            if overwrite:
                self.path.replace(self.to)
            else:
                self._place_anew()
            _sync(self.to.parent)
        except OSError as error:
            raise refused(self.to, error) from error
        return self.to

    def _place_anew(self) -> None:
        """A link, unlike a rename, never replaces."""
        try:
            os.link(self.path, self.to, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
            if self.to.exists():
                raise FileExistsError(errno.EEXIST, "exists", str(self.to)) from None
            self.path.replace(self.to)
        else:
            self.path.unlink()


def refused(path: Path, error: OSError) -> ReelError:
    code = _CODES.get(error.errno or 0, Code.PERMISSION_DENIED)
    if code is Code.OUTPUT_EXISTS:
        return ReelError(code, f"{path} exists", where=str(path))
    return ReelError(code, f"{path} cannot be written: {error.strerror}", where=str(path))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:  # a folder of a network file system
            raise
    finally:
        os.close(handle)
