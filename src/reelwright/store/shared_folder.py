"""A shared store in a folder that all nodes see (NFS and its like): nodes read it in place."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reelwright.errors import Code, ReelError
from reelwright.media.digest import sha256_file
from reelwright.store.blobs import make_folder, reflink, refused, to_disk
from reelwright.store.shared import (
    Alive,
    Stored,
    changed,
    damaged,
    invalid,
    nobody,
    unavailable,
)

_COPY_BYTES = 1 << 20
# A content that was put longer ago than this gets a mark when it is put again: who clears up looks
# at how old it is.
MARK_S = 12 * 3600.0
# What was left half written; nobody writes to one file for so long.
_UNFINISHED_S = 7 * 86400.0
# What the system says of a server that is away: not of the file, and not of us.
_AWAY = frozenset(
    {
        errno.EIO,
        errno.ESTALE,
        errno.ETIMEDOUT,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.ENOTCONN,
        errno.EREMOTEIO,
        errno.ENODEV,
    }
)


class SharedFolder:
    """Each content becomes visible by one rename. The folder itself must be there: a mount that is
    missing must not look like an empty store."""

    def __init__(self, root: Path) -> None:
        self.root = root
        if root.exists() and not root.is_dir():
            raise invalid(f"'{root}' is no folder")

    @property
    def where(self) -> str:
        return str(self.root)

    def place(self, sha256: str) -> Path | None:
        return self.root / "sha256" / sha256[:2] / sha256

    def has(self, sha256: str, size_bytes: int) -> bool:
        return self.size_bytes(sha256) == size_bytes

    def size_bytes(self, sha256: str) -> int | None:
        with self._errors():
            found = self._stat(self._content(sha256))
            return None if found is None else found.st_size

    def put(
        self, sha256: str, source: Path, *, is_ours: bool = False, alive: Alive = nobody
    ) -> None:
        target = self._content(sha256)
        with self._errors(source):
            found = self._stat(target)
            if found is not None and found.st_size == source.stat().st_size:
                self._mark(sha256, found.st_mtime)
                return
            make_folder(target.parent)
            part = self._part(sha256)
            try:
                self._write(source, part, sha256, is_ours, alive)
                part.replace(target)
                to_disk(target.parent)
            finally:
                part.unlink(missing_ok=True)

    def get(self, sha256: str, size_bytes: int, target: Path, *, alive: Alive = nobody) -> None:
        source = self._content(sha256)
        with self._errors(target):
            if self._stat(source) is None:
                raise damaged(sha256, "no longer in the shared folder")
            if _copy(source, target, alive) != sha256:
                raise damaged(sha256, "no longer what it was")

    def remove(self, sha256: str) -> None:
        with self._errors():
            self._content(sha256).unlink(missing_ok=True)
            (self.root / "used" / sha256).unlink(missing_ok=True)

    def contents(self) -> Iterator[Stored]:
        marks = dict(_listed(self.root / "used"))
        for folder in _entries(self.root / "sha256"):
            for name, found in _listed(Path(folder.path)):
                at = max(found.st_mtime, marks[name].st_mtime if name in marks else 0.0)
                yield Stored(name, found.st_size, at)
        self._clear()

    def put_text(self, name: str, source: Path | bytes) -> None:
        target = self._text(name)
        with self._errors():
            make_folder(target.parent)
            part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
            try:
                if isinstance(source, bytes):
                    part.write_bytes(source)
                else:
                    shutil.copyfile(source, part)
                part.replace(target)
            finally:
                part.unlink(missing_ok=True)

    def get_text(self, name: str, start: int = 0) -> bytes | None:
        with self._errors():
            try:
                with self._text(name).open("rb") as file:
                    file.seek(start)
                    return file.read()
            except (FileNotFoundError, NotADirectoryError):
                return None

    def text_bytes(self, name: str) -> int | None:
        with self._errors():
            found = self._stat(self._text(name))
            return None if found is None else found.st_size

    def texts(self, folder: str = "") -> Iterator[Stored]:
        top = self.root / "logs"
        with self._errors():
            for base, _folders, names in os.walk(top / folder):
                for name in names:
                    path = Path(base, name)
                    with suppress(FileNotFoundError):
                        found = path.stat()
                        yield Stored(str(path.relative_to(top)), found.st_size, found.st_mtime)

    def remove_text(self, name: str) -> None:
        path = self._text(name)
        with self._errors():
            path.unlink(missing_ok=True)
            with suppress(OSError):  # others are in it
                path.parent.rmdir()

    def probe(self) -> None:
        name = f"probes/{secrets.token_hex(8)}"
        self.put_text(name, b"reelwright")
        if self.get_text(name) != b"reelwright":
            raise unavailable(self.where, "what was written cannot be read back")
        self.remove_text(name)

    def _content(self, sha256: str) -> Path:
        return self.root / "sha256" / sha256[:2] / sha256

    def _text(self, name: str) -> Path:
        path = self.root / "logs" / name
        if ".." in path.parts:
            raise ReelError(Code.INTERNAL, "a log's name must not leave its folder", where=name)
        return path

    def _part(self, sha256: str) -> Path:
        folder = self.root / "incoming"
        make_folder(folder)
        return folder / f"{sha256}.{secrets.token_hex(4)}.part"

    def _write(self, source: Path, part: Path, sha256: str, is_ours: bool, alive: Alive) -> None:
        """`part` becomes the content, on the disk; a file of ours is moved where that is one
        rename."""
        if is_ours:
            to_disk(source)
            with suppress(OSError):  # another file system
                source.replace(part)
                return
        if reflink(source, part):
            digest = sha256 if is_ours else sha256_file(part)
        else:
            digest = _copy(source, part, alive)
        if digest != sha256:
            raise changed(source)
        to_disk(part)

    def _mark(self, sha256: str, written_at: float) -> None:
        """Says that it was put again: it is not as old as it looks."""
        if time.time() - written_at > MARK_S:
            mark = self.root / "used" / sha256
            make_folder(mark.parent)
            mark.touch()

    def _stat(self, path: Path) -> os.stat_result | None:
        try:
            return path.stat()
        except (FileNotFoundError, NotADirectoryError):
            # NFS remembers for a while that a name was not there; opening the folder asks again.
            for folder in (self.root, path.parent):
                with suppress(FileNotFoundError, NotADirectoryError):
                    os.close(os.open(folder, os.O_RDONLY | os.O_DIRECTORY))
            with suppress(FileNotFoundError, NotADirectoryError):
                return path.stat()
        if not self.root.is_dir():
            raise unavailable(self.where, "the folder is not there; is it mounted?")
        return None

    def _clear(self) -> None:
        for name, found in _listed(self.root / "incoming"):
            if time.time() - found.st_mtime > _UNFINISHED_S:
                (self.root / "incoming" / name).unlink(missing_ok=True)

    @contextmanager
    def _errors(self, path: Path | None = None) -> Iterator[None]:
        """The folder's refusal in our words; one that is not there is a store that is away."""
        try:
            if not self.root.is_dir():
                raise unavailable(self.where, "the folder is not there; is it mounted?")
            yield
        except OSError as error:
            if error.errno in _AWAY:
                raise unavailable(self.where, error.strerror or str(error)) from error
            raise refused(error, path or self.root) from error


def _copy(source: Path, target: Path, alive: Alive) -> str:
    """Gives the digest of what was copied, and leaves it on the disk."""
    digest = hashlib.sha256()
    with source.open("rb", buffering=0) as reader, target.open("wb", buffering=0) as writer:
        while block := reader.read(_COPY_BYTES):
            alive()
            digest.update(block)
            view = memoryview(block)
            while view:
                view = view[writer.write(view) :]
        os.fsync(writer.fileno())
    return digest.hexdigest()


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as found:
        yield from found


def _listed(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    for entry in _entries(folder):
        with suppress(FileNotFoundError):
            if entry.is_file(follow_symlinks=False):
                yield entry.name, entry.stat(follow_symlinks=False)
