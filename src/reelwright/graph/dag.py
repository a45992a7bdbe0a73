"""The frozen media graph: nodes, pads, edges, and how to walk and rewrite them.

An edge is an output pad of a node and what is known of the stream on it. A graph is never changed:
a pass builds a new one with `Rewrite`, in one walk, so that planning stays linear.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reelwright.errors import Code, ReelError
from reelwright.media.streams import Stream, StreamKind

if TYPE_CHECKING:
    from reelwright.graph.actions import Action


@dataclass(frozen=True, slots=True)
class Pad:
    """Output pad `index` of node `node`."""

    node: str
    index: int = 0


@dataclass(frozen=True, slots=True)
class Edge:
    """What flows out of a pad. Encoded packets and raw frames are different types."""

    stream: Stream
    encoded: bool

    @property
    def kind(self) -> StreamKind:
        return self.stream.kind


@dataclass(frozen=True, slots=True)
class Node:
    """One thing that is done. `origin` is the operation it came from; `because` its reasons."""

    id: str
    action: Action
    inputs: tuple[Pad, ...] = ()
    outputs: tuple[Edge, ...] = ()
    origin: str | None = None
    because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes by id, in topological order (a node stands after everything it reads)."""

    nodes: Mapping[str, Node] = field(default_factory=dict)

    def __getitem__(self, node: str) -> Node:
        return self.nodes[node]

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes.values())

    def __len__(self) -> int:
        return len(self.nodes)

    def edge(self, pad: Pad) -> Edge:
        return self.nodes[pad.node].outputs[pad.index]

    def check(self, stage: str) -> None:
        """Assert the invariants that each pass must leave behind. Raises PLAN_INVALID."""
        seen: set[str] = set()
        for node in self:
            for pad in node.inputs:
                if pad.node not in seen or pad.index >= len(self.nodes[pad.node].outputs):
                    raise ReelError(
                        Code.PLAN_INVALID,
                        f"after {stage}: {node.id} reads {pad.node}:{pad.index},"
                        " which does not stand before it",
                    )
            seen.add(node.id)


class Rewrite:
    """Builds the next graph while walking the last one.

    `at` follows pads that were replaced, so a pass names the old pad and gets the new one.
    """

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._moved: dict[Pad, Pad] = {}

    def at(self, pad: Pad) -> Pad:
        return self._moved.get(pad, pad)

    def edge(self, pad: Pad) -> Edge:
        return self._nodes[pad.node].outputs[pad.index]

    def __contains__(self, node: str) -> bool:
        return node in self._nodes

    def __getitem__(self, node: str) -> Node:
        return self._nodes[node]

    def add(self, node: Node) -> Node:
        if node.id in self._nodes:
            raise ReelError(Code.PLAN_INVALID, f"two nodes are called {node.id}")
        self._nodes[node.id] = node
        return node

    def keep(self, node: Node) -> Node:
        """Takes a node over with its inputs redirected."""
        inputs = tuple(self._moved.get(pad, pad) for pad in node.inputs)
        if inputs == node.inputs:
            return self.add(node)
        return self.add(Node(node.id, node.action, inputs, node.outputs, node.origin, node.because))

    def move(self, old: Pad, new: Pad) -> None:
        """From here on, whoever reads `old` reads `new`."""
        self._moved[old] = new

    def done(self) -> Graph:
        return Graph(self._nodes)
