"""What the pass `forms` remembers while it walks: the old graph, the new one, who wants frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reelwright.graph.actions import Join
from reelwright.graph.dag import Graph, Node, Pad, Rewrite
from reelwright.planning.copying import Decision
from reelwright.planning.traces import Trace


@dataclass(slots=True)
class Forming:
    old: Graph
    traced: Mapping[Pad, Trace]
    decisions: Mapping[str, tuple[Decision, ...]]
    threads: int
    out: Rewrite = field(default_factory=Rewrite)
    raw: dict[Pad, Pad] = field(default_factory=dict)
    wanted_raw: set[Pad] = field(default_factory=set)
    stills: dict[int, int] = field(default_factory=dict)  # output index -> files so far
    seeks: frozenset[str] | None = None  # Still nodes that seek; None: not known yet
    looking: frozenset[str] = frozenset()  # nodes for whose sake alone not everything is decoded

    def frames_of(self, pad: Pad) -> Pad:
        """The raw form of a pad; the pad itself where it is raw."""
        return self.raw.get(pad, pad)

    def want_frames(self, *pads: Pad) -> None:
        for pad in pads:
            if self.old.edge(pad).encoded:
                self.wanted_raw.add(pad)


def column(node: Node, index: int) -> tuple[Pad, ...]:
    """The inputs that output `index` is made of."""
    if isinstance(node.action, Join):
        return node.inputs[index :: len(node.action.kinds)]
    return node.inputs
