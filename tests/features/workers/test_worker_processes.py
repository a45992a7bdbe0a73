"""Workers as processes: they share the work, and the death or sleep of one costs no job."""

from __future__ import annotations

import signal
import subprocess
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from reelwright.engine.submission import NewJob, submit
from reelwright.planning.plan import Plan
from reelwright.store import attempts, jobs, steps, workers
from reelwright.store.rows import AttemptRow, Job
from reelwright.store.states import AttemptState, JobState
from tests.engine.jobs import World, plan, shell, world
from tests.engine.processes import end, until, worker

_LEASE_S = 3.0


@pytest.fixture
def everywhere(tmp_path: Path, database_url: str) -> World:
    return world(tmp_path / "home", database_url)


def test_two_workers_share_a_batch(everywhere: World, tmp_path: Path) -> None:
    with worker(everywhere, 15.0), worker(everywhere, 15.0):
        made = [_plan(tmp_path, f"j{n}", f"sleep 0.4; printf {n} > out") for n in range(6)]
        ids = [_submit(everywhere, one) for one in made]
        until(lambda: all(_job(everywhere, i).state.is_final for i in ids))
    assert {_job(everywhere, job_id).state for job_id in ids} == {JobState.SUCCEEDED}
    assert [(tmp_path / f"j{n}").read_text() for n in range(6)] == list("012345")
    _each_once(everywhere, ids)


def test_a_killed_worker_costs_no_job(everywhere: World, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    script = f"while [ ! -e {gate} ]; do sleep 0.05; done; printf x > out"
    with worker(everywhere, 15.0) as first:
        job_id = _submit(everywhere, _plan(tmp_path, "made", script))
        until(lambda: _attempts(everywhere, job_id))
        with worker(everywhere, 15.0):
            end(first)
            gate.touch()
            until(lambda: _job(everywhere, job_id).state.is_final)
    assert _job(everywhere, job_id).state is JobState.SUCCEEDED
    found = [row.state for row in _attempts(everywhere, job_id)]
    assert found == [AttemptState.LOST, AttemptState.SUCCEEDED]
    _each_once(everywhere, [job_id])


def test_a_step_that_kills_its_workers_fails_in_the_end(everywhere: World, tmp_path: Path) -> None:
    job_id = _submit(everywhere, _plan(tmp_path, "made", "kill -9 $PPID; sleep 600"))
    for _ in range(20):
        with worker(everywhere, _LEASE_S, max_losses=3) as killed:
            until(partial(_is_either_over, killed, everywhere, job_id))
        if _is_over(everywhere, job_id):
            break
    job = _job(everywhere, job_id)
    assert job.state is JobState.FAILED
    error = job.error or {}
    assert error["code"] == "attempts_exhausted"
    assert "3 workers died" in error["message"]
    tries = _attempts(everywhere, job_id)
    assert [row.state for row in tries] == [AttemptState.LOST] * 3
    assert not (tmp_path / "made").exists()


@pytest.mark.slow
def test_who_was_frozen_publishes_nothing(everywhere: World, tmp_path: Path) -> None:
    """It led, too: another takes the lead, and its step when the lease has run out."""
    gate = tmp_path / "gate"
    script = f"while [ ! -e {gate} ]; do sleep 0.05; done; printf x > out"
    with worker(everywhere, _LEASE_S) as first:
        job_id = _submit(everywhere, _plan(tmp_path, "made", script))
        until(lambda: _attempts(everywhere, job_id))
        first.send_signal(signal.SIGSTOP)
        with worker(everywhere, _LEASE_S):
            until(lambda: len(_attempts(everywhere, job_id)) == 2)
            gate.touch()
            first.send_signal(signal.SIGCONT)
            until(lambda: _job(everywhere, job_id).state.is_final)
            # The first one is back: it works, and it has not ended in shame.
            later = _submit(everywhere, _plan(tmp_path, "later", "printf y > out"))
            until(lambda: _job(everywhere, later).state.is_final)
            assert first.poll() is None
    assert _job(everywhere, job_id).state is JobState.SUCCEEDED
    found = [row.state for row in _attempts(everywhere, job_id)]
    assert found == [AttemptState.LOST, AttemptState.SUCCEEDED]
    _each_once(everywhere, [job_id, later])


def test_when_the_leader_dies_another_leads(everywhere: World, tmp_path: Path) -> None:
    with ExitStack() as stack:
        first, *_ = [stack.enter_context(worker(everywhere, 15.0)) for _ in range(3)]
        for number in range(2):
            name = f"made{number}"
            job_id = _submit(everywhere, _plan(tmp_path, name, f"printf {number} > out"))
            until(partial(_is_over, everywhere, job_id))
            assert (tmp_path / name).read_text() == str(number)
            end(first)  # the one that has led: it came first


def test_drain_finishes_what_runs_and_takes_nothing_new(everywhere: World, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    script = f"while [ ! -e {gate} ]; do sleep 0.05; done; printf x > out"
    with worker(everywhere, 15.0) as first:
        running = _submit(everywhere, _plan(tmp_path, "made", script))
        until(lambda: _attempts(everywhere, running))
        with everywhere.store.read() as tx:
            (row,) = workers.listing(tx)
        everywhere.store.transact(lambda tx: workers.ask_drain(tx, row.id))
        until(lambda: _states(everywhere) == ["draining"])
        waiting = _submit(everywhere, _plan(tmp_path, "other", "printf y > out"))
        gate.touch()
        assert first.wait(60) == 0
    with everywhere.store.read() as tx:
        found = attempts.of_step(tx, _step(everywhere, running))
        assert workers.listing(tx) == []
    assert [a.state for a in found] == [AttemptState.SUCCEEDED]
    assert _attempts(everywhere, waiting) == []
    assert not _job(everywhere, waiting).state.is_final
    with worker(everywhere, 15.0):
        until(lambda: _job(everywhere, waiting).state.is_final)
        until(lambda: _job(everywhere, running).state.is_final)
    _each_once(everywhere, [running, waiting])


def test_a_cancelled_job_stops_where_it_runs(everywhere: World, tmp_path: Path) -> None:
    from reelwright.engine import orders

    with worker(everywhere, 15.0):
        job_id = _submit(everywhere, _plan(tmp_path, "made", "sleep 60; printf x > out"))
        until(lambda: _attempts(everywhere, job_id))
        begun = time.monotonic()
        everywhere.store.transact(lambda tx: orders.cancel(tx, job_id))
        until(lambda: _job(everywhere, job_id).state.is_final)
        assert time.monotonic() - begun < 50
    assert _job(everywhere, job_id).state is JobState.CANCELLED


def test_a_job_is_late_and_ends(everywhere: World, tmp_path: Path) -> None:
    with worker(everywhere, 15.0):
        made = _plan(tmp_path, "made", "sleep 100; printf x > out")
        job_id = _submit(everywhere, made, timeout_s=0.5)
        until(lambda: _job(everywhere, job_id).state.is_final)
    assert (_job(everywhere, job_id).error or {})["code"] == "timeout"


def _plan(folder: Path, name: str, script: str) -> Plan:
    return plan([shell("a", script, salt=name)], {"a": folder / name})


def _submit(here: World, made: Plan, timeout_s: float | None = None) -> str:
    new = NewJob(plan=made, timeout_s=timeout_s)
    return here.store.transact(lambda tx: submit(tx, new, here.settings))


def _job(here: World, job_id: str) -> Job:
    with here.store.read() as tx:
        return jobs.get(tx, job_id)


def _is_over(here: World, job_id: str) -> bool:
    return _job(here, job_id).state.is_final


def _is_either_over(process: subprocess.Popen[str], here: World, job_id: str) -> bool:
    return process.poll() is not None or _is_over(here, job_id)


def _step(here: World, job_id: str) -> str:
    with here.store.read() as tx:
        return steps.by_keys(tx, job_id, ["a"])["a"].id


def _attempts(here: World, job_id: str) -> list[AttemptRow]:
    with here.store.read() as tx:
        return attempts.of_step(tx, steps.by_keys(tx, job_id, ["a"])["a"].id)


def _states(here: World) -> list[str]:
    with here.store.read() as tx:
        return [row.state for row in workers.listing(tx)]


def _each_once(here: World, ids: list[str]) -> None:
    """Every output was delivered once, and every job ended once."""
    for job_id in ids:
        with here.store.read() as tx:
            rows = jobs.events_after(tx, job_id)
        assert [r.seq for r in rows] == list(range(1, len(rows) + 1))
        assert len([r for r in rows if r.kind == "output"]) == 1
        ended = [r for r in rows if r.kind == "job" and r.body["state"] == "succeeded"]
        assert len(ended) == 1
