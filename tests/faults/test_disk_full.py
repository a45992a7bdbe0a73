"""A full disk: a clear error, nothing half delivered, and on it goes when there is room."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from reelwright.engine.executor import Need
from reelwright.engine.submission import NewJob
from reelwright.errors import Code, ReelError
from reelwright.planning.plan import Step
from reelwright.runners.context import StepContext, StepResult
from reelwright.store import jobs
from reelwright.store.check import check
from reelwright.store.combine import Combiner
from reelwright.store.database import Tx
from reelwright.store.rows import Job, NewJobRow
from reelwright.store.states import JobState, StepState
from reelwright.store.store import open_store
from tests.engine.jobs import World, plan, run_shell, shell, wait, world
from tests.small_disk import mounted

pytestmark = pytest.mark.faults


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    with mounted(tmp_path / "small", 4) as folder:
        yield folder


async def _run_shell(step: Step, context: StepContext) -> StepResult:
    """28 is ENOSPC; the log is on the full disk too, so it says nothing."""
    try:
        return await run_shell(step, context)
    except ReelError as error:
        if "exit code 28" in error.problem.message:
            raise ReelError(Code.DISK_FULL, "No space left on device", where=step.id) from error
        raise


def test_a_full_disk_fails_clearly_and_resumes(small_disk: Path, tmp_path: Path) -> None:
    """The workspaces are on the small disk, the database is not."""
    base = world(tmp_path / "home")
    here = replace(base, settings=replace(base.settings, home=small_disk, max_attempts=1))
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * (3 << 20))
    script = "dd if=/dev/zero of=out bs=1M count=2 || exit 28"
    target = tmp_path / "out" / "zeros"

    async def go() -> list[Job]:
        engine = here.engine(run_step=_run_shell)
        job = await here.run(engine, plan([shell("a", script)], {"a": target}))
        found = [job]
        assert not target.exists()
        assert not list(here.settings.workspaces.glob("*")), "a failed try gives its room back"
        ballast.unlink()
        assert await engine.resume() == [job.id]
        found.append(await engine.run_job(job.id))
        await engine.close()
        return found

    failed, done = wait(go())
    assert (failed.state, (failed.error or {})["code"]) == (JobState.FAILED, "disk_full")
    assert done.state is JobState.SUCCEEDED
    assert target.stat().st_size == 2 << 20


def test_a_full_destination_leaves_nothing_behind(small_disk: Path, tmp_path: Path) -> None:
    here = world(tmp_path / "home", max_attempts=1)
    script = "dd if=/dev/zero of=out bs=1M count=6 2>/dev/null"
    job = here.go(plan([shell("a", script)], {"a": small_disk / "zeros"}))
    assert (job.state, (job.error or {})["code"]) == (JobState.FAILED, "disk_full")
    assert list(small_disk.iterdir()) == []


def test_a_store_on_a_full_disk_says_so(small_disk: Path) -> None:
    here = world(small_disk / "home")
    with (small_disk / "ballast").open("wb", buffering=0) as ballast, suppress(OSError):
        while True:
            ballast.write(b"x" * 4096)

    async def submit() -> None:
        here.engine().submit(NewJob(plan=plan([shell(f"s{n}", "true") for n in range(400)])))

    with pytest.raises(ReelError) as caught:
        wait(submit())
    assert caught.value.code is Code.DISK_FULL


def test_a_result_waits_for_room_in_the_database(tmp_path: Path) -> None:
    """The step is done when the disk is full; it is not done again when there is room."""
    here = world(tmp_path / "home")
    pages, ran = [0], tmp_path / "ran"
    sa.event.listen(
        here.store.database.engine,
        "checkout",
        lambda raw, _r, _p: raw.execute(f"PRAGMA max_page_count={pages[0] or 1 << 30}"),
    )

    async def large(step: Step, context: StepContext) -> StepResult:
        found = await run_shell(step, context)
        with here.store.read() as tx:
            pages[0] = tx.connection.exec_driver_sql("PRAGMA page_count").scalar_one() + 4
        return replace(found, report={"said": "x" * 200_000})

    async def go() -> Job:
        engine = here.engine(run_step=large)
        step = shell("a", f"echo ran >> {ran}; printf a > out")
        job_id = engine.submit(NewJob(plan=plan([step], {"a": tmp_path / "a"})))
        task = asyncio.create_task(engine.run_job(job_id))
        while not pages[0]:  # noqa: ASYNC110 - the step tells nobody
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)
        assert not task.done()
        assert here.steps(job_id)["a"].state is StepState.RUNNING
        pages[0] = 0
        job = await task
        await engine.close()
        return job

    assert wait(go()).state is JobState.SUCCEEDED
    assert ran.read_text() == "ran\n"
    assert (tmp_path / "a").read_text() == "a"


def test_changes_are_refused_while_it_is_full_and_taken_after(small_disk: Path) -> None:
    store = open_store(small_disk / "reel.db")
    combiner = Combiner(store)

    def insert(tx: Tx) -> str:
        return jobs.insert(tx, NewJobRow({"x": "y" * 10_000}, {}, "/"))

    with (small_disk / "ballast").open("wb", buffering=0) as ballast, suppress(OSError):
        while True:
            ballast.write(b"x" * 4096)
    found = [combiner.submit(insert).exception(60) for _ in range(100)]
    refused = {error.code for error in found if isinstance(error, ReelError)}
    assert refused == {Code.DISK_FULL}, found
    (small_disk / "ballast").unlink()
    kept = [combiner.submit(insert).result(60) for _ in range(3)]
    combiner.close()
    assert check(store.database).findings == ()
    with store.read() as tx:
        assert {job.id for job in jobs.listing(tx)} >= set(kept)
    store.close()


def test_a_step_that_can_never_fit_is_refused_before_it_starts(tmp_path: Path) -> None:
    here = world(tmp_path / "home", machine=Need(cpus=2, memory_bytes=1 << 30, disk_bytes=1 << 20))
    ran = tmp_path / "ran"
    job = here.go(plan([shell("big", f"touch {ran}", disk_bytes=2 << 20)]))
    assert (job.state, (job.error or {})["code"]) == (JobState.FAILED, "disk_reserved")
    assert not ran.exists()


def test_steps_wait_for_room_that_others_hold(tmp_path: Path) -> None:
    here = world(tmp_path / "home", machine=Need(cpus=4, memory_bytes=1 << 30, disk_bytes=3 << 20))
    order = tmp_path / "order"
    made = [
        shell(k, f"echo in >> {order}; sleep 0.1; echo out >> {order}", disk_bytes=2 << 20, salt=k)
        for k in "abc"
    ]
    job = here.go(plan(made))
    assert job.state is JobState.SUCCEEDED, job.error
    assert order.read_text().split() == ["in", "out"] * 3


def test_the_cache_gives_way_to_a_step_that_needs_room(tmp_path: Path, here: World) -> None:
    old = shell("old", "printf old > out")
    here.go(plan([old]))
    assert len(list(here.blobs.stored())) == 1
    short = replace(here, settings=replace(here.settings, machine=Need(cpus=2, disk_bytes=1 << 20)))
    job = short.go(plan([shell("new", "printf n > out", disk_bytes=(1 << 20) + 2)]))
    # Freeing 3 bytes is enough by count; the machine's limit then refuses the step all the same.
    assert (job.error or {})["code"] == "disk_reserved"
    assert not list(here.blobs.stored())


@pytest.fixture
def here(tmp_path: Path) -> World:
    return world(tmp_path / "home")
