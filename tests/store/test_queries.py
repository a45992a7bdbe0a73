"""Queries over jobs, steps and attempts, the same on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from reelwright.errors import Code, ReelError
from reelwright.store import attempts, candidates, jobs, probes, progress, rates, steps
from reelwright.store.attempts import Place
from reelwright.store.database import EventRow, Tx
from reelwright.store.progress import StepDone
from reelwright.store.rows import Delivered, NewJobRow, NewStep
from reelwright.store.states import AttemptState, JobState, StepState
from reelwright.store.store import Store


def _job(store: Store, needs: dict[str, list[str]], **more: Any) -> str:
    def insert(tx: Any) -> str:
        job_id = jobs.insert(tx, NewJobRow({}, {}, "/", **more))
        new = [
            NewStep(key, n, f"{key * 3}", "ffmpeg", StepState.WAITING, tuple(wanted), {"id": key})
            for n, (key, wanted) in enumerate(needs.items())
        ]
        steps.insert(tx, job_id, new, max_attempts=3)
        jobs.move(tx, job_id, JobState.RUNNING)
        return job_id

    return store.transact(insert)


def _start(store: Store, job_id: str, worker: str = "w", lease_s: float = 10.0) -> tuple[str, int]:
    with store.write() as tx:
        chosen = candidates.candidates(tx, job_id, 10)[0]
        place = Place(host="h", worker=worker, workspace="/w/{n}", log="/l/{n}")
        number = attempts.start(tx, chosen, place, lease_s)
    assert number is not None
    return chosen.step_id, number


def test_readiness_follows_the_needs(store: Store) -> None:
    job_id = _job(store, {"a": [], "b": [], "c": ["a", "b"], "d": ["c", "c"]})
    with store.write() as tx:
        assert steps.wake(tx, job_id) == ["a", "b"]
    for expected in ([], ["c"]):
        step_id, number = _start(store, job_id)
        with store.write() as tx:
            key = steps.get(tx, step_id).key
            attempts.settle(tx, step_id, number, StepState.SUCCEEDED, AttemptState.SUCCEEDED)
            assert steps.wake(tx, job_id, after=key) == expected
    with store.read() as tx:
        assert steps.counts(tx, job_id) == {
            StepState.SUCCEEDED: 2,
            StepState.READY: 1,
            StepState.WAITING: 1,
        }


def test_candidates_come_by_priority_then_age_then_plan(store: Store) -> None:
    first = _job(store, {"a": [], "b": []})
    second = _job(store, {"c": []})
    urgent = _job(store, {"d": []}, priority=5)
    with store.write() as tx:
        for job_id in (urgent, second, first):
            steps.wake(tx, job_id)
        assert [c.key for c in candidates.candidates(tx, None, 10)] == ["d", "a", "b", "c"]
        assert [c.key for c in candidates.candidates(tx, first, 1)] == ["a"]


def test_a_cancelled_job_has_no_candidates(store: Store) -> None:
    job_id = _job(store, {"a": []})
    with store.write() as tx:
        steps.wake(tx, job_id)
        jobs.change(tx, job_id, cancel_requested=True)
        assert candidates.candidates(tx, None, 10) == []


def test_what_waits_for_its_next_try_is_no_candidate(store: Store) -> None:
    job_id = _job(store, {"a": []})
    with store.write() as tx:
        steps.wake(tx, job_id)
        row = steps.of_job(tx, job_id)[0]
        steps.change(tx, row.id, {"not_before": tx.now() + 60})
        assert candidates.candidates(tx, None, 10) == []


def test_a_step_starts_once(store: Store) -> None:
    job_id = _job(store, {"a": []})
    with store.write() as tx:
        steps.wake(tx, job_id)
        chosen = candidates.candidates(tx, job_id, 1)[0]
    place = Place(host="h", worker="w", workspace="{x}/{n}", log="l")
    with store.write() as tx:
        assert attempts.start(tx, chosen, place, 1.0) == 1
    with store.write() as tx:
        assert attempts.start(tx, chosen, place, 1.0) is None
        assert attempts.get(tx, chosen.step_id, 1).workspace == "{x}/1"
        both = steps.get(tx, chosen.step_id), attempts.get(tx, chosen.step_id, 1)
        assert attempts.with_step(tx, chosen.step_id, 1) == both
        with pytest.raises(ReelError) as refused:
            attempts.with_step(tx, chosen.step_id, 2)
        assert refused.value.code is Code.STEP_UNKNOWN
        assert attempts.live_workspaces(tx) == {"{x}/1"}


def test_leases_run_on_the_clock_of_the_database(store: Store) -> None:
    job_id = _job(store, {"a": [], "b": []})
    with store.write() as tx:
        steps.wake(tx, job_id)
    short = _start(store, job_id, "short", lease_s=-1.0)
    long = _start(store, job_id, "long", lease_s=100.0)
    with store.write() as tx:
        assert [(r.step_id, r.attempt) for r in attempts.expired(tx)] == [short]
        assert attempts.renew(tx, "short", 100.0) == {short}
        assert attempts.expired(tx) == []
        assert attempts.renew(tx, "nobody", 100.0) == set()
        assert {(r.step_id, r.attempt) for r in attempts.running(tx, host="h")} == {short, long}
        assert attempts.running(tx, host="elsewhere") == []


def test_usage_is_the_sum_over_the_host(store: Store) -> None:
    job_id = _job(store, {"a": [], "b": []})
    with store.write() as tx:
        steps.wake(tx, job_id)
        for row in steps.of_job(tx, job_id):
            steps.change(tx, row.id, {"cpus": 1.5, "memory_bytes": 1 << 40, "disk_bytes": 7})
    _start(store, job_id)
    _start(store, job_id)
    with store.read() as tx:
        used = attempts.usage(tx, "h")
        assert (used.cpus, used.memory_bytes, used.count) == (3.0, 2 << 40, 2)
        assert attempts.usage(tx, "elsewhere").count == 0
        work = attempts.work(tx, "h")
        assert work.used == used
        assert sorted(size for _, size in work.reserved) == [7, 7]


def test_settling_is_fenced_by_the_attempt(store: Store) -> None:
    job_id = _job(store, {"a": []})
    with store.write() as tx:
        steps.wake(tx, job_id)
    step_id, number = _start(store, job_id)
    with pytest.raises(ReelError) as caught, store.write() as tx:
        attempts.settle(tx, step_id, number + 1, StepState.FAILED, AttemptState.FAILED)
    assert caught.value.code is Code.LEASE_LOST
    with store.write() as tx:
        assert attempts.is_held(tx, step_id, number)
        attempts.settle(tx, step_id, number, StepState.READY, AttemptState.FAILED, failures=1)
        assert not attempts.is_held(tx, step_id, number)
    step_id, again = _start(store, job_id)
    assert again == number + 1
    with store.write() as tx:
        progress.set_steps(tx, [StepDone(step_id, number, 0.9, {"frame": 1})])
        assert steps.get(tx, step_id).fraction == 0.0, "progress of a dead attempt is not shown"
        progress.set_steps(tx, [StepDone(step_id, again, 0.5, {"frame": 2})])
        assert steps.get(tx, step_id).progress == {"frame": 2}
        assert [t.state for t in attempts.of_step(tx, step_id)] == [
            AttemptState.FAILED,
            AttemptState.RUNNING,
        ]


def test_events_count_without_gaps(store: Store) -> None:
    job_id = _job(store, {})
    heard: list[EventRow] = []
    stop = store.listen(heard.append)
    with store.write() as tx:
        jobs.record(tx, job_id, ("job", {"n": 1}), ("step", {"n": 2}))
        assert heard == [], "nobody hears of what may still be rolled back"

    def fail(tx: Tx) -> None:
        jobs.record(tx, job_id, ("job", {"n": 0}))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.transact(fail)
    with store.write() as tx:
        jobs.record(tx, job_id, ("job", {"n": 3}))
        jobs.record(tx, job_id)
    stop()
    with store.write() as tx:
        jobs.record(tx, job_id, ("job", {"n": 4}))
    assert [(e.seq, e.body["n"]) for e in heard] == [(1, 1), (2, 2), (3, 3)]
    with store.read() as tx:
        found = jobs.events_after(tx, job_id, 1, limit=2)
    assert [(e.seq, e.kind, e.body["n"]) for e in found] == [(2, "step", 2), (3, "job", 3)]


def test_jobs_are_listed_newest_first(store: Store) -> None:
    made = [_job(store, {}, labels={"n": str(n)}) for n in range(3)]
    with store.read() as tx:
        assert [job.id for job in jobs.listing(tx)] == made[::-1]
        assert [job.id for job in jobs.listing(tx, limit=1, before=made[2])] == [made[1]]
        assert jobs.listing(tx, states=[JobState.FAILED]) == []
        assert jobs.find(tx, made[0]) == [made[0]]
        assert set(jobs.find(tx, made[0][:3])) <= set(made)
        assert jobs.find(tx, "%") == [], "no wildcards"


def test_a_delivery_is_one_row(store: Store) -> None:
    job_id = _job(store, {})
    file = Delivered("/out/a", "ab" * 32, 5, output=1, position=2)
    with store.write() as tx:
        jobs.add_delivery(tx, job_id, file)
        jobs.add_delivery(tx, job_id, file)
        assert jobs.delivered(tx, job_id) == [file]


def test_unknown_steps_and_attempts_are_named(store: Store) -> None:
    for ask in (lambda tx: steps.get(tx, "x"), lambda tx: attempts.get(tx, "x", 1)):
        with pytest.raises(ReelError) as caught, store.read() as tx:
            ask(tx)
        assert caught.value.code is Code.STEP_UNKNOWN


def test_thousands_of_steps_are_found(store: Store) -> None:
    needs: dict[str, list[str]] = {f"s{n}": [] for n in range(2500)}
    job_id = _job(store, needs)
    with store.write() as tx:
        assert len(steps.by_keys(tx, job_id, needs)) == 2500
        moved = steps.move_all(
            tx, job_id, StepState.WAITING, StepState.CANCELLED, list(needs)[:2000]
        )
        assert len(moved) == 2000


def test_results_are_those_of_finished_steps(store: Store) -> None:
    job_id = _job(store, {"a": [], "b": [], "c": []})
    with store.write() as tx:
        for row in steps.of_job(tx, job_id):
            steps.change(tx, row.id, {"result": {row.key: row.position}})
        steps.change(tx, steps.of_job(tx, job_id)[0].id, {"state": StepState.SUCCEEDED})
        steps.change(tx, steps.of_job(tx, job_id)[1].id, {"state": StepState.CACHED})
        assert steps.results(tx, job_id) == {"a": 0, "b": 1}


def test_probes_are_kept_for_each_version_of_the_prober(store: Store) -> None:
    with store.write() as tx:
        probes.put(tx, "ab" * 32, "8.1", {"duration": "30000/1001"})
        probes.put(tx, "ab" * 32, "8.1", {"duration": "1/2"})
        assert probes.get(tx, "ab" * 32, "8.1") == {"duration": "1/2"}
        assert probes.get(tx, "ab" * 32, "9.0") is None


def test_rates_are_mean_and_spread(store: Store) -> None:
    with store.write() as tx:
        for value in (2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0):
            rates.learn(tx, "x264", value)
        rates.learn(tx, "once", 3.0)
    with store.read() as tx:
        found = rates.learned(tx)
    assert found["x264"] == pytest.approx((5.0, 2.13808993))
    assert found["once"] == (3.0, 0.0)


def test_rates_follow_a_machine_that_changed(store: Store) -> None:
    with store.write() as tx:
        for value in [1.0] * 500 + [3.0] * 200:
            rates.learn(tx, "x", value)
        mean, _ = rates.learned(tx)["x"]
    assert mean > 2.9
