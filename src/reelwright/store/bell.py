"""Rings when a process, this one or another, has committed something worth a look.

PostgreSQL tells (LISTEN/NOTIFY); of an SQLite file ``PRAGMA data_version`` says whether another
connection has changed it, without a read. Nothing is lost when a ring is: whoever listens looks at
the tables, and looks from time to time without being told.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

from reelwright.errors import ReelError
from reelwright.store.dialects import Postgres
from reelwright.store.store import Store

# How often SQLite is asked: 10 microseconds of CPU each time.
_POLL_S = 0.05
_RECONNECT_S = 1.0


class Bell:
    """Calls `on_ring` in a thread of its own; several changes may be one ring."""

    def __init__(self, store: Store, on_ring: Callable[[], None]) -> None:
        self._database = store.database
        self._on_ring = on_ring
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="bell", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        listen = self._hear if isinstance(self._database.dialect, Postgres) else self._watch
        while not self._ended.is_set():
            with suppress(ReelError):
                listen()
            # The connection is lost: what happened meanwhile is worth a look too.
            if not self._ended.wait(_RECONNECT_S):
                self._on_ring()

    def _hear(self) -> None:
        with self._database.listening() as wait:
            while not self._ended.is_set():
                if wait(0.5):
                    self._on_ring()

    def _watch(self) -> None:
        with self._database.watching() as version:
            before = version()
            while not self._ended.wait(_POLL_S):
                now = version()
                if now != before:
                    before = now
                    self._on_ring()
