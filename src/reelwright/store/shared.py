"""The contract of a store that all nodes share: contents by their SHA-256, and logs of attempts."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class SharedStore(Protocol):
    """Blocking; safe in threads. Every method raises ARTIFACTS_UNAVAILABLE where the store did not
    answer after the tries that its client makes, PERMISSION_DENIED where it refused."""

    def has(self, sha256: str, size_bytes: int) -> bool:
        """Whether that content is there, whole."""
        ...

    def put(self, sha256: str, source: Path) -> None:
        """Stores the file under its digest; nothing where it is there. Streams: a file needs no
        memory of its size. A reader never sees half of it."""
        ...

    def get(self, sha256: str, size_bytes: int, target: Path) -> None:
        """Writes the content to `target`, a name that nobody reads yet, and checks its digest
        while it comes. Raises ARTIFACT_DAMAGED where it is missing or another, DISK_FULL."""
        ...

    def remove(self, sha256: str) -> None:
        """Nothing where it is not there."""
        ...

    def put_text(self, name: str, source: Path) -> None:
        """Stores a log under ``logs/NAME``, over what is there."""
        ...

    def get_text(self, name: str) -> bytes | None:
        """The log of that name, None where there is none."""
        ...
