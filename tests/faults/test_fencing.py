"""Workers that were given up for dead and come back: their results count for nothing."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from reelwright.engine import presence
from reelwright.engine.attempt import RunStep
from reelwright.engine.engine import Engine
from reelwright.engine.executor import Attempt, Work
from reelwright.engine.local import LocalExecutor
from reelwright.engine.presence import Presence
from reelwright.engine.recovery import Recovery
from reelwright.engine.submission import NewJob
from reelwright.errors import Code, ReelError
from reelwright.planning.plan import Step
from reelwright.runners.context import StepContext, StepResult
from reelwright.store import artifacts, attempts, steps
from reelwright.store.rows import Job, Running
from reelwright.store.states import AttemptState, JobState, StepState
from tests.engine.jobs import World, plan, run_shell, shell, wait, world

pytestmark = pytest.mark.faults


@pytest.fixture
def here(tmp_path: Path, database_url: str) -> World:
    return world(tmp_path / "home", database_url, lease_s=0.5, renew_s=0.1)


def _held(here: World, job_id: str) -> list[Running]:
    with here.store.read() as tx:
        return attempts.running(tx, job_id=job_id)


async def _until_running(here: World, job_id: str) -> Running:
    while True:
        held = _held(here, job_id)
        if held:
            return held[0]
        await asyncio.sleep(0.01)


def _hanging(hung: asyncio.Event, gate: asyncio.Event) -> RunStep:
    """A runner whose first attempt does not hear that it should stop, and ends after all."""

    async def hang(step: Step, context: StepContext) -> StepResult:
        if hung.is_set():
            return await run_shell(step, context)
        hung.set()
        with suppress(asyncio.CancelledError, TimeoutError):
            await asyncio.wait_for(gate.wait(), 20)
        with suppress(TimeoutError):
            await asyncio.wait_for(gate.wait(), 20)
        context.workspace.mkdir(parents=True, exist_ok=True)
        return await run_shell(shell("a", "printf old > out"), context)

    return hang


def test_a_late_result_is_refused(here: World, tmp_path: Path) -> None:
    """The first worker hangs, loses its lease, then goes on; a second one has done the step."""
    hung, gate = asyncio.Event(), asyncio.Event()
    hang = _hanging(hung, gate)

    async def go() -> Job:
        first, second = here.engine(run_step=hang), here.engine(run_step=hang)
        step = shell("a", "printf new > out")
        job_id = first.submit(NewJob(plan=plan([step], {"a": tmp_path / "a"})))
        early = asyncio.create_task(first.run_job(job_id))
        await hung.wait()
        (held,) = _held(here, job_id)
        here.store.transact(
            lambda tx: attempts.settle(
                tx, held.step_id, held.attempt, StepState.READY, AttemptState.LOST
            )
        )
        job = await second.run_job(job_id)
        gate.set()
        await early
        await asyncio.sleep(0.1)
        await first.close()
        await second.close()
        return job

    job = wait(go())
    assert job.state is JobState.SUCCEEDED
    assert (tmp_path / "a").read_text() == "new"
    row = here.steps(job.id)["a"]
    with here.store.read() as tx:
        states = [t.state for t in attempts.of_step(tx, row.id)]
        (file,) = artifacts.outcomes_of(tx, [row.identity])[row.identity].artifacts
    assert states == [AttemptState.LOST, AttemptState.SUCCEEDED]
    assert here.blobs.path(file.sha256).read_text() == "new"


def test_the_fence_is_in_the_update(here: World) -> None:
    async def go() -> Running:
        engine = here.engine()
        job_id = engine.submit(NewJob(plan=plan([shell("a", "sleep 30")])))
        task = asyncio.create_task(engine.run_job(job_id))
        held = await _until_running(here, job_id)
        engine.cancel(job_id)
        await task
        await engine.close()
        return held

    held = wait(go())
    for target in (StepState.SUCCEEDED, StepState.FAILED, StepState.READY):
        with pytest.raises(ReelError) as caught, here.store.write() as tx:
            attempts.settle(tx, held.step_id, held.attempt, target, AttemptState.SUCCEEDED)
        assert caught.value.code is Code.LEASE_LOST


def test_an_expired_lease_of_another_host_is_taken(here: World, tmp_path: Path) -> None:
    step = shell("a", "printf a > out")
    engine_of_other: list[Engine] = []

    async def go() -> Job:
        executor = here.executor()
        executor.worker = Presence("elsewhere", 1, "0", "x")
        other = Engine(here.store, here.blobs, _Deaf(executor), here.settings)
        engine_of_other.append(other)
        job_id = other.submit(NewJob(plan=plan([step], {"a": tmp_path / "a"})))
        task = asyncio.create_task(other.run_job(job_id))
        await _until_running(here, job_id)
        task.cancel()
        engine = here.engine()
        assert await engine.resume() == [job_id]
        assert _held(here, job_id), "nobody can know whether a process of another host lives"
        job = await engine.run_job(job_id)
        await engine.close()
        return job

    job = wait(go())
    assert job.state is JobState.SUCCEEDED
    assert here.steps(job.id)["a"].losses == 1


class _Deaf:
    """An executor that loses what it is given: the host went down before it began."""

    def __init__(self, executor: LocalExecutor) -> None:
        self._executor = executor
        self.worker = executor.worker

    async def start(self, attempt: Attempt, work: Work | None = None) -> None:
        """Never heard of again."""

    async def adopt(self, running: list[Attempt]) -> set[Attempt]:
        return set(running)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._executor, name)


def test_after_an_outage_leases_get_their_time(here: World) -> None:
    """Expired on the clock, but their holder had no chance to renew."""

    async def go() -> tuple[int, int]:
        executor = here.executor()
        executor.worker = Presence("elsewhere", 1, "0", "x")
        other = Engine(here.store, here.blobs, _Deaf(executor), here.settings)
        job_id = other.submit(NewJob(plan=plan([shell("a", "true")])))
        task = asyncio.create_task(other.run_job(job_id))
        await _until_running(here, job_id)
        task.cancel()
        recovery = Recovery(here.store, here.settings, here.executor())
        await asyncio.sleep(here.settings.lease_s + 0.1)
        recovery.outage()
        early = len(await recovery.run())
        await asyncio.sleep(here.settings.lease_s + 0.1)
        return early, len(await recovery.run())

    assert wait(go()) == (0, 1)


def test_a_dead_process_is_known_at_once() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = presence.start_time(child.pid) or ""
    one = Presence(presence.this_host(), child.pid, started, "x")
    assert Presence.parse(str(one)) == one
    assert Presence(one.host, one.pid, "another start", "x").is_gone, "the id was used again"
    assert not Presence("elsewhere", one.pid, "?", "x").is_gone
    seen = [one.is_gone]
    child.kill()
    # Before it is waited for it is a zombie, which runs nothing either.
    while presence.start_time(child.pid) is not None:
        os.sched_yield()
    seen.append(one.is_gone)
    child.communicate()
    seen.append(one.is_gone)
    assert seen == [False, True, True]


def test_what_a_worker_never_started_is_found(here: World, tmp_path: Path) -> None:
    """Claimed by this very process, which does not know of it: a crash between the two."""

    async def go() -> Job:
        engine = here.engine()
        executor = engine._executor
        lost: list[str] = []
        start = executor.start

        async def drop_first(attempt: Attempt, work: Work | None = None) -> None:
            if not lost:
                lost.append(attempt.key)
                return
            await start(attempt, work)

        executor.start = drop_first  # type: ignore[method-assign]
        job_id = engine.submit(
            NewJob(plan=plan([shell("a", "printf a > out")], {"a": tmp_path / "a"}))
        )
        job = await engine.run_job(job_id)
        await engine.close()
        return job

    job = wait(go())
    assert job.state is JobState.SUCCEEDED
    with here.store.read() as tx:
        assert steps.by_keys(tx, job.id, ["a"])["a"].losses == 1


def test_a_claim_on_its_way_is_no_stray(here: World) -> None:
    """Committed, and not started yet: only what stays so is a mishap."""

    async def go() -> tuple[int, int]:
        executor = here.executor()
        engine = Engine(here.store, here.blobs, _Deaf(executor), here.settings)
        job_id = engine.submit(NewJob(plan=plan([shell("a", "true")])))
        task = asyncio.create_task(engine.run_job(job_id))
        await _until_running(here, job_id)
        task.cancel()
        recovery = Recovery(here.store, here.settings, executor)
        early = len(await recovery.run())
        await asyncio.sleep(1.1)
        return early, len(await recovery.run())

    assert wait(go()) == (0, 1)
