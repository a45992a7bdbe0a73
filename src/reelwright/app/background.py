"""An event loop in a thread of its own, for work that must not hold up whoever asks for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Background:
    """Begins with the first `run`. `close` it at the end: what still runs is cancelled, which
    stops the commands that it has started.

    One thread that lives as long as this, not a pool's: commands die with the thread that
    started them.
    """

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._gate: asyncio.Semaphore | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    async def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of the coroutine, which runs there; `at_once` of them at a time. Raises what
        it raises."""
        loop = self._started()
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._turn(work), loop))

    def close(self) -> None:
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(_cancel_all(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    async def _turn(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        if self._gate is None:
            self._gate = asyncio.Semaphore(self._at_once)
        async with self._gate:
            return await work()

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="background", daemon=True
                )
                self._thread.start()
            return self._loop


async def _cancel_all() -> None:
    mine = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in mine:
        task.cancel()
    await asyncio.gather(*mine, return_exceptions=True)
