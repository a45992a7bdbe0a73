"""Blocking work beside the event loop, so that leases are renewed while gigabytes are read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


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
