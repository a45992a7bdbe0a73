"""What the dispatcher sees of its cluster, as others read it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from reelwright.errors import Code, ReelError
from reelwright.store import nodes
from reelwright.store.nodes import NewHead, NewNode
from reelwright.store.store import Store
from reelwright.store.tables_service import cluster_nodes

_HEAD = NewHead(namespace="reelwright", address="127.0.0.1:6380", dispatcher="here/1/2/n")
_ONE = NewNode(
    host="node:aa11",
    name="studio-1",
    address="10.0.0.1",
    worker="node:aa11/1/2/n",
    cpus=3.5,
    memory_bytes=1 << 33,
    disk_bytes=1000,
    free_disk_bytes=900,
    labels={"rack": "2"},
    versions={"ray": "2.60.0"},
)
_TWO = replace(_ONE, host="node:aa22", name="studio-2", address="10.0.0.2")


def _report(store: Store, *seen: NewNode, head: NewHead = _HEAD) -> dict[str, nodes.NodeRow]:
    with store.write() as tx:
        nodes.report(tx, head, seen)
        return {row.name: row for row in nodes.listing(tx)}


def test_what_is_seen_is_read_again(store: Store) -> None:
    row = _report(store, _ONE)["studio-1"]
    assert NewNode(**{name: getattr(row, name) for name in NewNode.__slots__}) == _ONE
    assert (row.id, row.drain) == ("aa11", False)
    assert row.joined_at == row.since == row.seen_at
    with store.read() as tx:
        (head,) = nodes.heads(tx)
    assert (head.address, head.problem) == ("127.0.0.1:6380", None)


def test_only_what_changed_is_written(store: Store) -> None:
    before = _report(store, _ONE, _TWO)
    after = _report(store, replace(_ONE, free_disk_bytes=895), replace(_TWO, free_disk_bytes=700))
    assert after["studio-1"] == before["studio-1"], "half a hundredth of the disk"
    assert after["studio-2"].free_disk_bytes == 700
    assert after["studio-2"].since == before["studio-2"].since


def test_a_state_has_its_moment(store: Store) -> None:
    before = _report(store, _ONE)["studio-1"]
    refused = replace(_ONE, state="refused", problem="its FFmpeg is another")
    after = _report(store, refused)["studio-1"]
    assert (after.state, after.problem) == ("refused", "its FFmpeg is another")
    assert after.since > before.since
    assert after.joined_at == before.joined_at


def test_a_node_that_is_not_seen_is_lost_and_forgotten_later(store: Store) -> None:
    first = _report(store, _ONE, _TWO)["studio-2"]
    lost = _report(store, _ONE)["studio-2"]
    assert lost.state == "lost"
    assert first.seen_at <= lost.seen_at <= lost.since
    with store.write() as tx:
        old = sa.update(cluster_nodes).where(cluster_nodes.c.name == "studio-2")
        tx.run(old.values(since=tx.now() - nodes.KEEP_S - 1))
    assert set(_report(store, _ONE)) == {"studio-1"}


def test_a_node_that_is_said_to_be_lost_has_its_reason(store: Store) -> None:
    lost = replace(_TWO, state="lost", problem="it did not answer")
    assert set(_report(store, _ONE, lost)) == {"studio-1"}, "nobody knew it"
    _report(store, _ONE, _TWO)
    first = _report(store, _ONE, lost)["studio-2"]
    assert (first.state, first.problem) == ("lost", "it did not answer")
    assert _report(store, _ONE, lost)["studio-2"] == first


def test_a_machine_that_is_there_again_was_not_lost(store: Store) -> None:
    _report(store, _ONE, _TWO)
    _report(store, _ONE)
    again = _report(store, _ONE, replace(_TWO, host="node:cc44"))
    assert {row.host for row in again.values()} == {"node:aa11", "node:cc44"}


def test_a_drained_node_that_is_not_seen_any_more_has_left(store: Store) -> None:
    _report(store, _ONE, _TWO)
    with store.write() as tx:
        nodes.ask_drain(tx, _TWO.host)
    assert set(_report(store, _ONE)) == {"studio-1"}


def test_without_the_head_what_was_known_stays(store: Store) -> None:
    head = replace(_HEAD, report={"models": [{"model": "m"}]})
    _report(store, _ONE, head=head)
    away = replace(_HEAD, problem="no answer")
    assert _report(store, head=away)["studio-1"].state == "active"
    with store.read() as tx:
        (row,) = nodes.heads(tx)
    assert row.problem == "no answer"
    assert row.report == {"models": [{"model": "m"}]}
    since = row.since
    _report(store, head=away)
    with store.read() as tx:
        (row,) = nodes.heads(tx)
    assert row.since == since


def test_a_drain_stays_asked_whatever_the_dispatcher_sees(store: Store) -> None:
    _report(store, _ONE, _TWO)
    with store.write() as tx:
        assert nodes.ask_drain(tx, _ONE.host).state == "draining"
        assert tx.is_news
        assert nodes.draining(tx) == {_ONE.host}
    seen = _report(store, _ONE, _TWO)
    assert (seen["studio-1"].state, seen["studio-1"].drain) == ("draining", True)
    assert seen["studio-2"].state == "active"
    with store.write() as tx:
        assert nodes.ask_drain(tx, _ONE.host, drain=False).state == "active"
        assert nodes.draining(tx) == set()


def test_a_refused_node_can_be_drained_and_a_lost_one_not(store: Store) -> None:
    _report(store, replace(_ONE, state="refused"), _TWO)
    _report(store, replace(_ONE, state="refused"))
    with store.write() as tx:
        assert nodes.ask_drain(tx, _ONE.host).state == "refused"
        with pytest.raises(ReelError) as lost:
            nodes.ask_drain(tx, _TWO.host)
        with pytest.raises(ReelError) as unknown:
            nodes.ask_drain(tx, "node:zz")
    assert lost.value.code is Code.TRANSITION_REFUSED
    assert unknown.value.code is Code.NODE_UNKNOWN


def test_a_node_is_found_by_what_people_know_of_it(store: Store) -> None:
    again = replace(_ONE, host="node:bb33", address="10.0.0.9")
    _report(store, _ONE, _TWO)
    _report(store, _TWO, again)
    with store.read() as tx:
        rows = nodes.listing(tx)

    def found(given: str) -> list[str]:
        return [row.host for row in nodes.by_prefix(rows, given)]

    assert found("studio-1") == ["node:bb33"], "the one that is there, not its former life"
    assert found("10.0.0.2") == found("aa22") == found("node:aa22") == ["node:aa22"]
    assert found("bb") == ["node:bb33"]
    assert set(found("aa")) == {"node:aa11", "node:aa22"}
    assert len(found("studio")) == 3
    assert found("x") == []
