"""Logs of attempts go to the shared store while they grow, so that they are read from anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from reelwright.engine.threads import in_thread
from reelwright.errors import ReelError
from reelwright.store.shared import SharedStore

# Whoever follows a log of another machine sees it so much later.
EVERY_S = 3.0


def name_of(log: Path) -> str:
    """What the log at this path (of any machine) is called in the shared store: JOB/STEP-N.log."""
    return f"{log.parent.name}/{log.name}"


class LogCopies:
    """`shared` should give up soon: a log is worth no waiting."""

    def __init__(self, shared: SharedStore) -> None:
        self._shared = shared

    @asynccontextmanager
    async def of(self, log: Path) -> AsyncIterator[Finish]:
        """Copies it while the block runs, where it has grown; and at its end, however it ends."""
        finish = Finish(self._shared, log)
        growing = asyncio.create_task(finish.keep_up())
        try:
            yield finish
        finally:
            growing.cancel()
            await asyncio.gather(growing, return_exceptions=True)
            await finish.soon()


class Finish:
    """Of one log: `begin` starts the last copy early, beside other work."""

    def __init__(self, shared: SharedStore, log: Path) -> None:
        self._shared = shared
        self._log = log
        self._told: tuple[int, int] | None = None
        self._last: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """No more will be written."""
        self._last = asyncio.create_task(in_thread(self._copy))

    async def soon(self) -> None:
        """Returns when the last copy is made, or cannot be."""
        if self._last is not None:
            await asyncio.wait([self._last])
        await in_thread(self._copy)  # nothing where nothing came since

    async def keep_up(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            await in_thread(self._copy)

    def _copy(self) -> None:
        """A store that is away must not stop the step: the next time will do."""
        with suppress(OSError, ReelError):
            found = self._log.stat()
            now = (found.st_size, found.st_mtime_ns)
            if found.st_size and now != self._told:
                self._shared.put_text(name_of(self._log), self._log)
                self._told = now
