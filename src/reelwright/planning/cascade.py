"""Pass `cascade`: a smaller rung is scaled from the next larger one where its operation allows it.

13.1 against 14.6 CPU-seconds on the reference ladder (docs/benchmarks.md). A second scaling costs a
little sharpness, so it is asked for, never guessed.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

from reelwright.graph.actions import Filter
from reelwright.graph.dag import Graph, Node, Pad
from reelwright.media.geometry import Size
from reelwright.media.streams import VideoStream


@dataclass(frozen=True, slots=True)
class _Rung:
    node: str
    size: Size


def cascade(graph: Graph) -> Graph:
    ladders: dict[Any, list[_Rung]] = {}
    for node in graph:
        if isinstance(node.action, Filter) and node.action.name == "scale" and node.action.cascade:
            _add(ladders, graph, node, node.action)
    parent: dict[str, str] = {}
    for rungs in ladders.values():
        ordered = sorted(rungs, key=lambda r: r.size.width_px * r.size.height_px, reverse=True)
        for above, below in itertools.pairwise(ordered):
            if _holds(above.size, below.size):
                parent[below.node] = above.node
    return _reparent(graph, parent) if parent else graph


def _add(ladders: dict[Any, list[_Rung]], graph: Graph, node: Node, scale: Filter) -> None:
    """To the rungs that are scaled from the same and in the same way."""
    size, rest = _size(scale), tuple(a for a in scale.args if a[0] not in {"w", "h"})
    source = graph.edge(node.inputs[0]).stream
    if size is None or not isinstance(source, VideoStream):
        return
    # What was enlarged holds no more than the source does, and costs more to read.
    if size.width_px <= (source.width_px or 0) and size.height_px <= (source.height_px or 0):
        ladders.setdefault((node.inputs[0], rest), []).append(_Rung(node.id, size))


def _size(scale: Filter) -> Size | None:
    values = dict(scale.args)
    width, height = values.get("w"), values.get("h")
    return Size(width, height) if isinstance(width, int) and isinstance(height, int) else None


def _holds(larger: Size, smaller: Size) -> bool:
    """Nothing is enlarged from one to the other."""
    fits = smaller.width_px <= larger.width_px and smaller.height_px <= larger.height_px
    return fits and smaller != larger


def _reparent(graph: Graph, parent: dict[str, str]) -> Graph:
    made = dict(graph.nodes)
    for below, above in parent.items():
        node = graph[below]
        because = (*node.because, f"scaled from {above}, which is nearer in size")
        made[below] = replace(node, inputs=(Pad(above), *node.inputs[1:]), because=because)
    return _sorted(Graph(made))


def _sorted(graph: Graph) -> Graph:
    """A rung may stand before the larger one that it now reads: order them again."""
    done: dict[str, None] = {}
    for root in graph.nodes:
        stack = [root]
        while stack:
            name = stack[-1]
            waiting = [p.node for p in graph[name].inputs if p.node not in done]
            if waiting:
                stack += waiting
            else:
                done.setdefault(stack.pop())
    return Graph({name: graph[name] for name in done})
