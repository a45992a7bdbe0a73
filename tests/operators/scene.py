"""A stage for one operator: real files, its facts by the real probe, its graph run by real ffmpeg.

The graph is written as one plain filter graph, without any of the planner's choices: what an
operator promises has to hold however its graph is run.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from reelwright.graph.actions import Cut, Demux, Filter, Still, Tap, Turn
from reelwright.graph.builder import Builder, Unknown
from reelwright.graph.dag import Edge, Node, Pad
from reelwright.graph.operator import Bundle, Fan, Operator, Strand
from reelwright.media.info import MediaInfo
from reelwright.media.streams import Stream, StreamKind, VideoStream
from reelwright.media.time import seconds_text
from reelwright.operators import REGISTRY
from reelwright.tools.binaries import find_tools
from reelwright.tools.probe import probe

TURNS = {90: "transpose=clock", 180: "hflip,vflip", 270: "transpose=cclock"}


def facts(path: Path) -> MediaInfo:
    return asyncio.run(probe(path, find_tools()))


def make(ffmpeg: Path, path: Path, *args: str) -> Path:
    """A small file from ffmpeg's own sources."""
    subprocess.run([ffmpeg, "-v", "error", "-y", *args, path], check=True)
    return path


def given(op: str, **params: Any) -> Any:
    """Parameters as a spec would give them."""
    return REGISTRY.get(op).params.model_validate(params)


def streams(*kinds: Stream) -> Bundle:
    """A bundle of streams that come from nowhere: facts alone."""
    return Bundle(tuple(Strand(Pad("file", i), s, True) for i, s in enumerate(kinds)))


def infer(
    op: str, *kinds: Stream, results: Mapping[str, Any] | None = None, **params: Any
) -> Bundle:
    return REGISTRY.get(op).infer(given(op, **params), {"input": (streams(*kinds),)}, results)


def video_of(bundle: Bundle) -> VideoStream:
    assert bundle.video is not None
    assert isinstance(bundle.video.stream, VideoStream)
    return bundle.video.stream


def numbers(ffmpeg: Path, path: Path) -> list[int]:
    """The numbers of the frames of `path`, of pictures whose luma is 16 + 2.9 times the number: far
    enough apart to survive JPEG and a way through RGB."""
    command: list[str | Path] = [
        ffmpeg,
        "-v",
        "error",
        "-i",
        path,
        "-vf",
        "scale=out_range=tv,format=yuv420p,crop=16:16",
    ]
    raw = ["-fps_mode", "passthrough", "-f", "rawvideo", "-"]
    frames = subprocess.run([*command, *raw], check=True, capture_output=True).stdout
    return [number_of(sum(frames[i : i + 256]) / 256) for i in range(0, len(frames), 384)]


def number_of(luma: float) -> int:
    # swscale rounds down on the way to RGB: a level is lost, none is won.
    return round((luma - 15.5) / 2.9)


@dataclass
class Scene:
    """Operations on one file, one after another."""

    ffmpeg: Path
    path: Path
    nodes: dict[str, Node] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.media = facts(self.path)
        edges = tuple(Edge(s, True) for s in self.media.streams)
        self.nodes["file"] = Node("file", Demux("file"), (), edges)
        self.bundle = Bundle(
            tuple(Strand(Pad("file", i), e.stream, True) for i, e in enumerate(edges))
        )

    def lanes(self, op: str, **params: Any) -> tuple[Bundle, ...]:
        """Runs what the operation waits for until it is there."""
        operator: Operator = REGISTRY.get(op)
        while True:
            nodes = dict(self.nodes)
            build = Builder(op, nodes, self.results, operator=op)
            try:
                made = operator.build(given(op, **params), {"input": (self.bundle,)}, build)
            except Unknown as unknown:
                self.results[unknown.node] = self.analyse(nodes, unknown.node)
                continue
            self.nodes = nodes
            return made.lanes if isinstance(made, Fan) else (made,)

    def run(self, op: str, **params: Any) -> Bundle:
        (self.bundle,) = self.lanes(op, **params)
        return self.bundle

    def analyse(self, nodes: Mapping[str, Node], name: str) -> dict[str, Any]:
        node = nodes[name]
        assert isinstance(node.action, Tap)
        operator, _, analyser = node.action.analyser.partition(":")
        stream = nodes[node.inputs[0].node].outputs[node.inputs[0].index].stream
        eater = REGISTRY.get(operator).analyser(analyser, dict(node.action.params), stream)
        graph = self._graph(nodes, [node.inputs[0]])
        raw = ["-f", "rawvideo", "-pix_fmt", node.action.raw, "-fps_mode", "passthrough", "-"]
        command: list[str | Path] = [
            self.ffmpeg,
            "-v",
            "error",
            "-i",
            self.path,
            "-filter_complex",
            graph,
        ]
        with subprocess.Popen(
            [*command, "-map", "[out0]", *raw], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            while frame := process.stdout.read(eater.frame_bytes * 8):
                eater.feed(memoryview(frame))
        return eater.finish()

    def render(self, out: Path, *args: str, bundle: Bundle | None = None) -> MediaInfo:
        """Writes the video and audio of `bundle` and probes what came out."""
        strands = [
            s for s in bundle or self.bundle if s.kind in (StreamKind.VIDEO, StreamKind.AUDIO)
        ]
        self._ffmpeg(strands, [*args, str(out)])
        return facts(out)

    def pictures(self, folder: Path) -> list[Path]:
        """The still strand of the bundle as numbered files."""
        folder.mkdir(exist_ok=True)
        self.stills(folder / "%03d.png")
        return sorted(folder.iterdir())

    def stills(self, out: Path) -> Path:
        """The still strand of the bundle as the frames of one file, or as pictures."""
        assert self.bundle.video is not None
        codec = [] if out.suffix == ".png" else ["-c:v", "ffv1"]
        self._ffmpeg([self.bundle.video], ["-fps_mode", "passthrough", *codec, str(out)])
        return out

    def _ffmpeg(self, strands: Sequence[Strand], args: list[str]) -> None:
        graph = self._graph(self.nodes, [s.pad for s in strands])
        maps = [a for i in range(len(strands)) for a in ("-map", f"[out{i}]")]
        command: list[str | Path] = [
            self.ffmpeg,
            "-v",
            "error",
            "-y",
            "-i",
            self.path,
            "-filter_complex",
            graph,
        ]
        subprocess.run([*command, *maps, *args], check=True)

    def _graph(self, nodes: Mapping[str, Node], pads: Sequence[Pad]) -> str:
        chains: list[str] = []
        for number, pad in enumerate(pads):
            label = _lowered(nodes, pad, chains)
            kind = nodes[pad.node].outputs[pad.index].kind
            chains.append(f"{label}{'anull' if kind is StreamKind.AUDIO else 'null'}[out{number}]")
        return ";".join(chains)


def _lowered(nodes: Mapping[str, Node], pad: Pad, chains: list[str]) -> str:
    node = nodes[pad.node]
    if isinstance(node.action, Demux):
        return f"[0:{pad.index}]"
    inputs = [_lowered(nodes, p, chains) for p in node.inputs]
    label = f"[l{len(chains)}]"
    chains.append(f"{''.join(inputs)}{_filter(nodes, node)}{label}")
    return label


def _filter(nodes: Mapping[str, Node], node: Node) -> str:
    action = node.action
    if isinstance(action, Filter):
        pairs = ":".join(f"{k}={_value(v)}" for k, v in action.args)
        return f"{action.name}={pairs}" if pairs else action.name
    if isinstance(action, Turn):
        return TURNS[action.degrees]
    if isinstance(action, Cut):
        prefix = "a" if node.outputs[0].kind is StreamKind.AUDIO else ""
        end = "" if action.range.end is None else f":end={seconds_text(action.range.end)}"
        start = seconds_text(action.range.start)
        return f"{prefix}trim=start={start}{end},{prefix}setpts=PTS-STARTPTS"
    assert isinstance(action, Still)
    return _select(nodes, node, action)


def _select(nodes: Mapping[str, Node], node: Node, still: Still) -> str:
    """At a constant rate a frame is its time; else the first frame after it stands in."""
    source = nodes[node.inputs[0].node].outputs[node.inputs[0].index].stream
    assert isinstance(source, VideoStream)
    half = Fraction(1, 2) / source.frame_rate if source.frame_rate else Fraction(1, 1000)
    near = "+".join(
        f"gte(t,{seconds_text(t - half)})*(lt(prev_t,{seconds_text(t - half)})+isnan(prev_t))"
        for t in still.times
    )
    return f"select='{near}'"


def _value(value: object) -> str:
    return str(value)
