"""What must come out: the facts of a sink's edges, as expectations that verification checks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

from reelwright.graph.actions import Encode, JoinCopy, Mux, Packets, SmartCut
from reelwright.graph.dag import Graph, Node
from reelwright.media.containers import CONTAINERS
from reelwright.media.streams import AudioStream, Stream, StreamKind, VideoStream
from reelwright.planning.plan import Expectation

# Encoders and containers add priming, padding and whole packets: an AAC frame is 21 ms at 48 kHz,
# an MP3 has two of 26 ms, and what starts late in the source starts late in the output.
_TOLERANCE = Fraction(15, 100)


# Encoders' priming and a group of reordered frames: the most that edit lists usually hide.
_HIDDEN = Fraction(1, 2)


def expectation(graph: Graph, node: Node) -> Expectation:
    """For a Mux or SmartCut node."""
    if isinstance(node.action, SmartCut):
        streams = [e.stream for e in node.outputs[1:]]
        return _timed([_plain(s) for s in streams], exact=True)
    assert isinstance(node.action, Mux)
    edges = [graph.edge(p) for p in node.inputs]
    if node.action.stills is not None:
        stream = edges[0].stream
        return Expectation(streams=(_plain(stream),), stills=node.action.stills or None)
    streams = [_plain(e.stream) for e in edges]
    rough = any(_is_rough(graph[p.node]) for p in node.inputs)
    if rough:
        return Expectation(streams=tuple(_unmeasured(s) for s in streams))
    encoded = all(isinstance(graph[p.node].action, Encode | JoinCopy) for p in node.inputs)
    made = _timed(streams, exact=encoded)
    if not encoded and not CONTAINERS[node.action.name].edit_lists:
        # What an edit list of the source hides is shown by a container that has none.
        made = replace(made, duration_tolerance=max(_HIDDEN, made.duration_tolerance))
    return made


def _is_rough(node: Node) -> bool:
    """Packets from a keyframe: how much comes before the asked start is not known."""
    if isinstance(node.action, JoinCopy):
        return not node.action.exact
    return isinstance(node.action, Packets)


def _unmeasured(stream: Stream) -> Stream:
    """A cut by packets loses reordered frames at its end: neither length nor mean rate is known."""
    if isinstance(stream, VideoStream):
        return replace(stream, duration=None, is_vfr=None)
    made: Stream = replace(stream, duration=None)
    return made


def _timed(streams: list[Stream], *, exact: bool) -> Expectation:
    lengths = [s.duration for s in streams if s.kind is not StreamKind.SUBTITLE]
    known = [d for d in lengths if d is not None]
    # A cue that is still shown at the end makes the file longer than its pictures and sound.
    is_bounded = known and len(known) == len(lengths) == len(streams)
    duration = max(known) if is_bounded else None
    return Expectation(
        streams=tuple(streams),
        duration=duration,
        duration_tolerance=_tolerance(streams),
        frame_count=_frame_count(streams) if exact else None,
    )


def _tolerance(streams: Iterable[Stream]) -> Fraction:
    """Two frames of the slowest stream, at least 0.15 s."""
    rates = [s.frame_rate for s in streams if isinstance(s, VideoStream) and s.frame_rate]
    return max([_TOLERANCE, *(2 / r for r in rates)])


def _frame_count(streams: list[Stream]) -> int | None:
    videos = [s for s in streams if isinstance(s, VideoStream)]
    return videos[0].frame_count if videos else None


def _plain(stream: Stream) -> Stream:
    """Only what the output can be held to: encoders choose profile, level and time base."""
    if isinstance(stream, VideoStream):
        return replace(
            stream,
            index=None, profile=None, level=None, codec_tag=None, time_base=None, start=None,
            bitrate_bps=None, extradata_sha256=None, has_b_frames=None, title=None,
        )  # fmt: skip
    changes = {
        "index": None, "profile": None, "codec_tag": None, "time_base": None, "start": None,
        "bitrate_bps": None, "extradata_sha256": None, "title": None,
    }  # fmt: skip
    made: Stream = replace(stream, **changes)  # type: ignore[arg-type]
    if isinstance(made, AudioStream):
        made = replace(made, sample_fmt=None)
    return made
