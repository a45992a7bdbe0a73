"""Reads files to their end in a way that others hardly notice."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path

_BLOCK_BYTES = 1 << 20
# The rate is kept over so long a time; a machine that slept does not catch up.
_BURST_S = 1.0


class StoppedError(Exception):
    """Whoever asked for the reading wants no more of it."""


class Reader:
    """One block in memory at a time. `rate_bytes`: at the most so many a second, over all files.
    `stop` is asked before each block; `on_bytes` hears of each that was read."""

    def __init__(
        self,
        rate_bytes: float | None = None,
        *,
        stop: Callable[[], bool] = lambda: False,
        on_bytes: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._rate = rate_bytes
        self._stop = stop
        self._on_bytes = on_bytes
        self._free_at = 0.0
        self.read_bytes = 0

    def sha256(self, path: Path) -> str:
        """Hex digest of what is on the disk. Raises OSError, StoppedError."""
        digest = hashlib.sha256()
        with path.open("rb", buffering=0) as file:
            # What the page cache holds may be better than the disk.
            _forget(file.fileno())
            while True:
                if self._stop():
                    raise StoppedError
                block = file.read(_BLOCK_BYTES)
                if not block:
                    break
                digest.update(block)
                self.read_bytes += len(block)
                self._on_bytes(len(block))
                self._wait(len(block))
            # Nobody reads it again soon: others' pages stay in memory.
            _forget(file.fileno())
        return digest.hexdigest()

    def check(self) -> None:
        """Raises StoppedError."""
        if self._stop():
            raise StoppedError

    def _wait(self, count: int) -> None:
        if self._rate is None:
            return
        now = time.monotonic()
        self._free_at = max(self._free_at, now - _BURST_S) + count / self._rate
        if self._free_at > now:
            time.sleep(self._free_at - now)


def _forget(handle: int) -> None:
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
