"""Rational time: seconds as `Fraction`, and half-open ranges of them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Half-open range ``[start, end)`` in seconds; `end` None means "to the end, wherever it is".

    Half-open, so that ranges that follow each other share no frame and miss none (OpenTimelineIO,
    ``opentime/timeRange.h``).
    """

    start: Fraction = Fraction(0)
    end: Fraction | None = None

    @property
    def duration(self) -> Fraction | None:
        return None if self.end is None else self.end - self.start

    @property
    def is_empty(self) -> bool:
        return self.end is not None and self.end <= self.start

    def clamp(self, limit: Fraction | None) -> TimeRange:
        """The part before `limit` (None: no limit is known)."""
        if limit is None:
            return self
        return TimeRange(self.start, limit if self.end is None else min(self.end, limit))

    def shift(self, by: Fraction) -> TimeRange:
        return TimeRange(self.start + by, None if self.end is None else self.end + by)


def frame_at(time: Fraction, rate: Fraction) -> int:
    """Index of the first frame of a constant-rate stream shown at `time` or later."""
    exact = time * rate
    return -(-exact.numerator // exact.denominator)


def seconds_text(time: Fraction, digits: int = 6) -> str:
    """Decimal seconds as FFmpeg's options take them, rounded half up at `digits`, exact before.

    FFmpeg's clock is AV_TIME_BASE, a microsecond; more digits are ignored by it.
    """
    scale = 10**digits
    units = (time.numerator * scale * 2 + time.denominator) // (time.denominator * 2)
    sign, units = ("-", -units) if units < 0 else ("", units)
    whole, part = divmod(units, scale)
    tail = f"{part:0{digits}d}".rstrip("0")
    return f"{sign}{whole}.{tail}" if tail else f"{sign}{whole}"


def clock_text(time: Fraction) -> str:
    """``hh:mm:ss.mmm`` for people and for WebVTT."""
    ms = max(0, int(time * 1000 + Fraction(1, 2)))
    return f"{ms // 3600000:02d}:{ms // 60000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"
