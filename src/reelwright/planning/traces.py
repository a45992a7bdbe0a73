"""How an encoded pad goes back to the packets of a file: what a copy of it would have to honour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from reelwright.graph.actions import Cut, Demux, Fetched, Join, Turn
from reelwright.graph.dag import Graph, Node, Pad
from reelwright.media.time import TimeRange


@dataclass(frozen=True, slots=True)
class Trace:
    """`root` is a file's pad; `range` the part of it; `turn` degrees clockwise on top of what the
    file says. `join` is set where whole files follow each other: (join node, its output index)."""

    root: Pad
    range: TimeRange = TimeRange()
    exact: bool = False
    mode: str = "auto"
    turn: int = 0
    lossless: str = "auto"
    join: tuple[str, int] | None = None

    @property
    def is_whole(self) -> bool:
        return self.range == TimeRange()

    @property
    def is_plain(self) -> bool:
        return self.is_whole and self.turn == 0 and self.join is None


def traces(graph: Graph) -> Mapping[Pad, Trace]:
    """For every encoded pad that leads back to a file through cuts, turns and joins alone."""
    found: dict[Pad, Trace] = {}
    for node in graph:
        for index, edge in enumerate(node.outputs):
            if edge.encoded:
                trace = _trace(node, index, found)
                if trace is not None:
                    found[Pad(node.id, index)] = trace
    return found


def _trace(node: Node, index: int, found: Mapping[Pad, Trace]) -> Trace | None:
    match node.action:
        case Demux() | Fetched():
            return Trace(Pad(node.id, index))
        case Cut() as cut:
            above = found.get(node.inputs[0])
            if above is None or above.join or above.turn:
                return None
            return replace(
                above,
                range=within(above.range, cut.range),
                exact=above.exact or cut.exact,
                mode=cut.mode if cut.mode != "auto" else above.mode,
            )
        case Turn() as turn:
            above = found.get(node.inputs[0])
            if above is None or above.join:
                return None
            lossless = turn.lossless if turn.lossless != "auto" else above.lossless
            return replace(above, turn=(above.turn + turn.degrees) % 360, lossless=lossless)
        case Join() as join:
            width = len(join.kinds)
            above_all = [found.get(p) for p in node.inputs[index::width]]
            if any(t is None or not t.is_plain for t in above_all):
                return None
            first = above_all[0]
            assert first is not None
            return replace(first, join=(node.id, index))
    return None


def within(outer: TimeRange, inner: TimeRange) -> TimeRange:
    """`inner`, given in the times of `outer` rebased to 0, in the times of the file."""
    moved = inner.shift(outer.start)
    ends = [e for e in (outer.end, moved.end) if e is not None]
    return TimeRange(max(Fraction(0), moved.start), min(ends) if ends else None)
