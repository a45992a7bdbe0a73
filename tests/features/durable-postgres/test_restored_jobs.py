"""A job that was running when the backup was made goes on where the backup was restored."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from reelwright.engine.submission import NewJob
from reelwright.store import attempts, backup
from reelwright.store.database import database_at
from reelwright.store.states import AttemptState, JobState
from tests.engine.jobs import World, plan, shell, wait, world


@pytest.mark.postgres
def test_running_steps_are_taken_up_again(tmp_path: Path, postgres_url: str) -> None:
    laptop = world(tmp_path / "home", lease_s=1.0, renew_s=0.3)
    running, go = tmp_path / "running", tmp_path / "go"
    first = shell("a", "printf a > out")
    second = shell("b", f"touch {running}; test -e {go} || sleep 60; printf b > out", needs=["a"])
    made = NewJob(plan=plan([first, second], {"b": tmp_path / "b"}))

    async def leave() -> str:
        engine = laptop.engine()
        job_id = engine.submit(made)
        task = asyncio.create_task(engine.run_job(job_id))
        while not running.exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.02)
        await asyncio.to_thread(backup.write, laptop.store.database, tmp_path / "b.zip")
        task.cancel()
        await engine.close()
        return job_id

    job_id = wait(leave())
    server = database_at(postgres_url)
    backup.restore(server, tmp_path / "b.zip")
    server.close()
    go.touch()
    there = world(tmp_path / "home", postgres_url, lease_s=1.0, renew_s=0.3)

    async def go_on(here: World) -> JobState:
        engine = here.engine()
        job = await engine.run_job(job_id)
        await engine.close()
        return job.state

    assert wait(go_on(there)) is JobState.SUCCEEDED
    assert (tmp_path / "b").read_text() == "b"
    rows = there.steps(job_id)
    with there.store.read() as tx:
        states = {key: [a.state for a in attempts.of_step(tx, rows[key].id)] for key in "ab"}
    assert states == {
        "a": [AttemptState.SUCCEEDED],
        "b": [AttemptState.LOST, AttemptState.SUCCEEDED],
    }
