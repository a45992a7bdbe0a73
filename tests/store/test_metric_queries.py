"""What is counted from the tables: on both databases, late commits and retries included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from prometheus_client import CollectorRegistry

from reelwright.app.observe.tally import Tally
from reelwright.store import metrics
from reelwright.store.database import Tx
from reelwright.store.store import Store, open_store
from reelwright.store.tables import artifacts, attempts, blobs, deliveries, jobs, outcomes, steps
from reelwright.store.tables_service import outbox, workers

PAYLOAD = {"operations": ["small", "shot[2]"], "duration": "5/2", "identity": "f" * 64}


@pytest.fixture
def began_at(store: Store) -> float:
    with store.read() as tx:
        return tx.now() - 1.0


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def tally(registry: CollectorRegistry, began_at: float) -> Tally:
    return Tally(registry, began_at)


def _job(tx: Tx, job_id: str, **values: Any) -> None:
    row = {
        "id": job_id,
        "state": "succeeded",
        "priority": 0,
        "labels": {},
        "spec": {"operators": {"small": "scale", "shot": "thumbnail"}},
        "plan": {},
        "revision": 1,
        "base": "/",
        "overwrite": False,
        "cancel_requested": False,
        "rank": 0.0,
        "fraction": 1.0,
        "event_seq": 0,
        "created_at": tx.now() - 8.0,
        "started_at": tx.now() - 3.0,
        "finished_at": tx.now(),
    }
    tx.run(sa.insert(jobs), {**row, **values})


def _step(tx: Tx, step_id: str, **values: Any) -> None:
    row = {
        "id": step_id,
        "job_id": "j1",
        "key": step_id,
        "position": 0,
        "identity": "e" * 64,
        "kind": "ffmpeg",
        "state": "succeeded",
        "needs": [],
        "payload": PAYLOAD,
        **dict.fromkeys(("cpus", "weight", "fraction", "not_before"), 0.0),
        **dict.fromkeys(("memory_bytes", "disk_bytes", "attempt", "failures", "losses"), 0),
        "max_attempts": 3,
        "finished_at": tx.now(),
    }
    tx.run(sa.insert(steps), {**row, **values})


def _attempt(tx: Tx, step_id: str, number: int, state: str, **values: Any) -> None:
    row = {
        "step_id": step_id,
        "number": number,
        "worker": "w",
        "state": state,
        "workspace": "/w",
        "log": "/l",
        "started_at": tx.now() - 2.0,
        "finished_at": tx.now(),
    }
    tx.run(sa.insert(attempts), {**row, **values})


def _get(registry: CollectorRegistry, name: str, **labels: str) -> float:
    return registry.get_sample_value(name, labels) or 0.0


def test_attempts_are_counted_once(store: Store, registry: CollectorRegistry, tally: Tally) -> None:
    def first(tx: Tx) -> None:
        _job(tx, "j1", state="running", finished_at=None)
        _step(tx, "s1")
        _attempt(tx, "s1", 1, "failed", error={"code": "disk_full"})
        _attempt(tx, "s1", 2, "lost", error={"code": "worker_lost"})

    def second(tx: Tx) -> None:
        # Committed late: its time lies before the last look.
        _attempt(tx, "s1", 3, "succeeded", finished_at=tx.now() - 0.9, cpu_seconds=1.5)
        _attempt(tx, "s1", 4, "failed", error={"code": "no_such_code"})

    store.transact(first)
    tally.look(store)
    tally.look(store)
    assert _get(registry, "reel_step_failures_total", code="disk_full") == 1
    assert _get(registry, "reel_step_losses_total", kind="ffmpeg") == 1
    store.transact(second)
    tally.look(store)
    assert _get(registry, "reel_step_failures_total", code="disk_full") == 1
    assert _get(registry, "reel_step_failures_total", code="other") == 1
    assert _get(registry, "reel_step_retries_total", kind="ffmpeg") == 3
    assert _get(registry, "reel_step_attempts_total", kind="ffmpeg", state="succeeded") == 1
    assert _get(registry, "reel_step_cpu_seconds_total", kind="ffmpeg") == 1.5
    for operator in ("scale", "thumbnail"):
        assert _get(registry, "reel_operator_media_seconds_total", operator=operator) == 2.5
        took_s = _get(registry, "reel_operator_run_seconds_sum", operator=operator)
        assert took_s == pytest.approx(1.1, abs=0.01)


def test_a_job_that_is_retried_ends_twice_and_its_old_steps_count_once(
    store: Store, registry: CollectorRegistry, tally: Tally
) -> None:
    def first(tx: Tx) -> None:
        _job(tx, "j1", state="failed", error={"code": "timeout"})
        _step(tx, "s1", state="cached")
        _step(tx, "s2")
        _step(tx, ":deliver", identity="", kind="deliver")
        file = {"job_id": "j1", "position": 0, "output": 0, "sha256": "a" * 64, "at": tx.now()}
        tx.run(sa.insert(deliveries), {**file, "path": "/a", "size_bytes": 70})

    def again(tx: Tx) -> None:
        later = tx.now() + 1.0
        values = {"state": "succeeded", "started_at": later, "finished_at": later + 4.0}
        tx.run(sa.update(jobs).values(**values))
        _step(tx, "s3", finished_at=later + 1.0)

    store.transact(first)
    tally.look(store)
    store.transact(again)
    tally.look(store)
    assert _get(registry, "reel_jobs_finished_total", state="failed") == 1
    assert _get(registry, "reel_jobs_finished_total", state="succeeded") == 1
    assert _get(registry, "reel_job_failures_total", code="timeout") == 1
    assert _get(registry, "reel_cache_hits_total") == 1
    assert _get(registry, "reel_cache_misses_total") == 2
    assert _get(registry, "reel_delivered_bytes_total") == 70
    assert _get(registry, "reel_job_wait_seconds_sum") == pytest.approx(5 + 9, abs=0.5)


def test_what_ended_before_is_not_counted(
    store: Store, registry: CollectorRegistry, tally: Tally
) -> None:
    store.transact(lambda tx: _job(tx, "j1", finished_at=tx.now() - 30.0))
    tally.look(store)
    assert _get(registry, "reel_jobs_finished_total", state="succeeded") == 0


def test_many_are_counted_page_by_page(
    store: Store, registry: CollectorRegistry, tally: Tally
) -> None:
    def fill(tx: Tx) -> None:
        at = tx.now()
        for n in range(1203):  # at one moment: the order is that of the ids
            _job(tx, f"j{n}", finished_at=at)
        _step(tx, "s1")
        for n in range(1, 1204):
            _attempt(tx, "s1", n, "succeeded", finished_at=at)

    store.transact(fill)
    tally.look(store)
    assert _get(registry, "reel_jobs_finished_total", state="succeeded") == 1203
    assert _get(registry, "reel_step_attempts_total", kind="ffmpeg", state="succeeded") == 1203


def test_bytes_that_were_fetched(store: Store, registry: CollectorRegistry, tally: Tally) -> None:
    def fill(tx: Tx) -> None:
        _job(tx, "j1", state="running", finished_at=None)
        _step(tx, "s1", kind="fetch")
        _attempt(tx, "s1", 1, "succeeded")
        whole = {"identity": "f" * 64, "outputs": {}, "result": {}, "report": {}}
        tx.run(sa.insert(outcomes), {**whole, "cpu_seconds": 0.0})
        for n, size in enumerate((100, 23)):
            sha = str(n) * 64
            blob = {"sha256": sha, "size_bytes": size, "mtime_ns": 0, "inode": "0"}
            tx.run(sa.insert(blobs), blob)
            made = {"identity": "f" * 64, "output": "o", "position": n, "sha256": sha}
            tx.run(sa.insert(artifacts), made)

    store.transact(fill)
    tally.look(store)
    assert _get(registry, "reel_fetched_bytes_total") == 123
    with store.read() as tx:
        assert metrics.cache_bytes(tx) == 123


def test_how_it_stands(store: Store) -> None:
    def fill(tx: Tx) -> None:
        waiting = {"state": "queued", "started_at": None, "finished_at": None}
        _job(tx, "j0", **waiting)
        _job(tx, "j1", **{**waiting, "created_at": tx.now() - 100.0})
        _job(tx, "j2", state="running", finished_at=None)
        _job(tx, "j3")
        _step(tx, "s1", state="running", lease_until=tx.now() - 1.0, finished_at=None)
        _step(tx, "s2", state="running", lease_until=tx.now() + 60.0, finished_at=None)
        _step(tx, "s3", state="ready", finished_at=None)
        _step(tx, "s4")
        worker = {"host": "h", "pid": 1, "drain": False, "version": "1", "memory_bytes": 0}
        for name, state, silent_s, cpus in (
            ("a", "active", 0, 2.0),
            ("b", "draining", 5, 2.0),
            ("c", "active", 31, 2.0),
            ("d", "active", 0, 0.0),
        ):
            told = {"id": name, "state": state, "heartbeat_at": tx.now() - silent_s, "cpus": cpus}
            tx.run(sa.insert(workers), {**worker, **told})
        for n, state in enumerate(("pending", "pending", "dead", "sent")):
            message = {"id": str(n), "job_id": "j0", "owner": "o", "url": "u", "kind": "k"}
            tx.run(sa.insert(outbox), {**message, "body": {}, "state": state, "tries": 0})

    store.transact(fill)
    with store.read() as tx:
        now = metrics.now(tx)
    assert now.jobs == {"queued": 2, "running": 1}
    assert now.steps == {"running": 2, "ready": 1}
    assert now.oldest_wait_s == pytest.approx(100.0, abs=30.0)
    assert now.leases_expired == 1
    assert now.workers == {"active": 1, "draining": 1, "stale": 1}
    assert now.outbox == {"pending": 2, "dead": 1}


def test_counting_reads_an_index(tmp_path: Path) -> None:
    """Of years of work only the last minute is read: SQLite says how it would go about it."""
    asked: list[str] = []
    store = open_store(tmp_path / "reel.db")
    with store.read() as tx:
        connection: Any = tx.connection.connection.dbapi_connection
        connection.set_trace_callback(asked.append)
        metrics.attempts_ended(tx, (5.0, "", 0), 10)
        metrics.jobs_ended(tx, (5.0, ""), 10)
        connection.set_trace_callback(None)
        plans = [
            [str(row[-1]) for row in connection.execute(f"EXPLAIN QUERY PLAN {query}")]
            for query in asked[:2]
        ]
    store.close()
    assert "ix_attempts_finished_at" in plans[0][0]
    assert "ix_jobs_finished_at" in plans[1][0]
