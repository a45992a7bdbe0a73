"""Pass `quality`: an asked-for VMAF becomes a search on a sample, and the CRF that it finds.

The sample is three parts of what the encoder will be given, after all filters, kept losslessly; the
search encodes it as the output will be, a few times, and measures. Netflix's and ab-av1's way.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from reelwright.errors import Code, ReelError
from reelwright.graph.actions import Cut, Deliver, Encode, Filter, Late, Mux, Search
from reelwright.graph.dag import Edge, Graph, Node, Pad, Rewrite
from reelwright.media.streams import DataStream, VideoStream
from reelwright.media.time import TimeRange
from reelwright.spec.model import OutputSpec

_PARTS = 3
_PART_S = Fraction(3)
# The range in which each encoder's CRF is of use; both ends are encoders' own documentation.
_RANGES = {"libx264": (10, 40), "libx265": (12, 42), "libsvtav1": (15, 55), "libvpx-vp9": (15, 55)}
_FILE = Edge(DataStream(codec="file"), True)
_RESULT = Edge(DataStream(codec="json"), True)


def quality(graph: Graph) -> Graph:
    """Raises OUTPUT_FORMAT for a codec without constant quality."""
    targets = dict(found for node in graph for found in _targets(graph, node))
    if not targets:
        return graph
    out = Rewrite()
    for node in graph:
        if node.id in targets and isinstance(node.action, Encode):
            out.keep(_searched(out, node, node.action, targets[node.id]))
        else:
            out.keep(node)
    return out.done()


def _targets(graph: Graph, node: Node) -> list[tuple[str, float]]:
    """Video encodes of an output that asks for a quality."""
    if not isinstance(node.action, Deliver) or node.action.settings is None:
        return []
    output: OutputSpec = node.action.settings[0]
    target = output.video.target_vmaf if output.video else None
    if target is None:
        return []
    found = []
    for pad in graph[node.inputs[0].node].inputs:
        encode = graph[pad.node]
        if isinstance(encode.action, Encode) and encode.outputs[0].kind == "video":
            if encode.action.codec not in _RANGES:
                raise ReelError(
                    Code.OUTPUT_FORMAT,
                    f"{encode.action.codec} has no constant quality to search for",
                    where=f"{output.where}.video.target_vmaf",
                    hint="choose h264, hevc, vp9 or av1, or give a bitrate",
                )
            found.append((encode.id, target))
    return found


def _searched(out: Rewrite, node: Node, action: Encode, target: float) -> Node:
    raw = out.edge(out.at(node.inputs[0]))
    assert isinstance(raw.stream, VideoStream)
    sample = _sample(out, node, raw.stream)
    lowest, highest = _RANGES[action.codec]
    fixed = tuple((k, v) for k, v in action.options if k != "crf")
    name = f"{node.id}/search"
    search = Search(Encode(action.codec, fixed), target, lowest, highest)
    because = (f"finds the CRF that gives VMAF {target:g}",)
    out.add(Node(name, search, (sample,), (_RESULT,), node.origin, because))
    options = tuple((k, Late(name, "crf") if k == "crf" else v) for k, v in action.options)
    return replace(node, action=replace(action, options=options))


def _sample(out: Rewrite, node: Node, stream: VideoStream) -> Pad:
    """A lossless file of three short parts; of all where it is short or of unknown length."""
    pads = [node.inputs[0]]
    length = stream.duration
    if length is not None and length > _PARTS * _PART_S:
        pads = []
        for part in range(_PARTS):
            start = length * (2 * part + 1) / (2 * _PARTS) - _PART_S / 2
            edge = Edge(replace(stream, duration=_PART_S, frame_count=None), False)
            name = f"{node.id}/sample.{part + 1}"
            cut = Cut(TimeRange(start, start + _PART_S))
            out.add(Node(name, cut, (out.at(node.inputs[0]),), (edge,), node.origin))
            pads.append(Pad(name))
    elif length is None:
        edge = Edge(replace(stream, duration=None, frame_count=None), False)
        name = f"{node.id}/sample.1"
        cut = Cut(TimeRange(Fraction(0), _PARTS * _PART_S))
        out.add(Node(name, cut, (out.at(node.inputs[0]),), (edge,), node.origin))
        pads = [Pad(name)]
    short = replace(stream, duration=None, frame_count=None)
    joined = Node(
        f"{node.id}/sample",
        Filter("concat", (("n", len(pads)), ("v", 1), ("a", 0))),
        tuple(out.at(p) for p in pads),
        (Edge(short, False),),
        node.origin,
    )
    out.add(joined)
    lossless = replace(short, codec="ffv1")
    encode = f"{joined.id}/encode"
    out.add(Node(encode, Encode("ffv1"), (Pad(joined.id),), (Edge(lossless, True),), node.origin))
    mux = Mux("matroska", "matroska")
    out.add(Node(f"{joined.id}/mux", mux, (Pad(encode),), (_FILE,), node.origin))
    return Pad(f"{joined.id}/mux")
