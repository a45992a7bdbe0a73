"""What an operator is handed to add nodes to the media graph."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from reelwright.analysis.stills import on_frames
from reelwright.graph.actions import (
    Action,
    Asset,
    Cut,
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
    Value,
    Write,
)
from reelwright.graph.dag import Edge, Node, Pad
from reelwright.graph.operator import Bundle, Inputs, Strand, as_raw
from reelwright.media.info import MediaInfo
from reelwright.media.streams import DataStream, Stream, StreamKind, VideoStream
from reelwright.media.time import TimeRange

# How the forms of texts are called as codecs.
_FORMS = {"vtt": "webvtt", "srt": "subrip", "json": "json", "txt": "text"}


class Unknown(Exception):  # noqa: N818 - not an error: it says what the graph waits for
    """The graph cannot be built before the result of node `node` is there."""

    def __init__(self, node: str) -> None:
        super().__init__(node)
        self.node = node


class Builder:
    """Adds nodes named ``<operation>/<what>`` in the order of the calls: names are stable from one
    planning to the next, so results can be found by them."""

    def __init__(
        self,
        operation: str,
        nodes: dict[str, Node],
        results: Mapping[str, Any],
        *,
        operator: str = "",
        lane: int | None = None,
        awaited: set[str] | None = None,
        marks: dict[str, frozenset[str]] | None = None,
    ) -> None:
        self.operation = operation
        self.operator = operator or operation
        self._prefix = operation if lane is None else f"{operation}[{lane}]"
        self._nodes = nodes
        self._results = results
        self._awaited = awaited if awaited is not None else set()
        self.warnings: list[str] = []
        self._marks = marks if marks is not None else {}
        self.brought: list[Strand] = []  # files as a fetch gets them, whatever is in them

    @classmethod
    def scratch(cls, name: str, inputs: Inputs, results: Mapping[str, Any]) -> Builder:
        """A builder whose nodes are thrown away; `inputs` may come from nowhere."""
        return cls(name, {}, results, operator=name)

    def filter(
        self,
        name: str,
        args: Mapping[str, Value] | Sequence[tuple[str, Value]],
        *strands: Strand,
        stream: Stream | None = None,
        because: str = "",
        cascade: bool = False,
    ) -> Strand:
        """One filter with one output. `stream` is what flows out (default: as the first input)."""
        pairs = tuple(args.items()) if isinstance(args, Mapping) else tuple(args)
        out = as_raw(stream if stream is not None else strands[0].stream)
        action = Filter(name, pairs, cascade)
        node = self._add(name, action, strands, (Edge(out, False),), because)
        return Strand(Pad(node.id), out, False)

    def source(
        self, name: str, args: Mapping[str, Value], stream: Stream, because: str = ""
    ) -> Strand:
        """A filter without inputs (``color``, ``anullsrc``)."""
        node = self._add(
            name, Filter(name, tuple(args.items())), (), (Edge(stream, False),), because
        )
        return Strand(Pad(node.id), stream, False)

    def cut(
        self, strand: Strand, span: TimeRange, *, exact: bool = True, mode: str = "auto"
    ) -> Strand:
        """`span` of a stream, in the times of its file from 0; the span's start becomes 0. Keeps
        the form. A stream that begins later than the span stays as much behind the others."""
        inside = covered(strand.stream, span)
        # From a keyframe on it is longer than was asked for, by how much is not known.
        known = inside.duration if exact or not span.start else None
        frames: dict[str, Any] = {}
        if isinstance(strand.stream, VideoStream):
            frames["frame_count"] = _frames(strand.stream, inside) if exact else None
        late = inside.start - span.start
        stream = replace(strand.stream, duration=known, start=late, **frames)
        edge = Edge(stream, strand.encoded)
        node = self._add("cut", Cut(span, exact, mode), (strand,), (edge,))
        return replace(strand, pad=Pad(node.id), stream=stream)

    def still(self, strand: Strand, times: Sequence[Fraction]) -> Strand:
        """The frames on screen at `times` (seconds, in the times of the file from 0), as pictures.
        What flows out is raw: one frame a picture, without duration or rate."""
        stream = strand.stream
        assert isinstance(stream, VideoStream)
        shots = as_raw(stills(stream, len(times)))
        rate = stream.frame_rate if stream.is_vfr is False else None
        if rate is not None:
            times = on_frames(times, rate, stream.frame_count, stream.start or Fraction(0))
        action = Still(tuple(times), rate)
        node = self._add("still", action, (strand,), (Edge(shots, False),))
        return Strand(Pad(node.id), shots, False)

    def turn(self, strand: Strand, degrees: int, *, lossless: str = "auto") -> Strand:
        """Clockwise by 90, 180 or 270 degrees; keeps the form."""
        video = strand.stream
        assert isinstance(video, VideoStream)
        if degrees % 180:
            video = replace(
                video,
                width_px=video.height_px,
                height_px=video.width_px,
                sar=1 / video.sar if video.sar else video.sar,
            )
        if strand.encoded and video.rotation_deg is not None:
            video = replace(video, rotation_deg=(video.rotation_deg + degrees) % 360)
        edge = Edge(video, strand.encoded)
        node = self._add("turn", Turn(degrees, lossless), (strand,), (edge,))
        return replace(strand, pad=Pad(node.id), stream=video)

    def join(
        self, segments: Sequence[Sequence[Strand]], streams: Sequence[Stream], *, encoded: bool
    ) -> tuple[Strand, ...]:
        """Segments one after another; each holds one strand per entry of `streams`, in that order.
        `encoded`: every strand is, so the join may become a copy of packets."""
        kinds = tuple(s.kind for s in streams)
        flat = tuple(strand for segment in segments for strand in segment)
        edges = tuple(Edge(s, encoded) for s in streams)
        node = self._add("join", Join(len(segments), kinds), flat, edges)
        return tuple(Strand(Pad(node.id, i), s, encoded) for i, s in enumerate(streams))

    def encode(
        self, strand: Strand, codec: str, options: Mapping[str, Value], stream: Stream
    ) -> Strand:
        """Fixed encoding that is part of the operation itself. `stream.codec` must be set."""
        node = self._add(
            "encode", Encode(codec, tuple(options.items())), (strand,), (Edge(stream, True),)
        )
        return Strand(Pad(node.id), stream, True)

    def tap(
        self,
        name: str,
        strand: Strand,
        *,
        raw: str,
        params: Mapping[str, Any] | None = None,
        operator: str | None = None,
        source: str = "frames",
        pack: str | None = None,
    ) -> Strand:
        """Feeds `strand` to the analyser `name` of this operator; gives its result as JSON data.
        `pack` names the file that the analyser leaves beside it: see `beside`."""
        analyser = f"{operator or self.operator}:{name}"
        data = DataStream(codec="json")
        action = Tap(analyser, raw, tuple(sorted((params or {}).items())), source, pack)
        node = self._add(name, action, (strand,), (Edge(data, True), *_files((pack,))))
        return Strand(Pad(node.id), data, True, label=name)

    def task(
        self,
        name: str,
        *strands: Strand,
        params: Mapping[str, Any] | None = None,
        model: str | None = None,
        files: Sequence[str] = (),
        label: str | None = None,
        cpu_seconds: float = 1.0,
        memory_bytes: int = 200 << 20,
        because: str = "",
    ) -> Strand:
        """A step of our own (`actions.Task`) on results, packs and whole input files; gives its
        result as JSON data. `label`: what the node and the strand are called."""
        data = DataStream(codec="json")
        action = Task(name, _json(params or {}), model, tuple(files), cpu_seconds, memory_bytes)
        edges = (Edge(data, True), *_files(files))
        node = self._add(label or name.rpartition(".")[2], action, strands, edges, because)
        return Strand(Pad(node.id), data, True, label=label)

    def beside(self, result: Strand, number: int = 1, label: str | None = None) -> Strand:
        """A file that the tap or task behind `result` leaves beside it, counted from 1."""
        pad = Pad(result.pad.node, number)
        stream = self._nodes[pad.node].outputs[number].stream
        return Strand(pad, stream, True, label=label)

    def sources_of(self, strand: Strand) -> tuple[str, ...]:
        """The files that `strand` comes from: names of inputs (``clips[2]``: of a glob), or
        ``fetch:NODE`` where a fetch brings it."""
        from reelwright.graph.actions import Demux, Fetched

        found: dict[str, None] = {}
        stack, seen = [strand.pad.node], set[str]()
        while stack:
            name = stack.pop()
            if name in seen or name not in self._nodes:
                continue
            seen.add(name)
            node = self._nodes[name]
            if isinstance(node.action, Demux):
                found[node.action.input] = None
            elif isinstance(node.action, Fetched) and self._is_fetch(node.action.fetch):
                found[f"fetch:{node.inputs[0].node}"] = None
            else:
                stack += [pad.node for pad in node.inputs]
        return tuple(found)

    def _is_fetch(self, node: str) -> bool:
        """It brings a file; else it is a task, which made one."""
        return isinstance(self._nodes[node].action, Fetch)

    def asked_of(self, result: Strand) -> dict[str, Any]:
        """What the analyser behind `result`, a strand of `tap`, was asked."""
        action = self._nodes[result.pad.node].action
        assert isinstance(action, Tap)
        return dict(action.params)

    def index(self, options: Mapping[str, Any], *results: Strand) -> None:
        """Puts what taps and tasks found into the search index."""
        self._add("index", Index(_json(options)), results, ())

    def fetch(
        self,
        url: str,
        options: Mapping[str, Any],
        *,
        session: Mapping[str, Any] | None = None,
        part: str = "video",
        codec: str = "json",
        label: str = "fetch",
    ) -> Strand:
        """`part` of what is at `url` (see `actions.Fetch`), a file of the form `codec`. It may be
        given out as it is, and kept before anybody knows what is in it."""
        data = DataStream(codec=codec)
        action = Fetch(url, _frozen(options), part, _frozen(session or {}))
        node = self._add(label, action, (), (Edge(data, True),))
        strand = Strand(Pad(node.id), data, True, label=label)
        self.brought.append(strand)
        return strand

    def part_of(self, fetched: Strand) -> str:
        """Which part of what is at its address `fetched`, a strand of `fetch`, is."""
        action = self._nodes[fetched.pad.node].action
        assert isinstance(action, Fetch)
        return action.part

    def keep(self, options: Mapping[str, Any], *brought: Strand) -> None:
        """Puts what fetches bring into the library."""
        self._add("keep", Keep(_frozen(options)), brought, ())

    def fetched(self, fetch: Strand, info: MediaInfo) -> Bundle:
        """The streams of what `fetch` brought, or of the media file that a task left (`beside`):
        the result of either has its `info` under ``media``."""
        from reelwright.graph.actions import Fetched

        edges = tuple(Edge(s, True) for s in info.opened)
        node = self._add("file", Fetched(fetch.pad.node), (fetch,), edges)
        return Bundle(tuple(Strand(Pad(node.id, i), s, True) for i, s in enumerate(info.opened)))

    def write(self, text: str, suffix: str, label: str, *about: Strand) -> Strand:
        """A text known at planning (``.vtt``, ``.json``); `about`: whose files it names."""
        data = DataStream(codec=_FORMS.get(suffix[1:], "text"))
        node = self._add(label, Write(text, suffix), about, (Edge(data, True),))
        return Strand(Pad(node.id), data, True, label=label)

    def late(self, measured: Strand, key: str) -> Late:
        """A number that the analyser behind `measured` will give, for a filter argument."""
        return Late(measured.pad.node, key)

    def result(self, strand: Strand) -> Any:
        """The result of a tap or fetch. Raises Unknown until it is there."""
        self._awaited.add(strand.pad.node)
        if strand.pad.node not in self._results:
            raise Unknown(strand.pad.node)
        return self._results[strand.pad.node]

    def warn(self, text: str) -> None:
        """Something that a person should know although the operation works."""
        self.warnings.append(text)

    def font(self, path: str | None = None) -> Asset:
        """The bundled font, or the user's."""
        return Asset(path or "@font/DejaVuSans.ttf")

    def _add(
        self,
        what: str,
        action: Action,
        strands: Sequence[Strand],
        outputs: tuple[Edge, ...],
        because: str = "",
    ) -> Node:
        base = f"{self._prefix}/{what}"
        name, n = base, 2
        while name in self._nodes:
            name, n = f"{base}.{n}", n + 1
        node = Node(
            name,
            action,
            tuple(s.pad for s in strands),
            outputs,
            self.operation,
            (because,) if because else (),
        )
        self._nodes[name] = node
        if self._awaited:
            self._marks[name] = frozenset(self._awaited)
        return node


def _files(names: Sequence[str | None]) -> tuple[Edge, ...]:
    """Edges of the files that stand beside a result; their form is their ending."""
    endings = (name.rpartition(".")[2] for name in names if name is not None)
    return tuple(Edge(DataStream(codec=_FORMS.get(e, e)), True) for e in endings)


def _json(value: Mapping[str, Any]) -> str:
    """One text for one meaning; times (`Fraction`) are texts in it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def _frozen(value: Any) -> Any:
    """JSON that can be compared and hashed by what it says."""
    if isinstance(value, Mapping):
        return tuple(sorted((name, _frozen(one)) for name, one in value.items()))
    if isinstance(value, list | tuple):
        return tuple(_frozen(one) for one in value)
    return value


def stills(video: VideoStream, count: int | None) -> VideoStream:
    """`count` pictures taken from `video` (None: how many is not known)."""
    return replace(
        video,
        is_still=True,
        frame_count=count,
        frame_rate=None,
        is_vfr=None,
        duration=None,
        start=None,
        time_base=None,
    )


def covered(stream: Stream, span: TimeRange) -> TimeRange:
    """The part of `span` in which `stream` has anything; empty where it has nothing."""
    begins = stream.start or Fraction(0)
    ends = None if stream.duration is None else begins + stream.duration
    return TimeRange(max(span.start, begins), span.clamp(ends).end)


def _frames(video: VideoStream, span: TimeRange) -> int | None:
    """Frames whose time lies in the half-open span, of a constant rate; None: not known.

    Where the frames of the whole are not counted, a rate and a duration do not tell: there may be
    gaps beyond what probing looked at.
    """
    from reelwright.media.time import frame_at

    if span.end is None or not video.frame_rate or video.is_vfr is not False:
        return None
    if video.frame_count is None:
        return None
    begins = video.start or Fraction(0)
    last = min(frame_at(span.end - begins, video.frame_rate), video.frame_count)
    return max(0, last - frame_at(span.start - begins, video.frame_rate))


__all__ = ["Builder", "StreamKind", "Unknown"]
