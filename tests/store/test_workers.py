"""The registry of workers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reelwright.errors import Code, ReelError
from reelwright.store import expiry, workers
from reelwright.store.store import Store
from reelwright.store.tables_service import workers as table
from reelwright.store.workers import NewWorker, WorkerState

_ONE = NewWorker(id="a/1", host="a", pid=1, version="1", cpus=4.0, memory_bytes=5)


def test_a_beat_enters_and_is_a_sign_of_life(store: Store) -> None:
    with store.write() as tx:
        assert not workers.beat(tx, _ONE, WorkerState.ACTIVE)
        (row,) = workers.listing(tx)
    assert (row.id, row.state, row.drain, row.cpus) == ("a/1", "active", False, 4.0)
    assert row.started_at == row.heartbeat_at
    with store.write() as tx:
        workers.beat(tx, _ONE, WorkerState.DRAINING)
        (later,) = workers.listing(tx)
    assert later.heartbeat_at >= row.heartbeat_at
    assert (later.state, later.started_at) == ("draining", row.started_at)


def test_who_was_asked_to_drain_hears_of_it(store: Store) -> None:
    with store.write() as tx:
        workers.beat(tx, _ONE, WorkerState.ACTIVE)
        assert not workers.is_asked(tx, "a/1")
        assert workers.ask_drain(tx, "a/1").drain
        assert tx.is_news
        assert workers.is_asked(tx, "a/1")
        assert workers.beat(tx, _ONE, WorkerState.ACTIVE)
        with pytest.raises(ReelError) as refused:
            workers.ask_drain(tx, "b")
    assert refused.value.code is Code.WORKER_UNKNOWN


def test_workers_of_a_host_share_its_cores(store: Store) -> None:
    others = [
        replace(_ONE, id="a/2"),
        replace(_ONE, id="a/3", cpus=0.0),
        replace(_ONE, id="b/1", host="b", cpus=2.0),
    ]
    with store.write() as tx:
        assert workers.capacity_cpus(tx) == 0.0
        for one in (_ONE, *others):
            workers.beat(tx, one, WorkerState.ACTIVE)
        assert workers.capacity_cpus(tx) == 6.0
        workers.beat(tx, others[2], WorkerState.DRAINING)
        assert workers.capacity_cpus(tx) == 4.0


def test_who_is_silent_is_not_counted_and_is_forgotten_later(store: Store) -> None:
    with store.write() as tx:
        workers.beat(tx, _ONE, WorkerState.ACTIVE)
        tx.run(table.update().values(heartbeat_at=tx.now() - workers.SILENT_S - 1))
        (row,) = workers.listing(tx)
        assert workers.is_silent(row, tx.now())
        assert workers.capacity_cpus(tx) == 0.0
        expiry.drop_expired(tx, idempotency_s=1.0, worker_s=workers.KEEP_S)
        assert workers.listing(tx) == [row]
        expiry.drop_expired(tx, idempotency_s=1.0, worker_s=10.0)
        assert workers.listing(tx) == []


def test_workers_are_found_by_the_beginning_of_their_id(store: Store) -> None:
    with store.write() as tx:
        for name in ("a/1", "a/11"):
            workers.beat(tx, replace(_ONE, id=name), WorkerState.ACTIVE)
        rows = workers.listing(tx)
    assert [row.id for row in workers.by_prefix(rows, "a/1")] == ["a/1"]
    assert len(workers.by_prefix(rows, "a")) == 2
    assert workers.by_prefix(rows, "b") == []
