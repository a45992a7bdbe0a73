"""Answers are remembered for a time, and no more of them than there is room for."""

from __future__ import annotations

from typing import Any

from reelwright.store import api_cache
from reelwright.store.api_cache import Fresh
from reelwright.store.store import Store


def put(store: Store, name: str, at: float, lifetime_s: float = 100.0, **body: Any) -> None:
    def change(tx: Any) -> None:
        tx._now = at
        api_cache.put(tx, {name: Fresh(body, f'"{name}"')}, lifetime_s)

    store.transact(change)


def get(store: Store, name: str, at: float) -> api_cache.Cached | None:
    with store.read() as tx:
        tx._now = at
        return api_cache.get(tx, name)


def test_an_answer_counts_for_its_time_and_its_etag_for_longer(store: Store) -> None:
    put(store, "one", 1000.0, title="Ä")
    fresh = get(store, "one", 1099.9)
    assert fresh is not None
    assert (fresh.is_fresh, dict(fresh.body), fresh.etag) == (True, {"title": "Ä"}, '"one"')
    old = get(store, "one", 1100.0)
    assert old is not None
    assert (old.is_fresh, old.etag) == (False, '"one"')
    assert get(store, "two", 1000.0) is None
    put(store, "one", 2000.0, title="B")
    newer = get(store, "one", 2000.0)
    assert newer is not None
    assert (newer.is_fresh, newer.body["title"], newer.fetched_at) == (True, "B", 2000.0)


def test_what_is_as_it_was_counts_anew(store: Store) -> None:
    put(store, "one", 1000.0)

    def change(tx: Any) -> None:
        tx._now = 5000.0
        api_cache.renew(tx, ["one", "unknown"], 100.0)

    store.transact(change)
    found = get(store, "one", 5050.0)
    assert found is not None
    assert found.is_fresh
    store.transact(lambda tx: api_cache.drop(tx, ["one"]))
    assert get(store, "one", 5050.0) is None


def test_a_clock_that_was_set_back_makes_nothing_fresh(store: Store) -> None:
    put(store, "one", 1000.0)
    found = get(store, "one", 900.0)
    assert found is not None
    assert not found.is_fresh


def test_those_that_expired_first_go_first(store: Store) -> None:
    for n in range(10):
        put(store, f"n{n}", 1000.0 + n)
    assert store.transact(lambda tx: api_cache.trim(tx, 4)) == 6
    with store.read() as tx:
        left = api_cache.get_many(tx, [f"n{n}" for n in range(10)])
    assert sorted(left) == ["n6", "n7", "n8", "n9"]
    assert store.transact(lambda tx: api_cache.trim(tx, 4)) == 0
