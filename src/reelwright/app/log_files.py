"""The log of one attempt: a file of this machine, or what another one put into the shared store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reelwright.store.shared import SharedStore

_PART_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class LogFile:
    """`path` is where it was written, on whichever machine. Blocking. What is not there (no command
    ran, or it was removed for its age) is empty. Raises ARTIFACTS_UNAVAILABLE."""

    path: Path
    shared: SharedStore | None = None

    def exists(self) -> bool:
        return self.path.exists() or self._shared_bytes() is not None

    def size_bytes(self) -> int:
        try:
            return self.path.stat().st_size
        except OSError:
            return self._shared_bytes() or 0

    def read(self, at: int) -> bytes:
        """Some bytes from byte `at` on; none at its end. Raises OSError for a file that is there
        and cannot be read."""
        try:
            with self.path.open("rb") as file:
                file.seek(at)
                return file.read(_PART_BYTES)
        except (FileNotFoundError, NotADirectoryError):
            return self._shared(at)

    def parts(self) -> Iterator[bytes]:
        """All of it as it is now."""
        at = 0
        while part := self.read(at):
            at += len(part)
            yield part

    def _shared(self, at: int) -> bytes:
        if self.shared is None:
            return b""
        return self.shared.get_text(self._name, at) or b""

    def _shared_bytes(self) -> int | None:
        return None if self.shared is None else self.shared.text_bytes(self._name)

    @property
    def _name(self) -> str:
        from reelwright.engine.log_copies import name_of

        return name_of(self.path)
