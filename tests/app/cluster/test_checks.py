"""Why ready steps do not start."""

from __future__ import annotations

from dataclasses import replace

from reelwright.app.cluster.checks import Why, reasons
from reelwright.store.nodes import NodeRow, Waiting

_NOW = 1000.0
_GIB = 1 << 30
_NODE = NodeRow(
    host="node:aa",
    cpus=4.0,
    memory_bytes=8 * _GIB,
    free_disk_bytes=10 * _GIB,
    drain=False,
    joined_at=0.0,
    since=0.0,
    seen_at=0.0,
)
_STEP = Waiting("j1", "encode-1", "ffmpeg", 2.0, _GIB, _GIB, 0.0, 990.0)
_PLAN = replace(_STEP, kind=":plan", key=":plan", cpus=64.0)


def _whys(
    *steps: Waiting, nodes: tuple[NodeRow, ...] = (_NODE,), is_silent: bool = False
) -> list[tuple[Why, int]]:
    found = reasons(steps, nodes, is_silent=is_silent, at_home=frozenset({":plan"}), now=_NOW)
    return [(reason.why, reason.steps) for reason in found]


def test_a_step_that_would_fit_waits_for_room() -> None:
    (found,) = reasons(
        [_STEP, replace(_STEP, ready_at=900.0, key="older")], [_NODE], is_silent=False, now=_NOW
    )
    assert (found.why, found.steps, found.step, found.longest_s) == (Why.ROOM, 2, "older", 100.0)


def test_a_step_that_fits_on_no_node_says_what_it_lacks() -> None:
    large = replace(_STEP, cpus=16.0, memory_bytes=9 * _GIB)
    (found,) = reasons([large], [replace(_NODE, cpus=2.0), _NODE], is_silent=False, now=_NOW)
    assert found.why is Why.TOO_LARGE
    assert "16 cores (a node has " in found.text
    assert "9.0 GiB of memory (a node has 8.0 GiB)" in found.text


def test_the_node_that_lacks_least_is_told() -> None:
    full = replace(_NODE, cpus=1.0, memory_bytes=1, free_disk_bytes=0)
    (found,) = reasons(
        [replace(_STEP, disk_bytes=11 * _GIB)], [full, _NODE], is_silent=False, now=_NOW
    )
    assert found.text == "no node is large enough: 11.0 GiB of disk (a node has 10.0 GiB)"


def test_nodes_that_take_nothing_do_not_count() -> None:
    away = tuple(replace(_NODE, state=state) for state in ("draining", "refused", "lost"))
    assert _whys(_STEP, nodes=away) == [(Why.NO_NODE, 1)]
    assert _whys(_STEP, nodes=()) == [(Why.NO_NODE, 1)]


def test_a_step_after_a_failed_try_has_its_time() -> None:
    assert _whys(replace(_STEP, not_before=_NOW + 5)) == [(Why.LATER, 1)]


def test_what_runs_beside_the_dispatcher_needs_no_node() -> None:
    assert _whys(_PLAN, nodes=()) == [(Why.ROOM, 1)]


def test_where_nobody_decides_that_is_the_reason_of_all() -> None:
    assert _whys(_STEP, _PLAN, is_silent=True) == [(Why.SILENT, 2)]


def test_what_does_not_pass_by_itself_comes_first() -> None:
    large = replace(_STEP, cpus=16.0)
    later = replace(_STEP, not_before=_NOW + 5)
    assert _whys(_STEP, _STEP, later, large) == [(Why.TOO_LARGE, 1), (Why.LATER, 1), (Why.ROOM, 2)]
