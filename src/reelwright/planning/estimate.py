"""What a step will cost: a table of rates, corrected by what this machine has shown.

A rate is CPU-seconds per unit: per megapixel-frame for pictures, per second of audio for sound. The
table was measured on two cores of a cloud machine with FFmpeg 9 (`benchmarks/rates.py` measures it
again); learned rates replace it as jobs run, and their spread gives the error bars.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reelwright.graph import operator
from reelwright.graph.actions import Decode, Encode, Filter, Mux, SmartCut, Still, Tap
from reelwright.graph.dag import Edge, Graph, Node
from reelwright.media.streams import AudioStream, Stream, VideoStream
from reelwright.planning.plan import Estimate, Machine

_DECODE = {"h264": 0.0022, "hevc": 0.0022, "av1": 0.0022, "vp9": 0.003, "prores": 0.004}
_ENCODE = {
    "libx264": 0.022, "libx265": 0.07, "libsvtav1": 0.06, "libvpx-vp9": 0.09, "libvpx": 0.05,
    "prores_ks": 0.1, "mjpeg": 0.006, "png": 0.04, "libwebp": 0.08, "ffv1": 0.02,
}  # fmt: skip
# Share of medium's cost, from x264's own preset ladder on 1080p.
_PRESET = {
    "ultrafast": 0.15, "superfast": 0.25, "veryfast": 0.4, "faster": 0.65, "fast": 0.8,
    "medium": 1.0, "slow": 1.7, "slower": 3.5, "veryslow": 6.0,
}  # fmt: skip
_FILTER = {
    "scale": 0.0015, "format": 0.0005, "overlay": 0.0006, "drawtext": 0.0006, "pad": 0.0004,
    "fps": 0.00001, "split": 0.0, "trim": 0.0, "setpts": 0.0, "setsar": 0.0, "transpose": 0.0008,
    "xfade": 0.003, "zscale": 0.01, "tonemap": 0.01, "minterpolate": 0.2, "rotate": 0.013,
    "thumbnail": 0.0015, "select": 0.0001, "tile": 0.0003, "crop": 0.00001,
}  # fmt: skip
_AUDIO_SECOND = {
    "aac": 0.012, "libopus": 0.008, "libmp3lame": 0.009, "flac": 0.001, "loudnorm": 0.027,
    "ebur128": 0.003, "aresample": 0.0005, "sidechaincompress": 0.004, "acrossfade": 0.001,
    "alimiter": 0.001, "decode": 0.002,
}  # fmt: skip
_UNKNOWN_S = 60.0  # a stream without a known length is taken for a minute
_BASE_CPU_S = 0.12  # one FFmpeg process, its filter graph, and checking its output
_BASE_MEMORY = 60 << 20
# Before a machine has learned, estimates were within a factor of two both ways on the test media.
_SPREAD = 2.0


@dataclass(frozen=True, slots=True)
class Cost:
    name: str
    units: float
    rate: float


def estimate(
    graph: Graph, nodes: Iterable[str], machine: Machine, own: Iterable[operator.Cost] = ()
) -> Estimate:
    """Sum over a step's nodes, and what its operators say beyond them (`own`). Wall time assumes
    that the step has the machine to itself."""
    more = list(own)
    extra = sum(c.cpu_seconds for c in more)
    cpu = _BASE_CPU_S + extra
    low, high = _BASE_CPU_S + extra / _SPREAD, _BASE_CPU_S + extra * _SPREAD
    memory = float(_BASE_MEMORY + sum(c.memory_bytes for c in more))
    disk = float(sum(c.disk_bytes for c in more))
    for name in nodes:
        node = graph[name]
        cost = cost_of(graph, node)
        rate, spread = machine.rates.get(cost.name, (cost.rate, _SPREAD))
        cpu += cost.units * rate
        low += cost.units * rate / spread
        high += cost.units * rate * spread
        memory += _memory(graph, node, machine.cpus)
        disk += _disk(node)
    busy = max(1.0, machine.cpus * 0.9)
    return Estimate(
        cpu_seconds=round(cpu, 3),
        memory_bytes=int(memory),
        disk_bytes=int(disk),
        wall_seconds=(round(low / busy, 3), round(high, 3)),
    )


def costs(graph: Graph, nodes: Iterable[str], machine: Machine) -> dict[str, list[float]]:
    """By the name that a rate is learned under: the units of a step, and the rate that was used."""
    found: dict[str, list[float]] = {}
    for name in nodes:
        cost = cost_of(graph, graph[name])
        units = found.get(cost.name, [0.0])[0] + cost.units
        found[cost.name] = [units, machine.rates.get(cost.name, (cost.rate, 0.0))[0]]
    return {name: pair for name, pair in found.items() if pair[0] > 0 and pair[1] > 0}


def cost_of(graph: Graph, node: Node) -> Cost:
    """`name` is what rates are learned under."""
    edge = node.outputs[0] if node.outputs else None
    match node.action:
        case Decode(frames=frames):
            stream = graph.edge(node.inputs[0]).stream
            if isinstance(stream, VideoStream):
                codec = stream.codec or "other"
                units = _megapixels(stream) * (frames or 0) if frames else _picture_units(edge)
                return Cost(f"decode.{codec}", units, _DECODE.get(codec, 0.002))
            return Cost("decode.audio", _seconds(edge), _AUDIO_SECOND["decode"])
        case Encode(codec, options):
            if edge is not None and isinstance(edge.stream, VideoStream):
                preset = str(dict(options).get("preset", "medium"))
                rate = _ENCODE.get(codec, 0.02) * _PRESET.get(preset, 1.0)
                return Cost(f"encode.{codec}.{preset}", _picture_units(edge), rate)
            return Cost(f"encode.{codec}", _seconds(edge), _AUDIO_SECOND.get(codec, 0.01))
        case Filter(name=name):
            if edge is not None and isinstance(edge.stream, VideoStream):
                units = max(_picture_units(edge), _input_units(graph, node))
                return Cost(f"filter.{name}", units, _FILTER.get(name, 0.001))
            return Cost(f"filter.{name}", _seconds(edge), _AUDIO_SECOND.get(name, 0.001))
        case Tap() | Still():
            return Cost("tap", _input_units(graph, node), 0.002)
        case SmartCut():
            # Two partial GOPs of about 5 s each, at 30 frames a second, in decode and encode.
            video = next((e.stream for e in node.outputs if e.kind == "video"), None)
            size = _megapixels(video) if isinstance(video, VideoStream) else 0.0
            return Cost("smart-cut", size * 150, 0.025)
    return Cost("other", 0.0, 0.0)


def _megapixels(stream: VideoStream) -> float:
    return (stream.width_px or 1280) * (stream.height_px or 720) / 1e6


def _picture_units(edge: Edge | None) -> float:
    """Megapixel-frames of an edge."""
    if edge is None or not isinstance(edge.stream, VideoStream):
        return 0.0
    stream = edge.stream
    if stream.is_still or stream.frame_count is not None:
        return _megapixels(stream) * (stream.frame_count or 1)
    return _megapixels(stream) * float(stream.frame_rate or 25) * _length(stream)


def _input_units(graph: Graph, node: Node) -> float:
    return sum(_picture_units(graph.edge(p)) for p in node.inputs[:1])


def _seconds(edge: Edge | None) -> float:
    return 0.0 if edge is None else _length(edge.stream)


def _length(stream: Stream) -> float:
    return _UNKNOWN_S if stream.duration is None else float(stream.duration)


def _memory(graph: Graph, node: Node, cpus: int) -> float:
    """Frames that decoders, filters and encoders hold: x264's lookahead is 40 frames, a decoder
    holds about 16 and one a thread."""
    edge = node.outputs[0] if node.outputs else None
    if edge is None or not isinstance(edge.stream, VideoStream):
        return 1e6
    frame = _megapixels(edge.stream) * 1.5e6
    match node.action:
        case Decode():
            return frame * (16 + cpus)
        case Encode():
            return frame * (2 if edge.stream.is_still else 60)
        case Filter(name="concat" | "xfade" | "overlay"):
            return frame * 12
        case Filter():
            return frame * 3
    return 0.0


def _disk(node: Node) -> float:
    """Twice what the encoders are likely to write: the published file and the one being written."""
    if isinstance(node.action, Mux):
        return 1e6
    if not isinstance(node.action, Encode) or not node.outputs:
        return 0.0
    options = dict(node.action.options)
    stream = node.outputs[0].stream
    bits = options.get("b")
    if isinstance(bits, int) and bits:
        return bits / 8 * _length(stream) * 2
    if isinstance(stream, VideoStream):
        # 0.1 bit a pixel is what x264 at CRF 23 seldom exceeds.
        return _picture_units(node.outputs[0]) * 1e6 * 0.1 / 8 * 2
    if isinstance(stream, AudioStream):
        return 192_000 / 8 * _length(stream) * 2
    return 0.0
