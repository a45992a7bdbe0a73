"""Pass `share`: the same thing is done once. Nodes that do the same to the same become one.

One decode for all rungs of a ladder, one audio encode for all its outputs: 18.5 CPU-seconds become
14.6 on the reference ladder (docs/benchmarks.md).
"""

from __future__ import annotations

from typing import Any

from reelwright.graph.actions import Cut, Decode, Encode, Filter, Mux, Packets, Still
from reelwright.graph.dag import Graph, Pad, Rewrite

_PURE = (Cut, Decode, Encode, Filter, Mux, Packets, Still)


def share(graph: Graph) -> Graph:
    out = Rewrite()
    seen: dict[Any, str] = {}
    for node in graph:
        inputs = tuple(out.at(p) for p in node.inputs)
        if not isinstance(node.action, _PURE) or not inputs:
            out.keep(node)
            continue
        key = (node.action, inputs)
        twin = seen.setdefault(key, node.id)
        if twin == node.id:
            out.keep(node)
            continue
        for index in range(len(node.outputs)):
            out.move(Pad(node.id, index), Pad(twin, index))
    return out.done()
