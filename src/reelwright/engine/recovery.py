"""Finds steps whose worker is gone, and clears up after them."""

from __future__ import annotations

import shutil
import time

from reelwright.engine import outcome
from reelwright.engine.executor import Attempt, Executor
from reelwright.engine.presence import Presence
from reelwright.engine.settings import EngineSettings
from reelwright.errors import Code, ReelError
from reelwright.store import attempts
from reelwright.store.database import Tx
from reelwright.store.rows import Running
from reelwright.store.store import Store

# Between the commit of a claim and the start of its attempt lies less than this, or a mishap.
_CLAIM_S = 1.0


class Recovery:
    """`outage` is to be called when the database did not answer.

    A lease that ran out is given up when it still is one renewal after it was first seen so, by a
    transaction that wrote: whoever lives could have renewed it by then. An outage that nobody here
    noticed, a file that was locked, a clock that jumped: none of them costs a running step.
    """

    def __init__(self, store: Store, settings: EngineSettings, executor: Executor) -> None:
        self._store = store
        self._settings = settings
        self._executor = executor
        # Before this engine came there may have been an outage too.
        self._expire_after = time.monotonic() + settings.lease_s
        self._seen: dict[tuple[str, int], float] = {}
        self._strays: dict[tuple[str, int], float] = {}

    def outage(self) -> None:
        """No lease expires before its holder had a lifetime's time to renew it."""
        self._expire_after = time.monotonic() + self._settings.lease_s

    async def run(self, *, at_once: bool = False) -> list[Running]:
        """Gives up what is lost. `at_once` leaves the leases of other hosts alone as always."""
        with self._store.read() as tx:
            running = attempts.running(tx)
        expired = self._overdue()
        # A node's agent keeps its steps by its leases; what runs here is known to run.
        kept = self._executor.own(Attempt.of(r) for r in running)
        mine = {(a.step_id, a.number) for a in kept}
        unknown = [r for r in running if (r.step_id, r.attempt) not in mine]
        gone = self._stray(unknown, at_once=at_once)
        if time.monotonic() >= self._expire_after and not at_once:
            gone |= expired
        lost = [
            r for r in unknown if (r.step_id, r.attempt) in gone or self._executor.is_gone(r.owner)
        ]
        for held in lost:
            self._give_up(held)
        return lost

    def _overdue(self) -> set[tuple[str, int]]:
        """Attempts whose lease has been seen to be over for long enough."""
        with self._store.read() as tx:
            if not attempts.expired(tx):
                self._seen.clear()
                return set()
        # A write waits for whoever locks the database, and so does the renewal of a lease.
        expired = self._store.transact(
            lambda tx: {(r.step_id, r.attempt) for r in attempts.expired(tx)}, durable=False
        )
        now = time.monotonic()
        self._seen = {one: self._seen.get(one, now) for one in expired}
        return {one for one, at in self._seen.items() if now - at >= self._settings.renew_s * 0.9}

    def sweep(self) -> int:
        """Removes workspaces of attempts that are over; gives their number."""
        root = self._settings.workspaces
        # The folders first, then what is alive: a workspace is made after its row.
        found = list(root.iterdir()) if root.is_dir() else []
        with self._store.read() as tx:
            alive = attempts.live_workspaces(tx)
        dead = [folder for folder in found if str(folder) not in alive]
        for folder in dead:
            shutil.rmtree(folder, ignore_errors=True)
        return len(dead)

    def _stray(self, unknown: list[Running], *, at_once: bool) -> set[tuple[str, int]]:
        """Attempts of this very executor that it does not run, and did not a moment ago either:
        what was claimed just now is about to be started."""
        me, now = str(self._executor.worker), time.monotonic()
        found = [(r.step_id, r.attempt) for r in unknown if r.owner == me]
        self._strays = {one: self._strays.get(one, now) for one in found}
        return {one for one, at in self._strays.items() if at_once or now - at >= _CLAIM_S}

    def _give_up(self, held: Running) -> None:
        def change(tx: Tx) -> str:
            outcome.lose(tx, held, self._settings)
            return attempts.get(tx, held.step_id, held.attempt).workspace

        try:
            workspace = self._store.transact(change)
        except ReelError as error:
            if error.code is not Code.LEASE_LOST:
                raise
            return  # it ended by itself meanwhile
        if Presence.parse(held.owner).host == self._executor.worker.host:
            shutil.rmtree(workspace, ignore_errors=True)
