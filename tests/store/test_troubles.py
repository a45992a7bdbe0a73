"""What is not well is found by owner, cause, list and site, page by page."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from reelwright.errors import Code, Problem
from reelwright.store import entries, entry_moves, origins, sources, troubles
from reelwright.store.database import Tx
from reelwright.store.entries import Entry, EntryState, NewEntry
from reelwright.store.store import Store
from reelwright.store.tables_library import assets
from reelwright.store.troubles import Among
from tests.store.test_entries import hold_asset

LOGIN, GONE, FULL = (
    Problem(code, code.text) for code in (Code.VIDEO_LOGIN, Code.VIDEO_GONE, Code.DISK_FULL)
)


def new(n: int, state: EntryState, problem: Problem | None, host: str = "example.org") -> NewEntry:
    return NewEntry(
        position=n,
        key=f"url:{host}/{n}",
        host=host,
        url=f"https://{host}/{n}",
        state=state,
        code=None if problem is None else problem.code.text,
        error=None if problem is None else problem.to_json(),
    )


def made(store: Store, owner: str, new_entries: list[NewEntry]) -> str:
    source = store.transact(
        lambda tx: sources.insert(tx, owner=owner, url=f"https://e/{owner}", options={})
    )
    store.transact(lambda tx: entry_moves.add(tx, source.id, new_entries))
    return source.id


@pytest.fixture
def feed(store: Store) -> str:
    return made(
        store,
        "ana",
        [
            new(0, EntryState.FAILED, LOGIN),
            new(1, EntryState.GONE, GONE),
            new(2, EntryState.PENDING, None),
            new(3, EntryState.PENDING, FULL),
            new(4, EntryState.SKIPPED, None),
            new(5, EntryState.FAILED, LOGIN, "other.org"),
        ],
    )


def counts(store: Store, **among: Any) -> dict[str | None, int]:
    with store.read() as tx:
        return troubles.entry_counts(tx, Among(**among))


def page(store: Store, codes: list[str], **more: Any) -> list[Entry]:
    with store.read() as tx:
        return troubles.entry_page(tx, Among(), codes, **more)


def test_of_whom_and_where(store: Store, feed: str) -> None:
    other = made(store, "ben", [new(9, EntryState.GONE, GONE)])
    assert counts(store) == {"video_login": 2, "video_gone": 2, "disk_full": 1}
    assert counts(store, owner="ben") == counts(store, source_id=other) == {"video_gone": 1}
    assert counts(store, host="other.org") == {"video_login": 1}
    assert counts(store, owner="ben", host="other.org") == {}
    assert counts(store, is_skipped=True) == {}


def test_pages_have_each_once(store: Store, feed: str) -> None:
    first = page(store, ["video_login", "disk_full"], limit=2)
    rest = page(store, ["video_login", "disk_full"], limit=2, after=first[-1].id)
    assert [e.position for e in (*first, *rest)] == [0, 3, 5]
    assert page(store, []) == []


def test_what_is_skipped_is_found_apart(store: Store, feed: str) -> None:
    (gone,) = page(store, ["video_gone"])
    error = {**(gone.error or {}), "skipped": {"because": "no"}}
    assert store.transact(lambda tx: troubles.skip_entry(tx, gone, error))
    assert not store.transact(lambda tx: troubles.skip_entry(tx, gone, error)), "it has changed"
    assert counts(store) == {"video_login": 2, "disk_full": 1}
    assert counts(store, is_skipped=True) == {"video_gone": 1}
    skipped = dataclasses.replace(gone, state=EntryState.SKIPPED)
    store.transact(lambda tx: troubles.unskip_entry(tx, skipped, gone.error or {}, "gone", None))
    assert counts(store)["video_gone"] == 1


def test_what_the_options_leave_out_has_no_code(store: Store, feed: str) -> None:
    with store.read() as tx:
        full = next(e for e in entries.page(tx, feed) if e.code == "disk_full")
    store.transact(lambda tx: entry_moves.skip(tx, feed, [full.id]))
    assert counts(store, is_skipped=True) == {}


def test_ids_by_their_beginning(store: Store, feed: str) -> None:
    (gone,) = page(store, ["video_gone"])
    with store.read() as tx:
        # Those of one moment begin alike.
        assert gone.id in troubles.find(tx, gone.id[:16], "ana")
        assert troubles.find(tx, gone.id, "ana") == [gone.id]
        assert troubles.find(tx, gone.id, "ben") == []
        assert troubles.find(tx, feed, None) == [feed]
        assert troubles.find(tx, "%", None) == []


def test_assets_that_are_not_well(store: Store, feed: str) -> None:
    for asset_id, state in (("a1", "held"), ("a2", "damaged"), ("a3", "missing")):
        store.transact(partial(hold_asset, asset_id=asset_id, key=f"url:{asset_id}"))
        change = sa.update(assets).where(assets.c.id == asset_id).values(state=state)
        store.transact(partial(Tx.run, statement=change))
    store.transact(
        lambda tx: origins.note(
            tx, key="url:a1", url="https://e/", outcome="gone", code="video_gone", asset_id="a1"
        )
    )
    with store.read() as tx:
        assert [bad.id for bad in troubles.asset_page(tx, Among())] == ["a2", "a3"]
        assert [bad.id for bad in troubles.asset_page(tx, Among(), after="a2")] == ["a3"]
        assert [bad.id for bad in troubles.origin_page(tx, Among(owner="local"))] == ["a1"]
        assert troubles.asset_counts(tx, Among()) == (2, 1)
        assert troubles.asset_counts(tx, Among(owner="ana")) == (0, 0)
        assert troubles.last_checks(tx, ["url:a1", "url:a2"])["url:a1"]["code"] == "video_gone"


def test_sources_whose_list_failed(store: Store, feed: str) -> None:
    def fail(tx: Any) -> None:
        claimed = sources.claim(tx, feed, 60)
        assert claimed is not None
        sources.failed(tx, claimed, LOGIN, None)

    store.transact(fail)
    with store.read() as tx:
        assert [one.id for one in troubles.source_page(tx, Among())] == [feed]
        assert troubles.source_page(tx, Among(owner="ben")) == []
        assert troubles.source_page(tx, Among(is_skipped=True)) == []
        assert troubles.hosts_waiting(tx, Among(owner="ana")) == {"example.org": 2}
        assert troubles.hosts_waiting(tx, Among(host="other.org")) == {}
