"""Budgets and breakers of sites: shared by whoever opens the database."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from reelwright.errors import Code
from reelwright.store import hosts
from reelwright.store.database import Tx
from reelwright.store.hosts import Breaker, Budget, Fuse, Wait
from reelwright.store.store import Store, open_store

HOST = "example.org"
SLOW = Budget(every_s=3600.0, burst=3.0)
FUSE = Fuse(failures=3, rest_s=100.0, most_s=350.0, probe_s=50.0)


@dataclass
class Clock:
    """The database's clock, set by the test: a transaction reads it through `Tx.now`."""

    store: Store
    at: float = 1_000_000.0

    def tx(self, tx: Tx) -> Tx:
        tx._now = self.at
        return tx

    def take(self, budget: Budget | None = SLOW) -> Wait | None:
        return self.store.transact(lambda tx: hosts.take(self.tx(tx), HOST, budget, FUSE))

    def unwell(self) -> hosts.Host:
        return self.store.transact(
            lambda tx: hosts.unwell(self.tx(tx), HOST, Code.HTTP_SERVER_ERROR, FUSE)
        )

    def well(self) -> None:
        self.store.transact(lambda tx: hosts.well(self.tx(tx), HOST))


@pytest.fixture
def clock(store: Store) -> Clock:
    return Clock(store)


def test_a_bucket_empties_and_fills_at_its_pace(clock: Clock) -> None:
    assert [clock.take() for _ in range(3)] == [None, None, None]
    refused = clock.take()
    assert refused is not None
    assert (refused.code, round(refused.seconds)) == (None, 3600)
    clock.at += 1800
    half = clock.take()
    assert half is not None
    assert round(half.seconds) == 1800
    clock.at += 1800
    assert clock.take() is None
    assert clock.take() is not None


def test_a_bucket_never_holds_more_than_its_burst(clock: Clock) -> None:
    clock.take()
    clock.at += 1_000_000
    assert [clock.take() is None for _ in range(4)] == [True, True, True, False]


def test_a_clock_that_is_set_back_adds_nothing(clock: Clock) -> None:
    for _ in range(3):
        clock.take()
    clock.at -= 100_000
    assert clock.take() is not None


def test_looking_takes_nothing(clock: Clock) -> None:
    with clock.store.read() as tx:
        assert hosts.look(clock.tx(tx), HOST, SLOW) is None
    assert [clock.take() is None for _ in range(4)] == [True, True, True, False]
    with clock.store.read() as tx:
        assert hosts.look(clock.tx(tx), HOST, SLOW) is not None


def test_processes_share_one_budget(database_url: str) -> None:
    """Sixteen at once, through connections of their own: three get through."""
    stores = [open_store(database_url) for _ in range(4)]
    gate = threading.Barrier(16)

    def one(n: int) -> Wait | None:
        gate.wait()
        return stores[n % 4].transact(lambda tx: hosts.take(tx, HOST, SLOW, FUSE))

    with ThreadPoolExecutor(16) as pool:
        waits = list(pool.map(one, range(16)))
    assert waits.count(None) == 3
    for opened in stores:
        opened.close()


def test_a_breaker_opens_after_enough_in_a_row(clock: Clock) -> None:
    clock.unwell()
    clock.unwell()
    clock.well()
    clock.unwell()
    clock.unwell()
    assert clock.take(None) is None
    opened = clock.unwell()
    assert opened.state == Breaker.OPEN
    refused = clock.take(None)
    assert refused is not None
    assert (refused.code, round(refused.seconds)) == ("http_server_error", 100)


def test_after_a_rest_one_probe_goes_through(clock: Clock) -> None:
    for _ in range(3):
        clock.unwell()
    clock.at += 101
    assert clock.take(None) is None
    second = clock.take(None)
    assert second is not None
    assert round(second.seconds) == 50
    clock.well()
    assert clock.take(None) is None
    assert clock.take(None) is None


def test_a_rest_doubles_with_each_probe_that_fails(clock: Clock) -> None:
    for _ in range(3):
        clock.unwell()
    for rest_s in (200, 350, 350):
        clock.at += 1000
        assert clock.take(None) is None
        clock.unwell()
        refused = clock.take(None)
        assert refused is not None
        assert round(refused.seconds) == rest_s


def test_a_probe_that_is_never_heard_of_blocks_nobody_for_ever(clock: Clock) -> None:
    for _ in range(3):
        clock.unwell()
    clock.at += 101
    assert clock.take(None) is None
    clock.at += 49
    assert clock.take(None) is not None
    clock.at += 2
    assert clock.take(None) is None


def test_failures_of_what_began_before_it_opened_do_not_lengthen_the_rest(clock: Clock) -> None:
    for _ in range(7):
        clock.unwell()
    refused = clock.take(None)
    assert refused is not None
    assert round(refused.seconds) == 100
