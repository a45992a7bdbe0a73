"""The end of a download that never ends by itself."""

from __future__ import annotations

import os
import signal
from types import FrameType

from reelwright.errors import Code, ReelError
from reelwright.tools.download.answers import shown
from reelwright.tools.download.lines import line


def end_after(seconds: float | None, url: str) -> None:
    """Ends this process, a child that only downloads, when the time is up. None: never.

    From within a signal handler, whatever the process waits for: a server may send its headers byte
    by byte, and no timeout of a single read sees that.
    """
    if seconds is None:
        return

    def end(number: int, frame: FrameType | None) -> None:
        place = shown(url)
        error = ReelError(
            Code.TIMEOUT,
            f"{place} was not there after {seconds:g} seconds",
            where=place,
            hint="`limits.fetch_s` says how long a download may take",
        )
        # By the descriptor: Python may be in the middle of writing another line.
        os.write(1, f"\n{line('error', problem=error.problem.to_json())}".encode())
        os._exit(0)  # what came stays in its part; the lock on it goes with the process

    signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
