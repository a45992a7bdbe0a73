"""Rings when a process, this one or another, has committed something worth a look.

PostgreSQL tells (LISTEN/NOTIFY); of an SQLite file ``PRAGMA data_version`` says whether another
connection has changed it, without a read. Nothing is lost when a ring is: whoever listens looks at
the tables, and looks from time to time without being told. It also rings once when it begins to
listen, after an outage of the database too.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from reelwright.errors import ReelError
from reelwright.store.dialects import Postgres
from reelwright.store.store import Store

# How often SQLite is asked: 10 microseconds of CPU each time.
_POLL_S = 0.05
_RECONNECT_S = 1.0

_log = logging.getLogger(__name__)


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
            try:
                listen()
            except (ReelError, SQLAlchemyError) as error:
                _log.warning("nobody tells of changes, it is tried again: %s", error)
                self._ended.wait(_RECONNECT_S)

    def _hear(self) -> None:
        with self._database.listening() as wait:
            self._ring()  # what happened before it listened is worth a look too
            while not self._ended.is_set():
                if wait(0.5):
                    self._ring()

    def _watch(self) -> None:
        with self._database.watching() as version:
            before = version()
            self._ring()
            while not self._ended.wait(_POLL_S):
                now = version()
                if now != before:
                    before = now
                    self._ring()

    def _ring(self) -> None:
        """Whoever cannot hear it, an event loop that is closed, does not silence it for others."""
        try:
            self._on_ring()
        except Exception:  # noqa: BLE001 - whatever it is, the next ring may be heard
            _log.exception("a ring was not heard")
