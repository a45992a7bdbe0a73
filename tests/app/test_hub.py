"""Many readers of events that other threads and processes write, on both databases."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from reelwright.app.hub import POLL_S, TAIL, End, Hub, Item, Progress, Reading, Silence
from reelwright.app.principal import LOCAL, Principal, Role
from reelwright.errors import Code, ReelError
from reelwright.store import jobs
from reelwright.store.database import EventRow
from reelwright.store.rows import NewJobRow
from reelwright.store.states import JobState
from reelwright.store.store import Store, open_store
from reelwright.store.tables import jobs as jobs_table

# What waits for a condition waits so long: a busy machine is slow.
_LONG_S = 60.0
pytestmark = pytest.mark.anyio
_STEP = ("step", {"key": "a", "state": "ready", "log": "/secret/place"})


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = open_store(database_url)
    yield opened
    opened.close()


@asynccontextmanager
async def _hub(store: Store) -> AsyncIterator[Hub]:
    hub = Hub(store)
    try:
        yield hub
    finally:
        await hub.close()


def _job(store: Store, owner: str = "local", count: int = 1) -> str:
    def make(tx: Any) -> str:
        row = NewJobRow(spec={}, plan={}, base="/", owner=owner)
        job_id = jobs.insert(tx, row)
        jobs.record(tx, job_id, *[_STEP] * count)
        return job_id

    return store.transact(make)


def _add(store: Store, job_id: str, count: int = 1) -> None:
    store.transact(lambda tx: jobs.record(tx, job_id, *[_STEP] * count))


def _end(store: Store, job_id: str) -> None:
    def change(tx: Any) -> None:
        jobs.move(tx, job_id, JobState.CANCELLED)
        jobs.record(tx, job_id, ("job", {"state": "cancelled"}))

    store.transact(change)


async def _all(reading: Reading, *, follow: bool = True) -> list[Item]:
    found: list[Item] = []
    try:
        async with asyncio.timeout(_LONG_S):
            async for some in reading.items(follow=follow, silence_s=_LONG_S):
                found += some
    finally:
        reading.close()
    return found


def _seqs(items: list[Item]) -> list[int]:
    return [item.seq for item in items if isinstance(item, EventRow)]


def _write(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


async def test_each_reader_gets_every_event_once_while_they_are_written(store: Store) -> None:
    ids = [_job(store) for _ in range(12)]

    def work() -> None:
        for number in range(120):
            _add(store, ids[number % len(ids)], 1 + number % 3)
        for job_id in ids:
            _end(store, job_id)

    async with _hub(store) as hub:
        readings = [await hub.open(job_id, LOCAL) for job_id in ids for _ in range(3)]
        thread = _write(work)
        got = await asyncio.gather(*map(_all, readings))
        await asyncio.to_thread(thread.join)

        assert len(hub) == 0
    with store.read() as tx:
        for number, items in enumerate(got):
            last = len(jobs.events_after(tx, ids[number // 3]))
            assert _seqs(items) == list(range(1, last + 1))
            assert items[-1] == End("cancelled")


async def test_a_slow_reader_loses_nothing_and_holds_no_more_than_a_tail(store: Store) -> None:
    job_id = _job(store)
    async with _hub(store) as hub:
        slow = await hub.open(job_id, LOCAL)
        quick = await hub.open(job_id, LOCAL)
        for _ in range(5):
            _add(store, job_id, TAIL)
        _end(store, job_id)

        assert _seqs(await _all(quick)) == list(range(1, 5 * TAIL + 3))
        assert len(slow._watched.tail) <= TAIL
        assert _seqs(await _all(slow)) == list(range(1, 5 * TAIL + 3))


async def test_it_goes_on_after_the_last_event_that_was_seen(store: Store) -> None:
    job_id = _job(store, count=5)
    _end(store, job_id)
    async with _hub(store) as hub:
        rest = await _all(await hub.open(job_id, LOCAL, after=4))
        again = await _all(await hub.open(job_id, LOCAL, after=6))

    assert _seqs(rest) == [5, 6]
    assert again == [End("cancelled")]


async def test_without_following_it_tells_what_there_is(store: Store) -> None:
    job_id = _job(store, count=TAIL * 2 + 3)
    async with _hub(store) as hub:
        found = await _all(await hub.open(job_id, LOCAL), follow=False)

    assert _seqs(found) == list(range(1, TAIL * 2 + 4))
    assert not any(isinstance(item, End) for item in found)


async def test_what_belongs_to_others_is_unknown(store: Store) -> None:
    job_id = _job(store, owner="ann")
    ann = Principal(actor="key:1", owner="ann", role=Role.VIEWER)
    bob = Principal(actor="key:2", owner="bob", role=Role.EDITOR)
    async with _hub(store) as hub:
        (await hub.open(job_id, ann)).close()
        for who, wanted in ((bob, job_id), (ann, "0" * 17)):
            with pytest.raises(ReelError) as caught:
                await hub.open(wanted, who)
            assert caught.value.code is Code.JOB_UNKNOWN
        assert len(hub) == 0


async def test_a_job_that_is_deleted_ends_its_streams(store: Store) -> None:
    job_id = _job(store)
    async with _hub(store) as hub:
        reading = await hub.open(job_id, LOCAL, after=1)
        store.transact(lambda tx: tx.run(sa.delete(jobs_table).where(jobs_table.c.id == job_id)))

        assert await _all(reading) == [End(None)]


async def test_a_job_that_is_run_again_is_followed_again(store: Store) -> None:
    job_id = _job(store)
    _end(store, job_id)
    async with _hub(store) as hub:
        old = await hub.open(job_id, LOCAL, after=2)
        store.transact(lambda tx: jobs.move(tx, job_id, JobState.QUEUED))
        new = await hub.open(job_id, LOCAL, after=2)
        _add(store, job_id)
        _end(store, job_id)

        assert _seqs(await _all(new)) == [3, 4]
        assert _seqs(await _all(old)) == [3, 4]


async def test_progress_is_told_when_it_changes(store: Store) -> None:
    job_id = _job(store)
    store.transact(lambda tx: jobs.move(tx, job_id, JobState.RUNNING))

    def work() -> None:
        store.transact(lambda tx: jobs.change(tx, job_id, fraction=0.25, eta_s=3.0))

    async with _hub(store) as hub:
        reading = await hub.open(job_id, LOCAL, after=1)
        told: list[Progress] = []
        async with asyncio.timeout(_LONG_S):
            async for some in reading.items(follow=True, silence_s=_LONG_S):
                told += [item for item in some if isinstance(item, Progress)]
                if len(told) == 1 and told[0].fraction == 0.0:
                    await asyncio.to_thread(work)
                if told and told[-1].fraction > 0:
                    break
        reading.close()

    assert told[-1] == Progress(0.25, 3.0)


async def test_silence_is_told(store: Store) -> None:
    job_id = _job(store)
    async with _hub(store) as hub:
        reading = await hub.open(job_id, LOCAL, after=1)
        async with asyncio.timeout(_LONG_S):
            async for some in reading.items(follow=True, silence_s=0.05):
                assert some == [Silence()]
                break
        reading.close()


async def test_at_the_end_of_the_service_streams_end_without_a_word(store: Store) -> None:
    job_id = _job(store)
    async with _hub(store) as hub:
        reading = await hub.open(job_id, LOCAL)
        found: list[Item] = []
        async for some in reading.items(follow=True, silence_s=_LONG_S):
            found += some
            hub.end()

        assert _seqs(found) == [1]
        late = await hub.open(job_id, LOCAL)
        assert await _all(late) == []


async def test_what_is_written_while_no_ring_is_heard_comes_too(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from reelwright.store.bell import Bell

    monkeypatch.setattr(Bell, "start", lambda self: None)
    assert POLL_S < _LONG_S
    job_id = _job(store)
    async with _hub(store) as hub:
        reading = await hub.open(job_id, LOCAL)
        await asyncio.to_thread(_end, store, job_id)

        assert _seqs(await _all(reading)) == [1, 2]
