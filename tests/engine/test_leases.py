"""Leases are renewed whatever the event loop does; a database that is away takes none of them."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from reelwright.engine.executor import Attempt
from reelwright.engine.leases import Leases
from reelwright.engine.presence import Presence
from reelwright.engine.submission import NewJob
from reelwright.errors import Code, ReelError
from reelwright.store import attempts, steps
from reelwright.store.states import AttemptState, StepState
from tests.engine.jobs import World, plan, shell, wait, world


@pytest.fixture
def here(tmp_path: Path, database_url: str) -> World:
    return world(tmp_path / "home", database_url, lease_s=5.0, renew_s=0.1)


async def _running(here: World) -> tuple[Attempt, asyncio.Task[object]]:
    engine = here.engine()
    job_id = engine.submit(NewJob(plan=plan([shell("a", "sleep 30")])))
    task: asyncio.Task[object] = asyncio.create_task(engine.run_job(job_id))
    while True:
        with here.store.read() as tx:
            held = attempts.running(tx, job_id=job_id)
        if held:
            return Attempt(held[0].step_id, held[0].attempt, job_id, "a"), task
        await asyncio.sleep(0.01)


def _until(here: World, attempt: Attempt) -> float:
    with here.store.read() as tx:
        return steps.get(tx, attempt.step_id).lease_until or 0.0


def test_leases_are_renewed_while_the_loop_is_held_up(here: World) -> None:
    async def go() -> tuple[float, float]:
        attempt, task = await _running(here)
        before = _until(here, attempt)
        time.sleep(1.0)  # noqa: ASYNC251
        after = _until(here, attempt)
        task.cancel()
        await asyncio.wait([task])
        return before, after

    before, after = wait(go())
    assert after > before


def test_a_database_that_is_away_takes_no_lease(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[Attempt] = []
    worker = Presence("here", 1, "0", "x")
    leases = Leases(here.store, here.settings, worker, lost.append)
    attempt = Attempt("step", 1, "job", "a")

    def away(*_args: object, **_named: object) -> None:
        raise ReelError(Code.STORE_UNAVAILABLE, "gone")

    async def go() -> tuple[bool, bool]:
        leases.take(attempt)
        with monkeypatch.context() as patch:
            patch.setattr(here.store, "transact", away)
            keeping = asyncio.create_task(leases.keep())
            await asyncio.sleep(0.5)
            during = await leases.heartbeat(attempt)
        while not lost:  # noqa: ASYNC110 - nobody ever leased it: the first answer says so
            await asyncio.sleep(0.01)
        keeping.cancel()
        return during, await leases.heartbeat(attempt)

    assert wait(go()) == (True, False)
    assert lost == [attempt]


def test_a_lost_lease_ends_the_attempt_once(here: World) -> None:
    async def go() -> StepState:
        attempt, task = await _running(here)
        here.store.transact(
            lambda tx: attempts.settle(
                tx, attempt.step_id, attempt.number, StepState.CANCELLED, AttemptState.CANCELLED
            )
        )
        while any(here.settings.workspaces.glob("*")):  # noqa: ASYNC110 - files tell nobody
            await asyncio.sleep(0.01)
        with here.store.read() as tx:
            state = steps.get(tx, attempt.step_id).state
        task.cancel()
        await asyncio.wait([task])
        return state

    assert wait(go()) is StepState.CANCELLED
