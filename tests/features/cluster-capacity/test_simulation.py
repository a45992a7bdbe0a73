"""Placement on simulated time: the engine's own code over a pool; `benchmarks` runs it larger."""

from __future__ import annotations

import pytest

from benchmarks.cluster_simulation import simulate
from reelwright.engine.placement import Room


def test_no_node_is_idle_while_a_step_waits_that_fits() -> None:
    run = simulate(300, 4_000, seed=7)
    assert run.busy >= 0.97
    assert run.cores >= 0.95


def test_it_is_the_same_for_the_same_numbers() -> None:
    one, two = simulate(20, 400, seed=3), simulate(20, 400, seed=3)
    assert (one.busy, one.cores, one.backlog_s) == (two.busy, two.cores, two.backlog_s)


def test_ten_times_the_nodes_are_not_looked_at_ten_times_as_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = 0
    plain = Room.has

    def counted(room: Room, need: tuple[float, int, int, int]) -> bool:
        nonlocal looks
        looks += 1
        return plain(room, need)

    monkeypatch.setattr(Room, "has", counted)

    def looks_per_step(nodes: int, steps: int) -> float:
        nonlocal looks
        looks = 0
        simulate(nodes, steps, seed=1)
        return looks / steps

    assert looks_per_step(300, 2_400) < 3 * looks_per_step(30, 240)
