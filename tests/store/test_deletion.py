"""Deleting jobs: what has ended goes with all that hangs on it, what has not stays."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from reelwright.errors import Code, ReelError
from reelwright.store import attempts, audit, batches, candidates, deletion, jobs, steps, usage
from reelwright.store.attempts import Place
from reelwright.store.database import Tx
from reelwright.store.deletion import Old
from reelwright.store.rows import Delivered, NewJobRow, NewStep
from reelwright.store.states import JobState, StepState
from reelwright.store.store import Store
from reelwright.store.tables import attempts as attempts_table
from reelwright.store.tables import deliveries, edges, events
from reelwright.store.tables import jobs as jobs_table
from reelwright.store.tables import steps as steps_table
from reelwright.store.tables_service import job_labels
from reelwright.store.tables_service import outbox as outbox_table


class _Actor:
    actor, role = "tester", "admin"


def _made(store: Store, **more: Any) -> str:
    def change(tx: Tx) -> str:
        return jobs.insert(tx, NewJobRow({}, {}, "/", **more), ("job", {"state": "queued"}))

    return store.transact(change)


def _ended(store: Store, state: JobState, at: float, **more: Any) -> str:
    job_id = _made(store, **more)
    with store.write() as tx:
        jobs.move(tx, job_id, JobState.RUNNING)
        jobs.move(tx, job_id, state, finished_at=at)
    return job_id


def _code(store: Store, job_id: str) -> Code:
    with pytest.raises(ReelError) as caught, store.write() as tx:
        deletion.delete_one(tx, job_id)
    return caught.value.code


def _left(store: Store) -> dict[str, int]:
    tables = (
        jobs_table, steps_table, edges, attempts_table, events, deliveries, job_labels, outbox_table
    )  # fmt: skip
    with store.read() as tx:
        counts = {t.name: sa.select(sa.func.count()).select_from(t) for t in tables}
        return {name: tx.run(count).scalar_one() for name, count in counts.items()}


def test_what_has_not_ended_stays(store: Store) -> None:
    job_id = _made(store)
    assert _code(store, job_id) is Code.TRANSITION_REFUSED
    with store.write() as tx:
        jobs.move(tx, job_id, JobState.RUNNING)
    assert _code(store, job_id) is Code.TRANSITION_REFUSED
    with store.write() as tx:
        assert deletion.delete(tx, [job_id]) == []
        assert jobs.get(tx, job_id).state is JobState.RUNNING
    assert _code(store, "0" * 17) is Code.JOB_UNKNOWN


def test_what_hangs_on_a_job_goes_with_it(store: Store) -> None:
    job_id = _made(store, labels={"show": "one"}, webhook="https://example.org/hook")
    with store.write() as tx:
        new = [
            NewStep("a", 0, "a" * 64, "ffmpeg", StepState.WAITING, (), {}),
            NewStep("b", 1, "b" * 64, "ffmpeg", StepState.WAITING, ("a",), {}),
        ]
        steps.insert(tx, job_id, new, max_attempts=3)
        jobs.move(tx, job_id, JobState.RUNNING)
        jobs.record(tx, job_id, ("job", {"state": "running"}))
        steps.wake(tx, job_id)
        chosen = candidates.candidates(tx, job_id, 1)[0]
        place = Place(host="h", worker="w", workspace="/w/{n}", log="/l/{n}")
        attempts.start(tx, chosen, place, 10.0)
        jobs.add_delivery(tx, job_id, Delivered("/out/a", "ab" * 32, 5, output=0, position=1))
        jobs.move(tx, job_id, JobState.FAILED, finished_at=1.0)
    # Its state ran ahead of a step that is still being stopped somewhere.
    assert _code(store, job_id) is Code.TRANSITION_REFUSED
    with store.write() as tx:
        tx.run(sa.update(steps_table).values(state=StepState.CANCELLED))
    assert all(_left(store).values()), _left(store)
    with store.write() as tx:
        deletion.delete_one(tx, job_id)
    assert not any(_left(store).values()), _left(store)
    assert _code(store, job_id) is Code.JOB_UNKNOWN


def test_a_deleted_job_gives_its_bytes_back(store: Store) -> None:
    job_id = _ended(store, JobState.SUCCEEDED, 1.0, owner="ana")
    other = _ended(store, JobState.SUCCEEDED, 1.0, owner="ana")
    with store.write() as tx:
        for n, one in enumerate((job_id, other)):
            jobs.add_delivery(tx, one, Delivered("/out/a", "ab" * 32, 5 + n, output=0, position=1))
        assert usage.owner_bytes(tx, "ana") == 11
        deletion.delete_one(tx, job_id)
        assert usage.owner_bytes(tx, "ana") == 6


def test_a_batch_goes_with_its_last_job(store: Store) -> None:
    with store.write() as tx:
        batches.insert(tx, "b" * 17, "ana", 2, {})
    first, second = (_ended(store, JobState.FAILED, 1.0, batch_id="b" * 17) for _ in range(2))
    with store.write() as tx:
        deletion.delete_one(tx, first)
        assert batches.jobs_of(tx, "b" * 17) == [second]
        assert batches.get(tx, "b" * 17, "ana").size == 2
        deletion.delete_one(tx, second)
    with pytest.raises(ReelError) as caught, store.read() as tx:
        batches.get(tx, "b" * 17, None)
    assert caught.value.code is Code.BATCH_UNKNOWN


def test_old_ones_are_found_by_age_state_owner_and_label(store: Store) -> None:
    old = _ended(store, JobState.SUCCEEDED, 100.0, owner="ana", labels={"show": "one", "n": "1"})
    failed = _ended(store, JobState.FAILED, 200.0, owner="bo", labels={"show": "one"})
    young = _ended(store, JobState.CANCELLED, 300.0, owner="ana")
    running = _made(store, owner="ana")
    with store.write() as tx:
        jobs.move(tx, running, JobState.RUNNING)

        def found(limit: int = 10, **wanted: Any) -> list[str]:
            return deletion.finished(tx, Old(**wanted), limit)

        assert found(before=1000.0) == [old, failed, young]
        assert found(before=1000.0, limit=2) == [old, failed]
        assert found(before=300.0) == [old, failed], "up to, but not with, that moment"
        assert found(before=1000.0, owner="ana") == [old, young]
        assert found(before=1000.0, states=("failed", "cancelled")) == [failed, young]
        assert found(before=1000.0, states=("running",)) == []
        assert found(before=1000.0, labels=[("show", "one")]) == [old, failed]
        assert found(before=1000.0, labels=[("show", "one"), ("n", "1")]) == [old]


def test_only_what_the_audit_log_calls_deleted_is_deleted(store: Store) -> None:
    """A folder without a row may be that of another database."""
    gone, stranger = _ended(store, JobState.FAILED, 1.0), "f" * 17
    there = _ended(store, JobState.FAILED, 1.0)
    with store.write() as tx:
        deletion.delete_one(tx, gone)
        assert deletion.deleted(tx, [gone, stranger, there]) == set()
        for job_id in (gone, there):
            audit.add(tx, _Actor(), deletion.ACTION, job_id)
        audit.add(tx, _Actor(), "job.submit", stranger)
        names = [gone, stranger, there, *(f"{n:017}" for n in range(2000))]
        assert deletion.deleted(tx, names) == {gone}
