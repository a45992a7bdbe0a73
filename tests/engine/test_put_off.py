"""What cannot begin now waits without failing: a site's budget, a full disk."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from reelwright.engine import retry
from reelwright.engine.events import StepChanged
from reelwright.engine.settings import EngineSettings
from reelwright.errors import Code, Problem, ReelError
from reelwright.planning.plan import Step, StepKind
from reelwright.runners.context import StepContext, StepResult
from reelwright.store import attempts
from reelwright.store.states import AttemptState, JobState
from tests.engine.jobs import World, plan, run_shell, shell, wait, world

DELIVERED = "printf a > out"


@dataclass
class Refusing:
    """Runs a step with `sh`, after it has refused it so often."""

    code: Code
    times: int
    wait_s: float | None = None
    count: int = field(default=0)

    async def __call__(self, step: Step, context: StepContext) -> StepResult:
        self.count += 1
        if self.count <= self.times:
            evidence = {} if self.wait_s is None else {"retry_after_s": self.wait_s}
            raise ReelError(self.code, "not now", evidence=evidence)
        return await run_shell(step, context)


def fetching() -> Step:
    return replace(shell("a", DELIVERED), kind=StepKind.FETCH)


def run(here: World, runner: Refusing, tmp_path: Path, step: Step | None = None) -> Any:
    async def go() -> Any:
        engine = here.engine(run_step=runner)
        try:
            return await here.run(engine, plan([step or fetching()], {"a": tmp_path / "a"}))
        finally:
            await engine.close()

    return wait(go())


@pytest.mark.parametrize("code", [Code.BUDGET_SPENT, Code.CIRCUIT_OPEN])
def test_a_site_that_is_not_to_be_asked_fails_nothing(
    everywhere: World, tmp_path: Path, code: Code
) -> None:
    """More often than a step may fail."""
    runner = Refusing(code, times=5, wait_s=0.01)
    job = run(everywhere, runner, tmp_path)
    assert job.state is JobState.SUCCEEDED
    row = everywhere.steps(job.id)["a"]
    assert (row.attempt, row.failures) == (6, 0)
    with everywhere.store.read() as tx:
        tried = attempts.of_step(tx, row.id)
    assert [t.state for t in tried] == [AttemptState.RELEASED] * 5 + [AttemptState.SUCCEEDED]
    assert {(t.error or {}).get("code") for t in tried[:5]} == {code.text}
    told = [e for e in everywhere.states(StepChanged) if e.retry_in_s is not None]
    assert len(told) == 5
    assert all(event.paused and event.state == "ready" for event in told)


def test_a_full_disk_fails_a_job_that_somebody_watches(here: World, tmp_path: Path) -> None:
    runner = Refusing(Code.DISK_FULL, times=99)
    job = run(here, runner, tmp_path)
    assert job.state is JobState.FAILED
    assert here.steps(job.id)["a"].failures == 3


def test_a_full_disk_is_waited_for_where_nobody_does(tmp_path: Path) -> None:
    here = world(tmp_path / "home", waits_for_room=True)
    asked_s = retry.pause_s(Problem(Code.DISK_FULL, "full"), StepKind.FETCH, here.settings)
    assert asked_s is not None
    runner = Refusing(Code.DISK_FULL, times=5, wait_s=0.0)
    short = pytest.MonkeyPatch()
    short.setattr(retry, "_ROOM_PAUSE_S", 0.01)
    try:
        job = run(here, runner, tmp_path)
    finally:
        short.undo()
    assert job.state is JobState.SUCCEEDED
    assert here.steps(job.id)["a"].failures == 0


@pytest.mark.parametrize(
    ("code", "kind", "waits", "expected"),
    [
        (Code.DISK_FULL, StepKind.FETCH, True, True),
        (Code.DISK_RESERVED, StepKind.FETCH, True, True),
        (Code.DISK_FULL, StepKind.KEEP, True, True),
        (Code.DISK_FULL, StepKind.FFMPEG, True, False),
        (Code.DISK_FULL, StepKind.FETCH, False, False),
        (Code.NETWORK_RESET, StepKind.FETCH, True, False),
        (Code.HTTP_RATE_LIMITED, StepKind.FETCH, True, False),
        (Code.BUDGET_SPENT, StepKind.FETCH, False, True),
    ],
)
def test_what_is_waited_for(
    here: World, code: Code, kind: StepKind, waits: bool, expected: bool
) -> None:
    settings: EngineSettings = replace(here.settings, waits_for_room=waits)
    assert (retry.pause_s(Problem(code, ""), kind, settings) is not None) is expected


def test_as_long_as_was_asked_for(here: World) -> None:
    problem = Problem(Code.BUDGET_SPENT, "", evidence={"retry_after_s": 90.0})
    assert retry.pause_s(problem, StepKind.FETCH, here.settings) == 90.0
