"""Changes that share a commit: together where they can, each for itself where one fails."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

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
