"""Queries of whoever decides: which jobs to begin, and which running ones want a look."""

from __future__ import annotations

import heapq
import random
from collections import Counter
from dataclasses import dataclass

import sqlalchemy as sa

from reelwright.store.database import Tx
from reelwright.store.states import JobState, StepState
from reelwright.store.steps import PLAN
from reelwright.store.tables import jobs, steps

# So many ready steps are enough to know that there is enough to do.
_ENOUGH = 1000
# So many owners are looked at in one go: one query each.
_MOST_OWNERS = 64
# A step that keeps no core busy counts a little, or there would be no end to beginning such.
LEAST_CPUS = 0.05
# What a job is before it has a plan: something that will keep a core busy.
UNPLANNED_CPUS = 1.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """A queued job. `group` is what its limit of running jobs counts: an API key, or an owner."""

    id: str
    owner: str
    group: str
    max_running: int | None
    rank: float
    timeout_s: float | None


def load_cpus(tx: Tx, wanted_cpus: float = 0.0) -> float:
    """Cores that begun steps take or wait for; counted up to about `wanted_cpus`."""
    cpus = sa.case(
        (steps.c.key == PLAN, UNPLANNED_CPUS),
        (steps.c.cpus < LEAST_CPUS, LEAST_CPUS),
        else_=steps.c.cpus,
    )
    some = (
        sa.select(cpus.label("cpus"))
        .where(steps.c.state.in_((StepState.READY, StepState.RUNNING)))
        .limit(max(_ENOUGH, round(4 * wanted_cpus)))
        .subquery()
    )
    return float(tx.run(sa.select(sa.func.coalesce(sa.func.sum(some.c.cpus), 0.0))).scalar_one())


def next_jobs(tx: Tx, limit: int) -> list[Waiting]:
    """The queued jobs to begin, in their order, `limit` at the most.

    Between owners the one with the fewest running jobs goes first; of one owner's the one of the
    least rank. Jobs of a key that runs as many as it may are left.
    """
    owners = _owners(tx)
    if not owners:
        return []
    running = _running(tx)
    at_work: Counter[str] = Counter()
    groups: Counter[str] = Counter()
    full: set[str] = set()
    for owner, group, most, count in running:
        at_work[owner] += count
        groups[group] += count
        if most is not None and count >= most:
            full.add(group)
    random.shuffle(owners)  # where there are more than are looked at
    owners = sorted(owners, key=lambda owner: at_work[owner])[:_MOST_OWNERS]
    found_of = {owner: _line(tx, owner, full, limit) for owner in owners}
    lines = {owner: iter(found) for owner, found in found_of.items()}
    # Among owners with as much at work, the one whose next job has waited longest.
    heap = [(at_work[owner], found[0].rank, owner) for owner, found in found_of.items() if found]
    heapq.heapify(heap)
    chosen: list[Waiting] = []
    while heap and len(chosen) < limit:
        count, rank, owner = heapq.heappop(heap)
        found = next((job for job in lines[owner] if _may_run(job, groups)), None)
        if found is not None:
            groups[found.group] += 1
            chosen.append(found)
            heapq.heappush(heap, (count + 1, rank, owner))
    return chosen


def stuck(tx: Tx, limit: int) -> list[str]:
    """Running jobs that something is to be decided about: cancelled, late, failed, or at rest."""
    mine = steps.c.job_id == jobs.c.id
    failed = sa.exists().where(mine, steps.c.state == StepState.FAILED)
    busy = sa.exists().where(mine, steps.c.state.in_((StepState.READY, StepState.RUNNING)))
    query = sa.select(jobs.c.id).where(
        jobs.c.state == JobState.RUNNING,
        sa.or_(_is_over(tx), failed, ~busy),
    )
    return list(tx.run(query.order_by(jobs.c.id).limit(limit)).scalars())


def interrupted(tx: Tx, worker: str | None) -> list[str]:
    """Jobs whose steps this worker runs, and which are to end early; None: all such jobs."""
    if worker is None:  # jobs are fewer than steps; of one that has ended the leases tell
        over = sa.select(jobs.c.id).where(jobs.c.state == JobState.RUNNING, _is_over(tx))
        return list(tx.run(over).scalars())
    where = (
        steps.c.state == StepState.RUNNING,
        steps.c.lease_owner == worker,
        sa.or_(_is_over(tx), jobs.c.state != JobState.RUNNING),
    )
    query = sa.select(jobs.c.id).join(steps, steps.c.job_id == jobs.c.id).where(*where).distinct()
    return list(tx.run(query).scalars())


def unresolved_since(tx: Tx, since: float) -> list[str]:
    """Running jobs with a step that waits for results, and another that ended after `since`."""
    ended = steps.alias("ended")
    some = (
        sa.exists()
        .where(ended.c.job_id == jobs.c.id, ended.c.finished_at >= since)
        .where(ended.c.state == StepState.SUCCEEDED)
    )
    query = (
        sa.select(jobs.c.id)
        .join(steps, steps.c.job_id == jobs.c.id)
        .where(steps.c.state == StepState.UNRESOLVED, jobs.c.state == JobState.RUNNING, some)
        .distinct()
    )
    return list(tx.run(query).scalars())


def waits(tx: Tx) -> bool:
    """Whether any job does: one look into the index."""
    query = sa.select(sa.literal(1)).where(jobs.c.state == JobState.QUEUED).limit(1)
    return tx.run(query).first() is not None


def depth(tx: Tx) -> int:
    """How many jobs wait to be begun."""
    query = sa.select(sa.func.count()).where(jobs.c.state == JobState.QUEUED)
    return int(tx.run(query).scalar_one())


def _is_over(tx: Tx) -> sa.ColumnElement[bool]:
    return sa.or_(jobs.c.cancel_requested.is_(sa.true()), jobs.c.deadline_at < tx.now())


def _owners(tx: Tx) -> list[str]:
    """Owners with queued jobs: one look into the index for each, however many jobs there are."""
    queued = jobs.c.state == JobState.QUEUED
    first = sa.select(sa.func.min(jobs.c.owner).label("owner")).where(queued).cte(recursive=True)
    after = sa.select(sa.func.min(jobs.c.owner)).where(queued, jobs.c.owner > first.c.owner)
    found = first.union_all(sa.select(after.scalar_subquery()).where(first.c.owner.is_not(None)))
    query = sa.select(found.c.owner).where(found.c.owner.is_not(None))
    return list(tx.run(query).scalars())


def _running(tx: Tx) -> list[tuple[str, str, int | None, int]]:
    """(owner, group, limit of the group, running jobs)."""
    group = sa.func.coalesce(jobs.c.key_id, jobs.c.owner)
    query = (
        sa.select(jobs.c.owner, group, sa.func.min(jobs.c.max_running), sa.func.count())
        .where(jobs.c.state == JobState.RUNNING)
        .group_by(jobs.c.owner, group)
    )
    return [(row[0], row[1], row[2], row[3]) for row in tx.run(query)]


def _line(tx: Tx, owner: str, full: set[str], limit: int) -> list[Waiting]:
    group = sa.func.coalesce(jobs.c.key_id, jobs.c.owner)
    where = [jobs.c.state == JobState.QUEUED, jobs.c.owner == owner]
    if full:
        where.append(group.not_in(sorted(full)))
    columns = (jobs.c.id, jobs.c.owner, group, jobs.c.max_running, jobs.c.rank, jobs.c.timeout_s)
    query = sa.select(*columns).where(*where).order_by(jobs.c.rank, jobs.c.id).limit(limit)
    return [Waiting(*row) for row in tx.run(query)]


def _may_run(job: Waiting, groups: Counter[str]) -> bool:
    return job.max_running is None or groups[job.group] < job.max_running
