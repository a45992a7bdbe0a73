"""The token of the person at the machine: made once, kept in a file that only they can read."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.wiring import App

_FILE = "token"
_BYTES = 32
# What somebody puts there by hand must be no easier to guess than a password that nobody picked.
_SHORTEST = 32


def token(app: App) -> str:
    """Reads ``$REEL_HOME/token``, or makes it: 32 random bytes, mode 0600.

    Two first starts at once get the same one. Raises PERMISSION_DENIED, DISK_FULL, CONFIG_INVALID
    where the file holds something too short to be a secret.
    """
    from reelwright.app.wiring import make_home
    from reelwright.store.blobs import refused

    make_home(app.home)
    path = app.home / _FILE
    try:
        with _alone(app.home):
            found = _read(path) or _make(path)
    except OSError as error:
        raise refused(error, path) from error
    if len(found) < _SHORTEST:
        raise ReelError(
            Code.CONFIG_INVALID,
            f"{path} holds {len(found)} characters; a token has {_SHORTEST} or more",
            where=str(path),
            hint="remove the file: the next start makes a new token",
        )
    return found


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)  # which unlocks


def _read(path: Path) -> str | None:
    try:
        with path.open(encoding="ascii", errors="replace") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                os.fchmod(file.fileno(), 0o600)  # copied, or unpacked from an archive
            return file.read().strip()
    except FileNotFoundError:
        return None


def _make(path: Path) -> str:
    made = secrets.token_urlsafe(_BYTES)
    part = path.with_name(f".{_FILE}.{os.getpid()}.part")
    part.unlink(missing_ok=True)  # of a process of this number that was killed here
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(f"{made}\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    return made
