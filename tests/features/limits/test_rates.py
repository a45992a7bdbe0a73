"""Counting requests: the window slides, memory is bounded, Redis is shared and may fail."""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reelwright.api import rates
from reelwright.api.auth import network_of
from reelwright.api.rates import Counters, Rates
from reelwright.errors import Code, ReelError


class _Clock:
    now = 1_000_000_040.0  # a third into a minute

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    made = _Clock()
    monkeypatch.setattr(rates, "time", made)
    return made


def _taken(counters: Counters, times: int) -> int:
    return sum(counters.acquire_sliding_window_entry("key", 60, 60) for _ in range(times))


def test_a_burst_of_the_whole_rate_is_taken_and_no_more(clock: _Clock) -> None:
    assert _taken(Counters(), 100) == 60


def test_what_was_used_comes_back_bit_by_bit(clock: _Clock) -> None:
    counters = Counters()
    assert _taken(counters, 60) == 60

    clock.now += 60  # a third into the next minute: two thirds of the last one still count
    assert _taken(counters, 60) == 20

    clock.now += 30
    assert 0 < _taken(counters, 60) < 60
    clock.now += 3600
    assert _taken(counters, 100) == 60


def test_those_who_ask_are_counted_apart(clock: _Clock) -> None:
    made = Rates("memory://")

    assert [made.take("1/minute", who).is_allowed for who in "aabb"] == [True, False, True, False]
    assert made.take("2/minute", "a").is_allowed  # another rate is another count
    assert made.is_spent("1/minute", "a") is not None
    assert made.is_spent("1/minute", "c") is None


def test_memory_does_not_grow_with_strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "_SWEEP", 100)
    made = Counters()
    for n in range(10_000):
        made.acquire_sliding_window_entry(str(n), 10, 60)

    assert made.reset() <= 100


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("", ""),
        ("testclient", "testclient"),
    ],
)
def test_an_address_of_many_is_counted_as_one(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize("text", ["", "fast", "0/second", "-1/second", "100/fortnight"])
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(ReelError) as caught:
        rates.item_of(text)
    assert caught.value.code is Code.CONFIG_INVALID


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("no redis-server on this machine")
    pytest.importorskip("redis")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder: Path = tmp_path_factory.mktemp("redis")
    command = [binary, "--port", str(port), "--save", "", "--dir", str(folder)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        _reachable(port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(30)


def _reachable(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


def test_two_processes_share_a_count_in_redis(redis_url: str) -> None:
    async def use() -> list[bool]:
        one, two = Rates(redis_url), Rates(redis_url)
        assert one.is_shared
        found = [await made.take_shared("3/day", "a") for made in (one, two, one, two)]
        assert found[0].remaining == 2
        return [standing.is_allowed for standing in found]

    assert asyncio.run(use()) == [True, True, True, False]


def test_a_redis_that_is_gone_stops_nobody() -> None:
    pytest.importorskip("redis")

    async def use() -> list[bool]:
        made = Rates("redis://127.0.0.1:1/0")
        return [(await made.take_shared("2/day", "a")).is_allowed for _ in range(3)]

    assert asyncio.run(use()) == [True, True, False]


@pytest.mark.skipif(importlib.util.find_spec("redis") is not None, reason="it is installed")
def test_without_its_library_redis_is_refused_at_the_start() -> None:
    with pytest.raises(ReelError) as caught:
        Rates("redis://127.0.0.1:1/0")
    assert caught.value.code is Code.LIBRARY_MISSING
    assert "redis" in (caught.value.problem.hint or "")


def test_another_storage_is_refused() -> None:
    with pytest.raises(ReelError) as caught:
        Rates("memcached://127.0.0.1")
    assert caught.value.code is Code.CONFIG_INVALID
    assert caught.value.problem.where == "serve.rate_storage"
