"""The leases of one worker: renewed together, and the heartbeat that commands live by."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable

from reelwright.engine.executor import Attempt
from reelwright.engine.presence import Presence
from reelwright.engine.settings import EngineSettings
from reelwright.errors import ReelError
from reelwright.store import attempts
from reelwright.store.store import Store

_log = logging.getLogger(__name__)


class Leases:
    """Knows which attempts this worker holds.

    They are renewed in a thread of their own: while the event loop waits for the database, the
    leases must not run out. `on_lost` is called in the event loop that runs `keep`, and so is
    `on_found` (where it is given) with attempts, as (step, number), that were leased to this worker
    and that it was never told of.
    """

    def __init__(
        self,
        store: Store,
        settings: EngineSettings,
        worker: Presence,
        on_lost: Callable[[Attempt], None],
        on_found: Callable[[set[tuple[str, int]]], None] | None = None,
    ) -> None:
        self._store = store
        self._settings = settings
        self._worker = str(worker)
        self._on_lost = on_lost
        self._on_found = on_found
        self._held: dict[Attempt, float] = {}  # and since when
        self._lost: set[Attempt] = set()
        # Ended here without a result: their leases are left to run out.
        self._over: dict[tuple[str, int], None] = {}
        self._found: set[tuple[str, int]] = set()

    def take(self, attempt: Attempt) -> None:
        self._held[attempt] = time.monotonic()

    def drop(self, attempt: Attempt, *, has_result: bool) -> None:
        if self._on_found is not None and not has_result:
            self._over[attempt.step_id, attempt.number] = None
        self._held.pop(attempt, None)
        self._lost.discard(attempt)

    def is_over(self, attempt: Attempt) -> bool:
        """Whether it was ended here, and left no result."""
        return (attempt.step_id, attempt.number) in self._over

    async def keep(self) -> None:
        """Renews until it is cancelled."""
        ended = threading.Event()
        loop = asyncio.get_running_loop()
        thread = threading.Thread(target=self._keep, args=(loop, ended), name="leases", daemon=True)
        thread.start()
        try:
            await loop.create_future()  # until it is cancelled
        finally:
            ended.set()

    def renew(self) -> list[Attempt]:
        """One try; gives what was lost. Raises STORE_*: a database that does not answer is not a
        lost lease, as it cannot expire one either."""
        asked_at = time.monotonic()
        held = list(self._held.items())
        kept = self._renewed(is_idle=not held)
        if self._on_found is not None:
            told = {(a.step_id, a.number) for a in list(self._held)}
            self._found = kept - told - self._over.keys()
        return [
            attempt
            for attempt, since in held
            if (attempt.step_id, attempt.number) not in kept and since < asked_at
        ]

    def _renewed(self, *, is_idle: bool) -> set[tuple[str, int]]:
        """What this worker holds, prolonged. Who holds nothing, or has ended some, looks first."""
        if is_idle or self._over:
            with self._store.read() as tx:
                leased = attempts.leased(tx, self._worker)
            for one in set(self._over) - leased:
                self._over.pop(one, None)
            if leased <= self._over.keys():
                return set()
        lease_s, over = self._settings.lease_s, list(self._over)
        return self._store.transact(
            lambda tx: attempts.renew(tx, self._worker, lease_s, but=over), durable=False
        )

    async def heartbeat(self, attempt: Attempt) -> bool:
        """False when the lease is lost.

        True also while the database does not answer, however long: nobody can take the step without
        it, whoever comes after the outage waits for a lease's lifetime first, and if another did
        reach the database, the fence drops our result. Killing the command would lose its work.
        """
        return attempt in self._held and attempt not in self._lost

    def _keep(self, loop: asyncio.AbstractEventLoop, ended: threading.Event) -> None:
        wait_s = self._settings.renew_s
        while not ended.wait(wait_s):
            wait_s = self._settings.renew_s
            try:
                lost = self.renew() if self._held or self._on_found else []
            except ReelError:
                # The first moment in which it answers again is ours: leases may be about to expire.
                wait_s = min(wait_s, 1.0)
                continue
            except Exception:  # noqa: BLE001 - whatever it is, the next try may do better
                _log.exception("the leases could not be renewed")
                continue
            if lost and not ended.is_set():
                loop.call_soon_threadsafe(self._lose, lost)
            found, self._found = self._found, set()
            if found and self._on_found is not None and not ended.is_set():
                loop.call_soon_threadsafe(self._on_found, found)

    def _lose(self, lost: list[Attempt]) -> None:
        for attempt in lost:
            if attempt in self._held and attempt not in self._lost:  # else it ended by itself
                self._lost.add(attempt)
                self._on_lost(attempt)
