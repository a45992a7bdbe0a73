"""How far steps and jobs are: to the callback often, to SQL once a second.

A job whose steps run on a hundred nodes is not counted by each of them each second: they take
turns, each by its share of the steps, without a word between them.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields, is_dataclass
from fractions import Fraction
from typing import Any

import sqlalchemy as sa

from reelwright.engine.events import Event, JobProgress, StepProgress
from reelwright.engine.executor import Attempt
from reelwright.store import jobs, progress, steps
from reelwright.store.database import Tx
from reelwright.store.progress import JobDone, StepDone
from reelwright.store.states import StepState
from reelwright.store.steps import Share
from reelwright.store.store import Store
from reelwright.store.tables import jobs as jobs_table

EMIT_S = 0.1
FLUSH_S = 1.0
# A turn that comes by a hair too late would wait for a whole flush more.
_EARLY = 0.1
# A running step is not done, whatever its clock says: verifying and publishing are still to come.
_MOST = 0.99
_UNCOUNTED = frozenset({StepState.CACHED, StepState.SKIPPED, StepState.EXPANDED})


@dataclass(slots=True)
class _Entry:
    attempt: Attempt
    duration: Fraction | None
    fraction: float = 0.0
    values: Mapping[str, Any] | None = None
    emitted_at: float = 0.0
    is_new: bool = False


class Board:
    """The progress of the attempts of this process."""

    def __init__(self, store: Store, emit: Callable[[Event], None]) -> None:
        self._store = store
        self._emit = emit
        self._entries: dict[Attempt, _Entry] = {}
        self._due_at: dict[str, float] = {}  # when this process counts a job again

    def open(self, attempt: Attempt, duration: Fraction | None) -> Callable[[object], None]:
        """Gives the function that the runner reports to."""
        entry = self._entries[attempt] = _Entry(attempt, duration)
        return lambda said: self._take(entry, said)

    def close(self, attempt: Attempt) -> None:
        self._entries.pop(attempt, None)

    def flush(self) -> None:
        """Writes what is new; nothing here is worth a sync. Raises STORE_*."""
        new = [entry for entry in self._entries.values() if entry.is_new]
        if not new:
            return
        mine = Counter(entry.attempt.job_id for entry in self._entries.values())
        now = time.monotonic()
        due = {e.attempt.job_id for e in new if self._due_at.get(e.attempt.job_id, 0.0) <= now}
        found = self._store.transact(lambda tx: _write(tx, new, due), durable=False)
        for entry in new:
            entry.is_new = False
        self._due_at = {j: at for j, at in self._due_at.items() if j in mine}
        for job, running in found:
            # Whoever runs a tenth of a job's steps counts it every tenth time: all together once.
            self._due_at[job.job_id] = now + FLUSH_S * (running / mine[job.job_id] - _EARLY)
            self._emit(JobProgress(job_id=job.job_id, fraction=job.fraction, eta_s=job.eta_s))

    def _take(self, entry: _Entry, said: object) -> None:
        values = _plain(said)
        done = _fraction(values, entry.duration)
        if done is not None:
            # The second command of a step starts from zero; people do not like to see that.
            entry.fraction = max(entry.fraction, min(done, _MOST))
        entry.values, entry.is_new = values, True
        now = time.monotonic()
        if now - entry.emitted_at >= EMIT_S:
            entry.emitted_at = now
            attempt = entry.attempt
            self._emit(
                StepProgress(
                    job_id=attempt.job_id,
                    key=attempt.key,
                    attempt=attempt.number,
                    fraction=entry.fraction,
                    progress=values,
                )
            )


def _write(tx: Tx, new: list[_Entry], due: Collection[str]) -> list[tuple[JobDone, int]]:
    """Gives the jobs of `due` that were counted, and how many steps of each run anywhere."""
    told = [StepDone(e.attempt.step_id, e.attempt.number, e.fraction, e.values or {}) for e in new]
    progress.set_steps(tx, told)
    counted = progress.lock_jobs(tx, due) if due else {}
    found = []
    for job_id, job in counted.items():
        done = JobDone(job_id, *job_progress(job.shares, job.started_at, tx.now()))
        running = job.shares.get(StepState.RUNNING)
        found.append((done, 1 if running is None else running.count))
    progress.set_jobs(tx, [done for done, _ in found])
    return found


def job_fraction(tx: Tx, job_id: str) -> tuple[float, float | None]:
    """Recomputes (fraction, seconds left) of a job from its steps, and stores both."""
    shares = steps.shares(tx, [job_id])[job_id]
    started = tx.run(
        sa.select(jobs_table.c.started_at).where(jobs_table.c.id == job_id)
    ).scalar_one_or_none()
    fraction, eta_s = job_progress(shares, started, tx.now())
    jobs.change(tx, job_id, fraction=fraction, eta_s=eta_s)
    return fraction, eta_s


def job_progress(
    shares: Mapping[StepState, Share], started_at: float | None, now: float
) -> tuple[float, float | None]:
    """(fraction, seconds left) of a job.

    Steps are weighted by their estimates; what came from the cache took no time and does not count.
    """
    counted = {state: share for state, share in shares.items() if state not in _UNCOUNTED}
    total = sum(share.weight for share in counted.values())
    made = sum(
        share.weight if state is StepState.SUCCEEDED else share.done
        for state, share in counted.items()
    )
    fraction = min(made / total, 1.0) if total else 0.0
    if started_at is None or fraction <= 0.01:
        return fraction, None
    return fraction, max(0.0, (now - started_at) * (1.0 - fraction) / fraction)


def _fraction(values: Mapping[str, Any], duration: Fraction | None) -> float | None:
    given = values.get("fraction")
    if given is not None:
        return float(given)
    at = values.get("time")
    return None if at is None or not duration else float(at) / float(duration)


def _plain(said: object) -> dict[str, Any]:
    """The fields that say something, JSON-ready: a runner may report any dataclass or mapping."""
    if is_dataclass(said) and not isinstance(said, type):
        pairs = {f.name: getattr(said, f.name) for f in fields(said)}
    elif isinstance(said, Mapping):
        pairs = dict(said)
    else:
        pairs = {}
    return {
        name: round(float(value), 6) if isinstance(value, Fraction) else value
        for name, value in pairs.items()
        if value is not None
    }
