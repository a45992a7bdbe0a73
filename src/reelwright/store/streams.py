"""What streams of events ask for: many jobs in one query."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa

from reelwright.store.database import EventRow, Tx
from reelwright.store.states import JobState, StepState
from reelwright.store.tables import events, jobs, steps

T = TypeVar("T")
# SQLite took at most 999 variables before 3.32; a job with its cursor takes two.
_BATCH = 400


@dataclass(frozen=True, slots=True)
class Position:
    """Where a job is: `seq` is that of its last event, `fraction` 0 to 1. All of one moment."""

    owner: str | None
    seq: int
    state: JobState
    fraction: float
    eta_s: float | None


@dataclass(frozen=True, slots=True)
class Running:
    """A step that runs; `fraction` 0 to 1, `progress` as its runner reported it."""

    job_id: str
    key: str
    attempt: int
    fraction: float
    progress: Mapping[str, Any] | None


def positions(tx: Tx, ids: Collection[str]) -> dict[str, Position]:
    """Of those jobs that there are, by id."""
    columns = (jobs.c.owner, jobs.c.event_seq, jobs.c.state, jobs.c.fraction, jobs.c.eta_s)
    found = {}
    for part in _parts(list(ids)):
        for row in tx.run(sa.select(jobs.c.id, *columns).where(jobs.c.id.in_(part))):
            state = JobState(row.state)
            found[row.id] = Position(row.owner, row.event_seq, state, row.fraction, row.eta_s)
    return found


def events_at(tx: Tx, places: Sequence[tuple[str, int]]) -> list[EventRow]:
    """Of several jobs, by (job, `seq`); in the order of `seq` within a job.

    Since `seq` has no gaps, whoever knows two positions of a job knows the places between: a list
    of them is one cached statement, and one search in the primary key each.
    """
    columns = (events.c.job_id, events.c.seq, events.c.at, events.c.kind, events.c.body)
    key = sa.tuple_(events.c.job_id, events.c.seq)
    found: list[EventRow] = []
    for part in _parts(places):
        query = sa.select(*columns).where(key.in_(part)).order_by(events.c.job_id, events.c.seq)
        found += [EventRow(*row) for row in tx.run(query)]
    return found


def running(tx: Tx, ids: Collection[str]) -> list[Running]:
    """The running steps of several jobs, in the order of the plan."""
    columns = (steps.c.job_id, steps.c.key, steps.c.attempt, steps.c.fraction, steps.c.progress)
    found: list[Running] = []
    for part in _parts(list(ids)):
        query = sa.select(*columns).where(
            steps.c.job_id.in_(part), steps.c.state == StepState.RUNNING
        )
        found += [Running(*row) for row in tx.run(query.order_by(steps.c.position))]
    return found


def _parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]
