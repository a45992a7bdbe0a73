"""What the connection tells of nodes, in the engine's words."""

from __future__ import annotations

from typing import Any

import pytest

from reelwright.app.cluster.joining import Expected
from reelwright.app.cluster.nodes import node_of
from reelwright.app.cluster.wire import attempt_json, attempt_of
from reelwright.engine.executor import Attempt, Need
from reelwright.engine.nodes import Node, NodeState

VERSIONS = {"reelwright": "1", "python": "3.11.7", "ray": "2.60.0", "ffmpeg": "abc"}
WANTED = Expected(
    versions=VERSIONS, worker="w", machine="m", is_server=True, artifacts="/a", mark="x"
)
REPORT: dict[str, Any] = {
    "problems": [],
    "versions": VERSIONS,
    "worker": "node:aa/1/2/n",
    "total": {"cpus": 4.0, "memory_bytes": 5, "disk_bytes": 6, "gpus": 0},
    "workspaces": "/w",
    "logs": "/l",
    "free_disk_bytes": 7,
    "drains": False,
    "held": 1,
    "labels": {"reelwright/sandbox": "files"},
}


def told(**changed: Any) -> dict[str, Any]:
    found = {
        "id": "aa",
        "alive": True,
        "rests": False,
        "address": "10.0.0.8",
        "name": "studio",
        "machine": "studio",
        "resources": {"CPU": 4.0, "scratch": 1.0},
        "labels": {"ray.io/node-id": "aa", "zone": "b"},
        "report": REPORT,
        "age_s": 0.5,
        "problem": None,
    }
    return {**found, **changed}


def seen(before: Node | None = None, drained: frozenset[str] = frozenset(), **changed: Any) -> Node:
    node = node_of(told(**changed), WANTED, set(drained), before)
    assert node is not None
    return node


def test_a_node_in_order_is_active() -> None:
    node = seen()
    assert (node.state, node.problem, node.host) == (NodeState.ACTIVE, None, "node:aa")
    assert node.total == Need(cpus=4.0, memory_bytes=5, disk_bytes=6)
    assert node.labels == {"zone": "b", "reelwright/sandbox": "files"}
    assert (node.name, node.address, node.versions) == ("studio", "10.0.0.8", VERSIONS)


@pytest.mark.parametrize(
    ("changed", "state", "word"),
    [
        ({"report": None, "age_s": None}, "starting", "being started"),
        ({"report": {**REPORT, "worker": None}}, "starting", "being started"),
        ({"report": {**REPORT, "problems": ["no database"]}}, "refused", "no database"),
        (
            {"report": {**REPORT, "versions": {**VERSIONS, "ray": "2.59.0"}}},
            "refused",
            "Ray 2.59.0 there",
        ),
        ({"age_s": 60.0}, "starting", "has not answered"),
    ],
)
def test_a_node_that_runs_no_steps_says_why(changed: dict[str, Any], state: str, word: str) -> None:
    node = seen(**changed)
    assert node.state == state
    assert word in (node.problem or "")


def test_a_node_drains_whoever_asked_for_it() -> None:
    assert seen(drained=frozenset({"node:aa"})).state is NodeState.DRAINING
    assert seen(report={**REPORT, "drains": True}).state is NodeState.DRAINING
    assert seen(drained=frozenset({"node:bb"})).state is NodeState.ACTIVE


def test_a_node_that_died_keeps_who_held_its_leases() -> None:
    lost = seen(before=seen(), alive=False, report=None, age_s=None)
    assert (lost.state, lost.worker) == (NodeState.LOST, "node:aa/1/2/n")
    assert node_of(told(alive=False), WANTED, set(), None) is None


def test_an_attempt_arrives_as_it_left() -> None:
    need = Need(cpus=0.5, memory_bytes=1, disk_bytes=2, gpus=1)
    attempt = Attempt("s1", 3, "j1", "encode", need, host="node:aa", owner="node:aa/1/2/n")
    found = attempt_of(attempt_json(attempt))
    assert (found, found.need, found.host, found.owner) == (
        attempt,
        need,
        "node:aa",
        "node:aa/1/2/n",
    )
