"""Clocks that jump: no lease is lost by it, whichever clock it is."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from reelwright.engine.engine import Engine
from reelwright.engine.recovery import Recovery
from reelwright.store.states import JobState
from tests.engine.jobs import World, wait
from tests.faults import outages
from tests.faults.outages import Steps

pytestmark = pytest.mark.faults
_LEASE_S = 1.5


@pytest.fixture
def steps(tmp_path: Path) -> Steps:
    return Steps(tmp_path / "steps", _LEASE_S)


def _two(tmp_path: Path, database_url: str) -> tuple[World, World]:
    return (
        outages.home(tmp_path / "home", database_url, _LEASE_S),
        outages.home(tmp_path / "home", database_url, _LEASE_S),
    )


async def _through(engine: Engine, job_id: str, steps: Steps) -> asyncio.Task[None]:
    async def drive() -> None:
        assert (await engine.run_job(job_id)).state is JobState.SUCCEEDED

    task = asyncio.create_task(drive())
    await asyncio.to_thread(steps.until_running, "a", "b")
    return task


def test_the_clock_of_the_host(
    tmp_path: Path, database_url: str, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leases and retries run on the database's clock: what Python believes the time to be is
    nothing to them."""
    here, _ = _two(tmp_path, database_url)
    true_time = time.time

    async def go() -> str:
        engine = here.engine(run_step=outages.guarded)
        job_id = engine.submit(steps.job())
        task = await _through(engine, job_id, steps)
        for jump_s in (86400.0, -86400.0):
            monkeypatch.setattr(time, "time", lambda jump_s=jump_s: true_time() + jump_s)
            await asyncio.sleep(0.8)
        steps.go("a", "b", "c")
        await task
        await engine.close()
        return job_id

    job_id = wait(go())
    monkeypatch.undo()
    outages.assert_each_step_ran_once(here, job_id, steps)


def test_the_clock_of_the_database(tmp_path: Path, database_url: str, steps: Steps) -> None:
    """All leases are over at a stroke; whoever lives renews them before anybody gives them up."""
    here, others = _two(tmp_path, database_url)

    async def go() -> tuple[str, list[int]]:
        engine = here.engine(run_step=outages.guarded)
        job_id = engine.submit(steps.job())
        task = await _through(engine, job_id, steps)
        recovery = Recovery(others.store, others.settings, others.executor())
        await asyncio.sleep(_LEASE_S)  # it is new here, and waits for so long
        for each in (here, others):
            each.store.database.dialect.clock += " + 86400.0"
        lost = []
        for _ in range(20):
            lost.append(len(await recovery.run()))
            await asyncio.sleep(0.1)
        steps.go("a", "b", "c")
        await task
        await engine.close()
        return job_id, lost

    job_id, lost = wait(go())
    assert sum(lost) == 0
    outages.assert_each_step_ran_once(here, job_id, steps)
