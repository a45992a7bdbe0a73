"""The database goes away for a while: running steps wait for it, nothing is lost."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from reelwright.engine.submission import NewJob
from reelwright.errors import Code, ReelError
from reelwright.store import attempts
from reelwright.store.rows import Job
from reelwright.store.states import JobState
from reelwright.store.store import open_store
from tests.engine.jobs import plan, shell, wait, world
from tests.postgres import Server, make_server

pytestmark = [pytest.mark.faults, pytest.mark.postgres]


@pytest.fixture
def own_server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="reel-pg-", dir="/tmp"))
    server = make_server(folder)
    yield server
    with suppress(RuntimeError):
        server.stop()
    shutil.rmtree(folder, ignore_errors=True)


def test_a_restart_of_the_server_is_survived(own_server: Server, tmp_path: Path) -> None:
    here = world(
        tmp_path / "home", own_server.create(f"t{secrets.token_hex(4)}"), lease_s=5.0, renew_s=0.2
    )
    started, go_on = tmp_path / "started", tmp_path / "go-on"
    script = f"touch {started}; while ! test -e {go_on}; do sleep 0.02; done; printf a > out"
    made = [shell("a", script), shell("b", "cat $in_a > out", needs=["a"])]

    async def go() -> Job:
        engine = here.engine()
        job_id = engine.submit(NewJob(plan=plan(made, {"b": tmp_path / "b"})))
        task = asyncio.create_task(engine.run_job(job_id))
        while not started.exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.01)
        await asyncio.to_thread(own_server.stop)
        go_on.touch()
        await asyncio.sleep(0.5)  # the step ends and cannot say so
        await asyncio.to_thread(own_server.start)
        job = await task
        await engine.close()
        return job

    job = wait(go())
    assert job.state is JobState.SUCCEEDED
    assert (tmp_path / "b").read_text() == "a"
    with here.store.read() as tx:
        for row in here.steps(job.id).values():
            assert len(attempts.of_step(tx, row.id)) == 1, "nothing was run twice"


def test_a_server_that_does_not_answer_is_named_so(tmp_path: Path) -> None:
    with pytest.raises(ReelError) as caught:
        open_store(f"postgresql://postgres@/reel?host={tmp_path}")
    assert caught.value.code is Code.STORE_UNAVAILABLE
