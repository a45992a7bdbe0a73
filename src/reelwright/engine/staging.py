"""Steps whose inputs lie on this machine only: they stay until every node can read those."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

from reelwright.engine.threads import in_thread
from reelwright.errors import Code, ReelError
from reelwright.store import steps
from reelwright.store.candidates import Candidate
from reelwright.store.rows import StepRow
from reelwright.store.store import Store

_log = logging.getLogger(__name__)
# Puts the own inputs of the step's job where every node finds them; nothing where they are there.
Stage = Callable[[StepRow], Awaitable[None]]

# Copies at a time: more do not make a disk faster.
_AT_ONCE = 4
# What is there is not looked for again for so long; a store that did not answer is asked again.
_KNOWN_S, _AGAIN_S = 600.0, 5.0
_MOST = 100_000
_Key = tuple[str, str]  # step and identity: a later revision of a plan may read something else


class Staging:
    """Of one dispatcher. `changed` is called when a step may leave."""

    def __init__(self, store: Store, stage: Stage, changed: Callable[[], None]) -> None:
        self._store = store
        self._stage = stage
        self._changed = changed
        self._until: dict[_Key, float] = {}
        self._tasks: dict[_Key, asyncio.Task[None]] = {}
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    async def kept(self, ready: Sequence[Candidate]) -> set[str]:
        """Those that have to stay; what they read is put in order meanwhile. Raises STORE_*."""
        now = time.monotonic()
        new = {
            (one.step_id, one.identity)
            for one in ready
            if not steps.is_own(one.key) and self._until.get((one.step_id, one.identity), 0.0) < now
        }
        new -= self._tasks.keys()
        if new:
            self._begin(await in_thread(self._read, [step_id for step_id, _ in new]))
        return {step_id for step_id, _ in self._tasks}

    async def close(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _read(self, ids: Sequence[str]) -> list[StepRow]:
        with self._store.read() as tx:
            return steps.several(tx, ids)

    def _begin(self, rows: Sequence[StepRow]) -> None:
        for row in rows:
            key = (row.id, row.identity)
            if not any(item.get("uri") for item in row.payload.get("inputs") or ()):
                self._know(key, _KNOWN_S)
            elif key not in self._tasks:
                self._tasks[key] = asyncio.create_task(self._put(key, row), name=f"stage {row.id}")

    async def _put(self, key: _Key, row: StepRow) -> None:
        known_s = _KNOWN_S
        try:
            async with self._at_once:
                await self._stage(row)
        except ReelError as error:
            if error.code is Code.ARTIFACTS_UNAVAILABLE:
                _log.warning("%s: %s", error.code.text, error)
                await asyncio.sleep(_AGAIN_S)
                known_s = 0.0
            # Whatever else is wrong with an input, whoever runs the step finds and tells it.
        except Exception:  # noqa: BLE001 - it is told, and must not end the others
            _log.exception("the inputs of step %s could not be put where nodes find them", row.id)
            known_s = 0.0
            await asyncio.sleep(_AGAIN_S)
        finally:
            self._tasks.pop(key, None)
        self._know(key, known_s)
        self._changed()

    def _know(self, key: _Key, known_s: float) -> None:
        self._until.pop(key, None)
        self._until[key] = time.monotonic() + known_s
        while len(self._until) > _MOST:
            del self._until[next(iter(self._until))]
