"""Pass `shards`: a long encode in parts that may run at once, each cached and resumed on its own.

Only the video is cut: audio encoded in parts clicks at each seam, so it is encoded once, whole, by
the step that assembles. Parts are cut by frame number, on multiples of the keyframe interval, where
the encoder would have put a keyframe anyway; each is a closed GOP of its own, and the frame count
of every part and of the whole is checked.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from fractions import Fraction

from reelwright.errors import Code, ReelError
from reelwright.graph.actions import (
    Cut,
    Decode,
    Deliver,
    Encode,
    Filter,
    JoinCopy,
    Mux,
    Reopen,
)
from reelwright.graph.dag import Edge, Graph, Node, Pad, Rewrite
from reelwright.media.streams import DataStream, VideoStream
from reelwright.media.time import TimeRange, frame_at
from reelwright.planning.plan import Machine
from reelwright.planning.windows import TIMELESS
from reelwright.spec.model import OutputSpec

# Encoders whose parts have the same extradata, so that they may stand in one stream.
_ENCODERS = frozenset({"libx264", "libx265", "libvpx-vp9", "libsvtav1"})
_FILE = Edge(DataStream(codec="file"), True)
# x264's default keyframe interval.
_GOP_FRAMES = 250
# A part shorter than this spends more on starting up than it saves.
_SHORTEST = Fraction(120)
# x264 keeps about this many cores busy by itself at 1080p.
_CORES_EACH = 4


@dataclass(frozen=True, slots=True)
class _Chain:
    """What lies between a file and an encoder: `nodes` from the decode down."""

    encode: Node
    nodes: tuple[Node, ...]
    rate: Fraction
    frames: int


def shards(graph: Graph, machine: Machine) -> Graph:
    """Raises OUTPUT_FORMAT where a number of shards is asked for and cannot be had."""
    cuts: dict[str, tuple[_Chain, list[int]]] = {}
    for node in graph:
        if isinstance(node.action, Deliver) and node.action.settings is not None:
            _consider(graph, node, machine, cuts)
    if not cuts:
        return graph
    out = Rewrite()
    for node in graph:
        if node.id in cuts:
            chain, bounds = cuts[node.id]
            out.move(Pad(node.id), _sharded(out, chain, bounds))
        else:
            out.keep(node)
    return out.done()


def _consider(
    graph: Graph, node: Node, machine: Machine, cuts: dict[str, tuple[_Chain, list[int]]]
) -> None:
    output: OutputSpec = node.action.settings[0]  # type: ignore[union-attr]
    mux = graph[node.inputs[0].node] if node.inputs else node
    if output.shards == "off" or not isinstance(mux.action, Mux) or mux.action.stills is not None:
        return
    asked = None if output.shards == "auto" else int(output.shards)
    for pad in mux.inputs:
        encode = graph[pad.node]
        if not isinstance(encode.action, Encode) or encode.outputs[0].kind != "video":
            continue
        found = _chain(graph, encode)
        if isinstance(found, str):
            if asked:
                raise ReelError(
                    Code.OUTPUT_FORMAT, f"it cannot be encoded in shards: {found}",
                    where=f"{output.where}.shards", hint="leave `shards` out",
                )  # fmt: skip
            continue
        count = asked or _worthwhile(found, machine)
        bounds = _bounds(found, count)
        if len(bounds) > 2:
            cuts[encode.id] = (found, bounds)


def _worthwhile(chain: _Chain, machine: Machine) -> int:
    length = chain.frames / chain.rate
    return max(1, min(machine.cpus // _CORES_EACH, int(length / _SHORTEST)))


def _bounds(chain: _Chain, count: int) -> list[int]:
    """Frame numbers where parts begin, and the end."""
    action = chain.encode.action
    assert isinstance(action, Encode)
    options = dict(action.options)
    interval = options.get("g", _GOP_FRAMES)
    gop = interval if isinstance(interval, int) else _GOP_FRAMES
    if chain.frames < gop * count:
        gop = 1
    inner = {round(chain.frames * k / count / gop) * gop for k in range(1, count)}
    return sorted({0, chain.frames} | {b for b in inner if 0 < b < chain.frames})


def _chain(graph: Graph, encode: Node) -> _Chain | str:
    """The chain above an encoder, or why it cannot be cut into parts."""
    assert isinstance(encode.action, Encode)
    if encode.action.codec not in _ENCODERS:
        return f"{encode.action.codec} writes no stream that can be joined"
    nodes: list[Node] = []
    pad = encode.inputs[0]
    while True:
        node = graph[pad.node]
        nodes.append(node)
        if isinstance(node.action, Decode):
            break
        if isinstance(node.action, Cut) and any(isinstance(n.action, Cut) for n in nodes[:-1]):
            return "it is trimmed twice"
        timeless = isinstance(node.action, Filter) and node.action.name in TIMELESS
        if not (timeless or isinstance(node.action, Cut)):
            return f"'{node.origin}' looks at more than one frame, or at its time"
        pad = node.inputs[0]
    stream = encode.outputs[0].stream
    assert isinstance(stream, VideoStream)
    if not stream.frame_rate or stream.is_vfr is not False or not stream.frame_count:
        return "its frames cannot be counted before (no constant rate or no known length)"
    first = nodes[-1].outputs[0].stream
    if isinstance(first, VideoStream) and (first.start or first.frame_rate != stream.frame_rate):
        return "its frames do not stand on multiples of their duration"
    return _Chain(encode, tuple(reversed(nodes)), stream.frame_rate, stream.frame_count)


def _sharded(out: Rewrite, chain: _Chain, bounds: list[int]) -> Pad:
    files: list[Pad] = []
    for number, (first, last) in enumerate(itertools.pairwise(bounds), start=1):
        files.append(_part(out, chain, number, first, last))
    encode = chain.encode
    stream = replace(encode.outputs[0].stream, index=0)
    because = (f"assembled from {len(files)} shards; frames are counted",)
    join = JoinCopy(len(files), exact=True)
    name = f"{encode.id}/assemble"
    out.add(Node(name, join, tuple(files), (Edge(stream, True),), encode.origin, because))
    return Pad(name)


def _part(out: Rewrite, chain: _Chain, number: int, first: int, last: int) -> Pad:
    """Frames `first` to `last` (half-open) of the chain, encoded into a file, opened again."""
    tail = f"#{number}"
    pad = chain.nodes[0].inputs[0]
    cut = next((n for n in chain.nodes if isinstance(n.action, Cut)), None)
    for node in chain.nodes:
        if node is cut:
            continue
        stream = _counted(node.outputs[0].stream, chain.rate, last - first)
        edge = replace(node.outputs[0], stream=stream)
        action = node.action
        if isinstance(action, Decode):
            action = replace(action, reading=number)
        inputs = (out.at(pad),)
        name = f"{node.id}{tail}"
        if name in out:  # another output that is sharded reads it too
            name = f"{chain.encode.id}/{name}"
        out.add(replace(node, id=name, action=action, inputs=inputs, outputs=(edge,)))
        pad = Pad(name)
        if isinstance(node.action, Decode):
            span = _span(chain, cut, first, last)
            name = f"{chain.encode.id}/cut{tail}"
            out.add(Node(name, Cut(span), (pad,), (edge,), node.origin))
            pad = Pad(name)
    stream = _counted(chain.encode.outputs[0].stream, chain.rate, last - first)
    because = (f"shard {number}: frames {first} to {last}",)
    encode = replace(
        chain.encode,
        id=f"{chain.encode.id}{tail}",
        action=_closed(chain.encode.action),  # type: ignore[arg-type]
        inputs=(pad,),
        outputs=(Edge(stream, True),),
        because=because,
    )
    out.add(encode)
    mux = f"{chain.encode.id}/shard{tail}"
    out.add(Node(mux, Mux("mp4", "mp4"), (Pad(encode.id),), (_FILE,), encode.origin, because))
    reopened = f"{chain.encode.id}/reopen{tail}"
    edge = Edge(replace(stream, index=0), True)
    out.add(Node(reopened, Reopen(), (Pad(mux),), (edge,), encode.origin))
    return Pad(reopened)


def _counted(stream: object, rate: Fraction, frames: int) -> VideoStream:
    assert isinstance(stream, VideoStream)
    return replace(stream, frame_count=frames, duration=frames / rate)


def _span(chain: _Chain, cut: Node | None, first: int, last: int) -> TimeRange:
    """Half a frame before the first frame's time, so that no rounding of times can move it."""
    start = cut.action.range.start if cut and isinstance(cut.action, Cut) else Fraction(0)
    base = frame_at(start, chain.rate)
    half = Fraction(1, 2)
    begin = (base + first - half) / chain.rate
    return TimeRange(max(Fraction(0), begin), (base + last - half) / chain.rate)


def _closed(action: Encode) -> Encode:
    """x265 lets GOPs refer across their keyframes unless told not to."""
    if action.codec != "libx265":
        return action
    options = dict(action.options)
    params = f"{options.get('x265-params', '')}:open-gop=0".lstrip(":")
    return replace(action, options=tuple((options | {"x265-params": params}).items()))
