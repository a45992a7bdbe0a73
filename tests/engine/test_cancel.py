"""Ends that come early: cancelling, the time limit, closing the engine."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from reelwright.engine.submission import NewJob
from reelwright.errors import Code, ReelError
from reelwright.runners import run_step
from reelwright.store import jobs, tables
from reelwright.store.rows import Job
from reelwright.store.states import JobState, StepState
from tests.engine.jobs import NO_TOOLS, World, plan, shell, wait, world


async def _until(flag: Path) -> None:
    """Until a step, which is another process, has made `flag`."""
    while not flag.exists():  # noqa: ASYNC110, ASYNC240
        await asyncio.sleep(0.01)


def test_a_cancelled_job_stops_what_runs(everywhere: World, tmp_path: Path) -> None:
    started, late = tmp_path / "started", tmp_path / "late"
    made = [
        shell("a", f"touch {started}; sleep 1; touch {late}; printf a > out"),
        shell("b", "printf b > out", needs=["a"]),
    ]

    async def go() -> Job:
        engine = everywhere.engine()
        job_id = engine.submit(NewJob(plan=plan(made, {"b": tmp_path / "b"})))
        task = asyncio.create_task(engine.run_job(job_id))
        await _until(started)
        engine.cancel(job_id)
        job = await task
        await asyncio.sleep(1.1)
        await engine.close()
        return job

    job = wait(go())
    assert (job.state, (job.error or {})["code"]) == (JobState.CANCELLED, "cancelled")
    assert not late.exists()
    assert not (tmp_path / "b").exists()
    states = {row.state for row in everywhere.steps(job.id).values()}
    assert states == {StepState.CANCELLED}
    assert not list(everywhere.settings.workspaces.glob("*"))


def test_a_job_that_waits_is_cancelled_at_once(here: World) -> None:
    async def go() -> tuple[Job, Code]:
        engine = here.engine()
        job_id = engine.submit(NewJob(plan=plan([shell("a", "true")])))
        engine.cancel(job_id)
        with here.store.read() as tx:
            job = jobs.get(tx, job_id)
        with pytest.raises(ReelError) as caught:
            engine.cancel(job_id)
        return job, caught.value.code

    job, code = wait(go())
    assert job.state is JobState.CANCELLED
    assert code is Code.TRANSITION_REFUSED


def test_a_cancelled_job_can_be_taken_up_again(here: World, tmp_path: Path) -> None:
    async def go() -> Job:
        engine = here.engine()
        step = shell("a", "printf a > out")
        job_id = engine.submit(NewJob(plan=plan([step], {"a": tmp_path / "a"})))
        engine.cancel(job_id)
        engine.retry(job_id)
        job = await engine.run_job(job_id)
        await engine.close()
        return job

    assert wait(go()).state is JobState.SUCCEEDED
    assert (tmp_path / "a").read_text() == "a"


def test_a_job_that_takes_too_long_fails(here: World) -> None:
    job = here.go(plan([shell("a", "sleep 30")]), timeout_s=0.2)
    assert (job.state, (job.error or {})["code"]) == (JobState.FAILED, "timeout")


def _left(here: World, tmp_path: Path, *, silent_s: float, killed: bool) -> tuple[str, float]:
    """A job that was left `silent_s` ago with 40 of its 100 seconds to go: its id and deadline."""
    flag = tmp_path / "flag"

    async def start() -> str:
        engine = here.engine()
        step = shell("a", f"touch {flag}; exec sleep 30")
        job_id = engine.submit(NewJob(plan=plan([step]), timeout_s=100.0))
        task = asyncio.create_task(engine.run_job(job_id))
        await _until(flag)
        task.cancel()
        await asyncio.wait([task])
        if killed:
            with here.store.write() as tx:
                tx.run(sa.update(tables.steps).values(lease_until=tx.now() - silent_s + 15.0))
                tx.run(sa.update(tables.events).values(at=tx.now() - silent_s - 30.0))
            await engine._executor.close()
        else:
            await engine.close()
        return job_id

    job_id = wait(start())
    with here.store.write() as tx:
        if not killed:
            tx.run(sa.update(tables.events).values(at=tx.now() - silent_s))
        deadline = tx.now() - silent_s + 40.0
        jobs.change(tx, job_id, deadline_at=deadline)
    return job_id, deadline


async def _resumed(here: World) -> None:
    engine = here.engine()
    await engine.resume()
    await engine.close()


def _clock(here: World, job_id: str) -> tuple[float, float]:
    """(now on the database's clock, the job's deadline)"""
    with here.store.read() as tx:
        return tx.now(), jobs.get(tx, job_id).deadline_at or 0.0


@pytest.mark.parametrize("killed", [False, True])
def test_the_time_limit_stands_still_while_a_job_is_left(
    everywhere: World, tmp_path: Path, *, killed: bool
) -> None:
    job_id, _ = _left(everywhere, tmp_path, silent_s=1000.0, killed=killed)
    before, _ = _clock(everywhere, job_id)
    wait(_resumed(everywhere))
    after, deadline = _clock(everywhere, job_id)
    # What was left of it, no more: 40 s from some moment in between.
    assert before + 39 <= deadline <= after + 41


def test_the_time_limit_of_a_job_that_runs_elsewhere_goes_on(here: World, tmp_path: Path) -> None:
    job_id, before = _left(here, tmp_path, silent_s=5.0, killed=False)
    wait(_resumed(here))
    assert _clock(here, job_id)[1] == before


def test_a_closed_engine_gives_its_steps_back(everywhere: World, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    step = shell("a", f"test -e {flag} || {{ touch {flag}; sleep 30; }}; printf a > out")

    async def start() -> str:
        engine = everywhere.engine()
        job_id = engine.submit(NewJob(plan=plan([step], {"a": tmp_path / "a"})))
        task = asyncio.create_task(engine.run_job(job_id))
        while not flag.exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        await engine.close()
        return job_id

    job_id = wait(start())
    row = everywhere.steps(job_id)["a"]
    assert (row.state, row.losses, row.failures) == (StepState.READY, 0, 0)

    async def again() -> Job:
        engine = everywhere.engine()
        assert await engine.resume() == [job_id]
        job = await engine.run_job(job_id)
        await engine.close()
        return job

    assert wait(again()).state is JobState.SUCCEEDED


@pytest.mark.parametrize(("grace_s", "ends_itself"), [(0.2, False), (60.0, True)])
def test_what_ignores_sigint_is_killed_after_the_grace_that_is_set(
    tmp_path: Path, grace_s: float, *, ends_itself: bool
) -> None:
    """The command needs a second to end on SIGINT; whether it has that is for the settings."""
    started, late = tmp_path / "started", tmp_path / "late"
    slow = tmp_path / "slow"
    # Short naps: a signal that comes just before a nap begins is only taken up after it.
    slow.write_text(
        f"#!/bin/sh\ntrap '/bin/sleep 1; : > {late}; exit' INT\n"
        f": > {started}\nwhile :; do /bin/sleep 0.05; done\n"
    )
    slow.chmod(0o755)
    here = world(tmp_path / "home", grace_s=grace_s, sandbox=False)

    async def go() -> Job:
        engine = here.engine(run_step=run_step, tools=replace(NO_TOOLS, ffmpeg=slow))
        step = replace(shell("a", "true"), commands=(("ffmpeg",),))
        job_id = engine.submit(NewJob(plan=plan([step])))
        task = asyncio.create_task(engine.run_job(job_id))
        await _until(started)
        engine.cancel(job_id)
        job = await task
        await engine.close()
        return job

    assert wait(go()).state is JobState.CANCELLED
    assert late.exists() is ends_itself
