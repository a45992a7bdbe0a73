"""The state machine under random histories: workers claim, end, die and return in any order.

What runs here is the engine's own code on a real store; only time and the commands are missing.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from reelwright.engine import lifecycle, outcome, submission
from reelwright.engine.control import Control
from reelwright.engine.executor import Attempt
from reelwright.engine.outcome import Made
from reelwright.engine.submission import DELIVER, NewJob
from reelwright.errors import Code, Problem, ReelError
from reelwright.planning.plan import Step
from reelwright.store import attempts, jobs, steps
from reelwright.store.rows import StepRow
from reelwright.store.states import DONE_STEPS, AttemptState, JobState, StepState
from tests.engine.jobs import World, plan, shell, world

_NEEDS: dict[str, list[str]] = {"a": [], "b": [], "c": ["a"], "d": ["a", "b"], "e": ["c", "d"]}
_FINAL = {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED}


class _Absent:
    """The executor of a process that runs nothing itself: its attempts are this test's."""

    async def adopt(self, running: list[Attempt]) -> set[Attempt]:
        return set()


class Machine(RuleBasedStateMachine):
    """Attempts that were started stay in `held` for ever: dead workers may come back late."""

    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="reel-machine-"))
        self.here: World = world(self.folder, max_losses=4)
        self.held: list[StepRow] = []
        self.published: dict[tuple[str, int], int] = {}
        self.executor = self.here.executor()
        executor: Any = _Absent()
        self.control = Control(self.here.store, self.here.blobs, executor, self.here.settings, None)
        made: list[Step] = [shell(key, key, needs=needs) for key, needs in _NEEDS.items()]
        self.job_id = self.here.store.transact(
            lambda tx: submission.submit(tx, NewJob(plan=plan(made)), self.here.settings)
        )

    def teardown(self) -> None:
        if hasattr(self, "here"):
            self.here.store.close()
            shutil.rmtree(self.folder)

    @rule()
    def advance(self) -> None:
        asyncio.run(self.control.advance(self.job_id))

    @rule()
    def claim(self) -> None:
        store = self.here.store
        claimed = asyncio.run(self.here.claim(self.executor))
        with store.read() as tx:
            self.held += [steps.get(tx, attempt.step_id) for attempt in claimed.attempts]

    @precondition(lambda self: self.held)
    @rule(data=st.data(), how=st.sampled_from(["good", "good", "good", "retry", "fatal"]))
    def end(self, data: st.DataObject, how: str) -> None:
        """Some attempt of all that ever ran says how it ended."""
        row = data.draw(st.sampled_from(self.held))
        code = Code.NETWORK_RESET if how == "retry" else Code.DECODE_FAILED

        def change(tx: Any) -> None:
            if how != "good":
                outcome.fail(tx, row, Problem(code, "no"), self.here.settings)
            elif row.key == DELIVER:
                outcome.deliver_all(tx, [row])
            else:
                outcome.succeed(tx, row, Made(results={row.key: 1}))

        with self.here.store.read() as tx:
            counts = attempts.is_held(tx, row.id, row.attempt)
        try:
            self.here.store.transact(change)
        except ReelError as error:
            if counts or error.code is not Code.LEASE_LOST:
                raise
            return
        assert counts, "a result was taken from an attempt that was over"
        if how == "good":
            key = (row.id, row.attempt)
            self.published[key] = self.published.get(key, 0) + 1

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        with self.here.store.read() as tx:
            running = attempts.running(tx)
        if running:
            lost = data.draw(st.sampled_from(running))
            self.here.store.transact(lambda tx: outcome.lose(tx, lost, self.here.settings))

    @rule()
    def cancel(self) -> None:
        self._ask(lambda: self.control.cancel(self.job_id))

    @rule()
    def retry(self) -> None:
        cache = lifecycle.look_up(self.here.store, self.here.blobs, self.job_id)
        self._ask(
            lambda: self.here.store.transact(lambda tx: lifecycle.restart(tx, self.job_id, cache))
        )

    @invariant()
    def holds(self) -> None:
        if not hasattr(self, "here"):
            return
        with self.here.store.read() as tx:
            job = jobs.get(tx, self.job_id)
            rows = {row.key: row for row in steps.of_job(tx, self.job_id)}
            tried = {key: attempts.of_step(tx, row.id) for key, row in rows.items()}
            reserved = attempts.live_workspaces(tx)
            events = jobs.events_after(tx, self.job_id)
        self._check_steps(job.state, rows, tried)
        running = [row for row in rows.values() if row.state is StepState.RUNNING]
        assert len(reserved) == len(running)
        assert sum(row.cpus for row in running) <= self.here.settings.machine.cpus
        assert [e.seq for e in events] == list(range(1, len(events) + 1))
        assert all(count == 1 for count in self.published.values())

    def _check_steps(self, job: JobState, rows: dict[str, StepRow], tried: dict[str, Any]) -> None:
        for key, row in rows.items():
            live = [t for t in tried[key] if t.state is AttemptState.RUNNING]
            assert len(live) == (row.state is StepState.RUNNING)
            assert (row.lease_owner is not None) == (row.state is StepState.RUNNING)
            assert [t.number for t in tried[key]] == list(range(1, row.attempt + 1))
            started = row.state in {StepState.RUNNING, StepState.READY, StepState.SUCCEEDED}
            if started and key != DELIVER:
                assert all(rows[need].state in DONE_STEPS for need in row.needs)
        if job in _FINAL:
            assert not any(r.state in {StepState.RUNNING, StepState.READY} for r in rows.values())
        if job is JobState.SUCCEEDED:
            assert all(row.state in DONE_STEPS | {StepState.SKIPPED} for row in rows.values())

    def _ask(self, work: Any) -> None:
        """What a person asks for may be refused, in one way only."""
        try:
            work()
        except ReelError as error:
            if error.code is not Code.TRANSITION_REFUSED:
                raise


def test_no_history_breaks_the_state_machine() -> None:
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=15,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
