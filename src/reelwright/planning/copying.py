"""Which outputs may be copied, and why the others may not.

Copy never means exact: packets can only be cut at random-access points, so an exact trim is copied
by the smart cut (whole GOPs copied, edges re-encoded) or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from reelwright.errors import Code, ReelError
from reelwright.graph.actions import Join
from reelwright.graph.dag import Graph, Node, Pad
from reelwright.media.containers import Container, Role
from reelwright.media.streams import Stream, StreamKind, VideoStream
from reelwright.planning.encoders import wanted_codec
from reelwright.planning.smart_cut import smart_cut_support
from reelwright.planning.traces import Trace
from reelwright.spec.model import OutputSpec


class Way(StrEnum):
    COPY = "copy"  # packets as they are (whole, from a keyframe, or turned by metadata)
    SMART = "smart"  # exact, by the smart cut
    JOIN = "join"  # whole files after each other
    ENCODE = "encode"


@dataclass(frozen=True, slots=True)
class Decision:
    way: Way
    because: str
    trace: Trace | None = None


def decide(
    graph: Graph,
    node: Node,
    output: OutputSpec,
    container: Container,
    traced: Mapping[Pad, Trace],
) -> tuple[Decision, ...]:
    """One decision per strand of a Deliver node. Raises OUTPUT_FORMAT where `copy` was asked and
    cannot be."""
    strands = [(pad, graph.edge(pad).stream) for pad in node.inputs]
    first = [_one(graph, pad, s, output, container, traced.get(pad)) for pad, s in strands]
    asked = frozenset(
        s.kind for _, s in strands if wanted_codec(s.kind, output, container) == "copy"
    )
    first = _joined(graph, node, first, asked)
    decided = tuple(_follow_video(first, strands))
    for (_, stream), decision in zip(strands, decided, strict=True):
        if decision.way is Way.ENCODE and wanted_codec(stream.kind, output, container) == "copy":
            raise ReelError(
                Code.OUTPUT_FORMAT,
                f"{stream.kind.value} cannot be copied: {decision.because}",
                where=f"{output.where}.{stream.kind.value}",
                hint="leave the codec out, or choose one to encode to",
            )
    return decided


def _one(
    graph: Graph,
    pad: Pad,
    stream: Stream,
    output: OutputSpec,
    container: Container,
    trace: Trace | None,
) -> Decision:
    kind = stream.kind
    if trace is None:
        return Decision(Way.ENCODE, _changed_by(graph, pad))
    reason = _misfit(stream, output, container)
    if reason:
        return Decision(Way.ENCODE, reason, trace)
    if trace.turn:
        return _turned(stream, container, trace)
    if trace.is_whole:
        return Decision(
            Way.JOIN if trace.join else Way.COPY,
            f"{stream.codec} fits {container.name} and nothing changes it",
            trace,
        )
    if not trace.exact or kind is StreamKind.SUBTITLE:
        return Decision(Way.COPY, "cut at a keyframe, as asked", trace)
    return _exact(stream, container, trace)


def _misfit(stream: Stream, output: OutputSpec, container: Container) -> str | None:
    """Why the codec itself cannot stay, or None."""
    kind = stream.kind
    if container.role is Role.IMAGE:
        return "pictures are written anew"
    wanted = wanted_codec(kind, output, container)
    if wanted not in (None, "copy", stream.codec):
        return f"{wanted} is asked for, the source is {stream.codec}"
    if stream.codec not in container.codecs(kind):
        return f"{container.name} does not hold {stream.codec}"
    settings = {StreamKind.VIDEO: output.video, StreamKind.AUDIO: output.audio}.get(kind)
    if settings is not None and settings.asks_quality and wanted != "copy":
        return "a quality or format is asked for that only an encode can give"
    if isinstance(stream, VideoStream) and stream.rotation_deg and not container.rotates:
        return f"{container.name} cannot carry the rotation of {stream.rotation_deg} degrees"
    return None


def _turned(stream: Stream, container: Container, trace: Trace) -> Decision:
    if trace.lossless == "pixels":
        return Decision(Way.ENCODE, "rotated pixels are asked for", trace)
    if not container.rotates:
        return Decision(Way.ENCODE, f"{container.name} has no rotation in its metadata", trace)
    if not trace.is_whole:
        return Decision(Way.ENCODE, "trimmed and rotated at once", trace)
    assert isinstance(stream, VideoStream)
    if stream.is_mirrored or stream.rotation_deg is None:
        return Decision(Way.ENCODE, "its display matrix is no plain right angle", trace)
    return Decision(Way.COPY, "rotated by the container's metadata, without an encode", trace)


def _exact(stream: Stream, container: Container, trace: Trace) -> Decision:
    if trace.mode == "encode":
        return Decision(Way.ENCODE, "an encode is asked for (mode: encode)", trace)
    if stream.kind is StreamKind.AUDIO:
        # Decided with the video beside it; alone, audio is cheap to encode exactly.
        return Decision(Way.ENCODE, "cut to the sample, which packets cannot be", trace)
    reason = smart_cut_support(stream, container.name)
    if reason:
        return Decision(Way.ENCODE, f"cut to the frame, and no smart cut: {reason}", trace)
    return Decision(Way.SMART, "smart cut: whole GOPs copied, only the edges re-encoded", trace)


def _follow_video(first: list[Decision], strands: list[tuple[Pad, Stream]]) -> list[Decision]:
    """Audio and subtitles of the same cut of the same file go through the smart cut with it."""
    smart = next((d for d in first if d.way is Way.SMART), None)
    if smart is None or smart.trace is None:
        return first
    made: list[Decision] = []
    for decision, (_, stream) in zip(first, strands, strict=True):
        trace = decision.trace
        same = (
            trace is not None
            and trace.range == smart.trace.range
            and trace.root.node == smart.trace.root.node
        )
        cut_only = decision.way is Way.COPY or decision.because.startswith("cut to the sample")
        if same and cut_only and stream.kind is not StreamKind.DATA:
            made.append(Decision(Way.SMART, "its packets go with the smart cut's video", trace))
        else:
            made.append(decision)
    return made


# Codecs whose every packet is what it says. All others begin with a delay of theirs: between two
# copied files it would sound, and push the rest behind the picture (23 ms a seam with AAC).
_SEAMLESS = frozenset({"flac", "alac", "truehd"})
_SEAMS = "its codec's delay would sound at the seams"


def _joined(
    graph: Graph, node: Node, decisions: list[Decision], asked: frozenset[StreamKind]
) -> list[Decision]:
    """A join is copied whole or not at all, but for sound that has to be encoded for its seams: all
    strands, of one join, files alike in layout. What is `asked` to be copied is, seams and all."""
    joins = {d.trace.join[0] for d in decisions if d.way is Way.JOIN and d.trace and d.trace.join}
    if not joins:
        return decisions
    reason = None
    if len(joins) > 1 or any(d.way is not Way.JOIN for d in decisions):
        reason = "not all of its streams can be copied together"
    else:
        reason = _peers_differ(graph, graph[next(iter(joins))])
    if reason is None:
        kept = [
            _clean(d, graph.edge(pad).stream, asked)
            for d, pad in zip(decisions, node.inputs, strict=True)
        ]
        if kept == decisions or None not in join_lengths(graph, graph[joins.pop()]):
            return kept
        reason = "how long its segments are is not known, and its sound has seams to be hidden"
    return [Decision(Way.ENCODE, reason, d.trace) if d.way is Way.JOIN else d for d in decisions]


def _clean(decision: Decision, stream: Stream, asked: frozenset[StreamKind]) -> Decision:
    codec = stream.codec or ""
    if stream.kind is not StreamKind.AUDIO or stream.kind in asked:
        return decision
    if codec in _SEAMLESS or codec.startswith("pcm_"):
        return decision
    return Decision(Way.ENCODE, _SEAMS, decision.trace)


def join_lengths(graph: Graph, join: Node) -> tuple[Fraction | None, ...]:
    """How long each segment lasts: as its longest stream. None where that is not known."""
    assert isinstance(join.action, Join)
    width, made = len(join.action.kinds), list[Fraction | None]()
    for first in range(0, len(join.inputs), width):
        lengths = [graph.edge(p).stream.duration for p in join.inputs[first : first + width]]
        known = [length for length in lengths if length is not None]
        made.append(max(known) if len(known) == width else None)
    return tuple(made)


def _peers_differ(graph: Graph, join: Node) -> str | None:
    action = join.action
    assert isinstance(action, Join)
    width = len(action.kinds)
    for index in range(width):
        pads = join.inputs[index::width]
        streams = [graph.edge(p).stream for p in pads]
        for name in ("codec", "time_base", "extradata_sha256", "profile", "index"):
            values = {getattr(s, name) for s in streams}
            if len(values) > 1:
                return f"its segments differ in {name.replace('_sha256', '')}"
    for segment in range(action.segments):
        if len({p.node for p in join.inputs[segment * width : (segment + 1) * width]}) > 1:
            return "a segment takes its streams from several files"
    return None


def _changed_by(graph: Graph, pad: Pad) -> str:
    origin = graph[pad.node].origin or pad.node
    return f"'{origin}' changes its frames"
