"""The ledger of quota: a day in California, one count for all processes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from reelwright.store import quota
from reelwright.store.store import Store, open_store


def utc(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("at", "day", "next_day"),
    [
        ("2026-01-15T07:59:59", "2026-01-14", "2026-01-15T08:00"),
        ("2026-01-15T08:00:00", "2026-01-15", "2026-01-16T08:00"),
        ("2026-07-15T06:59:59", "2026-07-14", "2026-07-15T07:00"),
        ("2026-07-15T07:00:00", "2026-07-15", "2026-07-16T07:00"),
        # Clocks go forward on the 8th of March at two: that day has 23 hours.
        ("2026-03-08T07:59:59", "2026-03-07", "2026-03-08T08:00"),
        ("2026-03-08T08:00:00", "2026-03-08", "2026-03-09T07:00"),
        ("2026-03-08T10:30:00", "2026-03-08", "2026-03-09T07:00"),
        # And back on the 1st of November: it has 25, and one of them comes twice.
        ("2026-11-01T07:00:00", "2026-11-01", "2026-11-02T08:00"),
        ("2026-11-01T08:30:00", "2026-11-01", "2026-11-02T08:00"),
        ("2026-11-01T09:30:00", "2026-11-01", "2026-11-02T08:00"),
        ("2026-11-02T07:59:59", "2026-11-01", "2026-11-02T08:00"),
        ("2026-12-31T12:00:00", "2026-12-31", "2027-01-01T08:00"),
    ],
)
def test_days(at: str, day: str, next_day: str) -> None:
    assert quota.day_of(utc(at)) == day
    assert quota.next_day_at(utc(at)) == utc(next_day)
    assert quota.day_of(quota.next_day_at(utc(at))) > day


def reserve(store: Store, limit: int, amount: int = 1, at: float | None = None) -> Any:
    def change(tx: Any) -> quota.Standing | None:
        tx._now = at
        return quota.reserve(tx, "units", limit, amount)

    return store.transact(change)


def test_a_day_is_spent_and_another_begins(store: Store) -> None:
    noon = utc("2026-03-08T20:00")
    assert [reserve(store, 3, at=noon) for _ in range(3)] == [None] * 3
    refused = reserve(store, 3, at=noon)
    assert (refused.used, refused.left, refused.resets_at) == (3, 0, utc("2026-03-09T07:00"))
    assert reserve(store, 3, at=utc("2026-03-09T06:59:59")) is not None
    assert reserve(store, 3, at=utc("2026-03-09T07:00")) is None
    with store.read() as tx:
        assert [(u.day, u.used) for u in quota.history(tx, "units")] == [
            ("2026-03-09", 1),
            ("2026-03-08", 3),
        ]


def test_what_does_not_fit_takes_nothing(store: Store) -> None:
    assert reserve(store, 10, 8) is None
    refused = reserve(store, 10, 3)
    assert (refused.used, refused.left) == (8, 2)
    assert reserve(store, 10, 2) is None


def test_buckets_are_apart_and_a_day_may_be_called_over(store: Store) -> None:
    reserve(store, 100)
    over = store.transact(lambda tx: quota.spend(tx, "units", 100))
    assert (over.used, over.left) == (100, 0)
    with store.read() as tx:
        assert quota.standing(tx, "searches", 100).left == 100
        # Somebody was given more by Google, and said so in the settings.
        assert quota.standing(tx, "units", 150).left == 50


def test_old_days_are_forgotten(store: Store) -> None:
    reserve(store, 5, at=utc("2026-01-01T12:00"))
    reserve(store, 5, at=utc("2026-06-01T12:00"))

    def change(tx: Any) -> None:
        tx._now = utc("2026-06-02T12:00")
        quota.forget_old(tx)

    store.transact(change)
    with store.read() as tx:
        assert [u.day for u in quota.history(tx, "units")] == ["2026-06-01"]


def test_processes_share_one_day(database_url: str) -> None:
    """Sixteen at once, through connections of their own: five get through."""
    stores = [open_store(database_url) for _ in range(4)]
    gate = threading.Barrier(16)

    def one(n: int) -> Any:
        gate.wait()
        return reserve(stores[n % 4], 5)

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(one, range(16)))
    assert found.count(None) == 5
    for opened in stores:
        opened.close()
