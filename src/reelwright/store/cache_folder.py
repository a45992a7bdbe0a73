"""The folder of a machine with contents of a shared store: those used last, within a limit."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from reelwright.store.blobs import make_folder
from reelwright.store.shared import Alive

# Looking through all of it is done seldom: it is brought down to this share of its limit.
_DOWN_TO = 0.9
# Room that is left on the disk beside what comes.
_SPARE_BYTES = 64 << 20
# Another process of this machine brings the same: it is waited for while it gets on.
_LOOK_S = 0.1
_STANDSTILL_S = 30.0
_UNFINISHED_S = 24 * 3600.0


class CacheFolder:
    """Of all processes of the machine. Blocking. Methods raise OSError."""

    def __init__(self, root: Path, limit_bytes: int) -> None:
        self.root = root
        self._limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._held_bytes: int | None = None  # as far as known

    def path(self, sha256: str) -> Path:
        return self.root / "sha256" / sha256[:2] / sha256

    def move(self, source: Path, path: Path) -> None:
        """Not synced: after a power cut it is read before it is trusted, and can be had again."""
        try:
            source.replace(path)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            part = self.part(path.name)
            try:
                shutil.copyfile(source, part)
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
            source.unlink()

    def part(self, sha256: str) -> Path:
        folder = self.root / "incoming"
        make_folder(folder)
        return folder / f"{sha256}.{secrets.token_hex(4)}.part"

    @contextmanager
    def turn(self, sha256: str, alive: Alive) -> Iterator[bool]:
        """One process of this machine at a time: another one that brings it is waited for while it
        gets on. Gives whether there was another one."""
        name = self.root / "incoming" / f"{sha256}.lock"
        make_folder(name.parent)
        with name.open("ab") as file:
            has_lock, has_waited = _wait_for(file, lambda: self._progress(sha256), alive)
            if has_lock:  # who left these was killed
                for part in self._parts(sha256):
                    part.unlink(missing_ok=True)
            try:
                yield has_waited
            finally:
                with suppress(OSError):
                    name.unlink()

    def _progress(self, sha256: str) -> int:
        total = 0
        for part in self._parts(sha256):
            with suppress(OSError):
                total += part.stat().st_size
        return total

    def _parts(self, sha256: str) -> Iterator[Path]:
        return (self.root / "incoming").glob(f"{sha256}.*.part")

    def touch(self, path: Path) -> None:
        """Used now: the time of access says so (many systems no longer keep it by themselves)."""
        with suppress(OSError):
            found = path.stat()
            os.utime(path, ns=(time.time_ns(), found.st_mtime_ns))

    def grown(self, size_bytes: int, path: Path) -> None:
        with self._lock:
            if self._held_bytes is not None:
                self._held_bytes += size_bytes
            is_over = self._held_bytes is None or self._held_bytes > self._limit_bytes
        if is_over:
            self.evict(0, spared=path)

    def make_room(self, size_bytes: int) -> None:
        free = shutil.disk_usage(self.root).free
        if free < size_bytes + _SPARE_BYTES:
            self.evict(size_bytes + _SPARE_BYTES - free)

    def evict(self, wanted_bytes: int, spared: Path | None = None) -> int:
        """Drops what was used least recently and nobody reads, until the cache is within its limit
        and `wanted_bytes` were freed; gives the bytes freed. `spared` has only just come."""
        entries: list[tuple[int, int, Path]] = []
        for path in self.root.glob("sha256/*/*"):
            with suppress(OSError):
                found = path.stat()
                entries.append((found.st_atime_ns, found.st_size, path))
        held = sum(size for _, size, _ in entries)
        keep = self._limit_bytes
        if held > keep:
            keep = int(keep * _DOWN_TO)
        freed = 0
        for _, size, path in sorted(entries):
            if held - freed <= keep and freed >= wanted_bytes:
                break
            if path != spared and _drop(path):
                freed += size
        freed += self._sweep_parts()
        with self._lock:
            self._held_bytes = held - freed
        return freed

    def _sweep_parts(self) -> int:
        """What a process that was killed has left."""
        freed = 0
        for path in (self.root / "incoming").glob("*.part"):
            with suppress(OSError):
                found = path.stat()
                if time.time() - found.st_mtime > _UNFINISHED_S:
                    path.unlink()
                    freed += found.st_size
        return freed


def _drop(path: Path) -> bool:
    """Removes a file that nobody reads."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def _wait_for(file: IO[bytes], progress: Callable[[], int], alive: Alive) -> tuple[bool, bool]:
    """Takes the lock, or waits for who has it while that one gets on. Gives whether it has the lock
    now, and whether it waited."""
    last, since, is_first = progress(), time.monotonic(), True
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            is_first = False
            alive()
            now = progress()
            if now != last:
                last, since = now, time.monotonic()
            elif time.monotonic() - since > _STANDSTILL_S:
                return False, True  # frozen, it may be: this one goes its own way
            time.sleep(_LOOK_S)
        except OSError:
            return False, False  # a file system without locks
        else:
            return True, not is_first
