"""What one process does for all: begins jobs, finds what is stuck or lost, and clears up."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from reelwright.engine import removal
from reelwright.engine.admission import Admission
from reelwright.engine.recovery import Recovery
from reelwright.engine.retention import prune_calls_daily, prune_logs_daily
from reelwright.engine.settings import EngineSettings
from reelwright.engine.shared_upkeep import SharedUpkeep
from reelwright.engine.threads import in_thread
from reelwright.store import expiry, queue, workers
from reelwright.store.blobs import Blobs
from reelwright.store.leadership import leadership
from reelwright.store.prune import prune
from reelwright.store.store import Store

# So often the leader gives its sign of life, and others look whether there is one.
TICK_S = 1.0
_RECOVER_S = 2.0
_CLEAR_S = 60.0
_DAY_S = 24 * 3600.0
_MOST_STUCK = 100


class Leader:
    """`touch` is called with each job that wants a look."""

    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        settings: EngineSettings,
        recovery: Recovery,
        admission: Admission,
        touch: Callable[[str], None],
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._settings = settings
        self._recovery = recovery
        self._admission = admission
        self._touch = touch
        self._shared_upkeep = SharedUpkeep(store, blobs, settings)
        self._lock = leadership(store)
        self._next_recovery = 0.0
        self._next_clearing = 0.0
        self._next_day = 0.0
        self.leads = False

    async def tick(self) -> None:
        """Every `TICK_S`: takes or keeps the lead, and does what is due. Raises STORE_*."""
        self.leads = await in_thread(self._lock.hold)
        if not self.leads:
            return
        now = time.monotonic()
        for job_id in await in_thread(self._stuck):
            self._touch(job_id)
        if now >= self._next_recovery:
            self._next_recovery = now + min(_RECOVER_S, self._settings.renew_s)
            await self._recovery.run()
        if now >= self._next_clearing:
            self._next_clearing = now + _CLEAR_S
            await in_thread(self._clear)

    async def fill(self) -> int:
        """Begins jobs, where this process leads; gives their number."""
        return await self._admission.fill() if self.leads else 0

    def look_again(self) -> None:
        """A worker has come, or gave its sign of life."""
        self._admission.look_again()

    def recover_soon(self) -> None:
        """Somebody died: at the next tick it is looked for what was lost."""
        self._next_recovery = 0.0

    def resign(self) -> None:
        self.leads = False
        self._lock.release()

    def _stuck(self) -> list[str]:
        with self._store.read() as tx:
            return queue.stuck(tx, _MOST_STUCK)

    def _clear(self) -> None:
        """What is kept for a while only."""
        gone = self._store.transact(
            lambda tx: expiry.drop_expired(
                tx, idempotency_s=self._settings.keep_idempotency_s, worker_s=workers.KEEP_S
            ),
            durable=False,
        )
        for upload_id in gone:
            _remove(self._settings.home / "uploads", upload_id)
        prune_logs_daily(self._store, self._settings)
        prune_calls_daily(self._store, self._settings)
        self._recovery.sweep()
        self._clear_daily()
        self._shared_upkeep.look()
        if self._settings.cache_bytes is not None:
            prune(self._store, self._blobs, limit_bytes=self._settings.cache_bytes)

    def _clear_daily(self) -> None:
        """Jobs that were kept for long enough; first of all when the lead is taken."""
        now = time.monotonic()
        if now >= self._next_day and removal.keep_days(self._store, self._settings):
            self._next_day = now + _DAY_S
            removal.sweep(self._store, self._settings)


def _remove(folder: Path, name: str) -> None:
    path = folder / name
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
