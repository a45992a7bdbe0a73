"""The payload of a smart cut step, and the command that cuts exactly where it cannot."""

from __future__ import annotations

from typing import Any

from reelwright.graph.actions import SmartCut, Value
from reelwright.graph.dag import Graph, Node
from reelwright.media.containers import CONTAINERS
from reelwright.media.demuxers import input_options
from reelwright.media.streams import Stream, StreamKind
from reelwright.media.time import TimeRange, seconds_text
from reelwright.planning.encoders import ENCODERS
from reelwright.planning.muxing import FAST_START, option_text
from reelwright.planning.plan import StepInput
from reelwright.planning.windows import seek_to

# Visually transparent for the fallback: it replaces packets that would have been copied.
_FALLBACK_CRF = {"h264": 18, "hevc": 20, "vp9": 24, "av1": 24, "vp8": 6}


def smart_cut_payload(
    graph: Graph, node: Node, cut: SmartCut, source: StepInput, output: str, threads: int
) -> dict[str, Any]:
    """What `runners.smart_cut` reads; ``fallback`` is an argv that encodes the whole."""
    streams = [graph.edge(p).stream for p in node.inputs]
    indexes = [s.index if s.index is not None else p.index for s, p in _pairs(streams, node)]
    muxer = CONTAINERS[cut.container].muxer
    return {
        "container": muxer,
        "start": str(cut.range.start),
        "end": None if cut.range.end is None else str(cut.range.end),
        "streams": [
            {"index": i, "kind": s.kind.value, "tags": _tags(s)}
            for i, s in zip(indexes, streams, strict=True)
        ],
        "metadata": dict(cut.metadata),
        "options": {"movflags": "+faststart"} if muxer in FAST_START else {},
        "fallback": _fallback(streams, indexes, cut, source, output, threads),
    }


def _tags(stream: Stream) -> dict[str, str]:
    return {"language": stream.language} if stream.language else {}


def _pairs(streams: list[Stream], node: Node) -> list[tuple[Stream, Any]]:
    return list(zip(streams, node.inputs, strict=True))


def _fallback(
    streams: list[Stream],
    indexes: list[int],
    cut: SmartCut,
    source: StepInput,
    output: str,
    threads: int,
) -> list[str]:
    span = cut.range
    first = seek_to(source.demuxer, span.start)
    window = ["-ss", seconds_text(first)] if first else []
    part = TimeRange(span.start, span.end).shift(-first)
    if part.end is not None:
        # `-t` counts from the first frame that is kept, not from `-ss`: trim does the exact work.
        window += ["-t", seconds_text(part.end + 1)]
    pinned = input_options(source.demuxer) if source.demuxer else ()
    argv = [
        *("ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "level+info", "-nostats"),
        *("-progress", "pipe:1", "-y", *window, *pinned, "-i", source.name),
    ]
    for index in indexes:
        argv += ["-map", f"0:{index}"]
    counts: dict[StreamKind, int] = {}
    for stream in streams:
        letter = stream.kind.value[0]
        spot = f"{letter}:{counts.get(stream.kind, 0)}"
        counts[stream.kind] = counts.get(stream.kind, 0) + 1
        for key, value in _options(stream, threads):
            argv += [f"-{key}:{spot}", option_text(value)]
        if stream.kind is not StreamKind.SUBTITLE:
            argv += [f"-filter:{spot}", _trim(stream, part)]
    for key, text in cut.metadata:
        argv += ["-metadata", f"{key}={text}"]
    return [*argv, "-f", CONTAINERS[cut.container].muxer, f"file:{output}"]


def _trim(stream: Stream, part: TimeRange) -> str:
    prefix = "a" if stream.kind is StreamKind.AUDIO else ""
    bounds = [f"start={seconds_text(part.start)}"] if part.start else []
    bounds += [f"end={seconds_text(part.end)}"] if part.end is not None else []
    rebase = f"{prefix}setpts=PTS-STARTPTS"
    return f"{prefix}trim={':'.join(bounds)},{rebase}" if bounds else rebase


def _options(stream: Stream, threads: int) -> list[tuple[str, Value]]:
    codec = stream.codec or ""
    if stream.kind is StreamKind.SUBTITLE:
        return [("c", "copy")]
    found: list[tuple[str, Value]] = [("c", ENCODERS.get(codec, codec))]
    if codec in _FALLBACK_CRF:
        found += [("crf", _FALLBACK_CRF[codec]), ("threads", threads)]
        found += [("b", 0)] if codec == "vp9" else []
    if stream.kind is StreamKind.VIDEO:
        found.append(("fps_mode", "passthrough"))
    elif stream.bitrate_bps and codec in {"aac", "mp3", "opus", "ac3", "eac3", "mp2"}:
        found.append(("b", stream.bitrate_bps))
    return found
