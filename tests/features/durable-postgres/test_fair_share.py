"""Whose turn it is: between owners, within one owner's queue, and within a key's limit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

from reelwright.engine import lifecycle
from reelwright.engine.submission import NewJob, submit
from reelwright.store import candidates, jobs, queue
from reelwright.store.jobs import AGEING_S
from reelwright.store.rows import Job
from reelwright.store.states import JobState
from reelwright.store.tables import jobs as table
from tests.engine.jobs import World, plan, shell, wait, world


@pytest.fixture
def everywhere(tmp_path: Path, database_url: str) -> World:
    return world(tmp_path / "home", database_url)


def test_owners_take_turns(everywhere: World) -> None:
    many = [_submit(everywhere, "many") for _ in range(10)]
    few = [_submit(everywhere, "few") for _ in range(2)]
    assert _next(everywhere, 5) == [many[0], few[0], many[1], few[1], many[2]]


def test_who_has_less_at_work_goes_first(everywhere: World) -> None:
    busy = [_submit(everywhere, "busy") for _ in range(4)]
    _begin(everywhere, busy[0], busy[1])
    idle = [_submit(everywhere, "idle") for _ in range(3)]
    assert _next(everywhere, 4) == [idle[0], idle[1], busy[2], idle[2]]


def test_priority_goes_first_and_waiting_makes_up_for_it(everywhere: World) -> None:
    old = _submit(everywhere, "me")
    new = _submit(everywhere, "me", priority=2)
    assert _next(everywhere, 2) == [new, old]
    with everywhere.store.write() as tx:  # as if it had been made so much earlier
        earlier = table.c.rank - 2 * AGEING_S - 1
        tx.run(sa.update(table).where(table.c.id == old).values(rank=earlier))
    assert _next(everywhere, 2) == [old, new]


def test_a_key_runs_no_more_jobs_than_it_may(everywhere: World) -> None:
    mine = [_submit(everywhere, "me", key_id="k1", max_running=2) for _ in range(4)]
    other = _submit(everywhere, "me", key_id="k2")
    assert _next(everywhere, 10) == [mine[0], mine[1], other]
    _begin(everywhere, mine[0], mine[1])
    assert _next(everywhere, 10) == [other]
    with everywhere.store.write() as tx:
        jobs.move(tx, mine[0], JobState.FAILED)
    assert _next(everywhere, 1) == [mine[2]] or _next(everywhere, 2) == [mine[2], other]


def test_without_a_key_the_owner_is_what_is_limited(everywhere: World) -> None:
    mine = [_submit(everywhere, "me", max_running=1) for _ in range(2)]
    yours = [_submit(everywhere, "you", max_running=1) for _ in range(2)]
    assert _next(everywhere, 10) == [mine[0], yours[0]]


def test_steps_of_owners_take_turns_too(everywhere: World) -> None:
    """Of 64 that are looked at not all may be of the one with a thousand steps."""
    big = _submit(everywhere, "big", count=100)
    small = _submit(everywhere, "small", count=2)
    _begin(everywhere, big, small)
    with everywhere.store.read() as tx:
        found = [item.job_id for item in candidates.candidates(tx, None, 64)]
    assert found[:4] == [big, small, big, small]
    assert len(found) == 64


def test_a_service_begins_few_and_ends_all(everywhere: World, tmp_path: Path) -> None:
    """Served to the end, the small owner is not behind the large one's queue."""
    ids = [_submit(everywhere, "large") for _ in range(30)]
    late = _submit(everywhere, "small")

    async def serve() -> None:
        engine = everywhere.engine()
        served = asyncio.create_task(engine.serve(version="test").run())
        while not all(job.state.is_final for job in _jobs(everywhere, [*ids, late])):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        served.cancel()
        await asyncio.gather(served, return_exceptions=True)
        await engine.close()

    wait(serve(), 120)
    found = _jobs(everywhere, [*ids, late])
    assert {job.state for job in found} == {JobState.SUCCEEDED}
    began = sorted(found, key=lambda job: job.started_at or 0.0)
    assert late in [job.id for job in began[:8]]


def _submit(here: World, owner: str, count: int = 1, **more: object) -> str:
    salt = str(here.store.transact(lambda tx: queue.depth(tx)))
    made = plan([shell(f"s{n}", "printf x > out", salt=f"{owner}{salt}") for n in range(count)])
    new = NewJob(plan=made, owner=owner, **more)  # type: ignore[arg-type]
    return here.store.transact(lambda tx: submit(tx, new, here.settings))


def _begin(here: World, *ids: str) -> None:
    for job in _jobs(here, ids):
        lifecycle.begin(here.store, here.blobs, job, here.settings)


def _jobs(here: World, ids: Sequence[str]) -> list[Job]:
    with here.store.read() as tx:
        return [jobs.get(tx, job_id) for job_id in ids]


def _next(here: World, limit: int) -> list[str]:
    with here.store.read() as tx:
        return [job.id for job in queue.next_jobs(tx, limit)]
