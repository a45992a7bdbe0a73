"""The frames' form of nodes: decodes, and filters where packets could not stay."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from reelwright.graph.actions import Decode, Filter, Join, Still, Turn
from reelwright.graph.dag import Edge, Node, Pad
from reelwright.graph.operator import as_raw
from reelwright.media.streams import AudioStream, StreamKind
from reelwright.media.time import TimeRange
from reelwright.planning.copying import Way, join_lengths
from reelwright.planning.forming import Forming, column


def decode(state: Forming, pad: Pad) -> None:
    if pad not in state.wanted_raw:
        return
    stream = as_raw(state.old.edge(pad).stream)
    name = f"{pad.node}:{pad.index}/decode"
    origin = state.old[pad.node].origin
    state.out.add(Node(name, Decode(), (pad,), (Edge(stream, False),), origin))
    state.raw[pad] = Pad(name)


def take_stills(state: Forming, node: Node, still: Still) -> None:
    """By seeking: one decode of a frame for each time, put after each other. Else by selecting."""
    edge = node.outputs[0]
    if state.seeks is None or node.id not in state.seeks:
        pad = state.frames_of(node.inputs[0])
        because = (*node.because, "selected within a decode that runs anyway")
        state.out.add(replace(node, inputs=(pad,), because=because))
        return
    trace = state.traced[node.inputs[0]]
    single = (Edge(as_raw(edge.stream, frame_count=1), False),)
    pads: list[Pad] = []
    for number, time in enumerate(still.times, start=1):
        name = f"{node.id}/seek.{number}"
        # In the middle of its frame no rounding of times leads to a neighbour.
        inside = time + 1 / (2 * still.rate) if still.rate else time
        window = TimeRange(trace.range.start + inside, None)
        seek = Node(f"{name}/decode", Decode(window, frames=1), (trace.root,), single, node.origin)
        state.out.add(seek)
        # On a grid of 1 ms, rounding up, the first frame out is the last one at or before 0.
        grid = Filter("fps", (("fps", 1000), ("start_time", 0), ("round", "up")))
        state.out.add(Node(f"{name}/grid", grid, (Pad(seek.id),), single, node.origin))
        one = Filter("trim", (("end_frame", 1),))
        state.out.add(Node(name, one, (Pad(f"{name}/grid"),), single, node.origin))
        pads.append(Pad(name))
    args = (("n", len(pads)), ("v", 1), ("a", 0))
    because = (*node.because, f"{len(pads)} seeks are cheaper than decoding everything")
    joined = f"{node.id}/joined"
    concat = Filter("concat", args)
    state.out.add(Node(joined, concat, tuple(pads), (edge,), node.origin, because))
    # A second apart: at the grid's 1 ms an encoder whose clock FFmpeg sets to 25 a second finds two
    # pictures at one time, and refuses the second.
    apart = Filter("setpts", (("expr", "N/TB"),))
    state.out.add(Node(node.id, apart, (Pad(joined),), (edge,), node.origin))


def open_node(state: Forming, node: Node) -> None:
    """The frames' form, where somebody wants it. The packets' form is built by the output."""
    edges = node.outputs
    wanted = [
        i for i, e in enumerate(edges) if not e.encoded or Pad(node.id, i) in state.wanted_raw
    ]
    if not wanted:
        return
    raw_edges = tuple(Edge(as_raw(edges[i].stream), False) for i in wanted)
    if isinstance(node.action, Join):
        _concat(state, node, wanted, raw_edges)
    elif isinstance(node.action, Turn):
        _transpose(state, node, node.action, raw_edges[0])
    else:
        state.out.add(replace(node, inputs=(state.frames_of(node.inputs[0]),), outputs=raw_edges))
        state.raw[Pad(node.id)] = Pad(node.id)


def _concat(state: Forming, node: Node, wanted: list[int], edges: tuple[Edge, ...]) -> None:
    action = node.action
    assert isinstance(action, Join)
    # The concat filter wants, in every segment, its video pads before its audio pads.
    order = sorted(range(len(wanted)), key=lambda i: edges[i].kind is not StreamKind.VIDEO)
    columns = [column(node, wanted[i]) for i in order]
    fit = _lengths_beside_a_copy(state, node)
    inputs = tuple(
        _fitted(state, node, c[s], fit[s]) if fit else state.frames_of(c[s])
        for s in range(action.segments)
        for c in columns
    )
    videos = sum(e.kind is StreamKind.VIDEO for e in edges)
    args = (("n", action.segments), ("v", videos), ("a", len(edges) - videos))
    state.out.add(
        replace(
            node,
            action=Filter("concat", args),
            inputs=inputs,
            outputs=tuple(edges[i] for i in order),
        )
    )
    for position, i in enumerate(order):
        state.raw[Pad(node.id, wanted[i])] = Pad(node.id, position)


def _lengths_beside_a_copy(state: Forming, join: Node) -> tuple[Fraction, ...]:
    """The segments' lengths, where an output copies other streams of this join."""
    copied = any(
        d.way is Way.JOIN and d.trace and d.trace.join and d.trace.join[0] == join.id
        for decisions in state.decisions.values()
        for d in decisions
    )
    return tuple(t for t in join_lengths(state.old, join) if t is not None) if copied else ()


def _fitted(state: Forming, join: Node, pad: Pad, length: Fraction) -> Pad:
    """Sound exactly as long as its segment: beside copied pictures a difference would add up."""
    found, stream = state.frames_of(pad), state.old.edge(pad).stream
    if not isinstance(stream, AudioStream) or not stream.sample_rate_hz:
        return found
    samples = round(length * stream.sample_rate_hz)
    edges = (Edge(as_raw(stream), False),)
    because = ("as long as the segment of the copied picture",)
    for name, args in (
        ("aresample", (("async", 1), ("first_pts", 0))),
        ("apad", (("whole_len", samples),)),
        ("atrim", (("end_sample", samples),)),
    ):
        made = f"{join.id}/{pad.node}:{pad.index}/{name}.{samples}"
        if made not in state.out:
            state.out.add(Node(made, Filter(name, args), (found,), edges, join.origin, because))
        found = Pad(made)
    return found


def _transpose(state: Forming, node: Node, turn: Turn, edge: Edge) -> None:
    pad = state.frames_of(node.inputs[0])
    because = (*node.because, "rotated by its pixels")
    if turn.degrees % 360 == 180:
        first = f"{node.id}/hflip"
        state.out.add(Node(first, Filter("hflip"), (pad,), (edge,), node.origin))
        action, pad = Filter("vflip"), Pad(first)
    else:
        direction = {90: "clock", 270: "cclock"}[turn.degrees % 360]
        action = Filter("transpose", (("dir", direction),))
    state.out.add(replace(node, action=action, inputs=(pad,), outputs=(edge,), because=because))
    state.raw[Pad(node.id)] = Pad(node.id)
