"""Changes that share a commit: together where they can, each for itself where one fails."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from reelwright.errors import Code, ReelError
from reelwright.store import jobs
from reelwright.store.bell import Bell
from reelwright.store.combine import Combiner
from reelwright.store.database import Tx
from reelwright.store.rows import NewJobRow
from reelwright.store.store import open_store


def _insert(number: int) -> Callable[[Tx], str]:
    def change(tx: Tx) -> str:
        job_id = jobs.insert(tx, NewJobRow(spec={"n": number}, plan={}, base="/"))
        jobs.record(tx, job_id, ("job", {"state": "queued", "error": None}))
        return job_id

    return change


def _refuse(tx: Tx) -> str:
    jobs.insert(tx, NewJobRow(spec={"lost": True}, plan={}, base="/"))
    raise ReelError(Code.QUOTA_EXCEEDED, "no more")


def _mistake(tx: Tx) -> str:
    tx.run(sa.text("SELECT * FROM nowhere"))
    return ""


def test_one_that_fails_takes_nobody_with_it(database_url: str) -> None:
    store = open_store(database_url)
    combiner = Combiner(store)
    told: list[str] = []
    store.listen(lambda row: told.append(row.job_id))
    blocked = threading.Event()

    def first(tx: Tx) -> str:
        blocked.wait(10)
        return _insert(-1)(tx)

    asked = [combiner.submit(first)]  # while it waits, the others come together
    asked += [combiner.submit(_insert(n)) for n in range(20)]
    bad = [combiner.submit(_refuse), combiner.submit(_mistake)]
    asked += [combiner.submit(_insert(n)) for n in range(20, 40)]
    blocked.set()
    ids = [one.result(30) for one in asked]
    with pytest.raises(ReelError, match="no more"):
        bad[0].result(30)
    with pytest.raises(sa.exc.DBAPIError):
        bad[1].result(30)
    combiner.close()
    assert sorted(told) == sorted(ids)
    with store.read() as tx:
        found = jobs.listing(tx)
    assert {job.id for job in found} == set(ids)
    assert not any("lost" in job.spec for job in found)


def test_what_was_asked_for_is_done_before_it_closes(database_url: str) -> None:
    store = open_store(database_url)
    combiner = Combiner(store)
    asked = [combiner.submit(_insert(n)) for n in range(30)]
    combiner.close()
    assert all(one.done() for one in asked)

    async def later() -> str:
        return await combiner.transact(_insert(99))

    assert asyncio.run(later())
    combiner.close()


def test_the_bell_rings_for_commits_of_others(database_url: str) -> None:
    ours, others = open_store(database_url), open_store(database_url)
    rung = threading.Event()
    bell = Bell(ours, rung.set)
    bell.start()
    try:
        for _ in range(100):  # until it listens
            others.transact(_insert(1))
            if rung.wait(0.1):
                break
        assert rung.is_set()
        rung.clear()
        rung.wait(0.3)  # the last one's echo
        rung.clear()
        assert not rung.wait(0.3)
        others.transact(_insert(2))
        assert rung.wait(10)
    finally:
        bell.close()


def test_what_is_cancelled_in_time_is_not_run(database_url: str) -> None:
    store = open_store(database_url)
    combiner = Combiner(store)
    blocked = threading.Event()
    first = combiner.submit(lambda _tx: blocked.wait(10))
    second, third = combiner.submit(_insert(1)), combiner.submit(_insert(2))
    assert second.cancel()
    blocked.set()
    assert first.result(30)
    kept = third.result(30)
    combiner.close()
    with store.read() as tx:
        assert [job.id for job in jobs.listing(tx)] == [kept]


def test_it_closes_while_others_ask(database_url: str) -> None:
    """Each is committed, by this thread or the next; nobody waits for ever."""
    store = open_store(database_url)
    combiner = Combiner(store)
    asked: list[Future[str]] = []
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            asked.append(combiner.submit(_insert(0)))
            asked[-1].result(60)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        combiner.close()
    ended.set()
    for thread in threads:
        thread.join(60)
    combiner.close()
    assert all(one.done() for one in asked)
    with store.read() as tx:
        assert len(jobs.listing(tx)) == len(asked)


def test_a_listener_that_fails_undoes_nothing(database_url: str) -> None:
    store = open_store(database_url)
    combiner = Combiner(store)
    told: list[str] = []

    def refuse(_row: object) -> None:
        raise RuntimeError("not now")

    store.listen(refuse)
    store.listen(lambda row: told.append(row.job_id))
    blocked = threading.Event()
    combiner.submit(lambda _tx: blocked.wait(10))
    asked = [combiner.submit(_insert(n)) for n in range(3)]
    blocked.set()
    ids = {one.result(30) for one in asked}
    combiner.close()
    assert set(told) == ids
    with store.read() as tx:
        assert {job.id for job in jobs.listing(tx)} == ids, "none was made twice"


def test_a_full_disk_is_named_and_passes(tmp_path: Path) -> None:
    """SQLite rolls the whole transaction back by itself: nothing of the others may stay half."""
    store = open_store(tmp_path / "reel.db")
    pages = [0]

    def limit(connection: Any, _record: object, _proxy: object) -> None:
        connection.execute(f"PRAGMA max_page_count={pages[0] or 1 << 30}")

    sa.event.listen(store.database.engine, "checkout", limit)
    combiner = Combiner(store)
    with store.read() as tx:
        pages[0] = tx.connection.exec_driver_sql("PRAGMA page_count").scalar_one() + 4

    def big(tx: Tx) -> str:
        job_id = _insert(0)(tx)
        tx.run(sa.text("UPDATE jobs SET spec = :big"), {"big": '"' + "x" * 100_000 + '"'})
        return job_id

    blocked = threading.Event()
    combiner.submit(lambda _tx: blocked.wait(10))
    small = [combiner.submit(_insert(n)) for n in range(2)]
    large = combiner.submit(big)
    last = combiner.submit(_insert(9))
    blocked.set()
    with pytest.raises(ReelError) as caught:
        large.result(30)
    assert caught.value.code is Code.DISK_FULL
    kept = {one.result(30) for one in (*small, last)}
    with store.read() as tx:
        found = jobs.listing(tx)
        assert {job.id for job in found} == kept
        assert all(len(jobs.events_after(tx, job.id)) == 1 for job in found)
    pages[0] = 0  # somebody made room
    assert combiner.submit(big).result(30)
    combiner.close()


def test_the_bell_outlives_whoever_cannot_hear_it(database_url: str) -> None:
    ours, others = open_store(database_url), open_store(database_url)
    rung = threading.Event()
    times: list[int] = []

    def ring() -> None:
        times.append(1)
        if len(times) == 1:
            raise RuntimeError("the event loop is closed")
        rung.set()

    bell = Bell(ours, ring)
    bell.start()
    for _ in range(100):
        others.transact(_insert(1))
        if rung.wait(0.1):
            break
    bell.close()
    assert rung.is_set()


def test_items_of_one_kind_are_written_at_once_and_fail_alone(database_url: str) -> None:
    store = open_store(database_url)
    combiner = Combiner(store)
    sizes: list[int] = []

    def many(tx: Tx, items: list[int]) -> list[str]:
        if -1 in items:
            raise ReelError(Code.QUOTA_EXCEEDED, "no more")
        sizes.append(len(items))
        rows = [NewJobRow(spec={"n": n}, plan={}, base="/") for n in items]
        return jobs.insert_many(tx, rows, ("job", {"state": "queued", "error": None}))

    blocked = threading.Event()
    first = combiner.submit(
        lambda _tx: blocked.wait(10)
    )  # while it waits, the others come together
    good = [combiner.submit_to(many, n) for n in range(20)]
    blocked.set()
    ids = [one.result(30) for one in good]
    assert first.result(30)
    assert max(sizes) > 1

    blocked.clear()
    first = combiner.submit(lambda _tx: blocked.wait(10))
    mixed = [combiner.submit_to(many, n) for n in (20, -1, 21)]
    blocked.set()
    ids += [mixed[0].result(30), mixed[2].result(30)]
    with pytest.raises(ReelError, match="no more"):
        mixed[1].result(30)
    combiner.close()
    with store.read() as tx:
        found = {job.id: job.spec["n"] for job in jobs.listing(tx)}
    assert [found[job_id] for job_id in ids] == list(range(22))
