"""Starts what is ready and fits: takes from the cache what is there, leases the rest."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

from reelwright.engine import lifecycle, scheduler
from reelwright.engine.executor import Executor
from reelwright.engine.nodes import Node
from reelwright.engine.scheduler import Claimed
from reelwright.engine.settings import EngineSettings
from reelwright.engine.threads import aside
from reelwright.engine.writing import LAST, Write
from reelwright.store import artifacts
from reelwright.store.blobs import Blobs
from reelwright.store.candidates import Candidate
from reelwright.store.database import Tx
from reelwright.store.prune import prune
from reelwright.store.store import Store

# So often at the most it is looked for steps behind a long line of others that do not fit.
_BEHIND_S = 0.5


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
        self._look_behind = 0.0

    async def start(self, only: str | None) -> bool:
        """True where something changed that is worth another look at once."""
        nodes = await self._executor.capacity()
        with self._store.read() as tx:
            ready = scheduler.ready(tx, only, nodes)
            known = artifacts.outcomes_of(tx, {item.identity for item in ready if item.identity})
        if not ready:
            await self._executor.demand([])
            return False
        # Another job may have made it since the plan of this one.
        found = [item for item in ready if item.identity in known]
        is_cached = bool(found) and await aside(self._blobs, self._take_cached, found)
        if is_cached:
            return True
        kept = await self._executor.prepare(ready)
        now = time.monotonic()
        behind = now >= self._look_behind
        if behind:
            self._look_behind = now + _BEHIND_S

        def claim(tx: Tx) -> Claimed:
            return scheduler.claim(tx, self._settings, nodes, only, kept, looks_behind=behind)

        claimed = await self._write(claim, order=LAST)
        for attempt, work in claimed.work.items():
            await self._executor.start(attempt, work)
        await self._executor.demand(claimed.waiting)
        if claimed.short_bytes:
            self._make_room(only, claimed.short_bytes, nodes)
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

    def _make_room(self, only: str | None, short_bytes: int, nodes: Sequence[Node]) -> None:
        """Nothing runs and a step does not fit: the cache gives way, else the step fails."""
        if prune(self._store, self._blobs, free_bytes=short_bytes).size_bytes < short_bytes:
            (home,) = (node for node in nodes if node.is_home)
            self._store.transact(lambda tx: scheduler.refuse_disk(tx, only, home))
