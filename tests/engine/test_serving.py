"""What wakes a worker that serves: changes that want a look, and rings, some together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from reelwright.engine.events import DELIVERED, JOB_STATE, STEP_STATE
from reelwright.engine.serving import _RINGS_S, Serving
from reelwright.engine.submission import NewJob, submit
from reelwright.planning.plan import Plan
from reelwright.store import jobs
from reelwright.store.database import EventRow
from reelwright.store.states import JobState
from tests.engine.jobs import World, plan, shell

pytestmark = pytest.mark.anyio
_LONG_S = 60.0


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def _serving(here: World) -> AsyncIterator[Serving]:
    engine = here.engine()
    try:
        yield engine.serve(version="test")
    finally:
        await engine.close()


async def _served(here: World, made: Plan) -> list[EventRow]:
    """What listeners heard of a job that a serving worker ran to its end."""
    heard: list[EventRow] = []
    stop = here.store.listen(heard.append)
    try:
        async with _serving(here) as serving, asyncio.timeout(_LONG_S):
            running = asyncio.create_task(serving.run())
            job_id = await asyncio.to_thread(
                here.store.transact, lambda tx: submit(tx, NewJob(plan=made), here.settings)
            )
            while not await asyncio.to_thread(_is_over, here, job_id):  # noqa: ASYNC110 - a table tells it
                await asyncio.sleep(0.02)
            serving.drain()
            await running
    finally:
        stop()
    return heard


def _waits(serving: Serving) -> bool:
    return serving._rest is not None


def _is_over(here: World, job_id: str) -> bool:
    with here.store.read() as tx:
        return jobs.get(tx, job_id).state.is_final


async def test_the_end_of_a_step_wants_a_look_only_where_the_job_does_not_go_on(
    everywhere: World, tmp_path: Path
) -> None:
    made = plan(
        [shell("a", "echo a > out"), shell("b", "cat $in_a > out", needs=["a"])],
        {"b": tmp_path / "b"},
    )

    heard = await _served(everywhere, made)

    ended = {
        row.body["key"]: row.wants_look
        for row in heard
        if row.kind == STEP_STATE and row.body["state"] == "succeeded"
    }
    assert ended["a"] is False  # `b` was woken in the same commit: there is nothing to decide
    states = [row.body["state"] for row in heard if row.kind == JOB_STATE]
    assert states[-1] == JobState.SUCCEEDED
    assert [row.kind for row in heard].count(DELIVERED) == 1
    assert (tmp_path / "b").read_text() == "a\n"


async def test_a_step_that_fails_wants_a_look_and_its_job_ends(everywhere: World) -> None:
    made = plan([shell("a", "false"), shell("b", "true", needs=["a"])])

    heard = await _served(everywhere, made)

    failed = [r for r in heard if r.kind == STEP_STATE and r.body["state"] == "failed"]
    assert [(r.body["key"], r.wants_look) for r in failed] == [("a", True)]
    assert [r.body["state"] for r in heard if r.kind == JOB_STATE][-1] == JobState.FAILED


async def test_rings_that_come_soon_after_a_pass_wake_once(here: World) -> None:
    async with _serving(here) as serving:
        loop = asyncio.get_running_loop()
        serving._passed_at = began = loop.time()
        for _ in range(100):
            serving._rang()
        is_woken_at_once = serving._changed.is_set()
        timer = serving._rest

        async with asyncio.timeout(_LONG_S):
            await serving._changed.wait()

        # A machine that stood still since `began` may have come to the ring too late for a rest.
        assert timer is not None or loop.time() - began >= _RINGS_S
        if timer is not None:
            assert not is_woken_at_once
            assert loop.time() - began >= _RINGS_S
        assert serving._rest is None


async def test_a_ring_after_a_rest_wakes_at_once(here: World) -> None:
    async with _serving(here) as serving:
        serving._passed_at = asyncio.get_running_loop().time() - 2 * _RINGS_S

        serving._rang()

        assert serving._changed.is_set()
        assert serving._rest is None


async def test_what_a_pass_has_seen_meanwhile_wakes_nobody(here: World) -> None:
    async with _serving(here) as serving:
        loop = asyncio.get_running_loop()
        # As of a pass that began a moment ago, and of a machine that stands still as it likes.
        serving._passed_at = loop.time() + 0.1
        serving._rang()
        assert _waits(serving)
        serving._passed_at = serving._rung_at + 0.05

        async with asyncio.timeout(_LONG_S):
            while _waits(serving):  # noqa: ASYNC110 - a timer sets it
                await asyncio.sleep(0.01)

        assert not serving._changed.is_set()
