"""The paper on capacity says what follows from its constants, and what it says of code is so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scripts.capacity import BEGIN, END, PAGE, SIZES, Cluster, Limits, Measured, page_with, tables


def test_the_page_is_what_the_constants_give() -> None:
    text = PAGE.read_text()
    assert text.count(BEGIN) == 1
    assert text.count(END) == 1
    assert page_with(text, tables()) == text, "python -m scripts.capacity"


def test_a_changed_constant_changes_the_page() -> None:
    """Else the test above could not fail."""
    text = PAGE.read_text()
    assert page_with(text, tables().replace("10,000", "10,001")) != text


def test_what_there_is_to_do_grows_with_the_nodes() -> None:
    ten, hundred, thousand = (Cluster(count, place) for place, count in enumerate(SIZES))
    assert ten.running * 100 == hundred.running * 10 == thousand.running
    assert hundred.rows_per_s == pytest.approx(1000 + 200 + 50 + 10)
    assert hundred.commits_per_s == pytest.approx(100 + 20 + 10 + 1000 / 60)
    assert thousand.ends_per_s == pytest.approx(10_000 / 60)
    assert thousand.store_bytes_per_s == pytest.approx(10_000 / 60 * 120 * 2**20)


def test_rounds_of_claims_grow_when_there_is_no_rest_between_them() -> None:
    """All that ends is followed: fewer rounds start more steps each, up to the limit."""
    costs = Measured(
        one_dispatcher_ms=(10.0,) * 3,
        one_postgres_ms=(10.0,) * 3,
        twenty_dispatcher_ms=(29.0,) * 3,
        twenty_postgres_ms=(29.0,) * 3,
    )
    idle, busy = Cluster(10, 0, costs), Cluster(1000, 2, costs)
    assert idle.rounds_per_s == pytest.approx(idle.ends_per_s)  # a round for each
    assert busy.rounds_per_s < busy.ends_per_s
    # 18 ms and 2 for each step: at 500 a second there is time for nothing else.
    assert busy.most_ends_per_s == pytest.approx(500)
    took = busy.rounds_per_s * (0.030 + 0.018) + busy.ends_per_s * 0.002
    assert took == pytest.approx(1.0)
    assert Cluster(1000, 2, replace(costs, twenty_dispatcher_ms=(200.0,) * 3)).rounds_per_s == 0


def test_connections_run_out_first() -> None:
    """What the page says in words of 100 nodes."""
    had = Limits()
    assert Cluster(10, 0).connections < had.connections < Cluster(100, 1).connections
    assert Cluster(100, 1).postgres_cores < 1 < Cluster(1000, 2).postgres_cores
    assert Cluster(10, 0).store_bytes_per_s < had.network_bytes_per_s
    assert Cluster(100, 1).store_bytes_per_s > had.network_bytes_per_s
