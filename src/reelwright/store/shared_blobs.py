"""Blobs that all nodes share: what is put goes to the shared store, the folder here is a cache.

Where the shared store is a folder that this machine sees, it is read in place, without a cache.
Else what is asked for comes once, verified while it comes, however many steps and processes of the
machine ask for it. Nothing is trusted that this process did not see whole: after a restart a file
is read once, and its stamp remembered.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from reelwright.errors import Code, ReelError
from reelwright.media.digest import sha256_file
from reelwright.store.blobs import Blob, Blobs, Pins, make_folder, refused
from reelwright.store.shared import Alive, SharedStore, damaged, nobody

# How long an answer that a content is there counts: who clears up leaves new ones for hours.
_SEEN_S = 300.0
_MOST_REMEMBERED = 200_000
_AT_ONCE = 16
# Looking through the cache is done seldom: it is brought down to this share of its limit.
_DOWN_TO = 0.9
# Room that is left on the disk beside what comes.
_SPARE_BYTES = 64 << 20
# Another process of this machine brings the same: it is waited for while it gets on.
_LOOK_S = 0.1
_STANDSTILL_S = 30.0
_UNFINISHED_S = 24 * 3600.0

_Stamp = tuple[int, int, int]


class SharedBlobs(Blobs):
    """`root`: the cache, of at most `limit_bytes`, beside what steps are reading at the moment."""

    is_shared = True

    def __init__(self, root: Path, shared: SharedStore, *, limit_bytes: int) -> None:
        super().__init__(root)
        self.shared = shared
        self._limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._good: OrderedDict[str, _Stamp] = OrderedDict()  # stamps of files that were verified
        self._seen: OrderedDict[str, float] = OrderedDict()  # until when a content counts as there
        self._bad: set[str] = set()  # what the store has is not what its name says
        self._coming: dict[str, tuple[threading.Lock, int]] = {}
        self._held_bytes: int | None = None  # of the cache, as far as known
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="blobs")

    def path(self, sha256: str) -> Path:
        """Where it is read on this machine once it is there (see `bring`)."""
        return self.shared.place(sha256) or super().path(sha256)

    def put(self, source: Path, *, sha256: str | None = None) -> Blob:
        """Into the shared store, and then into the cache. Raises as `Blobs.put`, and
        ARTIFACTS_UNAVAILABLE: then `source` is still there."""
        try:
            digest = sha256 or sha256_file(source)
            size_bytes = source.stat().st_size
        except OSError as error:
            raise refused(error, source) from error
        if digest in self._bad:
            self.shared.remove(digest)
        self.shared.put(digest, source, is_ours=True)
        self._bad.discard(digest)
        self._note_seen(digest)
        try:
            found = self._settle(source, digest)
        except OSError as error:
            raise refused(error, source) from error
        if found is None:  # no room in the cache: it is brought when it is asked for
            return Blob(digest, size_bytes, 0, 0)
        return Blob(digest, found.st_size, found.st_mtime_ns, found.st_ino)

    def put_all(
        self,
        sources: Sequence[Path],
        digests: Sequence[str | None] | None = None,
        *,
        done: dict[Path, Blob] | None = None,
    ) -> list[Blob]:
        done = {} if done is None else done
        pairs = zip(sources, digests or [None] * len(sources), strict=True)
        left = [(source, digest) for source, digest in pairs if source not in done]
        if len(left) == 1:
            source, digest = left[0]
            done[source] = self.put(source, sha256=digest)
        else:
            tasks = {s: self._pool.submit(self.put, s, sha256=digest) for s, digest in left}
            wait(tasks.values())
            for source, task in tasks.items():
                if task.exception() is None:
                    done[source] = task.result()
            for task in tasks.values():
                task.result()
        return [done[source] for source in sources]

    def offer(self, sha256: str, source: Path, pins: Pins) -> None:
        """Puts a file of somebody else's into the shared store, and leaves it as it is; `pins`
        ends that. Raises INPUT_CHANGED where its content is another, ARTIFACTS_UNAVAILABLE,
        DISK_FULL, CANCELLED."""
        if not self._is_seen(sha256):
            with self._alone(sha256):
                self.shared.put(sha256, source, alive=pins.alive)
            self._note_seen(sha256)

    def check(self, sha256: str, size_bytes: int, mtime_ns: int, inode: int) -> bool:
        """Whether the shared store has it, whole. One request at most, and none for some minutes
        after it was there. Raises ARTIFACTS_UNAVAILABLE: nothing is known of it then."""
        if sha256 in self._bad:
            return False
        place = self.shared.place(sha256)
        if place is not None:
            if not self.shared.has(sha256, size_bytes):
                return self._give(sha256, size_bytes, mtime_ns, inode)
            return self._is_good(place, sha256, size_bytes, (mtime_ns, inode))
        if self._is_seen(sha256):
            return True
        if self.shared.has(sha256, size_bytes):
            self._note_seen(sha256)
            return True
        return self._give(sha256, size_bytes, mtime_ns, inode)

    def check_all(self, blobs: Sequence[Blob]) -> list[bool]:
        if len(blobs) < 2:
            return super().check_all(blobs)
        tasks = [
            self._pool.submit(self.check, b.sha256, b.size_bytes, b.mtime_ns, b.inode)
            for b in blobs
        ]
        return [task.result() for task in tasks]

    def bring(
        self,
        sha256: str,
        size_bytes: int,
        stamp: tuple[int, int] | None = None,
        *,
        pins: Pins | None = None,
    ) -> Path:
        """The file on this machine, verified: it comes where it is not there yet. Raises
        ARTIFACT_DAMAGED, ARTIFACTS_UNAVAILABLE, DISK_FULL."""
        place = self.shared.place(sha256)
        if place is not None:
            if not (
                self.shared.has(sha256, size_bytes)
                or self._give(sha256, size_bytes, *(stamp or (0, 0)))
            ):
                raise damaged(sha256, "no longer in the shared folder")
            if not self._is_good(place, sha256, size_bytes, stamp):
                self._bad.add(sha256)
                raise damaged(sha256, "no longer what it was")
            return place
        path = super().path(sha256)
        while True:
            with self._alone(sha256):
                if not self._is_good(path, sha256, size_bytes, None):
                    self._fetch(sha256, size_bytes, path, nobody if pins is None else pins.alive)
                is_pinned = pins is None or pins.take(path)
            if is_pinned:
                self._touch(path)
                return path

    def verify(self, sha256: str) -> bool:
        path = self.path(sha256)
        try:
            return sha256_file(path) == sha256
        except OSError:
            return False

    def remove(self, sha256: str) -> int:
        """From the shared store as well; a step of this machine that reads it goes on."""
        self._seen.pop(sha256, None)
        self._good.pop(sha256, None)
        self.shared.remove(sha256)
        self._bad.discard(sha256)
        return super().remove(sha256) if self.shared.place(sha256) is None else 0

    def stored(self) -> Iterator[Path]:
        """Nothing that others could clear up: the cache keeps itself within its limit."""
        yield from ()

    def give_way(self, wanted_bytes: int) -> int | None:
        return self._evict(wanted_bytes)

    def bring_any(self, sha256: str, *, pins: Pins | None = None) -> Path | None:
        """`bring` of a content whose size nobody knows; None where the shared store lacks it."""
        size_bytes = self.shared.size_bytes(sha256)
        return None if size_bytes is None else self.bring(sha256, size_bytes, pins=pins)

    # What is known of files.

    def _is_good(
        self, path: Path, sha256: str, size_bytes: int, stamp: tuple[int, int] | None
    ) -> bool:
        """Whether the file is whole: as it was when it was verified, by this process or by the
        row (`stamp`), or else by reading it."""
        try:
            found = _stamp(path)
            if found[0] != size_bytes:
                return False
            if found[1:] == stamp or found == self._good.get(sha256):
                return True
            if sha256_file(path) != sha256 or _stamp(path) != found:
                return False
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.ENOTDIR}:
                return False
            raise refused(error, path) from error
        self._remember(sha256, found)
        return True

    def _remember(self, sha256: str, stamp: _Stamp) -> None:
        with self._lock:
            self._good[sha256] = stamp
            self._good.move_to_end(sha256)
            while len(self._good) > _MOST_REMEMBERED:
                self._good.popitem(last=False)

    def _is_seen(self, sha256: str) -> bool:
        return self._seen.get(sha256, 0.0) > time.monotonic()

    def _note_seen(self, sha256: str) -> None:
        with self._lock:
            self._seen[sha256] = time.monotonic() + _SEEN_S
            self._seen.move_to_end(sha256)
            while len(self._seen) > _MOST_REMEMBERED:
                self._seen.popitem(last=False)

    def _give(self, sha256: str, size_bytes: int, mtime_ns: int, inode: int) -> bool:
        """What the shared store lacks, and this machine made before there was one or still has, is
        given to all."""
        path = super().path(sha256)
        if not super().check(sha256, size_bytes, mtime_ns, inode):
            return False
        try:
            self.shared.put(sha256, path)
        except ReelError as error:
            if error.code is Code.INPUT_CHANGED:
                return False
            raise
        self._note_seen(sha256)
        return True

    # The cache.

    def _settle(self, source: Path, sha256: str) -> os.stat_result | None:
        """What was put stays here too, where there is room."""
        place = self.shared.place(sha256)
        if place is not None:
            source.unlink(missing_ok=True)
            found = place.stat()
            self._remember(sha256, (found.st_size, found.st_mtime_ns, found.st_ino))
            return found
        path = super().path(sha256)
        with self._alone(sha256):
            try:
                if self._is_good(path, sha256, source.stat().st_size, None):
                    source.unlink()
                else:
                    make_folder(path.parent)
                    self._move(source, path)
            except OSError as error:
                if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                    raise
                source.unlink(missing_ok=True)
                return None
            found = path.stat()
            self._remember(sha256, (found.st_size, found.st_mtime_ns, found.st_ino))
        self._grown(found.st_size, path)
        return found

    def _move(self, source: Path, path: Path) -> None:
        """Not synced: after a power cut it is read before it is trusted, and can be had again."""
        try:
            source.replace(path)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            part = self._part(path.name)
            try:
                shutil.copyfile(source, part)
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
            source.unlink()

    def _fetch(self, sha256: str, size_bytes: int, path: Path, alive: Alive) -> None:
        try:
            make_folder(path.parent)
            with self._turn(sha256, alive) as has_waited:
                if not (has_waited and self._is_good(path, sha256, size_bytes, None)):
                    self._download(sha256, size_bytes, path, alive)
        except OSError as error:
            raise refused(error, path) from error
        self._grown(size_bytes, path)

    def _download(self, sha256: str, size_bytes: int, path: Path, alive: Alive) -> None:
        part = self._part(sha256)
        try:
            self._make_room(size_bytes)
            try:
                self.shared.get(sha256, size_bytes, part, alive=alive)
            except ReelError as error:
                if error.code is not Code.DISK_FULL or not self._evict(size_bytes):
                    raise
                self.shared.get(sha256, size_bytes, part, alive=alive)
            self._remember(sha256, _stamp(part))
            part.replace(path)
        except ReelError as error:
            if error.code is Code.ARTIFACT_DAMAGED:
                self._seen.pop(sha256, None)
                self._bad.add(sha256)
            raise
        finally:
            part.unlink(missing_ok=True)

    def _part(self, sha256: str) -> Path:
        folder = self.root / "incoming"
        make_folder(folder)
        return folder / f"{sha256}.{secrets.token_hex(4)}.part"

    @contextmanager
    def _alone(self, sha256: str) -> Iterator[None]:
        """One thread of this process at a time."""
        with self._lock:
            lock, users = self._coming.get(sha256) or (threading.Lock(), 0)
            self._coming[sha256] = (lock, users + 1)
        try:
            with lock:
                yield
        finally:
            with self._lock:
                lock, users = self._coming[sha256]
                if users == 1:
                    del self._coming[sha256]
                else:
                    self._coming[sha256] = (lock, users - 1)

    @contextmanager
    def _turn(self, sha256: str, alive: Alive) -> Iterator[bool]:
        """One process of this machine at a time: another one that brings it is waited for while it
        gets on. Gives whether there was another one."""
        name = self.root / "incoming" / f"{sha256}.lock"
        make_folder(name.parent)
        with name.open("ab") as file:
            has_waited = not _wait_for(file, lambda: self._progress(sha256), alive)
            try:
                yield has_waited
            finally:
                with suppress(OSError):
                    name.unlink()

    def _progress(self, sha256: str) -> int:
        total = 0
        for part in (self.root / "incoming").glob(f"{sha256}.*.part"):
            with suppress(OSError):
                total += part.stat().st_size
        return total

    def _touch(self, path: Path) -> None:
        """Used now: the time of access says so (many systems no longer keep it by themselves)."""
        with suppress(OSError):
            found = path.stat()
            os.utime(path, ns=(time.time_ns(), found.st_mtime_ns))

    def _grown(self, size_bytes: int, path: Path) -> None:
        with self._lock:
            if self._held_bytes is not None:
                self._held_bytes += size_bytes
            is_over = self._held_bytes is None or self._held_bytes > self._limit_bytes
        if is_over:
            self._evict(0, spared=path)

    def _make_room(self, size_bytes: int) -> None:
        free = shutil.disk_usage(self.root).free
        if free < size_bytes + _SPARE_BYTES:
            self._evict(size_bytes + _SPARE_BYTES - free)

    def _evict(self, wanted_bytes: int, spared: Path | None = None) -> int:
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
                self._good.pop(path.name, None)
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


def _stamp(path: Path) -> _Stamp:
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ino


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


def _wait_for(file: IO[bytes], progress: Callable[[], int], alive: Alive) -> bool:
    """Takes the lock, or waits for who has it while that one gets on. True where it was free."""
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
                return False  # frozen, it may be: this one goes its own way
            time.sleep(_LOOK_S)
        except OSError:
            return True  # a file system without locks
        else:
            return is_first
