"""A service over nodes: what their agents commit is heard of only by a ring, as of any process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from reelwright.engine import orders
from reelwright.engine.engine import Engine
from reelwright.engine.submission import NewJob, submit
from reelwright.errors import Code
from reelwright.planning.plan import Plan
from reelwright.store import jobs, workers
from reelwright.store.rows import Job
from reelwright.store.states import JobState, StepState
from reelwright.store.workers import NewWorker, WorkerState
from tests.engine.agents import Agents, running
from tests.engine.jobs import World, plan, shell, wait, world
from tests.engine.test_replan import Planner


@pytest.fixture
def here(tmp_path: Path, database_url: str) -> World:
    return world(tmp_path / "home", database_url, lease_s=30.0, renew_s=0.5)


def serve(here: World, database_url: str, work: Callable[[Agents], Awaitable[Any]]) -> Any:
    async def go() -> Any:
        there = world(here.home, database_url)
        agents = Agents(here, there)
        try:
            for name in ("a", "b"):
                agent = await agents.add(name)
                beat(here, agent.node.worker, agent.host)
            return await work(agents)
        finally:
            await agents.end()
            there.store.close()

    return wait(go(), 120.0)


def beat(here: World, worker: str, host: str) -> None:
    """What an agent says of itself, or nothing would be begun."""
    me = NewWorker(id=worker, host=host, pid=1, version="", cpus=2.0, memory_bytes=1 << 30)
    here.store.transact(lambda tx: workers.beat(tx, me, WorkerState.ACTIVE))


@asynccontextmanager
async def serving(engine: Engine, *, takes_steps: bool = True) -> AsyncIterator[None]:
    served = engine.serve(version="test", takes_steps=takes_steps)
    task = asyncio.create_task(served.run())
    try:
        yield
        served.drain()
        await task  # though steps may run on nodes
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await engine.close()


async def ended(here: World, job_id: str) -> Job:
    while True:
        with here.store.read() as tx:
            job = jobs.get(tx, job_id)
        if job.state.is_final:
            return job
        await asyncio.sleep(0.05)


def put(here: World, made: Plan) -> str:
    return here.store.transact(lambda tx: submit(tx, NewJob(plan=made), here.settings))


def test_what_nodes_found_decides_the_next_steps(
    here: World, database_url: str, tmp_path: Path
) -> None:
    """Beside a step that still runs: the job is not at rest, and yet it is planned on."""
    planner, flag = Planner(tmp_path), tmp_path / "flag"
    slow = shell("slow", f"until test -e {flag}; do sleep 0.05; done; printf s > out")

    def first() -> Plan:
        made = planner.first()
        return Plan(steps=(*made.steps, slow), unresolved=made.unresolved)

    def again(job_id: str, results: Any) -> Plan:
        flag.touch()
        made = planner.again(job_id, results)
        return Plan(revision=2, steps=(*made.steps, slow), deliveries=made.deliveries)

    async def work(agents: Agents) -> Job:
        async with serving(agents.engine(replan=again)):
            return await ended(here, put(here, first()))

    job = serve(here, database_url, work)
    assert job.state is JobState.SUCCEEDED, job.error
    rows = here.steps(job.id)
    assert {rows[f"cut-{n}"].host for n in (1, 2, 3)} <= {"node:a", "node:b"}


def test_a_cancel_that_another_process_asked_for_stops_the_steps_on_nodes(
    here: World, database_url: str, tmp_path: Path
) -> None:
    late = tmp_path / "late"

    async def work(agents: Agents) -> Job:
        async with serving(agents.engine()):
            job_id = put(here, plan([shell("a", f"sleep 3; touch {late}; printf a > out")]))
            await running(here)
            assert agents.there
            agents.there.store.transact(lambda tx: orders.cancel(tx, job_id))
            job = await ended(here, job_id)
            assert agents.workspaces() == []
            return job

    job = serve(here, database_url, work)
    assert job.state is JobState.CANCELLED
    assert not late.exists()


def test_a_step_that_fails_on_a_node_ends_its_job(here: World, database_url: str) -> None:
    async def work(agents: Agents) -> Job:
        async with serving(agents.engine()):
            made = plan([shell("a", "exit 3"), shell("b", "printf b > out", needs=["a"])])
            return await ended(here, put(here, made))

    job = serve(here, database_url, work)
    assert job.state is JobState.FAILED
    assert (job.error or {})["code"] == Code.TOOL_FAILED.text


def test_a_service_that_is_drained_leaves_what_runs_on_nodes(
    here: World, database_url: str, tmp_path: Path
) -> None:
    flag = tmp_path / "flag"

    async def work(agents: Agents) -> tuple[str, Job]:
        script = f"until test -e {flag}; do sleep 0.05; done; printf a > out"
        async with serving(agents.engine()):
            job_id = put(here, plan([shell("a", script)]))
            await running(here)
        state = here.steps(job_id)["a"].state
        flag.touch()
        async with serving(agents.engine()):
            return state, await ended(here, job_id)

    state, job = serve(here, database_url, work)
    assert state is StepState.RUNNING
    assert job.state is JobState.SUCCEEDED
    assert here.steps(job.id)["a"].attempt == 1


def test_one_that_takes_no_steps_leads_beside_one_that_does(
    here: World, database_url: str, tmp_path: Path
) -> None:
    """As `reel serve --no-worker` beside `reel worker`, both on the cluster."""

    async def work(agents: Agents) -> Job:
        async with (
            serving(agents.engine(), takes_steps=False),
            serving(agents.engine(agents.executor())),
        ):
            return await ended(here, put(here, plan([shell("a", "printf a > out")])))

    job = serve(here, database_url, work)
    assert job.state is JobState.SUCCEEDED
    assert here.steps(job.id)["a"].host in {"node:a", "node:b"}
