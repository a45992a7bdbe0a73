"""A cluster without Ray: the agents' half of the engine, each with a home of its own, in this
process; and the `Nodes` that reach them, with the losses that a test asks for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reelwright.engine.attempt import AttemptRunner
from reelwright.engine.cluster import ClusterExecutor
from reelwright.engine.engine import Engine
from reelwright.engine.executor import Attempt, Need
from reelwright.engine.nodes import Node, NodeState
from reelwright.engine.presence import Presence
from reelwright.engine.resident import Resident
from reelwright.engine.submission import NewJob
from reelwright.planning.plan import Step
from reelwright.store import attempts
from reelwright.store.rows import Job, Running, StepRow
from tests.engine.jobs import NO_TOOLS, World, plan, run_shell, shell, wait

TWO = Need(cpus=2, memory_bytes=1 << 30)


@dataclass
class Agent:
    """One node. `hears` False: what it is told is lost; `answers` False: it cannot be reached."""

    host: str
    resident: Resident
    home: Path
    total: Need
    labels: Mapping[str, str]
    state: NodeState = NodeState.ACTIVE
    free_disk_bytes: int | None = None
    hears: bool = True
    answers: bool = True

    @property
    def node(self) -> Node:
        free = self.free_disk_bytes
        return Node(
            host=self.host,
            worker=str(self.resident.worker),
            total=self.total,
            workspaces=self.home / "work",
            logs=self.home / "logs",
            free_disk_bytes=self.resident.free_disk_bytes() if free is None else free,
            state=self.state,
            labels=dict(self.labels),
        )


@dataclass
class Agents:
    """`told` are the hints that were given, `wanted` what was last said of demand. `there`: the
    agents' own way to the database: what they commit is heard of as from another process."""

    here: World
    there: World | None = None
    problem: str | None = None
    told: list[Attempt] = field(default_factory=list)
    wanted: list[Sequence[Need]] = field(default_factory=list)
    agents: dict[str, Agent] = field(default_factory=dict)
    _deaths: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    async def add(
        self, name: str, total: Need = TWO, labels: Mapping[str, str] | None = None, **more: Any
    ) -> Agent:
        """Begins to work; again under the same name: a new incarnation."""
        host, home = f"node:{name}", self.here.home / "nodes" / name
        settings = replace(self.here.settings, home=home, machine=total)
        options = {"run_step": run_shell, "tools": NO_TOOLS, **more}
        store = (self.there or self.here).store
        runner = AttemptRunner(store, self.here.blobs, settings, **options)
        resident = Resident(runner, Presence.mine(host))
        await resident.open()
        agent = Agent(host, resident, home, total, labels or {})
        self.agents[host] = agent
        return agent

    async def crash(self, agent: Agent) -> None:
        """Its process is killed: nothing is given back, and nobody is told."""
        await agent.resident.executor.close()
        agent.resident.mute()
        agent.answers = False
        agent.state = NodeState.LOST

    def tell_dead(self, agent: Agent) -> None:
        self._deaths.put_nowait(str(agent.resident.worker))

    def view(self) -> list[Node]:
        return [agent.node for agent in self.agents.values()]

    async def start(self, host: str, attempts: Sequence[Attempt]) -> None:
        self.told += attempts
        agent = self.agents[host]
        if agent.hears and agent.answers:
            await agent.resident.start(attempts)

    async def stop(self, host: str, attempt: Attempt, grace_s: float) -> bool:
        agent = self.agents.get(host)
        if agent is None or not agent.answers:
            return False
        await agent.resident.stop(attempt, grace_s)
        return True

    async def deaths(self) -> AsyncIterator[str]:
        while True:
            yield await self._deaths.get()

    async def demand(self, needs: Sequence[Need]) -> None:
        self.wanted.append(list(needs))

    async def close(self) -> None:
        """Agents go on."""

    async def end(self) -> None:
        for agent in self.agents.values():
            if agent.answers:
                await agent.resident.close()

    def executor(self, *, short_s: float = 0.0, **more: Any) -> ClusterExecutor:
        return ClusterExecutor(self.here.executor(), self, self.here.store, short_s=short_s, **more)

    def engine(self, executor: ClusterExecutor | None = None, **more: Any) -> Engine:
        here = self.here
        made = executor or self.executor()
        return Engine(
            here.store, here.blobs, made, here.settings, on_event=here.events.append, **more
        )

    def workspaces(self) -> list[Path]:
        """What stands in the nodes' folders of workspaces."""
        return [found for a in self.agents.values() for found in (a.home / "work").glob("*")]


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
