"""What every executor must do, whatever runs the attempts. A suite for each subclasses this.

A subclass gives `make(world)`: an executor on the world's store and settings that runs steps with
`run_shell` of tests/engine/jobs.py, and where that runs them elsewhere, `workspaces(world)`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from reelwright.engine import submission
from reelwright.engine.executor import Attempt, Executor, Need
from reelwright.engine.lifecycle import begin
from reelwright.engine.nodes import Node
from reelwright.engine.submission import NewJob
from reelwright.planning.plan import Step
from reelwright.store import attempts, jobs, steps
from reelwright.store.rows import StepRow
from reelwright.store.states import AttemptState, StepState
from tests.engine.jobs import World, plan, shell, wait

Made = tuple[Executor, Callable[[], Awaitable[None]]]


class ExecutorContract:
    """`here` is a fixture of tests/contracts/conftest.py. What takes longer than `limit_s`
    hangs."""

    limit_s = 60.0

    async def make(self, here: World) -> Made:
        """An executor, and the way to close it."""
        raise NotImplementedError

    def workspaces(self, here: World) -> list[Path]:
        """What stands in the folders of workspaces, on all machines."""
        return list(here.settings.workspaces.glob("*"))

    async def lease(self, here: World, executor: Executor, *made: Step) -> list[Attempt]:
        """Submits the steps as a job and leases all that are ready, as an engine would."""
        job_id = here.store.transact(
            lambda tx: submission.submit(tx, NewJob(plan=plan(made)), here.settings)
        )
        with here.store.read() as tx:
            job = jobs.get(tx, job_id)
        begin(here.store, here.blobs, job, here.settings)
        return (await here.claim(executor, job_id)).attempts

    def run(self, here: World, work: Callable[[Executor], Awaitable[Any]]) -> Any:
        async def go() -> Any:
            executor, close = await self.make(here)
            try:
                return await work(executor)
            finally:
                await close()

        return wait(go(), self.limit_s)

    async def until(self, here: World, attempt: Attempt, *states: StepState) -> StepRow:
        while True:
            with here.store.read() as tx:
                row = steps.get(tx, attempt.step_id)
            if row.state in states:
                return row
            await asyncio.sleep(0.02)

    def test_a_started_attempt_commits_its_own_result(self, here: World) -> None:
        async def work(executor: Executor) -> StepRow:
            (attempt,) = await self.lease(here, executor, shell("a", "printf a > out"))
            await executor.start(attempt)
            return await self.until(here, attempt, StepState.SUCCEEDED)

        row = self.run(here, work)
        assert (row.attempt, row.lease_owner, row.cpu_seconds) == (1, None, 0.01)

    def test_a_failure_is_committed_with_its_problem(self, here: World) -> None:
        async def work(executor: Executor) -> StepRow:
            (attempt,) = await self.lease(here, executor, shell("a", "exit 3"))
            await executor.start(attempt)
            return await self.until(here, attempt, StepState.FAILED)

        assert self.run(here, work).error["code"] == "tool_failed"

    def test_starting_twice_runs_once(self, here: World, tmp_path: Path) -> None:
        count = tmp_path / "count"

        async def work(executor: Executor) -> None:
            step = shell("a", f"echo ran >> {count}; printf a > out")
            (attempt,) = await self.lease(here, executor, step)
            await asyncio.gather(executor.start(attempt), executor.start(attempt))
            await self.until(here, attempt, StepState.SUCCEEDED)
            await executor.start(attempt)  # even when it is over
            await asyncio.sleep(0.1)

        self.run(here, work)
        assert count.read_text() == "ran\n"

    def test_a_stopped_attempt_runs_no_more_and_leaves_its_state(
        self, here: World, tmp_path: Path
    ) -> None:
        async def work(executor: Executor) -> StepRow:
            step = shell("a", f"sleep 0.5; touch {tmp_path / 'late'}; printf a > out")
            (attempt,) = await self.lease(here, executor, step)
            await executor.start(attempt)
            while not self.workspaces(here):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            await executor.stop(attempt, 1.0)
            assert await executor.adopt([attempt]) == set()
            await asyncio.sleep(0.6)
            with here.store.read() as tx:
                return steps.get(tx, attempt.step_id)

        assert self.run(here, work).state is StepState.RUNNING
        assert not (tmp_path / "late").exists()
        assert not self.workspaces(here)

    def test_stopping_what_was_never_started_is_nothing(self, here: World) -> None:
        async def work(executor: Executor) -> None:
            (attempt,) = await self.lease(here, executor, shell("a", "true"))
            await executor.stop(attempt, 1.0)

        self.run(here, work)

    def test_it_adopts_what_it_runs_and_nothing_else(self, here: World) -> None:
        async def work(executor: Executor) -> None:
            made = [shell("a", "sleep 5", cpu_seconds=9.0), shell("b", "sleep 5", cpu_seconds=9.0)]
            mine, taken = await self.lease(here, executor, *made)
            other = replace(taken, host="elsewhere", owner="elsewhere/1/0/x")
            await executor.start(mine)
            assert await executor.adopt([mine, other]) == {mine}
            await executor.stop(mine, 1.0)

        self.run(here, work)

    def test_leases_are_renewed_while_it_runs(self, here: World) -> None:
        async def work(executor: Executor) -> None:
            (attempt,) = await self.lease(here, executor, shell("a", "sleep 30"))
            with here.store.read() as tx:
                before = steps.get(tx, attempt.step_id).lease_until
            await executor.start(attempt)
            await asyncio.sleep(here.settings.renew_s * 3)
            with here.store.read() as tx:
                after = steps.get(tx, attempt.step_id).lease_until
            assert (after or 0.0) > (before or 0.0)
            await executor.stop(attempt, 1.0)

        self.run(here, work)

    def test_a_fenced_attempt_is_ended_and_publishes_nothing(
        self, here: World, tmp_path: Path
    ) -> None:
        """The step was given to another: the old attempt is stopped, its result refused."""

        async def work(executor: Executor) -> StepRow:
            step = shell("a", f"sleep 30; touch {tmp_path / 'late'}; printf a > out")
            (attempt,) = await self.lease(here, executor, step)
            await executor.start(attempt)
            while not self.workspaces(here):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            here.store.transact(
                lambda tx: attempts.settle(
                    tx, attempt.step_id, attempt.number, StepState.READY, AttemptState.LOST
                )
            )
            while self.workspaces(here):  # noqa: ASYNC110 - the contract has no signal
                await asyncio.sleep(0.02)
            with here.store.read() as tx:
                return steps.get(tx, attempt.step_id)

        assert self.run(here, work).state is StepState.READY

    def test_capacity_is_what_there_is_and_a_claim_takes_what_running_steps_leave(
        self, here: World
    ) -> None:
        async def work(executor: Executor) -> tuple[list[Node], list[Attempt], list[Attempt]]:
            nodes = await executor.capacity()
            count = int(sum(node.total.cpus for node in nodes))
            made = [shell(f"s{n}", "sleep 30", cpu_seconds=30.0) for n in range(count + 2)]
            first = await self.lease(here, executor, *made)
            for attempt in first:
                await executor.start(attempt)
            more = (await here.claim(executor)).attempts
            for attempt in first:
                await executor.stop(attempt, 1.0)
            after = await executor.capacity()
            assert [(n.host, n.total) for n in after] == [(n.host, n.total) for n in nodes]
            return nodes, first, more

        nodes, first, more = self.run(here, work)
        assert len(first) <= sum(node.total.cpus for node in nodes)
        assert {attempt.host for attempt in first} <= {node.host for node in nodes}
        assert more == []

    def test_a_death_is_hinted(self, here: World) -> None:
        """An attempt that cannot even read its row ends without a result."""

        async def work(executor: Executor) -> Attempt:
            ghost = Attempt("no-such-step", 1, "no-such-job", "ghost")
            await executor.start(ghost)
            async for dead in executor.deaths():
                return dead
            raise AssertionError("deaths never ends by itself")

        assert self.run(here, work).step_id == "no-such-step"

    def test_demand_and_warm_are_understood(self, here: World) -> None:
        async def work(executor: Executor) -> None:
            await executor.demand([Need(cpus=1)])
            handle = await executor.warm("minilm", Need(memory_bytes=1 << 20), 2)
            assert handle.model == "minilm"
            assert handle.count >= 1

        self.run(here, work)
