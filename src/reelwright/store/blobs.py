"""Content-addressed files: ``blobs/sha256/ab/abcd…`` holds the bytes with that digest.

A file gets there by one rename, so a name that exists is whole. It leaves by reflink, hard link or
copy, again with one rename at the end.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from reelwright.errors import Code, ReelError
from reelwright.media.digest import sha256_file

# ioctl of btrfs, XFS, bcachefs (linux/fs.h): the copy shares its extents until one side is written.
_FICLONE = 0x40049409
_COPY_BYTES = 1 << 20
_FEW = 16
_NO_LINK = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EACCES}


@dataclass(frozen=True, slots=True)
class Blob:
    """A stored content. `mtime_ns` and `inode`: its file's when it was last known good."""

    sha256: str
    size_bytes: int
    mtime_ns: int
    inode: int


class Pins:
    """Keeps what was brought where it is for as long as somebody reads it: a cache that has to make
    room leaves it. Held by locks of the system, which end with the process however it ends.

    `stop` ends what is on its way for them, from any thread.
    """

    def __init__(self) -> None:
        self._handles: list[int] = []
        self._is_stopped = False

    def stop(self) -> None:
        self._is_stopped = True

    def alive(self) -> None:
        """Raises CANCELLED after `stop`."""
        if self._is_stopped:
            raise ReelError(Code.CANCELLED, "nobody waits for it any more")

    def take(self, path: Path) -> bool:
        """Blocking for a moment. False where the file has gone meanwhile: bring it again."""
        try:
            handle = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH)
            if os.path.samestat(os.fstat(handle), path.stat()):
                self._handles.append(handle)
                return True
        except FileNotFoundError:
            pass
        except OSError:  # a file system without locks: nobody could make room there either
            self._handles.append(handle)
            return True
        os.close(handle)
        return False

    def release(self) -> None:
        while self._handles:
            os.close(self._handles.pop())

    def __enter__(self) -> Pins:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class Blobs:
    """The folder of all contents. Blocking; call it from a thread where files may be large.

    `is_shared`: other machines read and write the same contents, and asking for one may take a
    while (`store.shared_blobs`).
    """

    is_shared = False

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, sha256: str) -> Path:
        return self.root / "sha256" / sha256[:2] / sha256

    def put(self, source: Path, *, sha256: str | None = None) -> Blob:
        """Moves `source` in, and is done when it would survive a power cut.

        `sha256` spares reading the file where its digest is known. Raises DISK_FULL,
        PERMISSION_DENIED, OUTPUT_MISSING.
        """
        try:
            blob = self._put(source, sha256, sync=True)
            to_disk(self.path(blob.sha256).parent)
        except OSError as error:
            raise refused(error, source) from error
        return blob

    def put_all(
        self,
        sources: Sequence[Path],
        digests: Sequence[str | None] | None = None,
        *,
        done: dict[Path, Blob] | None = None,
    ) -> list[Blob]:
        """`put` of several, `digests` in their order; many (stills) are made durable together.
        `done` is what an earlier call, which may have been broken off by an outage of a shared
        store, has put of them. Raises as `put`."""
        pairs = list(zip(sources, digests or [None] * len(sources), strict=True))
        if len(sources) <= _FEW:
            return [self.put(source, sha256=digest) for source, digest in pairs]
        os.sync()  # one for all: a sync of each would take longer than making them
        try:
            found = [self._put(source, digest, sync=False) for source, digest in pairs]
            for folder in {self.path(blob.sha256).parent for blob in found}:
                to_disk(folder)
        except OSError as error:
            raise refused(error, sources[0]) from error
        return found

    def check(self, sha256: str, size_bytes: int, mtime_ns: int, inode: int) -> bool:
        """Whether the file is there and nobody touched it. Costs one stat, reads nothing."""
        try:
            found = self.path(sha256).stat()
        except OSError:
            return False
        return (found.st_size, found.st_mtime_ns, found.st_ino) == (size_bytes, mtime_ns, inode)

    def check_all(self, blobs: Sequence[Blob]) -> list[bool]:
        """`check` of each."""
        return [self.check(b.sha256, b.size_bytes, b.mtime_ns, b.inode) for b in blobs]

    def bring(
        self,
        sha256: str,
        size_bytes: int,
        stamp: tuple[int, int] | None = None,
        *,
        pins: Pins | None = None,
    ) -> Path:
        """The content's file, to be read and not to be written to; `stamp` is its row's mtime (ns)
        and inode. It stays until `pins` is released. Raises ARTIFACT_DAMAGED."""
        path = self.path(sha256)
        if stamp is None:
            is_whole = path.is_file() and path.stat().st_size == size_bytes
        else:
            is_whole = self.check(sha256, size_bytes, *stamp)
        if not is_whole:
            raise ReelError(
                Code.ARTIFACT_DAMAGED, "a stored content is no longer what it was", where=sha256
            )
        return path

    def give_way(self, wanted_bytes: int) -> int | None:
        """Makes room on this machine's disk with what can be had again elsewhere; gives the bytes
        freed. None: there is nothing elsewhere."""
        return None

    def verify(self, sha256: str) -> bool:
        """Reads the whole file and compares its digest."""
        try:
            return sha256_file(self.path(sha256)) == sha256
        except OSError:
            return False

    def remove(self, sha256: str) -> int:
        """Deletes the file; gives the bytes that it had, 0 where there was none."""
        path = self.path(sha256)
        try:
            size = path.stat().st_size
            path.unlink()
        except FileNotFoundError:
            return 0
        return size

    def stored(self) -> Iterator[Path]:
        """Every file in the store, unfinished ones included."""
        yield from (p for p in self.root.glob("sha256/*/*") if p.is_file())

    def deliver(self, sha256: str, destination: Path, *, overwrite: bool, mark: str) -> str:
        """Puts the content at `destination` in one move; gives "reflink", "link" or "copy".

        `mark` names the unfinished file, so that a second try after a crash replaces it. Raises
        OUTPUT_EXISTS, OUTPUT_PATH, ARTIFACT_DAMAGED, DISK_FULL, PERMISSION_DENIED.
        """
        source = self.path(sha256)
        if not source.is_file():
            raise ReelError(Code.ARTIFACT_DAMAGED, "the artifact's file is gone", where=sha256)
        part = unfinished(destination, mark)
        try:
            make_folder(destination.parent)
            part.unlink(missing_ok=True)
            try:
                how = _share(source, part)
                _publish(part, destination, overwrite=overwrite)
            finally:
                part.unlink(missing_ok=True)
        except OSError as error:
            raise refused(error, destination) from error
        return how

    def _put(self, source: Path, sha256: str | None, *, sync: bool) -> Blob:
        digest = sha256 or sha256_file(source)
        target = self.path(digest)
        if self._holds(target, source.stat().st_size, digest):
            source.unlink()
        else:
            make_folder(target.parent)
            _move(source, target, sync=sync)
        found = target.stat()
        return Blob(digest, found.st_size, found.st_mtime_ns, found.st_ino)

    def _holds(self, target: Path, size: int, digest: str) -> bool:
        """Whether the same content is stored already; read again, as somebody may have edited it.

        The good file is not replaced by its equal: rows remember its inode.
        """
        with suppress(OSError):
            return target.stat().st_size == size and self.verify(digest)
        return False


def copy_to(source: Path, destination: Path, mark: str) -> str:
    """Puts a file of any place at `destination` in one move, over what is there; gives "reflink",
    "link" or "copy". `mark` names the unfinished file. Raises DISK_FULL, PERMISSION_DENIED."""
    part = unfinished(destination, mark)
    try:
        make_folder(destination.parent)
        part.unlink(missing_ok=True)
        try:
            how = _share(source, part)
            part.replace(destination)
        finally:
            part.unlink(missing_ok=True)
        to_disk(destination.parent)
    except OSError as error:
        raise refused(error, destination) from error
    return how


def unfinished(destination: Path, mark: str) -> Path:
    """The name of a file on its way to `destination`, within the 255 bytes of a name."""
    begin = os.fsdecode(os.fsencode(destination.name)[:150])
    return destination.with_name(f".{begin}.{mark}.part")


def refused(error: OSError, path: Path) -> ReelError:
    """The file system's refusal in our words."""
    code = {
        errno.ENOSPC: Code.DISK_FULL,
        errno.EDQUOT: Code.DISK_FULL,
        errno.EACCES: Code.PERMISSION_DENIED,
        errno.EPERM: Code.PERMISSION_DENIED,
        errno.EROFS: Code.PERMISSION_DENIED,
        errno.EEXIST: Code.OUTPUT_EXISTS,
        errno.EISDIR: Code.OUTPUT_PATH,
        errno.ENOTDIR: Code.OUTPUT_PATH,
        errno.ENAMETOOLONG: Code.OUTPUT_PATH,
        errno.ENOENT: Code.OUTPUT_MISSING,
        errno.EMFILE: Code.PROCESS_LIMIT,
        errno.ENFILE: Code.PROCESS_LIMIT,
    }.get(error.errno or 0, Code.INTERNAL)
    return ReelError(code, f"{error.strerror or error}: {path}", where=str(path))


def _move(source: Path, target: Path, *, sync: bool) -> None:
    """The file is on disk before its name is; the name's folder is for the caller to sync."""
    if sync:
        to_disk(source)
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        part = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
        try:
            shutil.copyfile(source, part)
            to_disk(part)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
        source.unlink()


def make_folder(folder: Path) -> None:
    """The names of new folders are made durable too: with one of them its files would be lost."""
    if folder.is_dir():
        return
    if not folder.parent.exists():
        make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    with suppress(PermissionError):  # of a folder that may be written to but not read
        to_disk(folder.parent)


def _share(source: Path, part: Path) -> str:
    """The cheapest way that this file system knows."""
    if reflink(source, part):
        return "reflink"
    try:
        os.link(source, part)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
    else:
        return "link"
    with source.open("rb") as reader, part.open("xb") as writer:
        shutil.copyfileobj(reader, writer, _COPY_BYTES)
    to_disk(part)
    return "copy"


def reflink(source: Path, part: Path) -> bool:
    """A copy that costs nothing, where the file system knows such; `part` must not exist."""
    # "x": never through a link that somebody has put there.
    with source.open("rb") as reader, part.open("xb") as writer, suppress(OSError):
        fcntl.ioctl(writer.fileno(), _FICLONE, reader.fileno())
        os.fsync(writer.fileno())
        return True
    part.unlink()
    return False


def _publish(part: Path, destination: Path, *, overwrite: bool) -> None:
    if destination.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a directory", str(destination))
    if overwrite:
        part.replace(destination)
    else:
        try:
            # Unlike rename, it never replaces.
            os.link(part, destination, follow_symlinks=False)
        except FileExistsError:
            raise
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
            if destination.exists():
                raise FileExistsError(errno.EEXIST, "exists", str(destination)) from None
            part.replace(destination)
    to_disk(destination.parent)


def to_disk(path: Path) -> None:
    """A rename is only as durable as the file and the folder it stands in."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        # Some network file systems cannot sync a folder; their rename is all there is.
        if error.errno not in {errno.EINVAL, errno.ENOTSUP} or stat.S_ISREG(
            os.fstat(handle).st_mode
        ):
            raise
    finally:
        os.close(handle)
