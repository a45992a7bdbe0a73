"""What planning is told of the machine, and of the nodes of a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reelwright.app.machine import as_kept, kept_of, over_nodes
from reelwright.app.settings_sections import Limits
from reelwright.planning.plan import Machine
from reelwright.store import nodes
from reelwright.store.nodes import NewHead, NewNode
from reelwright.store.store import Store, open_store

HERE = Machine(cpus=2)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "reel.db")
    yield opened
    opened.close()


def seen(store: Store, *given: NewNode) -> None:
    head = NewHead(namespace="reelwright", address=None, dispatcher="d")
    store.transact(lambda tx: nodes.report(tx, head, given))


def node(name: str, cpus: float, state: str = "active") -> NewNode:
    return NewNode(host=f"node:{name}", worker=name, state=state, cpus=cpus)


def test_a_command_fits_the_smallest_node_and_parts_fill_all(store: Store) -> None:
    seen(store, node("a", 8), node("b", 4), node("c", 16))
    assert over_nodes(HERE, Limits(), store) == replace(HERE, cpus=4, nodes=3, threads=4, shards=7)


def test_only_nodes_that_take_steps_count(store: Store) -> None:
    seen(store, node("a", 8), node("b", 2, "refused"), node("c", 2, "draining"), node("d", 0))
    found = over_nodes(HERE, Limits(), store)
    assert (found.cpus, found.nodes, found.shards) == (8, 1, 2)
    seen(store, node("b", 2, "refused"))  # the others are lost
    assert over_nodes(HERE, Limits(), store) == HERE


def test_what_is_set_does_not_change_with_the_nodes(store: Store) -> None:
    limits = Limits(threads=3, shards=12)
    seen(store, node("a", 8))
    first = over_nodes(HERE, limits, store)
    seen(store, node("a", 8), node("b", 2))
    second = over_nodes(HERE, limits, store)
    assert {(m.threads, m.shards) for m in (first, second)} == {(3, 12)}
    assert (first.nodes, second.nodes) == (1, 2)


def test_the_next_revision_is_made_for_what_the_first_was_made_for(store: Store) -> None:
    seen(store, node("a", 8), node("b", 8))
    kept = kept_of(over_nodes(HERE, Limits(), store))
    seen(store, node("a", 8))
    later = over_nodes(replace(HERE, memory_bytes=7), Limits(), store)
    again = as_kept(later, kept)
    assert (again.cpus, again.nodes, again.threads, again.shards) == (8, 2, 8, 4)
    assert again.memory_bytes == 7  # of what only estimates depend on the present counts
    assert as_kept(later, {}) == later
