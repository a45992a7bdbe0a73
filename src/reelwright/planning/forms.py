"""Pass `forms`: packets or frames. Puts in decode, encode and mux nodes, as late as can be.

Open nodes (`Cut`, `Turn`, `Join`) become copies of packets where `copying.decide` found that legal,
and filters on frames everywhere else. Two consumers may want both forms of one pad; each gets its
own.
"""

from __future__ import annotations

from dataclasses import replace

from reelwright.analysis.sprite import name_files
from reelwright.graph.actions import (
    Cut,
    Deliver,
    Encode,
    Fetch,
    Filter,
    Index,
    Join,
    Keep,
    Late,
    Still,
    Tap,
    Task,
    Turn,
    Write,
)
from reelwright.graph.dag import Graph, Node, Pad
from reelwright.media.streams import StreamKind, VideoStream
from reelwright.planning.copying import Way, decide
from reelwright.planning.files import deliver
from reelwright.planning.forming import Forming, column
from reelwright.planning.frames import decode, open_node, take_stills
from reelwright.planning.looking import looking
from reelwright.planning.names import picture_names
from reelwright.planning.outputs import container_of
from reelwright.planning.traces import traces
from reelwright.spec.model import OutputSpec


def forms(graph: Graph, threads: int, awaited: frozenset[str] = frozenset()) -> Graph:
    """`awaited` are taps and fetches whose results decide the graph. Raises OUTPUT_FORMAT for what
    no container or encoder can do."""
    traced = traces(graph)
    decisions = {
        node.id: decide(graph, node, output_of(node), container_of(output_of(node)), traced)
        for node in graph
        if isinstance(node.action, Deliver) and not _is_text(graph, node)
    }
    state = Forming(graph, traced, decisions, threads, looking=looking(graph))
    # Once without the stills, to know which sources are decoded anyway; then with them.
    _wants(state, awaited)
    state.seeks = frozenset(n.id for n in graph if _by_seeking(state, n))
    live = _wants(state, awaited)
    for node in graph:
        if node.id in live:
            _realise(state, node)
    return state.out.done()


def output_of(node: Node) -> OutputSpec:
    assert isinstance(node.action, Deliver)
    output = node.action.settings[0]
    assert isinstance(output, OutputSpec)
    return output


def _is_text(graph: Graph, node: Node) -> bool:
    return isinstance(graph[node.inputs[0].node].action, Tap | Task | Write | Fetch)


def _wants(state: Forming, awaited: frozenset[str]) -> set[str]:
    """Walks against the stream: which nodes are needed, and which encoded pads as frames."""
    live = set(awaited)
    for node in reversed(list(state.old)):
        if isinstance(node.action, Deliver):
            live.add(node.id)
            for pad, decision in zip(node.inputs, state.decisions.get(node.id, ()), strict=False):
                if decision.way is Way.ENCODE and not _packets_only(state, pad):
                    state.want_frames(pad)
        elif not (node.id in live or isinstance(node.action, Keep | Index) or _reports(node, live)):
            continue
        live.add(node.id)
        live.update(pad.node for pad in node.inputs)
        _wants_of(state, node)
        if isinstance(node.action, Filter):
            live.update(v.node for _, v in node.action.args if isinstance(v, Late))
    return live


def _reports(node: Node, live: set[str]) -> bool:
    """A tap on the log of a command that runs anyway costs nothing, and tells what was reached."""
    return (
        isinstance(node.action, Tap) and node.action.source == "log" and node.inputs[0].node in live
    )


def _wants_of(state: Forming, node: Node) -> None:
    match node.action:
        case Still() if state.seeks is None or node.id in state.seeks:
            pass
        case Filter() | Tap() if state.seeks is None and node.id in state.looking:
            pass
        case Filter() | Encode() | Still() | Tap():
            state.want_frames(*node.inputs)
        case Cut() | Turn() | Join():
            for index, edge in enumerate(node.outputs):
                if not edge.encoded or Pad(node.id, index) in state.wanted_raw:
                    state.want_frames(*column(node, index))


# Above this many inputs in one command, decoders' buffers cost more than a decode of everything.
_MOST_SEEKS = 24
# A seek decodes half a GOP of about 5 s on average, and opening the file again costs about as much.
_SEEK_SECONDS = 4


def _by_seeking(state: Forming, node: Node) -> bool:
    if not isinstance(node.action, Still):
        return False
    trace = state.traced.get(node.inputs[0])
    if trace is None or trace.turn or trace.join or len(node.action.times) > _MOST_SEEKS:
        return False
    if any(state.traced[p].root == trace.root for p in state.wanted_raw if p in state.traced):
        return False
    duration = state.old.edge(trace.root).stream.duration
    return duration is None or duration > len(node.action.times) * _SEEK_SECONDS


def _packets_only(state: Forming, pad: Pad) -> bool:
    """Subtitles have no frames in a filter graph: they are transcoded from packets."""
    return state.old.edge(pad).kind is StreamKind.SUBTITLE


def _realise(state: Forming, node: Node) -> None:
    match node.action:
        case Deliver():
            deliver(state, node)
        case Cut() | Turn() | Join():
            open_node(state, node)
        case Still():
            take_stills(state, node, node.action)
        case Filter() | Encode() | Tap():
            inputs = tuple(state.frames_of(pad) for pad in node.inputs)
            state.out.add(replace(node, inputs=inputs))
        case Write() as write:
            text = _named(state, node, write.text)
            state.out.add(replace(node, action=replace(write, text=text), inputs=()))
        case _:
            state.out.keep(node)
            for index in range(len(node.outputs)):
                decode(state, Pad(node.id, index))


def _named(state: Forming, node: Node, text: str) -> str:
    """A text about pictures names their files as seen from its own place."""
    if not node.inputs:
        return text
    places = {other.inputs[0]: other for other in state.old if isinstance(other.action, Deliver)}
    pictures, own = places.get(node.inputs[0]), places.get(Pad(node.id))
    stream = state.old.edge(node.inputs[0]).stream
    count = (isinstance(stream, VideoStream) and stream.frame_count) or 1
    if pictures is None or own is None:
        return name_files(text, [f"sprite-{n:03d}.jpg" for n in range(1, count + 1)])
    return name_files(text, picture_names(pictures.action, own.action, count))
