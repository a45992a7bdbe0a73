"""Starts what is ready and fits: takes from the cache what is there, leases the rest."""

from __future__ import annotations

from functools import partial

from reelwright.engine import lifecycle, scheduler
from reelwright.engine.disk import free_bytes
from reelwright.engine.executor import Executor
from reelwright.engine.settings import EngineSettings
from reelwright.engine.writing import LAST, Write
from reelwright.store import artifacts
from reelwright.store.attempts import Candidate
from reelwright.store.blobs import Blobs
from reelwright.store.prune import prune
from reelwright.store.store import Store


class Starter:
    """Of one worker. `only` in its methods is a job's id, or None for whatever is ready."""

    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        executor: Executor,
        settings: EngineSettings,
        write: Write,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._executor = executor
        self._settings = settings
        self._write = write

    async def start(self, only: str | None) -> bool:
        """True where something changed that is worth another look at once."""
        with self._store.read() as tx:
            ready = scheduler.ready(tx, only)
            known = artifacts.outcomes_of(tx, {item.identity for item in ready if item.identity})
        if not ready:
            return False
        # Another job may have made it since the plan of this one.
        found = [item for item in ready if item.identity in known]
        if found and self._take_cached(found):
            return True
        free = self._free_bytes()
        claimed = await self._write(
            lambda tx: scheduler.claim(tx, self._settings, self._executor.worker, only, free),
            order=LAST,
        )
        for attempt in claimed.attempts:
            await self._executor.start(attempt, claimed.work[attempt])
        if claimed.short_bytes:
            self._make_room(only, claimed.short_bytes)
            return True
        return claimed.is_cut

    def _take_cached(self, found: list[Candidate]) -> bool:
        is_cached = False
        for job_id in sorted({item.job_id for item in found}):
            keys = [item.key for item in found if item.job_id == job_id]
            cache = lifecycle.look_up(self._store, self._blobs, job_id, keys)
            if cache.have:
                self._store.transact(partial(lifecycle.settle_in, job_id=job_id, cache=cache))
                is_cached = True
        return is_cached

    def _make_room(self, only: str | None, short_bytes: int) -> None:
        """Nothing runs and a step does not fit: the cache gives way, else the step fails."""
        if prune(self._store, self._blobs, free_bytes=short_bytes).size_bytes < short_bytes:
            free = self._free_bytes()
            self._store.transact(lambda tx: scheduler.refuse_disk(tx, only, free))

    def _free_bytes(self) -> int:
        """What steps may fill: what is free, and within the limit where there is one."""
        free = free_bytes(self._settings.workspaces)
        limit = self._settings.machine.disk_bytes
        return min(free, limit) if limit else free
