"""Why ready steps do not start: pure, from what they need and what the nodes have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from reelwright.store.nodes import NodeRow, Waiting

_GIB = 1 << 30
# Cores are added up in fractions.
_NEARLY = 1e-9


class Why(StrEnum):
    """In the order in which they are told: the first ones do not pass by themselves."""

    SILENT = "no_dispatcher"
    NO_NODE = "no_node"
    TOO_LARGE = "too_large"
    LATER = "later"
    ROOM = "room"


@dataclass(frozen=True, slots=True)
class Reason:
    """`text` for a person; `steps` wait for it, `job` and `step` the one that waits longest."""

    why: Why
    text: str
    steps: int
    job: str
    step: str
    longest_s: float


def reasons(
    waiting: Iterable[Waiting],
    nodes: Sequence[NodeRow],
    *,
    is_silent: bool,
    at_home: frozenset[str] = frozenset(),
    now: float,
) -> list[Reason]:
    """`is_silent`: nobody decides. `at_home`: kinds of steps that need no node."""
    active = [node for node in nodes if node.state == "active"]
    found: dict[tuple[Why, str], list[Waiting]] = {}
    for one in waiting:
        if is_silent:
            key = Why.SILENT, "no process decides: `reel serve --engine ray` or a worker with it"
        elif one.not_before > now:
            key = Why.LATER, "an earlier try failed: the next one has its time"
        elif one.kind in at_home:
            key = Why.ROOM, "runs beside the dispatcher, which is busy"
        else:
            key = _on_nodes(one, active)
        found.setdefault(key, []).append(one)
    order = list(Why)
    told = [_reason(why, text, some, now) for (why, text), some in found.items()]
    return sorted(told, key=lambda reason: (order.index(reason.why), -reason.steps))


def _on_nodes(one: Waiting, active: Sequence[NodeRow]) -> tuple[Why, str]:
    if not active:
        return Why.NO_NODE, "no node takes steps"
    lacks = min((_lacks(one, node) for node in active), key=len)
    if lacks:
        return Why.TOO_LARGE, f"no node is large enough: {', '.join(lacks)}"
    return Why.ROOM, "the nodes are busy"


def _lacks(one: Waiting, node: NodeRow) -> list[str]:
    """What the node would need besides, were it idle."""
    found = []
    if one.cpus > node.cpus + _NEARLY:
        found.append(f"{one.cpus:g} cores (a node has {node.cpus:g})")
    if node.memory_bytes and one.memory_bytes > node.memory_bytes:
        found.append(f"{_gib(one.memory_bytes)} of memory (a node has {_gib(node.memory_bytes)})")
    if one.disk_bytes > node.free_disk_bytes:
        found.append(f"{_gib(one.disk_bytes)} of disk (a node has {_gib(node.free_disk_bytes)})")
    return found


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / _GIB:.1f} GiB"


def _reason(why: Why, text: str, some: Sequence[Waiting], now: float) -> Reason:
    oldest = min(some, key=lambda one: one.ready_at)
    waited_s = max(0.0, now - oldest.ready_at)
    return Reason(why, text, len(some), oldest.job_id, oldest.key, waited_s)
