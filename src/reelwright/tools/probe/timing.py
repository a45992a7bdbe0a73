"""Times from a bounded sample of packets: frame rate, VFR, frame counts, durations.

The sample holds the first packets of the file in demuxing order. Where it holds all of them
(`is_complete`) it is better evidence than any header.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from statistics import median
from typing import Any

# A gap counts as irregular beyond a tenth of the median gap; VFR is more than 0.5 % of those.
_TOLERANCE = 0.1
_IRREGULAR_SHARE = 0.005
_RATE_TOLERANCE = Fraction(1, 200)
_NAMED_RATES = tuple(
    Fraction(*rate)
    for rate in (
        *((n, 1) for n in (10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120)),
        *((n, 1001) for n in (24000, 30000, 48000, 60000, 120000)),
    )
)
# Codecs with frames that are decoded and never shown, in packets of their own.
_HIDDEN_FRAMES = frozenset({"vp8", "vp9", "av1"})


@dataclass(frozen=True, slots=True)
class PacketSample:
    """Packets of one stream: sorted (pts, duration) in ticks, without the discarded ones. `hidden`
    counts those: an edit list holds them back, but they are there."""

    times: tuple[tuple[int, int], ...]
    time_base: Fraction
    is_complete: bool
    hidden: int = 0

    @property
    def start(self) -> Fraction | None:
        return self.times[0][0] * self.time_base if self.times else None

    @property
    def span(self) -> Fraction | None:
        """From the first packet to the end of the last; None where the last has no duration."""
        if not self.times:
            return None
        end = max(pts + duration for pts, duration in self.times)
        if self.times[-1][1] <= 0:
            return None
        return (end - self.times[0][0]) * self.time_base


@dataclass(frozen=True, slots=True)
class FrameTiming:
    frame_rate: Fraction | None = None
    is_vfr: bool | None = None
    frame_count: int | None = None


def samples(
    packets: Sequence[Mapping[str, Any]], limit: int, streams: Iterable[Mapping[str, Any]]
) -> dict[int, PacketSample]:
    """The sample of each stream, by index; `limit` is how many packets were asked for."""
    found: dict[int, list[tuple[int, int]]] = {}
    hidden: dict[int, int] = {}
    for packet in packets:
        if "D" in packet.get("flags", ""):
            index = int(packet["stream_index"])
            hidden[index] = hidden.get(index, 0) + 1
        elif "pts" in packet:
            entry = (int(packet["pts"]), int(packet.get("duration", 0)))
            found.setdefault(int(packet["stream_index"]), []).append(entry)
    complete = len(packets) < limit
    bases = {int(s["index"]): Fraction(s.get("time_base", "0/1")) for s in streams}
    return {
        index: PacketSample(
            tuple(sorted(found.get(index, ()))), base, complete, hidden.get(index, 0)
        )
        for index, base in bases.items()
        if base > 0
    }


def frame_timing(
    stream: Mapping[str, Any], sample: PacketSample | None, duration: Fraction | None
) -> FrameTiming:
    """What is known of the frame times of ffprobe's video stream `stream`."""
    nominal, average = rate(stream.get("r_frame_rate")), rate(stream.get("avg_frame_rate"))
    declared = int(stream["nb_frames"]) if str(stream.get("nb_frames", "")).isdigit() else None
    gaps = _gaps(stream, sample)
    if not sample or len(gaps) < 2:
        return _from_headers(nominal, average, declared, duration, sample)
    typical = median(gaps)
    allowed = max(typical * _TOLERANCE, 1)
    irregular = sum(abs(gap - typical) > allowed for gap in gaps)
    is_vfr = irregular > len(gaps) * _IRREGULAR_SHARE
    measured = len(gaps) / (sum(gaps) * sample.time_base)
    if is_vfr:
        found = _varying_rate(average, measured, declared, sample)
    else:
        found = _constant_rate((nominal, average), measured)
        # The rest of a long file can differ from its start: its number of frames tells.
        if not sample.is_complete and declared and duration:
            is_vfr = abs(declared - found * duration) > max(2, declared // 100)
            found = declared / duration if is_vfr else found
    count = _count(stream, declared, found, duration, sample, is_vfr)
    return FrameTiming(found, is_vfr, count)


def _gaps(stream: Mapping[str, Any], sample: PacketSample | None) -> list[int]:
    if sample is None:
        return []
    times = [pts for pts, _ in sample.times]
    if not sample.is_complete:  # frames that are shown earlier may follow the last packets
        times = times[: -(int(stream.get("has_b_frames", 0)) + 1)]
    return [b - a for a, b in pairwise(times) if b > a]


def _from_headers(
    nominal: Fraction | None,
    average: Fraction | None,
    declared: int | None,
    duration: Fraction | None,
    sample: PacketSample | None,
) -> FrameTiming:
    complete = sample is not None and sample.is_complete
    count = len(sample.times) if complete and sample and sample.times else None
    if nominal is None or average is None or (complete and not count):
        return FrameTiming(average or nominal, None, count)
    agrees = abs(nominal - average) <= nominal * _RATE_TOLERANCE
    if agrees and declared and duration and abs(declared - nominal * duration) <= 1:
        return FrameTiming(nominal, False, count or declared)
    return FrameTiming(average, None, count)


def _constant_rate(stated: Sequence[Fraction | None], measured: Fraction) -> Fraction:
    """The stated or well-known rate that the gaps fit, else the measured one."""
    for candidate in (*stated, *_NAMED_RATES):
        if candidate and abs(candidate - measured) <= measured * _RATE_TOLERANCE:
            return candidate
    return measured.limit_denominator(1001)


def _varying_rate(
    average: Fraction | None, measured: Fraction, declared: int | None, sample: PacketSample
) -> Fraction:
    span = sample.span
    if sample.is_complete and span:
        return (len(sample.times) / span).limit_denominator(100_000)
    plausible = average is not None and measured / 2 < average < measured * 2
    if average is not None and (declared or plausible):
        return average
    return measured.limit_denominator(1001)


def _count(
    stream: Mapping[str, Any],
    declared: int | None,
    found: Fraction,
    duration: Fraction | None,
    sample: PacketSample,
    is_vfr: bool,
) -> int | None:
    if sample.is_complete:
        if is_vfr and stream.get("codec_name") in _HIDDEN_FRAMES:
            return None
        # A GIF's demuxer may end with a packet that repeats the last picture.
        return min(len(sample.times), declared or len(sample.times))
    # An edit list may hide samples that the header counts.
    if declared and duration and round(found * duration) == declared:
        return declared
    return None


def rate(text: Any) -> Fraction | None:
    """ffprobe's ``30000/1001``; None for ``0/0`` and nonsense."""
    try:
        value = Fraction(str(text))
    except (ValueError, ZeroDivisionError):
        return None
    return value if 0 < value <= 1_000_000 else None
