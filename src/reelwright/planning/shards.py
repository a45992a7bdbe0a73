"""Pass `shards`: a long encode in parts that may run at once, each cached and resumed on its own.

Only the video is cut: audio encoded in parts clicks at each seam, so it is encoded once, whole, by
the step that assembles. Parts are cut by frame number, on multiples of the keyframe interval, where
the encoder would have put a keyframe anyway; each is a closed GOP of its own, and the frame count
of every part and of the whole is checked.

How many parts there are and how many threads each has decides the bytes. Both follow from cores, of
this machine or of the nodes of a cluster, where `Machine` and the output do not say them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
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
# x264 keeps about this many cores busy by itself at 1080p: a part has no more threads.
_THREADS_EACH = 4


@dataclass(frozen=True, slots=True)
class _Chain:
    """What lies between a file and an encoder: `nodes` from the decode down."""

    encode: Node
    nodes: tuple[Node, ...]
    rate: Fraction
    frames: int


def at_once(threads: int, cores: Iterable[float]) -> int:
    """How many parts run at once on nodes with so many `cores` each, where a command has so many
    `threads`: at least one."""
    each = min(threads, _THREADS_EACH)
    return max(1, sum(int(count // each) for count in cores))


@dataclass(frozen=True, slots=True)
class _Cut:
    """Where a chain is cut, how many threads each part has, and why there are so many."""

    chain: _Chain
    bounds: list[int]
    threads: int
    why: str


def shards(graph: Graph, machine: Machine, threads: int) -> Graph:
    """`threads` are those of a command. Raises OUTPUT_FORMAT where a number of shards is asked for
    and cannot be had."""
    machine = replace(machine, threads=threads)
    cuts: dict[str, _Cut] = {}
    for node in graph:
        if isinstance(node.action, Deliver) and node.action.settings is not None:
            _consider(graph, node, machine, cuts)
    if not cuts:
        return graph
    out = Rewrite()
    for node in graph:
        if node.id in cuts:
            out.move(Pad(node.id), _sharded(out, cuts[node.id]))
        else:
            out.keep(node)
    return out.done()


def _consider(graph: Graph, node: Node, machine: Machine, cuts: dict[str, _Cut]) -> None:
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
        threads = machine.threads or 1
        most = machine.shards or at_once(threads, [machine.cpus])
        count = asked or max(1, min(most, int(found.frames / found.rate / _SHORTEST)))
        bounds = _bounds(found, count)
        if len(bounds) > 2:
            why = _why(asked, most, machine)
            cuts[encode.id] = _Cut(found, bounds, min(threads, _THREADS_EACH), why)


def _why(asked: int | None, most: int, machine: Machine) -> str:
    if asked:
        return f"{asked} are asked for"
    if machine.nodes > 1:
        return f"{most} run at once on {machine.nodes} nodes"
    return f"{most} run at once"


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


def _sharded(out: Rewrite, cut: _Cut) -> Pad:
    files: list[Pad] = []
    for number, (first, last) in enumerate(itertools.pairwise(cut.bounds), start=1):
        files.append(_part(out, cut, number, first, last))
    encode = cut.chain.encode
    stream = replace(encode.outputs[0].stream, index=0)
    many = f"{len(files)} shards ({cut.why}; {cut.threads} threads each)"
    because = (f"assembled from {many}; frames are counted",)
    join = JoinCopy(len(files), exact=True)
    name = f"{encode.id}/assemble"
    out.add(Node(name, join, tuple(files), (Edge(stream, True),), encode.origin, because))
    return Pad(name)


def _part(out: Rewrite, cut: _Cut, number: int, first: int, last: int) -> Pad:
    """Frames `first` to `last` (half-open) of the chain, encoded into a file, opened again."""
    chain, tail = cut.chain, f"#{number}"
    pad = chain.nodes[0].inputs[0]
    trim = next((n for n in chain.nodes if isinstance(n.action, Cut)), None)
    for node in chain.nodes:
        if node is trim:
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
            span = _span(chain, trim, first, last)
            name = f"{chain.encode.id}/cut{tail}"
            out.add(Node(name, Cut(span), (pad,), (edge,), node.origin))
            pad = Pad(name)
    stream = _counted(chain.encode.outputs[0].stream, chain.rate, last - first)
    because = (f"shard {number}: frames {first} to {last}",)
    encode = replace(
        chain.encode,
        id=f"{chain.encode.id}{tail}",
        action=_closed(chain.encode.action, cut.threads),  # type: ignore[arg-type]
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


def _span(chain: _Chain, trim: Node | None, first: int, last: int) -> TimeRange:
    """Half a frame before the first frame's time, so that no rounding of times can move it."""
    start = trim.action.range.start if trim and isinstance(trim.action, Cut) else Fraction(0)
    base = frame_at(start, chain.rate)
    half = Fraction(1, 2)
    begin = (base + first - half) / chain.rate
    return TimeRange(max(Fraction(0), begin), (base + last - half) / chain.rate)


def _closed(action: Encode, threads: int) -> Encode:
    """With the threads of a part. x265 lets GOPs refer across keyframes unless told not to."""
    options = dict(action.options)
    if "threads" in options:
        options["threads"] = threads
    if action.codec == "libx265":
        options["x265-params"] = f"{options.get('x265-params', '')}:open-gop=0".lstrip(":")
    return replace(action, options=tuple(options.items()))


def threads_of(graph: Graph, nodes: Iterable[str], most: int) -> int:
    """How many threads a step of these nodes has: a part has fewer than a command may have
    (`most`), so that others run beside it."""
    pictures = [
        dict(node.action.options).get("threads")
        for node in (graph[name] for name in nodes)
        if isinstance(node.action, Encode) and node.outputs[0].kind == "video"
    ]
    counts = [count for count in pictures if isinstance(count, int)]
    return min(most, max(counts)) if counts and len(counts) == len(pictures) else most
