"""The leases of one worker: renewed together, and the heartbeat that commands live by."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from reelwright.engine.executor import Attempt
from reelwright.engine.presence import Presence
from reelwright.engine.settings import EngineSettings
from reelwright.errors import ReelError
from reelwright.store import attempts
from reelwright.store.store import Store


class Leases:
    """Knows which attempts this worker holds, and when the database last said so."""

    def __init__(
        self,
        store: Store,
        settings: EngineSettings,
        worker: Presence,
        on_lost: Callable[[Attempt], None],
    ) -> None:
        self._store = store
        self._settings = settings
        self._worker = str(worker)
        self._on_lost = on_lost
        self._held: dict[Attempt, float] = {}
        self._changed = asyncio.Event()

    def take(self, attempt: Attempt) -> None:
        self._held[attempt] = time.monotonic()

    def drop(self, attempt: Attempt) -> None:
        self._held.pop(attempt, None)
        self._changed.set()

    async def keep(self) -> None:
        """Renews until it is cancelled."""
        while True:
            await asyncio.sleep(self._settings.renew_s)
            if self._held:
                self.renew()

    def renew(self) -> None:
        """One try. A database that does not answer is not a lost lease: it cannot expire either."""
        asked_at = time.monotonic()
        try:
            kept = self._store.transact(
                lambda tx: attempts.renew(tx, self._worker, self._settings.lease_s), durable=False
            )
        except ReelError:
            return
        for attempt in list(self._held):
            if (attempt.step_id, attempt.number) in kept:
                self._held[attempt] = asked_at
            elif self._held[attempt] < asked_at:
                del self._held[attempt]
                self._on_lost(attempt)
        self._changed.set()
        self._changed = asyncio.Event()

    async def heartbeat(self, attempt: Attempt) -> bool:
        """True while the lease is fresh, False when it is lost; silent while nobody knows."""
        while attempt in self._held:
            if time.monotonic() - self._held[attempt] < self._settings.renew_s * 1.5:
                return True
            await self._changed.wait()
        return False
