"""Steps that only look at pictures: whether all that a decode is for is to be looked at.

Then most of it need not happen: `runners.look` decodes what tells something. Where anything else
reads the frames (an encode, a filter of the user's), the analysers are taps of that FFmpeg command.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from reelwright.analysis.shots import can_look
from reelwright.graph.actions import Decode, Demux, Fetched, Filter, Tap
from reelwright.graph.dag import Graph, Node
from reelwright.media.streams import VideoStream
from reelwright.planning.plan import Estimate

LOOKS = frozenset({"shots:shots", "keyframes:keyframes", "candidates:candidates"})
"""Analysers that `tools.decode` stands in for."""
BECAUSE = "only looked at: frames that tell nothing are not decoded"

# Of what FFmpeg would take, at 1080p and at 360p, with pictures and without.
_SHARE = 0.4

# From the tap upwards, as `operators.analyse` builds it.
_CHAIN = ("format", "scale", "fps")


def looking(graph: Graph) -> frozenset[str]:
    """Nodes of taps that only look, and of what is done to frames for them alone."""
    found: set[str] = set()
    for node in graph:
        if _is_look(node):
            found.update(n.id for n in _chain(graph, node))
    return frozenset(found)


def look_payload(graph: Graph, names: Sequence[str]) -> dict[str, Any] | None:
    """What `runners.look` needs, where the step of these nodes only looks at one whole stream."""
    nodes = [graph[name] for name in names]
    taps = [n for n in nodes if isinstance(n.action, Tap)]
    decodes = [n for n in nodes if isinstance(n.action, Decode)]
    files = [n for n in nodes if isinstance(n.action, Demux | Fetched)]
    chains = {n.id for tap in taps for n in _chain(graph, tap)}
    if len(decodes) != 1 or len(files) != 1 or decodes[0].action != Decode():
        return None
    if not taps or not all(map(_is_look, taps)) or len(chains) + 2 != len(nodes):
        return None
    pad = decodes[0].inputs[0]
    stream = graph.edge(pad).stream
    if not isinstance(stream, VideoStream) or not can_look(stream):
        return None
    duration = None if stream.duration is None else float(stream.duration)
    return {"stream": stream.index, "rotation_deg": stream.rotation_deg, "duration": duration}


def cheaper(whole: Estimate) -> Estimate:
    """What a look takes where FFmpeg would take `whole`; on one thread."""
    spent = whole.cpu_seconds * _SHARE
    return replace(whole, cpu_seconds=spent, wall_seconds=(spent / 2, max(1.0, 2 * spent)))


def _is_look(node: Node) -> bool:
    action = node.action
    return isinstance(action, Tap) and action.analyser in LOOKS and action.source == "frames"


def _chain(graph: Graph, tap: Node) -> Iterator[Node]:
    """The tap and the filters above it, as far as they are those of a look."""
    yield tap
    node = tap
    for name in _CHAIN:
        node = graph[node.inputs[0].node]
        if not (isinstance(node.action, Filter) and node.action.name == name):
            return
        yield node
