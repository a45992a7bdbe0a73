"""The folders that a job of a service may use, and a way into them that no link leads astray."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from reelwright.errors import Code, ReelError
from reelwright.store.blobs import refused

# Everything that the user who runs the service may read or write, object stores too.
EVERYWHERE = "/"
_HAS_PROC = sys.platform == "linux"
# A folder that was there a moment ago is a link or a file now, or a link is none any more.
_SWAPPED = frozenset({errno.ELOOP, errno.ENOTDIR, errno.EINVAL})
_URL = re.compile(r"(?!file:)[A-Za-z][A-Za-z0-9+.-]*://")


def is_url(place: str) -> bool:
    return _URL.match(place) is not None


def is_within(place: str | Path, folders: Iterable[str | Path]) -> bool:
    """Whether `place` is one of `folders` or lies below one, all links followed.

    `place` is an absolute path, of which as much as there is exists, or a URL; a URL lies below a
    folder that is a URL. ``/`` holds everything.
    """
    text = str(place)
    allowed = [str(folder) for folder in folders]
    if EVERYWHERE in allowed:
        return True
    if is_url(text):
        return any(_is_below_url(text, folder) for folder in allowed if is_url(folder))
    try:
        path = Path(os.path.realpath(text))
    except OSError:  # a link that is changed at this very moment
        return False
    return any(
        path.is_relative_to(os.path.realpath(folder)) for folder in allowed if not is_url(folder)
    )


def _is_below_url(url: str, folder: str) -> bool:
    """By whole names: ``s3://b/a`` holds ``s3://b/a/x``, not ``s3://b/ab``."""
    one, other = urlsplit(url), urlsplit(folder)
    if (one.scheme, one.netloc) != (other.scheme, other.netloc):
        return False
    names = one.path.strip("/").split("/")
    # Whoever reads the URL may decode it, or take out what these stand for.
    if any(unquote(name) in ("", ".", "..") or "%2f" in name.lower() for name in names):
        return False
    wanted = [name for name in other.path.split("/") if name]
    return names[: len(wanted)] == wanted


@contextmanager
def entered(path: Path, folders: Collection[str | Path]) -> Iterator[Path]:
    """A name for `path` whose folder stays the one that was checked, whatever is done to the names
    on the way to it meanwhile. Folders that are missing are made.

    Each folder below the allowed one is opened without following links (where `path` holds links,
    they are resolved first, and what they lead to is walked), and the name that is given goes by
    the open folder. Only moving that very folder elsewhere would still move what is written in it,
    and whoever can do so may write there. Without Linux's ``/proc`` the folder is checked and then
    named as before, which leaves the moment in between. Raises FOLDER_REFUSED, and what making
    a folder may raise.
    """
    try:
        parent = Path(os.path.realpath(path.parent))
        root = next((r for r in _roots(folders) if parent.is_relative_to(r)), None)
        if root is None or not is_within(path, folders):
            raise outside(path)
        handle = _walk(root, parent.relative_to(root).parts)
    except OSError as error:
        if error.errno in _SWAPPED:
            raise outside(path) from error
        raise refused(error, path) from error
    try:
        yield Path(f"/proc/self/fd/{handle}", path.name) if _HAS_PROC else parent / path.name
    finally:
        os.close(handle)


def outside(place: Path | str) -> ReelError:
    return ReelError(
        Code.FOLDER_REFUSED,
        f"{place} is not in a folder that the job may write to",
        where=str(place),
    )


def _roots(folders: Iterable[str | Path]) -> list[Path]:
    return [Path(os.path.realpath(f)) for f in folders if not is_url(str(f))]


def _walk(root: Path, names: Iterable[str]) -> int:
    """The open folder at the end of `names`."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    root.mkdir(parents=True, exist_ok=True)
    handle = os.open(root, flags)
    try:
        for name in names:
            below = _open_below(handle, name, flags | os.O_NOFOLLOW)
            os.close(handle)
            handle = below
    except BaseException:
        os.close(handle)
        raise
    return handle


def _open_below(handle: int, name: str, flags: int) -> int:
    try:
        return os.open(name, flags, dir_fd=handle)
    except FileNotFoundError:
        try:
            os.mkdir(name, dir_fd=handle)
            os.fsync(handle)
        except FileExistsError:
            pass  # another delivery was faster
        return os.open(name, flags, dir_fd=handle)
