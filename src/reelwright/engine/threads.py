"""Blocking work beside the event loop, so that leases are renewed while gigabytes are read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Stoppable(Protocol):
    def stop(self) -> None:
        """Ends what works for it soon."""


async def in_thread(work: Callable[..., T], *args: Any, **named: Any) -> T:
    """Runs `work` in a thread. A cancelled caller waits for its end before it goes on.

    Only for files: a process must not be started here, since PR_SET_PDEATHSIG fires when the
    thread that started it ends.
    """
    task = asyncio.ensure_future(asyncio.to_thread(work, *args, **named))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        # The thread cannot be stopped, and what it writes to is about to be removed.
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # seen, so that nobody is warned of it
        raise


class Remote(Protocol):
    is_shared: bool


async def aside(blobs: Remote, work: Callable[..., T], *args: Any) -> T:
    """Looks at stored files: at once where they are this machine's, which takes less than a thread
    would; else in a thread, as a store of others may take its time."""
    return await in_thread(work, *args) if blobs.is_shared else work(*args)


async def stopping(what: Stoppable, work: Callable[..., T], *args: Any) -> T:
    """`in_thread` of work that may take long, and that a cancelled caller stops."""
    task = asyncio.ensure_future(in_thread(work, *args))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        what.stop()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
        raise
