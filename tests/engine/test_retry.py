"""Trying again: only where it can help, only so often, later and later."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwright.engine import retry
from reelwright.engine.events import StepChanged
from reelwright.errors import Code, Problem, ReelError
from reelwright.store import attempts
from reelwright.store.states import AttemptState, JobState
from tests.engine.jobs import World, plan, shell, wait


def test_a_passing_failure_is_tried_again(everywhere: World, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    step = shell("a", f"test -e {flag} || {{ touch {flag}; exit 75; }}; printf a > out")
    job = everywhere.go(plan([step], {"a": tmp_path / "a"}))
    assert job.state is JobState.SUCCEEDED
    row = everywhere.steps(job.id)["a"]
    assert (row.attempt, row.failures) == (2, 1)
    with everywhere.store.read() as tx:
        tried = attempts.of_step(tx, row.id)
    assert [t.state for t in tried] == [AttemptState.FAILED, AttemptState.SUCCEEDED]
    (told,) = [e for e in everywhere.states(StepChanged) if e.retry_in_s is not None]
    assert told.error is not None
    assert told.error["code"] == "tool_crashed"


def test_tries_come_to_an_end(here: World) -> None:
    job = here.go(plan([shell("a", "exit 75")]))
    assert job.state is JobState.FAILED
    row = here.steps(job.id)["a"]
    assert (row.attempt, row.failures) == (3, 3)
    assert (job.error or {})["evidence"]["attempt"] == 3


def test_what_cannot_help_is_not_tried(here: World) -> None:
    job = here.go(plan([shell("a", "exit 3")]))
    assert here.steps(job.id)["a"].attempt == 1


def test_a_failed_job_goes_on_from_its_finished_steps(here: World, tmp_path: Path) -> None:
    count, flag = tmp_path / "count", tmp_path / "flag"
    made = [
        shell("a", f"echo a >> {count}; printf a > out"),
        shell("b", f"test -e {flag} || exit 3; cat $in_a > out", needs=["a"]),
    ]

    async def go() -> None:
        engine = here.engine()
        job = await here.run(engine, plan(made, {"b": tmp_path / "b"}))
        assert job.state is JobState.FAILED
        flag.touch()
        engine.retry(job.id)
        job = await engine.run_job(job.id)
        assert (job.state, job.error) == (JobState.SUCCEEDED, None)
        with pytest.raises(ReelError) as caught:
            engine.retry(job.id)
        assert caught.value.code is Code.TRANSITION_REFUSED
        await engine.close()

    wait(go())
    assert count.read_text() == "a\n"
    assert (tmp_path / "b").read_text() == "a"


@given(st.integers(1, 2000), st.floats(0.001, 60), st.floats(0.001, 3600))
def test_delays_stay_within_their_bounds(failures: int, base_s: float, limit_s: float) -> None:
    wait_s = retry.delay_s(failures, base_s, limit_s)
    assert 0 <= wait_s <= min(limit_s, base_s * 2.0 ** min(failures - 1, 60))


def test_only_retryable_codes_are_retried() -> None:
    assert retry.may_retry(Problem(Code.NETWORK_TIMEOUT, ""), 1, 3)
    assert not retry.may_retry(Problem(Code.NETWORK_TIMEOUT, ""), 3, 3)
    assert not retry.may_retry(Problem(Code.DECODE_FAILED, ""), 1, 3)
