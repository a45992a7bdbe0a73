"""The cluster executor keeps the contract of executors, on agents in this process, and that of
clusters (`cluster_suite`)."""

from __future__ import annotations

from pathlib import Path

from reelwright.engine.executor import Need
from tests.contracts.executor_suite import ExecutorContract, Made
from tests.engine.agents import Agents
from tests.engine.jobs import World


class TestClusterExecutor(ExecutorContract):
    async def make(self, here: World) -> Made:
        """Two nodes of one core; at home only what must be there."""
        agents = Agents(here)
        for name in ("a", "b"):
            await agents.add(name, Need(cpus=1, memory_bytes=1 << 29))
        executor = agents.executor()

        async def close() -> None:
            await executor.close()
            await agents.end()

        return executor, close

    def workspaces(self, here: World) -> list[Path]:
        return list(here.home.glob("nodes/*/work/*"))
