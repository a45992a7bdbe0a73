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


@pytest.mark.parametrize(("nodes", "steps"), [(30, 240), (300, 2_400)])
def test_a_step_looks_at_a_few_nodes_however_many_there_are(
    monkeypatch: pytest.MonkeyPatch, nodes: int, steps: int
) -> None:
    """All looks of all rounds, those of steps that still wait included."""
    looks = 0
    plain = Room.has

    def counted(room: Room, need: tuple[float, int, int, int]) -> bool:
        nonlocal looks
        looks += 1
        return plain(room, need)

    monkeypatch.setattr(Room, "has", counted)
    simulate(nodes, steps, seed=1)
    assert looks < 12 * steps
