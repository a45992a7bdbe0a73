"""Begins queued jobs: only as many as keep the workers busy, in fair order, several at a time."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from reelwright.engine import events, lifecycle, submission
from reelwright.engine.settings import EngineSettings
from reelwright.engine.threads import in_thread
from reelwright.engine.writing import LAST, Write
from reelwright.store import artifacts, jobs, queue, steps, workers
from reelwright.store.blobs import Blobs
from reelwright.store.database import Tx
from reelwright.store.queue import Waiting
from reelwright.store.states import StepState
from reelwright.store.steps import Outline
from reelwright.store.store import Store

# As much again as runs waits ready: whoever ends a step finds the next one at once.
_AHEAD = 2.0
# Also where there are few cores: planning a job takes a worker's time, and leads to more.
_LEAST_CPUS = 4.0
_MOST = 64
# Where nobody runs steps, it is not asked again at each submission.
_NOBODY_S = 0.5
_UNTOUCHED = frozenset({StepState.WAITING, StepState.UNRESOLVED})


class Admission:
    """Of the process that leads; what it does is right whoever else does it at the same time."""

    def __init__(self, store: Store, blobs: Blobs, settings: EngineSettings, write: Write) -> None:
        self._store = store
        self._blobs = blobs
        self._settings = settings
        self._write = write
        self._nobody_until = 0.0

    def look_again(self) -> None:
        """There may be somebody to run steps now."""
        self._nobody_until = 0.0

    async def fill(self) -> int:
        """Begins what there is room for; gives the number of jobs."""
        if time.monotonic() < self._nobody_until:
            return 0
        with self._store.read() as tx:
            if not queue.waits(tx):
                return 0
            capacity = workers.capacity_cpus(tx)
            if not capacity:
                self._nobody_until = time.monotonic() + _NOBODY_S
                return 0  # nobody is there to run them
            enough_cpus = max(_LEAST_CPUS, capacity * _AHEAD)
            room = enough_cpus - queue.load_cpus(tx, enough_cpus)
            if room <= 0:
                return 0
            waiting = queue.next_jobs(tx, _MOST)
            outlines = steps.outlines(tx, [job.id for job in waiting])
            wanted = {o.identity for o in outlines if o.identity}
            cached = set(artifacts.outcomes_of(tx, wanted))
        of_job: dict[str, list[Outline]] = {job.id: [] for job in waiting}
        for outline in outlines:
            of_job[outline.job_id].append(outline)
        chosen = _within(room, waiting, of_job)
        plain = [job.id for job in chosen if _is_plain(of_job[job.id], cached)]
        if plain:
            new = {job_id for job_id in plain if not of_job[job_id]}
            await self._write(lambda tx: _begin(tx, plain, new, self._settings), order=LAST)
        for job in chosen:
            if job.id not in plain:
                await in_thread(self._begin_with_cache, job.id)
        return len(chosen)

    def _begin_with_cache(self, job_id: str) -> None:
        with self._store.read() as tx:
            job = jobs.get(tx, job_id)
        lifecycle.begin(self._store, self._blobs, job, self._settings)


def _within(
    room: float, waiting: Sequence[Waiting], of_job: Mapping[str, Sequence[Outline]]
) -> list[Waiting]:
    """The first ones, until they fill the room; one at the least."""
    chosen: list[Waiting] = []
    for job in waiting:
        if room <= 0:
            break
        chosen.append(job)
        cpus = max((o.cpus for o in of_job[job.id]), default=queue.UNPLANNED_CPUS)
        room -= max(cpus, queue.LEAST_CPUS)
    return chosen


def _is_plain(outlines: Sequence[Outline], cached: set[str]) -> bool:
    """Nothing of it was ever begun, and the cache has none of it: all of it is to be made."""
    return all(o.state in _UNTOUCHED and o.identity not in cached for o in outlines)


def _begin(tx: Tx, job_ids: Sequence[str], new: set[str], settings: EngineSettings) -> None:
    begun = jobs.begin(tx, jobs.lock_free(tx, job_ids))
    submission.first_steps(tx, [job_id for job_id in begun if job_id in new], settings)
    told: list[tuple[str, str, Mapping[str, Any]]] = [
        (job_id, *events.job_changed("running")) for job_id in begun
    ]
    for job_id, key in steps.wake_all(tx, begun):
        told.append((job_id, *events.step_changed(key, StepState.READY)))
    jobs.record_each(tx, told)
