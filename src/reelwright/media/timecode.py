"""Times as people write them: Go durations, clock times, ISO 8601, SMPTE timecode, plain seconds.

Everything is exact: a text becomes a `Fraction` of seconds, or a `Timecode`, which counts frames
and therefore becomes seconds only when the stream's rate is known (`seconds`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

# Go, time.ParseDuration. Both micro signs (U+00B5, U+03BC) are in use.
_GO_UNITS = {
    "h": Fraction(3600),
    "m": Fraction(60),
    "s": Fraction(1),
    "ms": Fraction(1, 1_000),
    "us": Fraction(1, 1_000_000),
    "µs": Fraction(1, 1_000_000),
    "μs": Fraction(1, 1_000_000),
    "ns": Fraction(1, 1_000_000_000),
}
_NUMBER = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
_PLAIN = re.compile(rf"({_NUMBER})(?:[eE]([-+]?[0-9]{{1,2}}))?")
_RATIO = re.compile(r"([0-9]+)/([0-9]+)\s*s?")
_GO = re.compile(rf"(?:{_NUMBER}\s*[a-zA-Zµμ]+\s*)+")
_GO_PART = re.compile(rf"({_NUMBER})\s*([a-zA-Zµμ]+)")
_CLOCK = re.compile(r"(?:([0-9]+):)?([0-9]+):([0-9]{1,2}(?:[.,][0-9]*)?)")
_SMPTE = re.compile(r"([0-9]+):([0-9]{1,2}):([0-9]{1,2})([:;])([0-9]{1,3})")
_ISO = re.compile(
    r"P(?:([0-9]+(?:[.,][0-9]+)?)W|(?:([0-9]+(?:[.,][0-9]+)?)D)?"
    r"(?:T(?:([0-9]+(?:[.,][0-9]+)?)H)?(?:([0-9]+(?:[.,][0-9]+)?)M)?(?:([0-9]+(?:[.,][0-9]+)?)S)?)?)"
)
_ISO_SECONDS = (604800, 86400, 3600, 60, 1)

# Ten thousand years of digits would only serve to make big numbers slow.
_MAX_TEXT = 64


@dataclass(frozen=True, slots=True)
class Timecode:
    """An SMPTE 12M label: the frame `frames` of a second, counted at the rounded-up rate.

    With `drop_frame`, the labels ;00 and ;01 (at 59.94: ;00 to ;03) of each minute that is no
    multiple of ten do not exist, so that the labels keep up with the clock (SMPTE 12M-1, 5.2.2).
    """

    hours: int
    minutes: int
    seconds: int
    frames: int
    drop_frame: bool = False

    def __str__(self) -> str:
        mark = ";" if self.drop_frame else ":"
        return f"{self.hours:02d}:{self.minutes:02d}:{self.seconds:02d}{mark}{self.frames:02d}"

    def frame_number(self, rate: Fraction) -> int:
        """Frames since 00:00:00:00 at `rate` frames a second. Raises ValueError where the label
        does not exist at this rate."""
        nominal = nominal_rate(rate)
        if self.frames >= nominal:
            raise ValueError(
                f"timecode {self} has frame {self.frames}, but at {rate_text(rate)} fps "
                f"the frames of a second go from 0 to {nominal - 1}"
            )
        minutes = self.hours * 60 + self.minutes
        count = (minutes * 60 + self.seconds) * nominal + self.frames
        if not self.drop_frame:
            return count
        dropped = dropped_per_minute(rate)
        if self.minutes % 10 and self.seconds == 0 and self.frames < dropped:
            nearest = Timecode(self.hours, self.minutes, 0, dropped, drop_frame=True)
            raise ValueError(
                f"drop-frame timecode {self} does not exist; the next one is {nearest}"
            )
        return count - dropped * (minutes - minutes // 10)

    def at(self, rate: Fraction) -> Fraction:
        """Seconds since 00:00:00:00 at `rate` frames a second, exactly. Raises ValueError."""
        return self.frame_number(rate) / rate

    @classmethod
    def of_frame(cls, number: int, rate: Fraction, *, drop_frame: bool = False) -> Timecode:
        """The label of frame `number` (from 0). Raises ValueError as `frame_number` does."""
        nominal = nominal_rate(rate)
        if drop_frame:
            number = _with_dropped(number, nominal, dropped_per_minute(rate))
        total_seconds, frames = divmod(number, nominal)
        total_minutes, seconds_ = divmod(total_seconds, 60)
        hours, minutes = divmod(total_minutes, 60)
        return cls(hours, minutes, seconds_, frames, drop_frame)


def _with_dropped(number: int, nominal: int, dropped: int) -> int:
    """The count that labels follow: frame `number` plus the labels that were left out before it."""
    per_minute = nominal * 60 - dropped
    per_ten_minutes = nominal * 600 - 9 * dropped
    tens, rest = divmod(number, per_ten_minutes)
    left_out = tens * 9 * dropped
    if rest >= nominal * 60:
        left_out += dropped * (1 + (rest - nominal * 60) // per_minute)
    return number + left_out


def nominal_rate(rate: Fraction) -> int:
    """The whole number of labels in a second: 30 at 30000/1001, 24 at 24000/1001 (SMPTE 12M-1)."""
    if rate <= 0:
        raise ValueError(f"a frame rate is greater than 0, not {rate}")
    return -(-rate.numerator // rate.denominator)


def dropped_per_minute(rate: Fraction) -> int:
    """Labels that drop-frame counting leaves out in a minute: 2 at 29.97, 4 at 59.94, 8 at 119.88.

    Raises ValueError at other rates: SMPTE 12M defines drop-frame for multiples of 30000/1001 only.
    """
    nominal = nominal_rate(rate)
    if nominal % 30 or rate * 1001 != nominal * 1000:
        raise ValueError(
            f"drop-frame timecode (with ';') exists at 29.97, 59.94 and 119.88 frames a second, "
            f"not at {rate_text(rate)}; write ':' before the frames"
        )
    return nominal // 15


def rate_text(rate: Fraction) -> str:
    """``25``, ``29.97``: for people; three digits at the most."""
    return f"{float(rate):.3f}".rstrip("0").rstrip(".")


def seconds(value: Fraction | Timecode, rate: Fraction | None = None) -> Fraction:
    """`value` in seconds. A `Timecode` needs the `rate` of the stream that it counts the frames of.

    Raises ValueError where the rate is not known, or has no such label.
    """
    if not isinstance(value, Timecode):
        return value
    if rate is None:
        raise ValueError(
            f"timecode {value} counts frames, and the frame rate is not known here; "
            f"write hh:mm:ss.mmm instead"
        )
    return value.at(rate)


def parse_time(text: str) -> Fraction | Timecode:
    """A time of zero or more. Raises ValueError; its message is empty where no form fits at all."""
    given = text.strip()
    if len(given) > _MAX_TEXT:
        raise ValueError(f"a time has at most {_MAX_TEXT} characters")
    if not given:
        raise ValueError("it is empty")
    if given[0] in "+-":
        raise ValueError("a time has no sign")
    for form in (_plain, _smpte, _clock, _iso, _go):
        found = form(given)
        if found is not None:
            return found
    raise ValueError("")


def duration_text(value: Fraction | Timecode) -> str:
    """The one canonical text, which `parse_time` reads back: ``62.5s``, ``1001/30000s``."""
    if isinstance(value, Timecode):
        return str(value)
    return f"{decimal_text(value) or value}s"


def decimal_text(value: Fraction) -> str | None:
    """`value` as a finite decimal, or None where there is none (1/3)."""
    twos = fives = 0
    rest = value.denominator
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest != 1:
        return None
    digits = max(twos, fives)
    units = abs(value.numerator) * 10**digits // value.denominator
    whole, part = divmod(units, 10**digits)
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}.{part:0{digits}d}" if digits else f"{sign}{whole}"


def _plain(text: str) -> Fraction | None:
    if found := _PLAIN.fullmatch(text):
        number = _decimal(found[1])
        return number * Fraction(10) ** int(found[2]) if found[2] else number
    if found := _RATIO.fullmatch(text):
        if int(found[2]) == 0:
            raise ValueError("the denominator is 0")
        return Fraction(int(found[1]), int(found[2]))
    return None


def _smpte(text: str) -> Timecode | None:
    found = _SMPTE.fullmatch(text)
    if not found:
        return None
    hours, minutes, secs, mark, frames = found.groups()
    _below_sixty(minutes, "minutes")
    _below_sixty(secs, "seconds")
    return Timecode(int(hours), int(minutes), int(secs), int(frames), mark == ";")


def _clock(text: str) -> Fraction | None:
    found = _CLOCK.fullmatch(text)
    if not found:
        return None
    hours, minutes, secs = found.groups()
    if hours is not None:
        _below_sixty(minutes, "minutes")
    _below_sixty(secs, "seconds")
    return int(hours or 0) * 3600 + int(minutes) * 60 + _decimal(secs)


def _iso(text: str) -> Fraction | None:
    if text[0] not in "Pp":
        return None
    found = _ISO.fullmatch(text.upper())
    if not found or not any(found.groups()) or text[-1] in "Tt":
        raise ValueError("an ISO 8601 duration is written like PT1H2M3.5S")
    parts = zip(found.groups(), _ISO_SECONDS, strict=True)
    return sum((_decimal(n) * unit for n, unit in parts if n), Fraction(0))


def _go(text: str) -> Fraction | None:
    if not _GO.fullmatch(text):
        return None
    total = Fraction(0)
    for number, unit in _GO_PART.findall(text):
        if unit not in _GO_UNITS:
            raise ValueError(f"'{unit}' is no unit of time; the units are h, m, s, ms, us, ns")
        total += _decimal(number) * _GO_UNITS[unit]
    return total


def _below_sixty(text: str, what: str) -> None:
    if _decimal(text) >= 60:
        raise ValueError(f"the {what} of a clock time are less than 60")


def _decimal(text: str) -> Fraction:
    return Fraction(text.replace(",", ".").rstrip(".") or "0")
