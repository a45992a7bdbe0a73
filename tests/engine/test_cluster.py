"""Where steps run on a cluster, and what is asked of its nodes: on agents in this process."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reelwright.engine.cluster import Hooks
from reelwright.engine.engine import Engine
from reelwright.engine.executor import Need
from reelwright.engine.nodes import NodeState
from reelwright.planning.plan import StepInput
from reelwright.store import attempts
from reelwright.store.rows import Job, StepRow
from reelwright.store.states import JobState
from tests.engine.agents import Agents, asking, nothing, on, row_of, running, served
from tests.engine.jobs import World, plan, shell, world


@pytest.fixture
def here(tmp_path: Path) -> World:
    """Leases that are renewed often and live long: what ends sooner does not wait for them."""
    return world(tmp_path / "home", lease_s=60.0, renew_s=0.1)


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


def _input(name: str, source: Path) -> Any:
    return StepInput(name=name, uri=str(source))
