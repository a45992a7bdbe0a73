"""One step's nodes become one FFmpeg command: openings, filter graph, maps, encoders, muxers.

Nothing of the user's stands in the argv: inputs are links with generated names in the workspace,
demuxers are pinned, texts and fonts are files beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from reelwright.graph.actions import (
    Decode,
    Demux,
    Encode,
    Fetched,
    Filter,
    JoinCopy,
    Mux,
    Packets,
    Reopen,
    Still,
    Tap,
)
from reelwright.graph.dag import Edge, Graph, Node, Pad
from reelwright.media.demuxers import input_options
from reelwright.media.streams import StreamKind, VideoStream
from reelwright.media.time import TimeRange, seconds_text
from reelwright.planning.filter_graph import FilterText
from reelwright.planning.muxing import Mapped, mux_arguments, tee_arguments
from reelwright.planning.partition import Group
from reelwright.planning.plan import StepInput, StepTap

# An argument may be 128 KiB long on Linux (MAX_ARG_STRLEN); longer graphs go into a file.
_LONGEST_GRAPH = 60_000
# Raw audio formats that a tap may ask for; everything else is a pixel format.
_AUDIO_RAW = {"s16le": "pcm_s16le", "f32le": "pcm_f32le", "s32le": "pcm_s32le", "u8": "pcm_u8"}

Opening = tuple[str, TimeRange | None, int, bool, int | None]


@dataclass(slots=True)
class Command:
    """What `compose` found out about one command."""

    argv: tuple[str, ...] = ()
    inputs: tuple[StepInput, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    taps: tuple[StepTap, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)  # sink -> output name


@dataclass(slots=True)
class Composer:
    """Writes one command. `files` tells where a source node's file comes from."""

    graph: Graph
    group: Group
    files: Mapping[str, StepInput]
    max_pixels: int | None = None
    openings: dict[Opening, int] = field(default_factory=dict)
    inputs: dict[str, StepInput] = field(default_factory=dict)
    extra_texts: dict[str, str] = field(default_factory=dict)
    uses: dict[Pad, int] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def compose(self) -> Command:
        nodes = [self.graph[n] for n in self.group.nodes]
        self._count(nodes)
        for node in nodes:
            self._open_for(node)
        filters = FilterText(self.uses, self._label, instances=self._instances(nodes))
        for node in nodes:
            if isinstance(node.action, Filter | Still):
                filters.add(node, tuple(self._edge(p) for p in node.inputs))
        outputs = self._muxes(nodes, filters)
        taps, tap_arguments = self._taps(nodes, filters)
        graph_arguments = self._graph(filters)
        argv = ("ffmpeg", *_GLOBAL, *self._opened(), *graph_arguments, *outputs, *tap_arguments)
        return Command(
            argv,
            tuple(self.inputs.values()),
            filters.texts | self.extra_texts,
            dict(filters.links),
            tuple(taps),
            self.names,
        )

    def _edge(self, pad: Pad) -> Edge:
        return self.graph.edge(pad)

    def _count(self, nodes: list[Node]) -> None:
        for node in nodes:
            silent = isinstance(node.action, Tap) and node.action.source == "log"
            for pad in node.inputs:
                if silent or self._edge(pad).encoded:
                    continue
                self.uses[pad] = self.uses.get(pad, 0) + 1
        # A tap on the log needs its input to run, but takes it only where nobody else does.
        for node in nodes:
            if isinstance(node.action, Tap) and not self.uses.get(node.inputs[0]):
                self.uses[node.inputs[0]] = 1

    # Openings

    def _open_for(self, node: Node) -> None:
        match node.action:
            case Decode(window, frames, reading):
                self._open((node.inputs[0].node, window, reading, False, frames))
            case Packets(span, turned):
                self._open((node.inputs[0].node, span, 0, True, turned))
            case JoinCopy(files=count, lengths=lengths):
                self._open_list(node, count, lengths)
            case Mux() | Encode():
                for pad in node.inputs:
                    if isinstance(self.graph[pad.node].action, Demux | Fetched | Reopen):
                        self._open((pad.node, None, 0, False, None))

    def _open(self, opening: Opening) -> int:
        source = self.files[opening[0]]
        key = source.uri or f"{source.step}/{source.output}"
        if key not in self.inputs:
            self.inputs[key] = StepInput(
                name=f"in{len(self.inputs)}",
                uri=source.uri,
                sha256=source.sha256,
                step=source.step,
                output=source.output,
                demuxer=source.demuxer,
            )
        return self.openings.setdefault(opening, len(self.openings))

    def _open_list(self, node: Node, count: int, lengths: tuple[Fraction, ...]) -> None:
        """The files of a copied join, in an ffconcat list of our own making."""
        width = len(node.inputs) // count
        names = []
        for pad in node.inputs[::width]:
            source = self.files[pad.node]
            key = source.uri or f"{source.step}/{source.output}"
            self.inputs.setdefault(
                key,
                StepInput(
                    name=f"in{len(self.inputs)}",
                    uri=source.uri,
                    sha256=source.sha256,
                    step=source.step,
                    output=source.output,
                    demuxer=source.demuxer,
                ),
            )
            names.append(self.inputs[key].name)
        listing = f"list{len(self.openings)}.ffconcat"
        lines = "".join(f"file {name}\n" for name in names)
        if lengths:
            timed = zip(names, lengths, strict=True)
            lines = "".join(f"file {n}\nduration {seconds_text(t)}\n" for n, t in timed)
        self.extra_texts[listing] = f"ffconcat version 1.0\n{lines}"
        self.openings[(node.id, None, 0, True, None)] = len(self.openings)

    def _opened(self) -> list[str]:
        found: list[str] = []
        for opening in self.openings:
            found += self._input(opening)
        return found

    def _input(self, opening: Opening) -> list[str]:
        name, window, _, packets, extra = opening
        node = self.graph[name]
        if isinstance(node.action, JoinCopy):
            return self._list_input(opening, node)
        source = self.files[name]
        linked = self.inputs[source.uri or f"{source.step}/{source.output}"]
        options: list[str] = []
        if window is not None and window.start > 0:
            if not packets and extra is not None:
                # One frame: the one on screen then, which may start long before.
                options.append("-noaccurate_seek")
            options += ["-ss", seconds_text(window.start)]
        if window is not None and window.end is not None:
            # Decoding stops a second later than needed: trim does the exact work.
            more = 0 if packets else 1
            options += ["-t", seconds_text(window.end - window.start + more)]
        if not packets:
            options += _decoders(node)
        if not packets and extra is not None:
            # One frame: frame threads would each decode another one that nobody wants.
            options += ["-threads", "1"]
        if packets and extra is not None:
            # FFmpeg's option counts counterclockwise.
            options += ["-display_rotation:v:0", str((360 - extra) % 360)]
        if source.demuxer:
            # Where no picture is decoded FFmpeg would complain that the option is not used.
            limit = self.max_pixels if self._shows(opening) else None
            options += input_options(source.demuxer, max_pixels=limit)
        return [*options, "-i", linked.name]

    def _shows(self, opening: Opening) -> bool:
        """Whether pictures are decoded from it. Its header was looked at when it was probed; a
        stream may grow in its middle."""
        for name in self.group.nodes:
            node = self.graph[name]
            if isinstance(node.action, Decode):
                window, frames, reading = (
                    node.action.window,
                    node.action.frames,
                    node.action.reading,
                )
                made_for = (node.inputs[0].node, window, reading, False, frames)
                if made_for == opening and self._edge(node.inputs[0]).kind is StreamKind.VIDEO:
                    return True
        return False

    def _list_input(self, opening: Opening, node: Node) -> list[str]:
        assert isinstance(node.action, JoinCopy)
        width = len(node.inputs) // node.action.files
        demuxers = {self.files[p.node].demuxer for p in node.inputs[::width]}
        allowed = ",".join(["concat", *sorted(d for d in demuxers if d)])
        listing = f"list{self.openings[opening]}.ffconcat"
        pinned = ("-protocol_whitelist", "file,pipe", "-format_whitelist", allowed)
        return [*pinned, "-f", "concat", "-safe", "1", "-i", listing]

    def _label(self, pad: Pad) -> str | None:
        """``0:1``: opening and stream of a decode or of copied packets."""
        node = self.graph[pad.node]
        match node.action:
            case Decode(window, frames, reading):
                opening = (node.inputs[0].node, window, reading, False, frames)
                return f"{self.openings[opening]}:{self._stream(node.inputs[0])}"
            case Packets(span, turned):
                opening = (node.inputs[0].node, span, 0, True, turned)
                return f"{self.openings[opening]}:{self._stream(node.inputs[0])}"
            case JoinCopy():
                opening = (node.id, None, 0, True, None)
                return f"{self.openings[opening]}:{self._stream(pad)}"
            case Demux() | Fetched() | Reopen():
                return f"{self.openings[(pad.node, None, 0, False, None)]}:{self._stream(pad)}"
        return None

    def _stream(self, pad: Pad) -> int:
        index = self._edge(pad).stream.index
        return pad.index if index is None else index

    # Outputs

    def _mapped(self, pad: Pad, filters: FilterText) -> Mapped:
        """What an output maps for an encoded pad."""
        node = self.graph[pad.node]
        edge = self._edge(pad)
        if not isinstance(node.action, Encode):
            label = self._label(pad)
            assert label is not None
            joined = isinstance(node.action, JoinCopy) and node.action.lengths
            begins = (edge.stream.start or Fraction(0)) if joined else None
            return Mapped(label, None, edge.stream, pad, begins)
        source = node.inputs[0]
        label = self._label(source)
        raw = self._edge(source)
        if label is None or (not raw.encoded and self.uses.get(source, 0) > 1):
            label = f"[{filters.take(source, raw)}]"
        return Mapped(label, node.action, edge.stream, pad)

    def _muxes(self, nodes: list[Node], filters: FilterText) -> list[str]:
        muxes = [n for n in nodes if isinstance(n.action, Mux)]
        shared = _shared_encodes(muxes, self.graph)
        found: list[str] = []
        together = [m for m in muxes if any(p in shared for p in m.inputs)]
        for number, node in enumerate(muxes):
            assert isinstance(node.action, Mux)
            self.names[node.id] = _file_name(number, node.action)
        if together:
            # The tee muxer keeps the order of the maps: video first, as each file has it.
            order = list(StreamKind)
            found_pads = dict.fromkeys(p for m in together for p in m.inputs)
            pads = sorted(found_pads, key=lambda p: order.index(self._edge(p).kind))
            mapped = [self._mapped(p, filters) for p in pads]
            found += tee_arguments(mapped, [(m, self.names[m.id]) for m in together])
        for node in muxes:
            if node in together:
                continue
            mapped = [self._mapped(p, filters) for p in node.inputs]
            found += mux_arguments(mapped, node, self.names[node.id])
        return found

    def _instances(self, nodes: list[Node]) -> dict[str, str]:
        """Filters whose lines in the log are read get a name of their own there."""
        found: dict[str, str] = {}
        for node in nodes:
            if isinstance(node.action, Tap) and node.action.source == "log":
                read = self.graph[node.inputs[0].node]
                if isinstance(read.action, Filter):
                    found[read.id] = f"{read.action.name}@log{len(found)}"
        return found

    def _taps(self, nodes: list[Node], filters: FilterText) -> tuple[list[StepTap], list[str]]:
        taps: list[StepTap] = []
        arguments: list[str] = []
        instances = self._instances(nodes)
        others = {p for n in nodes if not isinstance(n.action, Tap) for p in n.inputs}
        for node in nodes:
            if not isinstance(node.action, Tap):
                continue
            tap, pad = node.action, node.inputs[0]
            pipe = f"tap{len(taps)}.raw"
            params: dict[str, Any] = dict(tap.params)
            if tap.source == "log":
                params["instance"] = instances.get(pad.node)
                if pad not in others:
                    arguments += ["-map", self._tapped(pad, filters), "-f", "null", "-"]
            else:
                mapped = ["-map", self._tapped(pad, filters)]
                arguments += [*mapped, *_raw_format(tap.raw), f"file:{pipe}"]
            output = f"tap{len(taps)}.json"
            stream = self._edge(pad).stream
            self.names[node.id] = output
            taps.append(
                StepTap(
                    node=node.id,
                    analyser=tap.analyser,
                    params=params,
                    pipe=pipe,
                    output=output,
                    source=tap.source,
                    stream=stream,
                    pack=f"tap{len(taps)}.{tap.pack}" if tap.pack else None,
                )
            )
        return taps, arguments

    def _tapped(self, pad: Pad, filters: FilterText) -> str:
        label = self._label(pad)
        if label is None or self.uses.get(pad, 0) > 1:
            return f"[{filters.take(pad, self._edge(pad))}]"
        return label

    def _graph(self, filters: FilterText) -> list[str]:
        text = filters.text()
        if not text:
            return []
        if len(text) < _LONGEST_GRAPH:
            return ["-filter_complex", text]
        self.extra_texts["graph.txt"] = text
        return ["-/filter_complex", "graph.txt"]


def _decoders(node: Node) -> list[str]:
    """FFmpeg's own decoders of VP8 and VP9 drop the alpha that lies beside the stream."""
    found: list[str] = []
    for edge in node.outputs:
        stream, name = edge.stream, _ALPHA_DECODERS.get(edge.stream.codec or "")
        if name and isinstance(stream, VideoStream) and stream.has_alpha:
            found += [f"-c:{stream.index}", name]
    return found


_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}

# `-nostdin`: FFmpeg would read our terminal. Level prefixes let failures be told from warnings.
_GLOBAL = (
    *("-nostdin", "-hide_banner", "-loglevel", "level+info", "-nostats"),
    *("-progress", "pipe:1", "-stats_period", "0.5", "-y"),
)


def _raw_format(raw: str) -> list[str]:
    if raw in _AUDIO_RAW:
        return ["-c:a", _AUDIO_RAW[raw], "-f", raw]
    return ["-c:v", "rawvideo", "-pix_fmt", raw, "-fps_mode", "passthrough", "-f", "rawvideo"]


def _shared_encodes(muxes: list[Node], graph: Graph) -> set[Pad]:
    """Encoded pads that several files hold. They are written by the tee muxer, which cannot give
    its files different metadata: then each encodes for itself."""
    users: dict[Pad, list[Node]] = {}
    for mux in muxes:
        for pad in mux.inputs:
            if isinstance(graph[pad.node].action, Encode):
                users.setdefault(pad, []).append(mux)
    shared = {p: m for p, m in users.items() if len(m) > 1}
    return {p for p, ms in shared.items() if len({_metadata(m) for m in ms}) == 1}


def _metadata(node: Node) -> object:
    return node.action.metadata if isinstance(node.action, Mux) else None


def _file_name(number: int, mux: Mux) -> str:
    ending = {"matroska": "mkv", "mpegts": "ts", "ipod": "m4a", "image2": "img"}.get(
        mux.container, mux.container
    )
    if mux.stills is not None:
        ending = {"jpeg": "jpg"}.get(mux.name, mux.name)
        return f"out{number}-%06d.{ending}"
    return f"out{number}.{ending}"
