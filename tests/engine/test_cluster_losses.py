"""What a cluster loses, and what that costs: agents, hints, dispatchers, the head."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from reelwright.engine.engine import Engine
from reelwright.engine.executor import Attempt, Need
from reelwright.engine.nodes import NodeState
from reelwright.engine.submission import NewJob
from reelwright.errors import Code, ReelError
from reelwright.store import steps, workers
from reelwright.store.rows import Job, Running
from reelwright.store.states import JobState
from tests.engine.agents import Agents, nothing, on, row_of, running, served
from tests.engine.jobs import World, plan, shell, world


@pytest.fixture
def here(tmp_path: Path) -> World:
    """Leases that are renewed often and live long: what ends sooner does not wait for them."""
    return world(tmp_path / "home", lease_s=60.0, renew_s=0.1)


def test_a_hint_that_is_lost_costs_a_renewal(here: World) -> None:
    async def work(agents: Agents) -> Job:
        agent = await agents.add("a")
        agent.hears = False
        return await served(agents, [shell("a", "printf a > out")], nothing)

    job = on(here, work)
    assert job.state is JobState.SUCCEEDED
    assert (row_of(here, job, "a").host, row_of(here, job, "a").attempt) == ("node:a", 1)


def test_an_agent_that_was_restarted_loses_nothing(here: World, tmp_path: Path) -> None:
    """Its steps are free when it is back: the lease, which lives a minute, is not waited for."""
    flag = tmp_path / "flag"

    async def work(agents: Agents) -> Job:
        agent = await agents.add("a")

        async def act(engine: Engine, job_id: str) -> None:
            await running(here)
            await agents.crash(agent)
            flag.touch()
            await agents.add("a")

        step = shell("a", f"test -e {flag} || sleep 60; printf a > out")
        return await served(agents, [step], act)

    job = on(here, work)
    assert job.state is JobState.SUCCEEDED
    assert (row_of(here, job, "a").losses, row_of(here, job, "a").attempt) == (1, 2)


@pytest.mark.parametrize("is_told", [True, False])
def test_the_steps_of_a_dead_node_go_to_another_at_once(
    here: World, tmp_path: Path, is_told: bool
) -> None:
    flag = tmp_path / "flag"

    async def work(agents: Agents) -> Job:
        dying = await agents.add("a")

        async def act(engine: Engine, job_id: str) -> None:
            await running(here)
            await agents.crash(dying)
            flag.touch()
            await agents.add("b")
            if is_told:
                del agents.agents["node:a"]  # nor does the view say that it is lost
                agents.tell_dead(dying)

        step = shell("a", f"test -e {flag} || sleep 60; printf a > out")
        return await served(agents, [step], act)

    job = on(here, work)
    assert (row_of(here, job, "a").host, row_of(here, job, "a").losses) == ("node:b", 1)


def test_a_dispatcher_that_ends_leaves_what_runs_on_nodes(here: World, tmp_path: Path) -> None:
    """Its successor takes the same attempt to its end."""
    flag = tmp_path / "flag"

    async def work(agents: Agents) -> tuple[Job, list[Running], list[Running]]:
        await agents.add("a")
        first = agents.engine()
        job_id = first.submit(
            NewJob(
                plan=plan([shell("a", f"until test -e {flag}; do sleep 0.02; done; cp {flag} out")])
            )
        )
        task = asyncio.create_task(first.run_job(job_id))
        before = await running(here)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await first.close()
        after = await running(here)
        second = agents.engine()
        await second.take_up()
        flag.write_text("x")
        job = await second.run_job(job_id)
        await second.close()
        return job, before, after

    job, before, after = on(here, work)
    assert job.state is JobState.SUCCEEDED
    assert [(r.step_id, r.attempt) for r in before] == [(r.step_id, r.attempt) for r in after]
    assert row_of(here, job, "a").attempt == 1


def test_two_dispatchers_at_once_start_everything_once(everywhere: World, tmp_path: Path) -> None:
    here, log = everywhere, tmp_path / "log"

    async def work(agents: Agents) -> list[Job]:
        for name in ("a", "b"):
            await agents.add(name)
        engines = [agents.engine(), agents.engine()]
        made = [
            shell(f"s{n}", f"echo {n} >> {log}; sleep 0.05; printf {n} > out") for n in range(24)
        ]
        job_id = engines[0].submit(NewJob(plan=plan(made)))
        done = await asyncio.gather(*(engine.run_job(job_id) for engine in engines))
        for engine in engines:
            await engine.close()
        return list(done)

    assert [job.state for job in on(here, work)] == [JobState.SUCCEEDED] * 2
    assert sorted(map(int, log.read_text().split())) == list(range(24))


def test_what_was_stopped_is_not_taken_up_again(here: World, tmp_path: Path) -> None:
    """Though it still counts as running, and its lease is still ours: whoever stopped it says
    what becomes of it, or the lease does."""
    log = tmp_path / "log"

    async def work(agents: Agents) -> tuple[float, float]:
        agent = await agents.add("a")
        executor = agents.executor()
        engine = agents.engine(executor)
        job_id = engine.submit(NewJob(plan=plan([shell("a", f"echo x >> {log}; sleep 30")])))
        task = asyncio.create_task(engine.run_job(job_id))
        (held,) = await running(here)
        task.cancel()
        attempt = Attempt.of(held)
        await executor.stop(attempt, 1.0)
        assert await executor.adopt([attempt]) == set()
        await agents.start("node:a", [attempt])  # a hint that comes late
        await asyncio.sleep(0.5)
        assert agent.resident.held == []
        with here.store.read() as tx:
            before = steps.get(tx, held.step_id).lease_until or 0.0
        await asyncio.sleep(0.5)
        with here.store.read() as tx:
            after = steps.get(tx, held.step_id).lease_until or 0.0
        await engine.close()
        return before, after

    before, after = on(here, work)
    assert log.read_text() == "x\n"
    assert before == after, "nobody renews what is over"


def test_an_attempt_that_dies_on_its_node_is_given_up_there(here: World) -> None:
    """Its result could not be written; the dispatcher hears nothing of it."""
    tries = []

    async def work(agents: Agents) -> Job:
        async def write(change: Any, *, order: str = "") -> Any:
            tries.append(order)
            if len(tries) == 1:
                raise ReelError(Code.STORE_VERSION, "no")
            return here.store.transact(change)

        await agents.add("a", write=write)
        return await served(agents, [shell("a", "printf a > out")], nothing)

    job = on(here, work)
    assert job.state is JobState.SUCCEEDED
    assert row_of(here, job, "a").losses == 1


def test_a_head_that_is_away_stops_nothing(here: World) -> None:
    """Agents that give signs of life are leased steps, and find them; others are left alone."""

    async def work(agents: Agents) -> tuple[Job, set[str]]:
        alive, silent = await agents.add("a"), await agents.add("b", Need(cpus=64))
        for agent in (alive, silent):
            agent.hears = False
        agents.problem = "the head does not answer"
        me = workers.NewWorker(
            id=str(alive.resident.worker),
            host=alive.host,
            pid=1,
            version="",
            cpus=2,
            memory_bytes=1,
        )
        here.store.transact(lambda tx: workers.beat(tx, me, workers.WorkerState.ACTIVE))
        job = await served(agents, [shell("a", "printf a > out")], nothing)
        return job, {row_of(here, job, "a").host or ""}

    job, hosts = on(here, work)
    assert (job.state, hosts) == (JobState.SUCCEEDED, {"node:a"})


def test_a_lease_decides_where_nobody_knows(tmp_path: Path) -> None:
    """The node is frozen: it is in the view, answers nothing, and renews nothing."""
    here = world(tmp_path / "home", lease_s=1.0, renew_s=0.2)
    flag = tmp_path / "flag"

    async def work(agents: Agents) -> Job:
        frozen = await agents.add("a")

        async def act(engine: Engine, job_id: str) -> None:
            await running(here)
            await agents.crash(frozen)
            frozen.state = NodeState.ACTIVE
            frozen.free_disk_bytes = 0
            flag.touch()
            await agents.add("b")

        step = shell("a", f"test -e {flag} || sleep 60; printf a > out")
        return await served(agents, [step], act)

    job = on(here, work)
    assert (row_of(here, job, "a").host, row_of(here, job, "a").losses) == ("node:b", 1)


def test_a_new_agent_clears_up_after_the_former_one(here: World) -> None:
    async def work(agents: Agents) -> list[Path]:
        left = here.home / "nodes" / "a" / "work" / "some-1"
        left.mkdir(parents=True)
        await agents.add("a")
        return agents.workspaces()

    assert on(here, work) == []
