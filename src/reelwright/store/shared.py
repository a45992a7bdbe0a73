"""The contract of a store that all nodes share: contents by their SHA-256, and logs of attempts.

Names in it: ``sha256/ab/abcd…`` a content, ``logs/NAME`` a log, ``used/abcd…`` a mark that says
when a content that was there already was put again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from reelwright.errors import Code, ReelError

SCHEMES = ("s3", "gs", "az", "file")
Alive = Callable[[], None]
# Without a sign of progress for so long, the store counts as away.
DEADLINE_S = 60.0


def nobody() -> None:
    """Nobody ends this transfer."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A content (`name` is its digest) or a log; `written_at`: when it was last put, in seconds
    since 1970 by the store's clock."""

    name: str
    size_bytes: int
    written_at: float


class SharedStore(Protocol):
    """Blocking; safe in threads. Every method raises ARTIFACTS_UNAVAILABLE where the store did not
    answer after the tries that its client makes, PERMISSION_DENIED where it refused."""

    @property
    def where(self) -> str:
        """As it was configured, without secrets: for messages."""
        ...

    def place(self, sha256: str) -> Path | None:
        """The file that this machine can read in place; None where a content must be got."""
        ...

    def has(self, sha256: str, size_bytes: int) -> bool:
        """Whether that content is there, whole."""
        ...

    def size_bytes(self, sha256: str) -> int | None:
        """How large that content is, None where it is not there."""
        ...

    def put(
        self, sha256: str, source: Path, *, is_ours: bool = False, alive: Alive = nobody
    ) -> None:
        """Stores the file under its digest; nothing where it is there. Streams: a file needs no
        memory of its size. A reader never sees half of it.

        `is_ours`: nobody else can write to `source`, its digest need not be checked again, and it
        may be moved. `alive` is called from time to time; what it raises ends the transfer. Raises
        INPUT_CHANGED where its content is another, DISK_FULL.
        """
        ...

    def get(self, sha256: str, size_bytes: int, target: Path, *, alive: Alive = nobody) -> None:
        """Writes the content to `target`, a name that nobody reads yet, and checks its digest
        while it comes. Raises ARTIFACT_DAMAGED where it is missing or another, DISK_FULL."""
        ...

    def remove(self, sha256: str) -> None:
        """Nothing where it is not there."""
        ...

    def contents(self) -> Iterator[Stored]:
        """All of them."""
        ...

    def put_text(self, name: str, source: Path | bytes) -> None:
        """Stores a log under ``logs/NAME``, over what is there. `name` may have folders."""
        ...

    def get_text(self, name: str, start: int = 0) -> bytes | None:
        """The log of that name from byte `start` on (empty beyond its end), None where there is
        none."""
        ...

    def text_bytes(self, name: str) -> int | None:
        """How long that log is, None where there is none."""
        ...

    def texts(self, folder: str = "") -> Iterator[Stored]:
        """All logs, or those whose names begin with ``FOLDER/``."""
        ...

    def remove_text(self, name: str) -> None:
        """Nothing where it is not there."""
        ...

    def probe(self) -> None:
        """Writes, reads and removes a few bytes: raises where one of them does not work."""
        ...


def open_shared(text: str, *, deadline_s: float = DEADLINE_S) -> SharedStore:
    """The store that ``cluster.artifacts`` names: s3://bucket/prefix, gs://…, az://…, or the
    absolute path of a folder that all nodes see. ``file:///…`` is a folder spoken to as an object
    store.

    `deadline_s`: without progress for so long, calls raise ARTIFACTS_UNAVAILABLE. No I/O beyond
    making the folder. Raises CONFIG_INVALID, LIBRARY_MISSING, PERMISSION_DENIED.
    """
    text = text.strip()
    if text.startswith("/"):
        from reelwright.store.shared_folder import SharedFolder

        return SharedFolder(Path(text))
    parts = urlsplit(text)
    if parts.scheme not in SCHEMES:
        if parts.scheme:
            raise invalid(f"'{parts.scheme}:' is no object store that is known")
        raise invalid(f"'{text}' is a relative path" if text else "it is empty")
    if parts.scheme == "file":
        if parts.netloc or not parts.path.startswith("/"):
            raise invalid(f"'{text}' is no absolute path")
    elif not parts.netloc:
        raise invalid(f"'{text}' names no bucket")
    if parts.query or parts.fragment or parts.username or parts.password:
        raise invalid("credentials and options belong into the environment (AWS_…, GOOGLE_…)")
    from reelwright.store.object_store import ObjectStore

    return ObjectStore(text.rstrip("/"), deadline_s=deadline_s)


def invalid(why: str) -> ReelError:
    return ReelError(
        Code.CONFIG_INVALID,
        f"there is no such store of artifacts: {why}",
        where="cluster.artifacts",
        hint="s3://bucket/prefix, gs://bucket/prefix, az://container/prefix, or the absolute path"
        " of a folder that all nodes see",
    )


def unavailable(where: str, why: str) -> ReelError:
    return ReelError(
        Code.ARTIFACTS_UNAVAILABLE,
        f"the store of artifacts does not answer: {why}",
        where=where,
        hint="nothing is lost: it is tried again; `reel doctor` says whether it can be reached",
    )


def damaged(sha256: str, why: str) -> ReelError:
    return ReelError(Code.ARTIFACT_DAMAGED, f"a stored content is {why}", where=sha256)


def changed(source: Path) -> ReelError:
    return ReelError(Code.INPUT_CHANGED, f"{source} changed while it was read", where=str(source))
