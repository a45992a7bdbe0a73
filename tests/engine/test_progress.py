"""Progress: weighted by the estimates, throttled, never backwards."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from reelwright.engine import local, progress
from reelwright.engine.events import JobProgress, StepProgress
from reelwright.engine.executor import Attempt
from reelwright.engine.progress import Board
from reelwright.engine.submission import NewJob, submit
from reelwright.store import steps
from reelwright.store.states import JobState, StepState
from reelwright.tools.ffmpeg.progress import Progress
from tests.engine.jobs import World, plan, run_shell, shell, wait


def test_a_step_reports_what_ffmpeg_says(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "EMIT_S", 0.0)
    monkeypatch.setattr(local, "FLUSH_S", 0.02)

    async def report(step: Any, context: Any) -> Any:
        for second in (1, 2, 1, 3, 4):
            context.on_progress(Progress(frame=second * 25, time=Fraction(second), speed=2.0))
            if second == 2:
                while not here.states(JobProgress):  # noqa: ASYNC110 - the flush is on its own
                    await asyncio.sleep(0.01)
        return await run_shell(step, context)

    async def go() -> None:
        engine = here.engine(run_step=report)
        step = replace(shell("a", "printf a > out", cpu_seconds=3.0), duration=Fraction(4))
        other = shell("b", "printf b > out", needs=["a"], cpu_seconds=1.0)
        job = await here.run(engine, plan([step, other]))
        assert job.state is JobState.SUCCEEDED
        await engine.close()

    wait(go())
    told = [e for e in here.states(StepProgress) if e.key == "a"]
    assert [e.fraction for e in told] == [0.25, 0.5, 0.5, 0.75, 0.99]
    assert told[0].progress == {"frame": 25, "time": 1.0, "speed": 2.0, "done": False}
    job = [e.fraction for e in here.states(JobProgress)]
    assert job == sorted(job)
    # Three of four CPU-seconds, half of them done (the last step of all weighs next to nothing).
    assert 0.36 < job[0] < 0.39
    assert here.states(JobProgress)[0].eta_s is not None


def test_the_callback_is_throttled(here: World) -> None:
    told: list[object] = []
    board = Board(here.store, told.append)
    report = board.open(Attempt("s", 1, "j", "a"), Fraction(10))
    for second in range(10):
        report({"time": second})
    assert len(told) == 1


def test_what_says_nothing_changes_nothing(here: World) -> None:
    told: list[Any] = []
    board = Board(here.store, told.append)
    board.open(Attempt("s", 1, "j", "a"), None)(Progress())
    assert (told[0].fraction, told[0].progress) == (0.0, {"done": False})
    board.open(Attempt("s", 2, "j", "a"), None)({"fraction": 0.5})
    assert told[1].fraction == 0.5
    board.flush()  # neither step is in the store: nothing to write


@pytest.mark.parametrize(("mine", "counted"), [(4, 12), (2, 6), (1, 3)])
def test_who_runs_a_part_of_a_job_counts_it_in_turns(
    here: World, monkeypatch: pytest.MonkeyPatch, mine: int, counted: int
) -> None:
    """Of four running steps; in twelve flushes a second apart."""
    job_id = here.store.transact(
        lambda tx: submit(
            tx, NewJob(plan=plan([shell(name, "true") for name in "abcd"])), here.settings
        )
    )
    with here.store.write() as tx:
        found = [row for row in steps.of_job(tx, job_id) if row.key in "abcd"]
        for row in found:
            steps.change(tx, row.id, {"state": StepState.RUNNING, "attempt": 1})
    now = 100.0
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now))
    told: list[Any] = []
    board = Board(here.store, told.append)
    says = [board.open(Attempt(r.id, 1, job_id, r.key), Fraction(100)) for r in found[:mine]]
    for second in range(12):
        for say in says:
            say({"time": second})
        board.flush()
        now += progress.FLUSH_S
    fractions = [e.fraction for e in told if isinstance(e, JobProgress)]
    assert len(fractions) == counted
    assert fractions == sorted(fractions)
    assert {row.fraction for row in here.steps(job_id).values() if row.key in "abcd"[:mine]} == {
        0.11
    }


def test_cached_steps_do_not_count(here: World, tmp_path: Path) -> None:
    first = shell("a", "printf a > out", cpu_seconds=1000.0)
    here.go(plan([first]))
    here.events.clear()
    here.go(plan([first, shell("b", "cp $in_a out", needs=["a"], cpu_seconds=1.0)]))
    with here.store.read() as tx:
        from reelwright.store import jobs

        (job, _) = jobs.listing(tx)
    assert job.fraction == 1.0
