"""Entries: each once a source, and one state at a time, whoever changes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import sqlalchemy as sa

from reelwright.errors import Code, Problem
from reelwright.store import entries, entry_moves, jobs, sources
from reelwright.store.database import Tx
from reelwright.store.entries import Entry, EntryState, NewEntry
from reelwright.store.rows import NewJobRow
from reelwright.store.states import JobState
from reelwright.store.store import Store
from reelwright.store.tables_library import asset_files, assets

PROBLEM = Problem(Code.HTTP_SERVER_ERROR, "503")


def new(n: int, **more: Any) -> NewEntry:
    return NewEntry(
        position=n, key=f"url:example.org/{n}", host="example.org", url=f"https://e/{n}", **more
    )


def source(store: Store, owner: str = "local") -> str:
    made = store.transact(
        lambda tx: sources.insert(tx, owner=owner, url="https://example.org/", options={})
    )
    return made.id


@pytest.fixture
def feed(store: Store) -> str:
    made = source(store)
    store.transact(lambda tx: entry_moves.add(tx, made, [new(n) for n in range(5)]))
    return made


def states(store: Store, source_id: str) -> list[str]:
    with store.read() as tx:
        return [e.state for e in entries.page(tx, source_id)]


def pending(store: Store, source_id: str, **more: Any) -> list[Entry]:
    with store.read() as tx:
        return entries.next_pending(tx, source_id, 100, **more)


def job(tx: Tx, job_id: str) -> None:
    row = NewJobRow(id=job_id, spec={}, plan={}, base="/")
    jobs.insert(tx, row, ("job", {"state": "queued"}))


def queue(store: Store, entry: Entry, job_id: str) -> bool:
    def change(tx: Tx) -> bool:
        queued = entry_moves.queue(tx, entry, job_id)
        if queued:
            job(tx, job_id)
        return queued

    return store.transact(change)


def hold_asset(tx: Tx, asset_id: str, key: str, owner: str = "local", path: str = "v.mp4") -> None:
    columns: Mapping[str, Any] = {
        "id": asset_id,
        "key": key,
        "owner": owner,
        "extractor": "generic",
        "host": "example.org",
        "title": "Talk",
        "folder": f"folder-{asset_id}",
        "state": "held",
        "size_bytes": 1,
        "info": {},
        "origin_state": "there",
        "created_at": tx.now(),
        "changed_at": tx.now(),
    }
    tx.run(sa.insert(assets), columns)
    file = {
        "asset_id": asset_id,
        "path": path,
        "version": 1,
        "role": "video",
        "format": "mp4",
        "sha256": "0" * 64,
        "size_bytes": 1,
        "mtime_ns": 1,
        "state": "ok",
    }
    tx.run(sa.insert(asset_files), file)


def test_an_entry_comes_once(store: Store, feed: str) -> None:
    again = store.transact(lambda tx: entry_moves.add(tx, feed, [new(3), new(4), new(5), new(6)]))
    assert again == 2
    with store.read() as tx:
        assert entries.count(tx, feed) == 7
        assert entries.known(tx, feed, ["url:example.org/1", "url:example.org/9"]) == {
            "url:example.org/1"
        }


def test_many_keys_fit_in(store: Store, feed: str) -> None:
    keys = [f"url:example.org/{n}" for n in range(40_000)]
    with store.read() as tx:
        assert len(entries.known(tx, feed, keys)) == 5
        assert entries.held(tx, "local", keys) == {}


def test_one_job_an_entry(store: Store, feed: str) -> None:
    first = pending(store, feed)[0]
    assert queue(store, first, "job1")
    assert not queue(store, first, "job2")
    with store.read() as tx:
        found = entries.of_job(tx, "job1")
    assert found is not None
    assert (found.id, found.state) == (first.id, "queued")


def test_a_video_of_two_lists_is_fetched_for_one(store: Store, feed: str) -> None:
    other = source(store)
    store.transact(lambda tx: entry_moves.add(tx, other, [new(0), new(7)]))
    before = pending(store, other)[0]
    assert queue(store, pending(store, feed)[0], "job1")
    assert [e.position for e in pending(store, other)] == [7]
    assert not queue(store, before, "job2"), "its twin is under way"
    store.transact(
        lambda tx: entry_moves.hold(tx, "asset", owner="local", key="site:other:key", job_id="job1")
    )
    assert states(store, feed)[0] == "held"
    assert states(store, other) == ["held", "pending"]


def test_what_an_owner_holds_is_theirs_alone(store: Store, feed: str) -> None:
    other = source(store, "other")
    store.transact(lambda tx: entry_moves.add(tx, other, [new(0)]))
    store.transact(lambda tx: hold_asset(tx, "a", "url:example.org/0"))
    store.transact(lambda tx: entry_moves.hold(tx, "a", owner="local", key="url:example.org/0"))
    assert states(store, feed)[0] == "held"
    assert states(store, other) == ["pending"]
    with store.read() as tx:
        mine = entries.held(tx, "local", ["url:example.org/0"])
        assert entries.held(tx, "other", ["url:example.org/0"]) == {}
    assert mine["url:example.org/0"] == entries.HeldFile("a", "folder-a", "v.mp4")


def test_an_entry_that_was_kept_under_another_key_is_known_by_its_own(
    store: Store, feed: str
) -> None:
    store.transact(lambda tx: hold_asset(tx, "a", "site:example.org:site:42"))
    queue(store, pending(store, feed)[2], "job1")
    store.transact(
        lambda tx: entry_moves.hold(
            tx, "a", owner="local", key="site:example.org:site:42", job_id="job1"
        )
    )
    with store.read() as tx:
        assert set(entries.held(tx, "local", ["url:example.org/2"])) == {"url:example.org/2"}


def test_jobs_that_ended_and_jobs_that_are_no_more(store: Store, feed: str) -> None:
    one, two, three = pending(store, feed)[:3]
    for entry, name in ((one, "job1"), (two, "job2"), (three, "job3")):
        queue(store, entry, name)
    store.transact(lambda tx: jobs.move(tx, "job2", JobState.CANCELLED))
    with store.write() as tx:
        tx.run(sa.text("DELETE FROM jobs WHERE id = 'job3'"))
    with store.read() as tx:
        found = {e.entry.id: e.job_state for e in entries.ended(tx, 10)}
    assert found == {two.id: "cancelled", three.id: None}


def settle(store: Store, entry: Entry, state: EntryState, next_s: float | None = None) -> bool:
    def change(tx: Tx) -> bool:
        at = None if next_s is None else tx.now() + next_s
        return entry_moves.settle(tx, entry, state, PROBLEM, next_at=at)

    return store.transact(change)


def queued(store: Store, entry_id: str) -> Entry:
    with store.read() as tx:
        found = entries.get(tx, entry_id)
    assert found is not None
    return found


def test_a_failure_comes_back_when_its_time_has_come(store: Store, feed: str) -> None:
    soon, late, never = pending(store, feed)[:3]
    for n, (entry, next_s) in enumerate(((soon, -1.0), (late, 1000.0), (never, None))):
        queue(store, entry, f"job{n}")
        assert settle(store, queued(store, entry.id), EntryState.FAILED, next_s)
    with store.read() as tx:
        assert entries.is_revivable(tx)
        assert entries.is_revivable(tx, ["elsewhere"]) is False
    assert store.transact(entry_moves.revive) == 1
    again = queued(store, soon.id)
    assert (again.state, again.tries) == ("pending", 1)
    assert states(store, feed)[1:3] == ["failed", "failed"]
    with store.read() as tx:
        assert entries.next_revival(tx, [feed]) == queued(store, late.id).next_at


def test_an_end_counts_once(store: Store, feed: str) -> None:
    entry = pending(store, feed)[0]
    queue(store, entry, "job1")
    running = queued(store, entry.id)
    assert settle(store, running, EntryState.FAILED)
    assert not settle(store, running, EntryState.FAILED)
    assert queued(store, entry.id).tries == 1


def test_what_is_gone_is_gone_for_all_that_wait(store: Store, feed: str) -> None:
    other, theirs = source(store), source(store, "other")
    for one in (other, theirs):
        with store.write() as tx:
            entry_moves.add(tx, one, [new(0)])
    entry = pending(store, feed)[0]
    queue(store, entry, "job1")
    settle(store, queued(store, entry.id), EntryState.GONE)
    assert states(store, other) == ["gone"]
    assert states(store, theirs) == ["pending"]
    with store.read() as tx:
        found = entries.trouble(tx, "local", ["url:example.org/0"], not_of="another")
    assert found["url:example.org/0"].code == "http_server_error"


def test_hosts_that_rest_are_left_out(store: Store, feed: str) -> None:
    far = [NewEntry(position=9, key="k", host="far.example", url="https://far.example/9")]
    store.transact(lambda tx: entry_moves.add(tx, feed, far))
    assert [e.position for e in pending(store, feed, without=["example.org"])] == [9]
    with store.read() as tx:
        assert set(entries.hosts_pending(tx, feed)) == {"example.org", "far.example"}


def test_orders(store: Store) -> None:
    made = source(store)
    rows = [new(0, published_at=20.0), new(1, published_at=30.0), new(2), new(3, published_at=10.0)]
    store.transact(lambda tx: entry_moves.add(tx, made, rows))
    orders = {
        order: [e.position for e in pending(store, made, order=order)]
        for order in ("listed", "newest", "oldest")
    }
    assert orders == {"listed": [0, 1, 2, 3], "newest": [1, 0, 3, 2], "oldest": [3, 0, 1, 2]}


def test_resetting_gives_all_tries_again(store: Store, feed: str) -> None:
    entry = pending(store, feed)[0]
    queue(store, entry, "job1")
    settle(store, queued(store, entry.id), EntryState.GONE)
    assert store.transact(lambda tx: entry_moves.reset(tx, feed, ["failed"])) == 0
    assert store.transact(lambda tx: entry_moves.reset(tx, feed, ["gone"])) == 1
    again = queued(store, entry.id)
    assert (again.state, again.tries, again.job_id, again.error) == ("pending", 0, None, None)


def test_changes_are_read_in_their_order(store: Store, feed: str) -> None:
    with store.read() as tx:
        first = entries.changed(tx, [feed], after=(0.0, ""), limit=3)
        mark = (first[-1].changed_at, first[-1].id)
        rest = entries.changed(tx, [feed], after=mark)
    assert len(first) + len(rest) == 5
    assert not {e.id for e in first} & {e.id for e in rest}
    last = rest[-1]
    queue(store, first[0], "job1")
    with store.read() as tx:
        after = entries.changed(tx, [feed], after=(last.changed_at, last.id))
    assert [e.id for e in after] == [first[0].id]
