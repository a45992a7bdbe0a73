"""Where copying may begin, found by seeking and reading packets, never by decoding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from reelwright.tools.smartcut.codecs import Grammar
from reelwright.tools.smartcut.job import CannotCut, Job, Span
from reelwright.tools.smartcut.source import Source

# H.264 and HEVC may hold back at most 16 pictures, fields of which each may be a packet.
REORDER_PACKETS = 34


@dataclass(frozen=True, slots=True)
class Entry:
    """A keyframe at which copying may begin."""

    pts: int
    dts: int


@dataclass(frozen=True, slots=True)
class Points:
    """`key`: decode from this keyframe; `head`: times of the frames before `entry` that are wanted.

    None for `key`: the file begins after the wanted time, or right at `entry`.
    """

    key: int | None
    entry: Entry
    head: tuple[int, ...]


def origin_of(container: Any, job: Job) -> Fraction:
    """The first timestamp of the file, exact; the demuxer's own is rounded to a microsecond."""
    if job.origin is not None:
        return job.origin
    rounded = Fraction(container.start_time or 0, 1_000_000)
    exact = (s.start_time * s.time_base for s in container.streams if s.start_time is not None)
    near = [time for time in exact if abs(time - rounded) <= Fraction(1, 1_000_000)]
    return min(near, default=rounded)


def find_points(source: Source, index: int, span: Span, grammar: Grammar) -> Points:
    """Raises CannotCut where no packet of the range can be copied."""
    key: int | None = None
    times: list[int] = []
    packets = source.packets(index, span.start)
    for packet in packets:
        if packet.is_keyframe and packet.pts <= span.start:
            key, times = packet.pts, []
        if span.is_past(packet.dts):
            break
        times += [] if packet.is_discard else [packet.pts]
        if _may_begin(packet, span, grammar):
            entry = Entry(packet.pts, packet.dts)
            times += _leading(packets, entry)
            head = sorted(t for t in times if span.start <= t < entry.pts)
            # Without a keyframe before it, what is shown before the entry cannot be decoded.
            return Points(key, entry, tuple(head) if key is not None else ())
    raise CannotCut("no random-access point lies in the range")


def _may_begin(packet: Any, span: Span, grammar: Grammar) -> bool:
    if not packet.is_keyframe or packet.is_discard or not span.holds(packet.pts):
        return False
    return grammar.is_entry(bytes(packet))


def _leading(packets: Iterator[Any], entry: Entry) -> list[int]:
    """Times of the pictures that are stored after the entry and shown before it."""
    times = []
    for packet, _ in zip(packets, range(REORDER_PACKETS), strict=False):
        if packet.dts >= entry.pts:
            break
        if packet.pts < entry.pts and not packet.is_discard:
            times.append(packet.pts)
    return times
