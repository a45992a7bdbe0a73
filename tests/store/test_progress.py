"""How far steps and jobs are: written for many at once, fenced, and waiting for nobody."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reelwright.store import jobs, progress, steps
from reelwright.store.progress import JobDone, StepDone
from reelwright.store.rows import NewJobRow, NewStep
from reelwright.store.states import JobState, StepState
from reelwright.store.store import Store, open_store


@pytest.fixture
def other(store: Store) -> Iterator[Store]:
    """Another process's connections to the same database."""
    opened = open_store(store.url)
    yield opened
    opened.close()


def _running(store: Store, count: int) -> tuple[str, list[str]]:
    """A job with so many running steps, each at its second attempt."""
    with store.write() as tx:
        job_id = jobs.insert(tx, NewJobRow({}, {}, "/"))
        new = [
            NewStep(f"s{n}", n, f"{n:064}", "ffmpeg", StepState.WAITING, (), {}, weight=1.0)
            for n in range(count)
        ]
        steps.insert(tx, job_id, new, max_attempts=3)
        jobs.move(tx, job_id, JobState.RUNNING)
        steps.wake(tx, job_id)
        ids = [row.id for row in steps.of_job(tx, job_id)]
        for step_id in ids:
            steps.move(tx, step_id, StepState.RUNNING, attempt=2)
    return job_id, ids


def _fractions(store: Store, job_id: str) -> list[float]:
    with store.read() as tx:
        return [row.fraction for row in steps.of_job(tx, job_id)]


def test_only_the_attempt_that_counts_is_heard(store: Store) -> None:
    job_id, ids = _running(store, 3)
    with store.write() as tx:
        steps.move(tx, ids[2], StepState.SUCCEEDED)
        told = [
            StepDone(ids[0], 2, 0.25, {"frame": 7}),
            StepDone(ids[1], 1, 0.5, {}),
            StepDone(ids[2], 2, 0.75, {}),
        ]
        progress.set_steps(tx, told)
    assert _fractions(store, job_id) == [0.25, 0.0, 0.0]
    with store.read() as tx:
        assert steps.get(tx, ids[0]).progress == {"frame": 7}


@pytest.mark.postgres
def test_what_somebody_changes_is_left_out(store: Store, other: Store) -> None:
    if store.url.startswith("sqlite"):
        pytest.skip("one process writes at a time")
    job_id, ids = _running(store, 2)
    second, _ = _running(store, 1)
    with other.write() as held:
        held.lock_job(job_id)
        steps.change(held, ids[0], {"report": {"by": "another"}})
        with store.write() as tx:
            progress.set_steps(tx, [StepDone(step_id, 2, 0.5, {}) for step_id in ids])
            assert set(progress.lock_jobs(tx, [job_id, second])) == {second}
            progress.set_jobs(tx, [JobDone(second, 0.5, 3.0)])
    assert _fractions(store, job_id) == [0.0, 0.5]
    with store.read() as tx:
        found = jobs.get(tx, second)
        assert (found.fraction, found.eta_s) == (0.5, 3.0)
        assert steps.of_job(tx, job_id)[0].report == {"by": "another"}


def test_what_a_job_is_counted_from(store: Store) -> None:
    job_id, ids = _running(store, 4)
    with store.write() as tx:
        steps.move(tx, ids[0], StepState.SUCCEEDED)
        progress.set_steps(tx, [StepDone(ids[1], 2, 0.5, {})])
        found = progress.lock_jobs(tx, [job_id])[job_id]
    assert found.shares[StepState.SUCCEEDED].count == 1
    assert found.shares[StepState.RUNNING].count == 3
    assert found.shares[StepState.RUNNING].done == 0.5
