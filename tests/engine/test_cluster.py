"""What a cluster must do beside what every executor does: on agents in this process, whose losses
are made."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reelwright.engine.cluster import Hooks
from reelwright.engine.engine import Engine
from reelwright.engine.executor import Attempt, Need
from reelwright.engine.nodes import NodeState
from reelwright.engine.submission import NewJob
from reelwright.errors import Code, ReelError
from reelwright.planning.plan import Step, StepInput
from reelwright.store import attempts, steps, workers
from reelwright.store.rows import Job, Running, StepRow
from reelwright.store.states import JobState
from tests.engine.agents import Agents
from tests.engine.jobs import World, plan, shell, wait, world


@pytest.fixture
def here(tmp_path: Path) -> World:
    """Leases that are renewed often and live long: what ends sooner does not wait for them."""
    return world(tmp_path / "home", lease_s=60.0, renew_s=0.1)


def on(here: World, work: Callable[[Agents], Awaitable[Any]]) -> Any:
    async def go() -> Any:
        agents = Agents(here)
        try:
            return await work(agents)
        finally:
            await agents.end()

    return wait(go(), 120.0)


async def running(here: World, count: int = 1) -> list[Running]:
    """Waits until so many steps run, and their workspaces stand."""
    while True:
        with here.store.read() as tx:
            found = attempts.running(tx)
            places = [Path(attempts.get(tx, r.step_id, r.attempt).workspace) for r in found]
        if len(found) >= count and all(place.is_dir() for place in places):
            return found
        await asyncio.sleep(0.02)


async def served(
    agents: Agents, made: list[Step], act: Callable[[Engine, str], Awaitable[None]]
) -> Job:
    """A job on an engine over the agents, with what happens meanwhile."""
    engine = agents.engine()
    job_id = engine.submit(NewJob(plan=plan(made)))
    task = asyncio.create_task(engine.run_job(job_id))
    try:
        await act(engine, job_id)
        return await task
    finally:
        task.cancel()
        await engine.close()


def row_of(here: World, job: Job, key: str) -> StepRow:
    return here.steps(job.id)[key]


def asking(key: str, script: str, **asks: Any) -> Step:
    return replace(shell(key, script), payload={"asks": asks})


async def nothing(engine: Engine, job_id: str) -> None:
    """Just runs."""


def test_a_hint_that_is_lost_costs_a_renewal(here: World) -> None:
    async def work(agents: Agents) -> Job:
        agent = await agents.add("a")
        agent.hears = False
        return await served(agents, [shell("a", "printf a > out")], nothing)

    job = on(here, work)
    assert job.state is JobState.SUCCEEDED
    assert (row_of(here, job, "a").host, row_of(here, job, "a").attempt) == ("node:a", 1)


def test_what_is_the_dispatchers_runs_at_home(here: World, tmp_path: Path) -> None:
    async def work(agents: Agents) -> Job:
        await agents.add("a")
        engine = agents.engine()
        made = plan([shell("a", "printf a > out")], {"a": tmp_path / "a"})
        try:
            return await here.run(engine, made)
        finally:
            await engine.close()

    job = on(here, work)
    assert row_of(here, job, "a").host == "node:a"
    assert row_of(here, job, ":deliver").host == here.executor().worker.host
    assert (tmp_path / "a").read_text() == "a"


def test_short_steps_run_at_home_where_there_is_room(here: World) -> None:
    made = [shell("long", "sleep 0.2; printf a > out", cpu_seconds=60.0)]
    made += [shell("short", "printf b > out", cpu_seconds=0.5)]

    async def work(agents: Agents) -> Job:
        await agents.add("a")
        engine = agents.engine(agents.executor(short_s=2.0))
        try:
            return await here.run(engine, plan(made))
        finally:
            await engine.close()

    job = on(here, work)
    assert row_of(here, job, "long").host == "node:a"
    assert row_of(here, job, "short").host == here.executor().worker.host


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


def test_no_node_is_given_more_than_it_has(here: World, tmp_path: Path) -> None:
    log = tmp_path / "log"

    async def work(agents: Agents) -> Job:
        await agents.add("a", Need(cpus=2, memory_bytes=1 << 30))
        await agents.add("b", Need(cpus=1, memory_bytes=100))
        script = "w=$(dirname $PWD); echo +{c} $w >> {log}; sleep 0.05; echo -{c} $w >> {log}"
        made = [
            shell(f"s{n}", script.format(c=n % 2 + 1, log=log) + "; printf a > out",
                  threads=n % 2 + 1, memory_bytes=60)
            for n in range(10)
        ]  # fmt: skip
        return await served(agents, made, nothing)

    assert on(here, work).state is JobState.SUCCEEDED
    now: dict[str, int] = {}
    for line in log.read_text().splitlines():
        change, where = line.split()
        now[where] = now.get(where, 0) + int(change)
        assert now[where] <= (2 if "/nodes/a/" in where else 1)
    assert len(now) == 2


def test_a_drained_node_finishes_and_takes_nothing_new(here: World, tmp_path: Path) -> None:
    flag = tmp_path / "flag"

    async def work(agents: Agents) -> Job:
        agent = await agents.add("a", Need(cpus=1, memory_bytes=1 << 30))

        async def act(engine: Engine, job_id: str) -> None:
            await running(here)
            agent.state = NodeState.DRAINING
            await agents.add("b")
            flag.touch()

        made = [
            shell("a", f"until test -e {flag}; do sleep 0.02; done; printf a > out"),
            shell("b", "printf b > out", needs=["a"]),
        ]
        return await served(agents, made, act)

    job = on(here, work)
    assert [row_of(here, job, key).host for key in "ab"] == ["node:a", "node:b"]
    assert row_of(here, job, "a").attempt == 1


@pytest.mark.parametrize("state", [NodeState.REFUSED, NodeState.LOST])
def test_a_node_that_may_not_run_steps_gets_none(here: World, state: NodeState) -> None:
    async def work(agents: Agents) -> Job:
        refused = await agents.add("a", Need(cpus=64, memory_bytes=1 << 40))
        refused.state = state
        await agents.add("b")
        return await served(
            agents, [shell(f"s{n}", f"printf {n} > out") for n in range(4)], nothing
        )

    job = on(here, work)
    assert {row_of(here, job, f"s{n}").host for n in range(4)} == {"node:b"}


def test_a_node_with_a_full_disk_gets_nothing_until_there_is_room(here: World) -> None:
    async def work(agents: Agents) -> Job:
        agent = await agents.add("a")
        agent.free_disk_bytes = 1 << 20

        async def act(engine: Engine, job_id: str) -> None:
            while not agents.wanted:  # noqa: ASYNC110 - it was looked at, and what waits was told
                await asyncio.sleep(0.02)
            with here.store.read() as tx:
                assert attempts.running(tx) == []
            agent.free_disk_bytes = None

        return await served(agents, [shell("a", "printf a > out")], act)

    assert on(here, work).state is JobState.SUCCEEDED


def test_a_step_goes_where_its_inputs_are(here: World) -> None:
    """Best fit would send it to the smaller node."""

    async def work(agents: Agents) -> Job:
        for name, cpus in (("small", 1), ("large", 4)):
            await agents.add(name, Need(cpus=cpus, memory_bytes=1 << 30))
        made = [
            shell("a", "head -c 8000000 /dev/zero > out", threads=4),
            shell("b", "wc -c < $in_a > out", needs=["a"]),
            shell("c", "printf c > out", needs=["b"]),
        ]
        return await served(agents, made, nothing)

    job = on(here, work)
    assert [row_of(here, job, key).host for key in "abc"] == [
        "node:large",
        "node:large",
        "node:small",  # what it reads is not worth a look
    ]


def test_gpus_and_labels_are_given_to_who_asks(here: World) -> None:
    async def work(agents: Agents) -> Job:
        await agents.add("plain", Need(cpus=4, memory_bytes=1 << 30))
        await agents.add("gpu", Need(cpus=4, memory_bytes=1 << 30, gpus=1))
        await agents.add("eu", Need(cpus=4, memory_bytes=1 << 30), {"zone": "eu"})
        log = here.home / "gpus"
        one = f"echo + >> {log}; sleep 0.1; echo - >> {log}; printf x > out"
        made = [asking(f"g{n}", f"{one}; : {n}", gpus=1) for n in range(3)]
        made += [asking("e", "printf e > out", labels={"zone": "eu"}), shell("p", "printf p > out")]
        return await served(agents, made, nothing)

    job = on(here, work)
    assert {row_of(here, job, f"g{n}").host for n in range(3)} == {"node:gpu"}
    assert row_of(here, job, "e").host == "node:eu"
    assert row_of(here, job, "p").host != "node:gpu"
    assert (here.home / "gpus").read_text().split() == ["+", "-"] * 3, "there is one GPU"


def test_a_big_step_is_not_starved(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small ones keep coming; the one that needs the whole node has its turn before they end."""
    monkeypatch.setattr("reelwright.engine.placement.PATIENCE_S", 0.3)

    async def work(agents: Agents) -> Job:
        await agents.add("a")
        small = [shell(f"s{n}", f"sleep 0.15; printf {n} > out") for n in range(30)]
        big = shell("big", "printf big > out", threads=2)
        return await served(agents, [*small[:2], big, *small[2:]], nothing)

    job = on(here, work)
    ended = sorted(here.steps(job.id).values(), key=lambda row: row.finished_at or 0.0)
    keys = [row.key for row in ended if row.host == "node:a"]
    assert keys.index("big") < 25


def test_cancelling_stops_it_on_the_node(here: World, tmp_path: Path) -> None:
    late = tmp_path / "late"

    async def work(agents: Agents) -> Job:
        await agents.add("a")

        async def act(engine: Engine, job_id: str) -> None:
            await running(here)
            engine.cancel(job_id)

        job = await served(agents, [shell("a", f"sleep 1; touch {late}; printf a > out")], act)
        assert agents.workspaces() == []
        await asyncio.sleep(1.2)
        return job

    assert on(here, work).state is JobState.CANCELLED
    assert not late.exists()


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


def test_inputs_of_this_machine_are_put_where_nodes_find_them_first(
    here: World, tmp_path: Path
) -> None:
    source = tmp_path / "in.txt"
    source.write_text("x")
    order: list[str] = []

    async def work(agents: Agents) -> Job:
        await agents.add("a")

        async def stage(row: StepRow) -> None:
            order.append(f"begun {row.key}")
            await asyncio.sleep(0.3)
            order.append(f"staged {row.key}; {len(agents.told)} told")

        executor = agents.executor()
        engine = agents.engine(executor)
        executor.hooks = Hooks(stage=stage, changed=engine.wake)
        step = shell("a", "cat $in_f > out")
        read = replace(step, inputs=(*step.inputs, _input("f", source)))
        try:
            return await here.run(engine, plan([read]))
        finally:
            await engine.close()

    job = on(here, work)
    assert job.state is JobState.SUCCEEDED
    assert order == ["begun a", "staged a; 0 told"]
    assert row_of(here, job, "a").host == "node:a"


def test_demand_is_told_and_taken_back(here: World) -> None:
    async def work(agents: Agents) -> Job:
        await agents.add("a", Need(cpus=1, memory_bytes=1 << 30))
        made = [shell(f"s{n}", f"sleep 0.3; printf {n} > out", memory_bytes=5) for n in range(3)]
        job = await served(agents, made, nothing)
        assert agents.wanted[0] == [Need(cpus=1, memory_bytes=5)] * 3
        engine = agents.engine(agents.executor())
        await engine.close()
        return job

    job = on(here, work)
    assert job.state is JobState.SUCCEEDED


def test_demand_ends_where_nothing_waits(here: World) -> None:
    async def work(agents: Agents) -> list[Any]:
        await agents.add("a")
        executor = agents.executor()
        await executor.demand([])
        await executor.demand([Need(cpus=9)])
        await executor.demand([])
        await executor.demand([])
        await executor.close()
        return list(agents.wanted)

    assert on(here, work) == [[Need(cpus=9)], []]


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


def _input(name: str, source: Path) -> Any:
    return StepInput(name=name, uri=str(source))
