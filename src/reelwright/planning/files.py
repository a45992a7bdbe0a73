"""The packets' form: what an output file is muxed from, copied or encoded, and its container."""

from __future__ import annotations

from dataclasses import replace

from reelwright.errors import Code, ReelError
from reelwright.graph.actions import (
    Cut,
    Deliver,
    Filter,
    Join,
    JoinCopy,
    Mux,
    Packets,
    Reopen,
    SmartCut,
    Value,
)
from reelwright.graph.dag import Edge, Graph, Node, Pad
from reelwright.graph.operator import as_raw
from reelwright.media.containers import Container, Role
from reelwright.media.streams import DataStream, SubtitleStream, VideoStream
from reelwright.planning.conform import conversions
from reelwright.planning.copying import Decision, Way, join_lengths
from reelwright.planning.encoders import encode_action, encoded_stream, wanted_codec
from reelwright.planning.forming import Forming
from reelwright.planning.outputs import container_of
from reelwright.planning.traces import Trace
from reelwright.spec.model import OutputSpec

FILE = Edge(DataStream(codec="file"), True)


def deliver(state: Forming, node: Node) -> None:
    output, lane = node.action.settings  # type: ignore[union-attr]
    container = container_of(output)
    if node.id not in state.decisions:
        state.out.keep(node)  # a text or a result: nothing to mux
    elif container.role is Role.IMAGE:
        _deliver_stills(state, node, output, container, lane)
    else:
        file = _file(state, node, output, container)
        state.out.add(replace(node, inputs=(file,)))


def _file(state: Forming, node: Node, output: OutputSpec, container: Container) -> Pad:
    decisions = state.decisions[node.id]
    smart = [i for i, d in enumerate(decisions) if d.way is Way.SMART]
    reasons = tuple(
        f"{state.old.edge(p).kind.value}: {_verb(d)}: {d.because}"
        for p, d in zip(node.inputs, decisions, strict=True)
    )
    metadata = tuple(output.metadata.items())
    reopened: dict[int, Pad] = {}
    if smart:
        file = _smart(state, node, smart, decisions, container, metadata)
        if len(smart) == len(decisions):
            return file
        reopened = _reopen(state, node, file, smart)
    pads: list[Pad] = []
    for index, (pad, decision) in enumerate(zip(node.inputs, decisions, strict=True)):
        if index in reopened:
            pads.append(reopened[index])
        elif decision.way is Way.ENCODE:
            pads.append(_encode(state, node, pad, decision, output, container))
        else:
            pads.append(_copy(state, node, pad, decision))
    name = f"{node.id}/mux"
    options: tuple[tuple[str, Value], ...] = ()
    if _moves_in_time(state.old, node):
        # FFmpeg copies the chapters of the first input, at times that are no longer theirs.
        options = (("map_chapters", -1),)
    action = Mux(container.muxer, container.name, metadata, options)
    state.out.add(Node(name, action, tuple(pads), (FILE,), node.origin, reasons))
    return Pad(name)


# Filters after which a moment is no longer where it was.
_MOVING = frozenset(
    {"concat", "xfade", "acrossfade", "trim", "atrim", "setpts", "asetpts", "tpad", "adelay",
     "loop", "aloop", "select", "reverse", "areverse", "apad"}
)  # fmt: skip


def _moves_in_time(graph: Graph, node: Node) -> bool:
    stack, seen = [p.node for p in node.inputs], set[str]()
    while stack:
        name = stack.pop()
        if name in seen:
            continue
        seen.add(name)
        action = graph[name].action
        if isinstance(action, Cut | Join):
            return True
        if isinstance(action, Filter) and action.name in _MOVING:
            return True
        stack += [p.node for p in graph[name].inputs]
    return False


def _verb(decision: Decision) -> str:
    return "encoded" if decision.way is Way.ENCODE else "copied"


def _smart(
    state: Forming,
    node: Node,
    smart: list[int],
    decisions: tuple[Decision, ...],
    container: Container,
    metadata: tuple[tuple[str, str], ...],
) -> Pad:
    found = [decisions[i].trace for i in smart]
    assert found[0] is not None
    name = f"{node.id}/smart-cut"
    pads = tuple(t.root for t in found if t is not None)
    action = SmartCut(found[0].range, container.name, metadata)
    because = tuple(decisions[i].because for i in smart)
    streams = [state.old.edge(node.inputs[i]).stream for i in smart]
    edges = (FILE, *(Edge(s, True) for s in streams))
    state.out.add(Node(name, action, pads, edges, node.origin, because))
    return Pad(name)


def _reopen(state: Forming, node: Node, file: Pad, smart: list[int]) -> dict[int, Pad]:
    name = f"{node.id}/reopen"
    edges = tuple(
        replace(e, stream=replace(e.stream, index=i))
        for i, e in enumerate(state.out[file.node].outputs[1:])
    )
    state.out.add(Node(name, Reopen(), (file,), edges, node.origin))
    return {index: Pad(name, i) for i, index in enumerate(smart)}


def _copy(state: Forming, node: Node, pad: Pad, decision: Decision) -> Pad:
    trace = decision.trace
    assert trace is not None
    edge = state.old.edge(pad)
    if decision.way is Way.JOIN:
        return _join_copy(state, trace)
    if trace.is_plain:
        return trace.root
    turned = None
    if trace.turn and isinstance(edge.stream, VideoStream):
        # `Builder.turn` added the turn to the source's own rotation.
        turned = edge.stream.rotation_deg
    return _packets(state, node, trace, edge, turned)


def _packets(
    state: Forming, node: Node, trace: Trace, edge: Edge, turned: int | None = None
) -> Pad:
    name = f"{node.id}/{trace.root.node}:{trace.root.index}"
    if name not in state.out:
        state.out.add(Node(name, Packets(trace.range, turned), (trace.root,), (edge,), node.origin))
    return Pad(name)


def _join_copy(state: Forming, trace: Trace) -> Pad:
    assert trace.join is not None
    join = state.old[trace.join[0]]
    name = f"{join.id}/copy"
    action = join.action
    assert isinstance(action, Join)
    if name not in state.out:
        roots = tuple(state.traced[p].root for p in join.inputs)
        width = len(action.kinds)
        lengths = join_lengths(state.old, join)
        known = tuple(length for length in lengths if length is not None)
        made = JoinCopy(action.segments, lengths=known if len(known) == len(lengths) else ())
        edges = tuple(
            Edge(replace(e.stream, index=r.index), True)
            for e, r in zip(join.outputs, roots[:width], strict=True)
        )
        state.out.add(Node(name, made, roots, edges, join.origin))
    return Pad(name, trace.join[1])


def _encode(
    state: Forming,
    node: Node,
    pad: Pad,
    decision: Decision,
    output: OutputSpec,
    container: Container,
) -> Pad:
    edge = state.old.edge(pad)
    codec = _codec(edge, output, container)
    name = f"{node.id}/{pad.node}:{pad.index}/encode"
    if name in state.out:
        return Pad(name)
    source, raw = state.frames_of(pad), edge.stream
    if isinstance(raw, SubtitleStream):
        source = _cues(state, node, edge, decision, output)
    else:
        raw = as_raw(raw)
    for number, made in enumerate(conversions(codec, raw, output), start=1):
        step = f"{name}/{number}.{made.filter.name}"
        edge = Edge(made.stream, False)
        state.out.add(Node(step, made.filter, (source,), (edge,), node.origin, (made.because,)))
        source, raw = Pad(step), made.stream
    action = encode_action(codec, output, raw, state.threads)
    edge = Edge(encoded_stream(codec, raw, output), True)
    state.out.add(Node(name, action, (source,), (edge,), node.origin))
    return Pad(name)


def _codec(edge: Edge, output: OutputSpec, container: Container) -> str:
    """What is asked for, else the container's default. Raises OUTPUT_FORMAT."""
    codec = wanted_codec(edge.kind, output, container) or container.default(edge.kind)
    if codec is not None and (codec == "copy" or codec in container.codecs(edge.kind)):
        return codec
    held = ", ".join(sorted(container.codecs(edge.kind))) or "none"
    raise ReelError(
        Code.OUTPUT_FORMAT,
        f"{container.name} does not hold {codec or edge.kind.value}",
        where=f"{output.where}.{edge.kind.value}",
        hint=f"it holds: {held}",
    )


def _cues(state: Forming, node: Node, edge: Edge, decision: Decision, output: OutputSpec) -> Pad:
    """The packets of subtitles: they are transcoded without frames."""
    trace = decision.trace
    if trace is None or trace.join:
        raise ReelError(
            Code.STREAM_KIND,
            "subtitles cannot go through this operation",
            where=output.where,
            hint="set `subtitles: none`, or take them from the input by a second reference",
        )
    return trace.root if trace.is_plain else _packets(state, node, trace, edge)


def _deliver_stills(
    state: Forming, node: Node, output: OutputSpec, container: Container, lane: int | None
) -> None:
    action = node.action
    assert isinstance(action, Deliver)
    for position, pad in enumerate(node.inputs):
        stream = state.old.edge(pad).stream
        assert isinstance(stream, VideoStream)
        count = stream.frame_count if stream.is_still else 1
        first = state.stills.get(action.output, 0) + 1
        decision = state.decisions[node.id][position]
        encoded = _encode(state, node, pad, decision, output, container)
        name = f"{node.id}/mux" if position == 0 else f"{node.id}/mux.{position + 1}"
        mux = Mux(container.muxer, container.name, (), (), count or 0)
        because = (f"still: {decision.because}",)
        state.out.add(Node(name, mux, (encoded,), (FILE,), node.origin, because))
        made = replace(action, settings=(output, lane or first))
        deliver = node.id if position == 0 else f"{node.id}.{position + 1}"
        state.out.add(replace(node, id=deliver, action=made, inputs=(Pad(name),)))
        state.stills[action.output] = state.stills.get(action.output, 0) + (count or 1)
