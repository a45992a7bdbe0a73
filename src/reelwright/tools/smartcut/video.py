"""The video of a smart cut: encoded head, copied packets, encoded tail, in decoding order."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from reelwright.tools.smartcut.codecs import REORDERING, Grammar
from reelwright.tools.smartcut.edges import Coded, EdgeEncoder, Stretch, encode_stretch
from reelwright.tools.smartcut.job import CannotCut, Job, Span
from reelwright.tools.smartcut.points import (
    REORDER_PACKETS,
    Points,
)
from reelwright.tools.smartcut.samples import BESIDE_SEAM, References

# Packets past the end that are looked at for frames that belong before it.
_LOOK_PAST = 512


@dataclass(slots=True)
class Track:
    """What was cut: all presentation times, and what the checks need."""

    times: array[int] = field(default_factory=lambda: array("q"))
    head: int = 0
    tail: int = 0
    copied: int = 0
    last_key: int | None = None
    references: References = field(default_factory=References)


class VideoCut:
    """Cuts stream `index`. The encoder opens first: the output's header needs its parameters."""

    def __init__(self, job: Job, index: int, span: Span, points: Points, grammar: Grammar) -> None:
        self.job, self.index, self.span, self.points = job, index, span, points
        self.source = job.source()
        self.grammar = grammar
        self.track = Track()
        self.reorders = True

    def prepare(self) -> None:
        """Puts the edge encoder's parameters into the grammar, whether or not a tail is needed."""
        with self.source.stream(self.index) as (_, stream):
            self.reorders = stream.codec_context.codec.canonical_name in REORDERING
            try:
                self.grammar.more = self._encoder(stream).open()
            except CannotCut:
                # Only where an edge is certain; the tail asks again when it turns out to be needed.
                if self.points.head:
                    raise

    def _encoder(self, stream: Any) -> EdgeEncoder:
        return EdgeEncoder(stream, self.grammar, self.job.threads)

    def packets(self) -> Iterator[Coded]:
        """Everything, in decoding order; times are the source's."""
        if self.points.head:
            yield from self._head()
        window = _Window(self.span, self.reorders)
        for packet in window.closed(self._from_entry()):
            yield self._copied(packet)
        if window.rest:
            yield from self._tail(window)

    def _from_entry(self) -> Iterator[Any]:
        """From the entry on, without the pictures that lead it: those are in the head."""
        entry = self.points.entry
        begun = False
        for packet in self.source.packets(self.index, entry.pts):
            begun = begun or (packet.pts == entry.pts and packet.is_keyframe)
            if begun and packet.pts >= entry.pts:
                yield packet

    def _copied(self, packet: Any) -> Coded:
        track = self.track
        data = packet
        if packet.is_keyframe:
            raw = bytes(packet)
            first = not track.copied and bool(track.head)
            changed = self.grammar.first(raw) if first else self.grammar.key(raw)
            data = packet if changed == raw else changed
            track.last_key = packet.pts
        track.copied += 1
        track.times.append(packet.pts)
        return Coded(data, packet.pts, packet.dts, packet.duration or 0, packet.is_keyframe)

    def _head(self) -> Iterator[Coded]:
        points = self.points
        assert points.key is not None
        # With the same delay as what follows, decoding times keep rising across the seam.
        delay = points.entry.pts - points.entry.dts
        stretch = Stretch(points.key, points.head, tuple(self._after_entry()))
        ends = dict(zip(points.head, [*points.head[1:], points.entry.pts], strict=True))
        self.track.head = len(points.head)
        yield from self._encoded(stretch, delay, ends)

    def _after_entry(self) -> list[int]:
        """The first copied frames in presentation order."""
        first = islice(self._from_entry(), BESIDE_SEAM + REORDER_PACKETS)
        times = [packet.pts for packet in first]
        return [t for t in sorted(times)[:BESIDE_SEAM] if self.span.holds(t)]

    def _tail(self, window: _Window) -> Iterator[Coded]:
        track = self.track
        if track.last_key is None:
            raise CannotCut("no random-access point lies in the range")
        wanted = window.rest
        newest = max(track.times[-BESIDE_SEAM - REORDER_PACKETS :])
        # At the last copied packet dts is at most this far behind what has been shown by then.
        delay = newest - window.last_dts
        copied = sorted(track.times[-BESIDE_SEAM - REORDER_PACKETS :])[-BESIDE_SEAM:]
        near = tuple(t for t in copied if t >= track.last_key)
        stretch = Stretch(track.last_key, wanted, near)
        end = self.span.end if self.span.end is not None else window.end
        ends = dict(zip(wanted, [*wanted[1:], end], strict=True))
        track.tail = len(wanted)
        yield from self._encoded(stretch, delay, ends)

    def _encoded(self, stretch: Stretch, delay: int, ends: dict[int, int]) -> Iterator[Coded]:
        with self.source.stream(self.index) as (_, stream):
            encoder = self._encoder(stream)
            if encoder.open() != self.grammar.more:
                raise CannotCut("the edge encoder changed its parameters")
            references = self.track.references
            done = encode_stretch(self.source, self.index, encoder, stretch, references)
            for data, pts, is_key in done:
                self.track.times.append(pts)
                yield Coded(data, pts, pts - delay, ends[pts] - pts, is_key)


class _Window:
    """Lets packets through while they belong to the range, and stops where, in decoding order, all
    that has gone by is also all that is shown before the rest: `rest` must then be encoded."""

    def __init__(self, span: Span, reorders: bool) -> None:
        self._span = span
        self._size = REORDER_PACKETS if reorders else 1
        self._held: deque[Any] = deque()
        self._newest: int | None = None
        self.rest: tuple[int, ...] = ()
        self.last_dts = 0
        self.end = 0

    def closed(self, packets: Iterator[Any]) -> Iterator[Any]:
        complete = True
        for packet in packets:
            self._held.append(packet)
            if not self._is_wanted(packet):
                complete = False
                break
            if len(self._held) > self._size:
                yield self._passed(self._held.popleft())
        if not complete:
            self._look_past(packets)
        yield from self._last()

    def _is_wanted(self, packet: Any) -> bool:
        return self._span.holds(packet.pts) and not packet.is_discard

    def _passed(self, packet: Any) -> Any:
        self._newest = packet.pts if self._newest is None else max(self._newest, packet.pts)
        self.last_dts = packet.dts
        return packet

    def _look_past(self, packets: Iterator[Any]) -> None:
        """Frames before the end may still come: until decoding times are past it."""
        for count, packet in enumerate(packets):
            if self._span.is_past(packet.dts):
                return
            self._held.append(packet)
            if count > _LOOK_PAST and any(map(self._is_wanted, [packet])):
                raise CannotCut("the file's edit list or its timestamps are not in one piece")
            if count > _LOOK_PAST and self._span.end is None:
                return

    def _last(self) -> Iterator[Any]:
        held = list(self._held)
        count = self._closed_count(held)
        ends = [p.pts + (p.duration or 0) for p in held if self._is_wanted(p)]
        self.end = max(ends, default=0)
        self.rest = tuple(sorted(p.pts for p in held[count:] if self._is_wanted(p)))
        for packet in held[:count]:
            yield self._passed(packet)

    def _closed_count(self, held: list[Any]) -> int:
        """How many of the held packets may go: the most for which nothing shown earlier remains."""
        good = next((i for i, p in enumerate(held) if not self._is_wanted(p)), len(held))
        for count in range(good, -1, -1):
            times = [p.pts for p in held[:count]]
            before = [] if self._newest is None else [self._newest]
            shown = max([*times, *before], default=None)
            rest = [p.pts for p in held[count:] if self._is_wanted(p)]
            if shown is None or all(pts > shown for pts in rest):
                return count
        raise CannotCut("the range ends where frames are shown in another order than stored")
