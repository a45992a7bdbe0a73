"""Half downloads that outlive an attempt: the bytes, and what says whose bytes they are."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from reelwright.errors import Code, ReelError

# Everything that can tell that a server has another file now, in the order of trust.
_VALIDATORS = ("etag", "last_modified")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What the server said of the file when its first byte came."""

    url: str
    etag: str | None = None
    last_modified: str | None = None
    size_bytes: int | None = None

    @staticmethod
    def of(url: str, headers: Mapping[str, str], size_bytes: int | None) -> Origin:
        return Origin(
            url=url,
            etag=headers.get("etag"),
            last_modified=headers.get("last-modified"),
            size_bytes=size_bytes,
        )

    @property
    def validator(self) -> str | None:
        """What goes into If-Range: a strong ETag, else the date (RFC 9110, 13.1.5)."""
        if self.etag and not self.etag.startswith("W/"):
            return self.etag
        return self.last_modified

    def is_same_as(self, now: Origin) -> bool:
        """Servers exist that ignore If-Range; what they say is compared as well."""
        for name in (*_VALIDATORS, "size_bytes"):
            before, after = getattr(self, name), getattr(now, name)
            if before is not None and after is not None and before != after:
                return False
        return True


class Part:
    """The half download of one URL in `folder`. Locked: two downloads never write to one file.

    The origin is on disk before the first byte is, so a kill at any time leaves bytes that are
    known, or none.
    """

    def __init__(self, folder: Path, key: str, *, name: str | None = None) -> None:
        name = name or hashlib.sha256(key.encode()).hexdigest()[:32]
        self._folder = folder
        self.path = folder / f"{name}.part"
        self._about = folder / f"{name}.json"
        self._lock_path = folder / f"{name}.lock"
        self._lock: IO[bytes] | None = None

    def acquire(self) -> bool:
        """False: another process downloads this at the moment."""
        self._folder.mkdir(parents=True, exist_ok=True)
        while True:
            lock = self._lock_path.open("ab")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                return False
            if _is_at(lock, self._lock_path):
                self._lock = lock
                return True
            lock.close()  # it was swept away between the two lines: the name is another file's

    def release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def resumable(self) -> tuple[Origin, int] | None:
        """Whose bytes there are and how many; None where they are of no use."""
        try:
            origin = Origin(**json.loads(self._about.read_text(encoding="utf-8")))
            size_bytes = self.path.stat().st_size
        except (OSError, ValueError, TypeError):
            return None
        if not size_bytes or origin.validator is None:
            return None
        if origin.size_bytes is not None and size_bytes > origin.size_bytes:
            return None
        return origin, size_bytes

    def start(self, origin: Origin) -> IO[bytes]:
        """Opens an empty part that belongs to `origin`."""
        self.discard()
        whole = self._about.with_suffix(".new")
        whole.write_text(json.dumps(asdict(origin)), encoding="utf-8")
        whole.replace(self._about)
        return self.path.open("wb", buffering=0)

    def resume(self) -> IO[bytes]:
        return self.path.open("ab", buffering=0)

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self._about.unlink(missing_ok=True)

    def forget(self) -> int:
        """Removes everything of it, the lock that is held as well; gives the bytes freed."""
        size_bytes = sum(p.stat().st_size for p in (self.path, self._about) if p.exists())
        self.discard()
        self._lock_path.unlink(missing_ok=True)
        self.release()
        return size_bytes

    def finish(self, target: Path) -> None:
        """Moves the whole file to `target`, by renaming where both are on one disk."""
        try:
            self.path.replace(target)
        except OSError:
            import shutil

            shutil.move(self.path, target)
        self.discard()


def sweep(folder: Path, *, age_s: float) -> tuple[int, int]:
    """Forgets the half downloads that nobody has touched for `age_s` seconds, and that no process
    works on; gives their number and the bytes freed."""
    count = size_bytes = 0
    for name in sorted({path.name.partition(".")[0] for path in _files(folder)}):
        mine = [p.stat().st_mtime for p in folder.glob(f"{name}.*")]
        part = Part(folder, "", name=name)
        if not mine or time.time() - max(mine) < age_s or not part.acquire():
            continue
        held_something = part.path.exists()
        size_bytes += part.forget()
        count += held_something
    return count, size_bytes


def held_bytes(folder: Path) -> int:
    """What the half downloads in `folder` take."""
    return sum(path.stat().st_size for path in _files(folder))


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []


def _is_at(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def write_all(file: IO[bytes], data: bytes | memoryview) -> None:
    """An unbuffered file takes as much as the disk has room for, and says only how much it was."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def check_room(folder: Path, wanted_bytes: int, place: str) -> None:
    """Whether the rest of what is at `place` fits on the disk of `folder`, before any of it comes.

    Raises DISK_FULL, and MEDIA_TOO_LARGE where the whole disk could not hold it.
    """
    disk = os.statvfs(folder)
    free_bytes = disk.f_bavail * disk.f_frsize
    if wanted_bytes <= free_bytes:
        return
    is_hopeless = wanted_bytes > disk.f_blocks * disk.f_frsize
    raise ReelError(
        Code.MEDIA_TOO_LARGE if is_hopeless else Code.DISK_FULL,
        f"{place} says that {wanted_bytes} bytes are to come; the disk of {folder} has room for "
        f"{free_bytes}",
        where=place,
        hint="use a larger disk (REEL_HOME), if the size is meant" if is_hopeless else None,
        evidence={"wanted_bytes": wanted_bytes, "free_bytes": free_bytes},
    )


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """What the file system refuses, as DISK_FULL or PERMISSION_DENIED; other errors pass."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            code = Code.DISK_FULL
        elif error.errno in (errno.EACCES, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EISDIR):
            code = Code.PERMISSION_DENIED
        else:
            raise
        reason = os.strerror(error.errno)
        raise ReelError(code, f"{path} cannot be written: {reason}", where=str(path)) from error
