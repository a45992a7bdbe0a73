"""Heartbeats for running commands from a thread, whatever the event loop waits for.

A loop that waits for a locked database or a slow disk gives no sign of life, and a guard that hears
nothing kills its command. This thread speaks for it. A process that is stopped or frozen as a whole
stops beating, and that is what a guard is to notice.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass

# A loop that has not come round for so long is taken for dead.
TRUST_S = 600.0


@dataclass(slots=True)
class Beating:
    """One command's lifeline. The loop trusts it anew each time that it comes round."""

    handle: int
    every_s: float
    trusted_until: float = 0.0

    def trust(self) -> None:
        self.trusted_until = time.monotonic() + TRUST_S

    def doubt(self) -> None:
        """Whether it may go on is being asked: until the answer comes it is silent."""
        self.trusted_until = 0.0


class Pulse:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._beating: list[Beating] = []
        self._thread: threading.Thread | None = None

    def add(self, lifeline: int, every_s: float) -> Beating:
        """`lifeline` is a pipe's end, which stays the caller's; `remove` what comes back."""
        made = Beating(os.dup(lifeline), every_s)
        with self._changed:
            self._beating.append(made)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="pulse", daemon=True)
                self._thread.start()
            self._changed.notify()
        return made

    def remove(self, beating: Beating) -> None:
        with self._changed:
            self._beating.remove(beating)
            # In here: a number that is closed while it is written to may be another file by then.
            os.close(beating.handle)
            self._changed.notify()

    def _work(self) -> None:
        with self._changed:
            while self._beating:
                now = time.monotonic()
                for one in self._beating:
                    if now < one.trusted_until:
                        with suppress(OSError):  # the guard has gone, or has enough to read
                            os.write(one.handle, b"\0")
                self._changed.wait(min(one.every_s for one in self._beating))
            self._thread = None


PULSE = Pulse()
