"""What runs steps on a machine of a cluster for a dispatcher elsewhere: the half of the engine that
an agent is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial

from reelwright.engine import disk, outcome
from reelwright.engine.attempt import AttemptRunner
from reelwright.engine.executor import Attempt
from reelwright.engine.local import LocalExecutor
from reelwright.engine.presence import Presence
from reelwright.engine.recovery import Recovery
from reelwright.engine.threads import in_thread
from reelwright.errors import Code, ReelError
from reelwright.store import attempts
from reelwright.store.database import Tx
from reelwright.store.rows import Running

_log = logging.getLogger(__name__)
_AGAIN_S = 1.0
_AWAY = frozenset({Code.STORE_UNAVAILABLE, Code.STORE_LOCKED})


class Resident:
    """Runs what was leased in the name of `worker`, told of it or not: what nobody told it of it
    finds when it renews its leases. Nothing but those rows says what it is to do.

    `open` it in the event loop that it is to work in, and `close` it there. `executor` is what it
    runs attempts with: its `on_event` and `on_end` may be set.
    """

    def __init__(self, runner: AttemptRunner, worker: Presence) -> None:
        self.worker = worker
        self.executor = LocalExecutor(runner, worker=worker, finds=True)
        self._store = runner.store
        self._settings = runner.settings
        self._recovery = Recovery(runner.store, runner.settings, self.executor)
        self._mourning: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Gives up what former agents of this host held, removes what they left, and begins.

        Only one agent of a host may be open at a time. Raises STORE_*.
        """
        await in_thread(self._take_over)
        self.executor.begin()
        self._mourning = asyncio.create_task(self._mourn())

    async def start(self, told: Sequence[Attempt]) -> None:
        """They were leased in our name. Those that are known, over, or not ours are left.
        Raises STORE_*: then the next renewal finds them."""
        await self.executor.start_all(told)

    async def stop(self, attempt: Attempt, grace_s: float) -> None:
        """On return nothing of it runs, nor will."""
        await self.executor.stop(attempt, grace_s)

    @property
    def held(self) -> list[Attempt]:
        """What it runs now."""
        return self.executor.held

    def free_disk_bytes(self) -> int:
        """`Node.free_disk_bytes` of this machine. Blocking."""
        limit = self._settings.machine.disk_bytes
        free = disk.free_bytes(self._settings.workspaces)
        written = sum(
            min(one.need.disk_bytes, disk.used_bytes(self._settings.workspaces / one.name))
            for one in self.held
        )
        return (min(free, limit) if limit else free) + written

    async def close(self) -> None:
        """Stops what runs and gives it back: another machine may go on at once. Raises STORE_*
        where it could not be given back: then its leases run out."""
        self.mute()
        held = self.held
        await self.executor.close()
        await in_thread(self._give_back, held)

    def mute(self) -> None:
        """Says no more of what ended without a result."""
        if self._mourning is not None:
            self._mourning.cancel()
            self._mourning = None

    def _take_over(self) -> None:
        """Whoever held leases of this host before is dead: there is one agent at a time."""
        with self._store.read() as tx:
            running = attempts.running(tx, host=self.worker.host)
        for held in running:
            if held.owner != str(self.worker):
                self._lose(held)
        self._recovery.sweep()

    async def _mourn(self) -> None:
        """What ended without a result is given up here, where it is known for certain."""
        async for dead in self.executor.deaths():
            while True:
                try:
                    await in_thread(self._lose_attempt, dead)
                    break
                except ReelError as error:
                    if error.code not in _AWAY:
                        _log.exception("an attempt that died could not be given up")
                        break
                    await asyncio.sleep(_AGAIN_S)

    def _lose_attempt(self, dead: Attempt) -> None:
        with self._store.read() as tx:
            running = attempts.running(tx, host=self.worker.host)
        for held in running:
            if (held.step_id, held.attempt) == (dead.step_id, dead.number):
                self._lose(held)

    def _lose(self, held: Running) -> None:
        self._end(partial(outcome.lose, lost=held, settings=self._settings))

    def _end(self, change: Callable[[Tx], None]) -> None:
        try:
            self._store.transact(change)
        except ReelError as error:
            if error.code is not Code.LEASE_LOST:  # it came to its own end meanwhile
                raise

    def _give_back(self, held: Sequence[Attempt]) -> None:
        mine = {(one.step_id, one.number) for one in held}
        with self._store.read() as tx:
            running = attempts.running(tx, host=self.worker.host)
        for row in running:
            if (row.step_id, row.attempt) in mine:
                self._end(partial(outcome.give_back, held=row))
