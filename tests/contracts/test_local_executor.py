"""The local executor keeps the contract, on both databases."""

from __future__ import annotations

from tests.contracts.executor_suite import ExecutorContract, Made
from tests.engine.jobs import World


class TestLocalExecutor(ExecutorContract):
    async def make(self, here: World) -> Made:
        executor = here.executor()
        return executor, executor.close
