"""Blobs that all nodes share: what is put goes to the shared store, the folder here is a cache.

Where the shared store is a folder that this machine sees, it is read in place, without a cache.
Else what is asked for comes once, verified while it comes, however many steps and processes of the
machine ask for it. Nothing is trusted that this process did not see whole: after a restart a file
is read once, and its stamp remembered.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

from reelwright.errors import Code, ReelError
from reelwright.media.digest import sha256_file
from reelwright.store.blobs import Blob, Blobs, Pins, make_folder, refused
from reelwright.store.cache_folder import CacheFolder
from reelwright.store.shared import Alive, SharedStore, damaged, nobody

# How long an answer that a content is there counts: who clears up leaves new ones for hours.
_SEEN_S = 300.0
_MOST_REMEMBERED = 200_000
_AT_ONCE = 16

_Stamp = tuple[int, int, int]


class SharedBlobs(Blobs):
    """`root`: the cache, of at most `limit_bytes`, beside what steps are reading at the moment."""

    is_shared = True

    def __init__(self, root: Path, shared: SharedStore, *, limit_bytes: int) -> None:
        super().__init__(root)
        self.shared = shared
        self._cache = CacheFolder(root, limit_bytes)
        self._lock = threading.Lock()
        self._good: OrderedDict[str, _Stamp] = OrderedDict()  # stamps of files that were verified
        self._seen: OrderedDict[str, float] = OrderedDict()  # until when a content counts as there
        self._bad: set[str] = set()  # what the store has is not what its name says
        self._coming: dict[str, tuple[threading.Lock, int]] = {}
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="blobs")

    def path(self, sha256: str) -> Path:
        """Where it is read on this machine once it is there (see `bring`)."""
        return self.shared.place(sha256) or self._cache.path(sha256)

    def put(self, source: Path, *, sha256: str | None = None) -> Blob:
        """Into the shared store, and then into the cache. Raises as `Blobs.put`, and
        ARTIFACTS_UNAVAILABLE: then `source` is still there."""
        try:
            digest = sha256 or sha256_file(source)
            size_bytes = source.stat().st_size
        except OSError as error:
            raise refused(error, source) from error
        if digest in self._bad or not self._is_good_there(digest, size_bytes):
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
        path = self._cache.path(sha256)
        while True:
            with self._alone(sha256):
                if not self._is_good(path, sha256, size_bytes, None):
                    self._fetch(sha256, size_bytes, path, nobody if pins is None else pins.alive)
                is_pinned = pins is None or pins.take(path)
            if is_pinned:
                self._cache.touch(path)
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
        return self._cache.evict(wanted_bytes)

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

    def _is_good_there(self, sha256: str, size_bytes: int) -> bool:
        """False where a folder that all see has another content under this name: somebody wrote to
        it. What is not there is no other content."""
        place = self.shared.place(sha256)
        if place is None or not self.shared.has(sha256, size_bytes):
            return True
        return self._is_good(place, sha256, size_bytes, None)

    def _give(self, sha256: str, size_bytes: int, mtime_ns: int, inode: int) -> bool:
        """What the shared store lacks, and this machine made before there was one or still has, is
        given to all."""
        path = self._cache.path(sha256)
        try:
            if _stamp(path) != (size_bytes, mtime_ns, inode):
                return False
            self.shared.put(sha256, path)
        except OSError:
            return False
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
        path = self._cache.path(sha256)
        with self._alone(sha256):
            try:
                if self._is_good(path, sha256, source.stat().st_size, None):
                    source.unlink()
                else:
                    make_folder(path.parent)
                    self._cache.move(source, path)
            except OSError as error:
                if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                    raise
                source.unlink(missing_ok=True)
                return None
            found = path.stat()
            self._remember(sha256, (found.st_size, found.st_mtime_ns, found.st_ino))
        self._cache.grown(found.st_size, path)
        return found

    def _fetch(self, sha256: str, size_bytes: int, path: Path, alive: Alive) -> None:
        try:
            make_folder(path.parent)
            with self._cache.turn(sha256, alive) as has_waited:
                if not (has_waited and self._is_good(path, sha256, size_bytes, None)):
                    self._download(sha256, size_bytes, path, alive)
        except OSError as error:
            raise refused(error, path) from error
        self._cache.grown(size_bytes, path)

    def _download(self, sha256: str, size_bytes: int, path: Path, alive: Alive) -> None:
        part = self._cache.part(sha256)
        try:
            self._cache.make_room(size_bytes)
            try:
                self.shared.get(sha256, size_bytes, part, alive=alive)
            except ReelError as error:
                if error.code is not Code.DISK_FULL or not self._cache.evict(size_bytes):
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


def _stamp(path: Path) -> _Stamp:
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ino
