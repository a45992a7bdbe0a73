"""What stands behind a URL: a video, the videos of a list or a channel, the entries of a feed."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from reelwright.tools.download.lines import Ear
from reelwright.tools.process import Completed
from reelwright.tools.ytdlp.request import Listed, Listing, ListWish
from reelwright.tools.ytdlp.start import Running, run_child
from reelwright.tools.ytdlp.wire import BATCH, ENTRIES, entry_from_line, listing_from_json

OnEntries = Callable[[Sequence[Listed]], Awaitable[None] | None]


async def list_entries(
    wish: ListWish,
    *,
    log: Path,
    sandbox: bool = True,
    on_entries: OnEntries,
    heartbeat: Callable[[], Awaitable[bool]] | None = None,
    grace_s: float = 5.0,
) -> Listing:
    """Hands on the entries in batches of at most 500, while the rest is still being found.

    A batch is handed on when the one before was taken, and memory does not grow with the list.
    What `on_entries` raises stops the child and comes out here; what was handed on before an error
    stays handed on. Raises what `fetch_video` raises.
    """
    running = Running(log=log, sandbox=sandbox, heartbeat=heartbeat, grace_s=grace_s)
    pages = _Pages(Path(wish.folder) / ENTRIES, on_entries)
    ear = Ear(pages.reach)

    async def child() -> Completed:
        try:
            return await run_child("list_child", wish, running, ear.hear)
        finally:
            pages.end()

    handing, running_child = asyncio.create_task(pages.hand_on()), asyncio.create_task(child())
    try:
        await asyncio.wait({handing, running_child}, return_when=asyncio.FIRST_EXCEPTION)
        await handing  # what was found before an error of the child's is handed on
        done = await running_child
    finally:
        handing.cancel()
        running_child.cancel()
        await asyncio.gather(handing, running_child, return_exceptions=True)
        pages.close()
    said = ear.result(done.exit_code, done.stderr_tail)
    said.pop("event")
    listing = listing_from_json(said)
    return replace(listing, cpu_s=done.cpu_seconds, max_rss_bytes=done.max_rss_bytes)


@dataclass(slots=True)
class _Pages:
    """The child's file of entries, read as far as it says that it is written."""

    path: Path
    on_entries: OnEntries
    file: IO[bytes] | None = None
    _reached_bytes: int = 0
    _read_bytes: int = 0
    _is_ended: bool = False
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def reach(self, reached_bytes: int, _: int | None) -> None:
        self._reached_bytes = reached_bytes
        self._news.set()

    def end(self) -> None:
        self._is_ended = True
        self._news.set()

    def close(self) -> None:
        if self.file is not None:
            self.file.close()

    async def hand_on(self) -> None:
        while True:
            self._news.clear()
            while batch := await asyncio.to_thread(self._read):
                taken = self.on_entries(batch)
                if inspect.isawaitable(taken):
                    await taken
            if self._is_ended and self._read_bytes >= self._reached_bytes:
                return
            await self._news.wait()

    def _read(self) -> list[Listed]:
        """The next batch; empty: there is none yet. Blocking."""
        if self._read_bytes >= self._reached_bytes:
            return []
        if self.file is None:
            self.file = self.path.open("rb")
        batch: list[Listed] = []
        while len(batch) < BATCH and self._read_bytes < self._reached_bytes:
            line = self.file.readline()
            self._read_bytes += len(line)
            batch.append(entry_from_line(line))
        return batch
