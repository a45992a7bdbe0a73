"""Durations, moments, timecodes, frame rates and ratios: exact, never a float."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Any

from reelwright.graph.params.form import Form, number_or_text
from reelwright.media.timecode import Timecode, decimal_text, duration_text, parse_time

_NUMBER = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
_TIME_PATTERN = (
    rf"^\s*(?:{_NUMBER}(?:[eE][-+]?[0-9]+)?|[0-9]+/[0-9]+\s*s?"
    rf"|(?:{_NUMBER}\s*(?:h|m|s|ms|us|µs|μs|ns)\s*)+"
    r"|(?:[0-9]+:)?[0-9]+:[0-9]{1,2}(?:[.,][0-9]*)?"
    r"|[0-9]+:[0-9]{1,2}:[0-9]{1,2}[:;][0-9]{1,3}"
    r"|[Pp][0-9TtWwDdHhMmSs.,]+)\s*$"
)
_TIME_ALLOWED = "write seconds (62.5), 1h2m3.5s, 00:01:02.500, 00:01:02:12 (frames) or PT1M2.5S"
_TIME_EXAMPLES = (62.5, "10s", "1h2m3.5s", "00:01:02.500", "00:01:02:12", "PT1M2.5S")

# FFmpeg's abbreviations (libavutil/parseutils.c, video_rate_abbrs) that name a rate.
_RATES = {
    "ntsc": Fraction(30000, 1001),
    "pal": Fraction(25),
    "film": Fraction(24),
    "ntsc-film": Fraction(24000, 1001),
}
# SMPTE's rates over 1.001, as they are usually rounded.
_NTSC = {
    "23.976": 24, "23.98": 24, "29.97": 30, "47.952": 48, "47.95": 48, "59.94": 60, "119.88": 120,
}  # fmt: skip
_RATE_MAX = 1000


def parse_duration(value: Any) -> Fraction | Timecode:
    """Seconds of zero or more, or a timecode. Raises ValueError."""
    if isinstance(value, Timecode):
        return value
    given = number_or_text(value)
    if isinstance(given, str):
        return parse_time(given)
    if given < 0:
        raise ValueError("it is less than 0")
    return given


def parse_moment(value: Any) -> Fraction | Timecode:
    """As `parse_duration`, or negative: seconds before the end. Raises ValueError."""
    given = value if isinstance(value, Timecode) else number_or_text(value)
    if isinstance(given, str) and given.startswith("-"):
        found = parse_time(given[1:])
        if isinstance(found, Timecode):
            raise ValueError("a timecode has no sign")
        return -found
    return given if isinstance(given, Fraction) else parse_duration(given)


def parse_timecode(value: Any) -> Timecode:
    """hh:mm:ss:ff alone. Raises ValueError."""
    found = parse_duration(value)
    if not isinstance(found, Timecode):
        raise ValueError("it has no frames")
    return found


def parse_rate(value: Any) -> Fraction:
    """Frames a second, more than 0 and at most 1000. Raises ValueError."""
    given = number_or_text(value)
    rate = given if isinstance(given, Fraction) else _rate_of(given.lower())
    if nominal := _NTSC.get(decimal_text(rate) or ""):
        rate = Fraction(nominal * 1000, 1001)
    if not 0 < rate <= _RATE_MAX:
        raise ValueError(f"a frame rate is more than 0 and at most {_RATE_MAX}")
    return rate


def _rate_of(text: str) -> Fraction:
    if text in _RATES:
        return _RATES[text]
    return _quotient(text.removesuffix("fps").strip(), separators="/")


def parse_ratio(value: Any) -> Fraction:
    """Width to height, more than 0. Raises ValueError."""
    given = number_or_text(value)
    ratio = given if isinstance(given, Fraction) else _quotient(given, separators="/:x")
    if ratio <= 0:
        raise ValueError("a ratio is more than 0")
    return ratio


def _quotient(text: str, *, separators: str) -> Fraction:
    found = re.fullmatch(rf"({_NUMBER})(?:\s*[{separators}]\s*({_NUMBER}))?", text)
    if found is None:
        raise ValueError("")
    return Fraction(found[1].rstrip(".")) / Fraction((found[2] or "1").rstrip("."))


def _ratio_text(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"


def _moment_text(value: Fraction | Timecode) -> str:
    if isinstance(value, Fraction) and value < 0:
        return f"-{duration_text(-value)}"
    return duration_text(value)


Duration = Annotated[
    Fraction | Timecode,
    Form(
        "duration",
        _TIME_ALLOWED,
        parse_duration,
        {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": _TIME_PATTERN}]},
        _TIME_EXAMPLES,
        duration_text,
    ),
]
"""Seconds, or a `Timecode`: use ``media.timecode.seconds(value, rate)``."""

Moment = Annotated[
    Fraction | Timecode,
    Form(
        "position in time",
        f"{_TIME_ALLOWED}; with '-' in front it counts from the end",
        parse_moment,
        {
            "anyOf": [
                {"type": "number"},
                {"type": "string", "pattern": _TIME_PATTERN.replace(r"^\s*", r"^\s*-?", 1)},
            ]
        },
        (*_TIME_EXAMPLES, "-5s"),
        _moment_text,
    ),
]
"""A place in time; negative seconds count from the end of the stream."""

TimecodeText = Annotated[
    Timecode,
    Form(
        "timecode",
        "write hh:mm:ss:ff, or hh:mm:ss;ff for drop-frame",
        parse_timecode,
        {"type": "string", "pattern": r"^\s*[0-9]+:[0-9]{1,2}:[0-9]{1,2}[:;][0-9]{1,3}\s*$"},
        ("01:00:00:12", "01:00:00;12"),
    ),
]

Rate = Annotated[
    Fraction,
    Form(
        "frame rate",
        "write frames a second: 25, 29.97, 30000/1001, or ntsc, pal, film, ntsc-film",
        parse_rate,
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "maximum": _RATE_MAX},
                {
                    "type": "string",
                    "pattern": rf"^\s*(?:{_NUMBER}(?:\s*/\s*{_NUMBER})?\s*(?:fps)?"
                    r"|[A-Za-z-]+)\s*$",
                },
            ]
        },
        (25, 29.97, "30000/1001", "ntsc"),
        _ratio_text,
    ),
]
"""Frames a second. 23.976, 29.97, 59.94 and their like become the exact N·1000/1001."""

Ratio = Annotated[
    Fraction,
    Form(
        "ratio",
        "write 16:9, 16/9 or 1.778",
        parse_ratio,
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0},
                {"type": "string", "pattern": rf"^\s*{_NUMBER}(?:\s*[/:x]\s*{_NUMBER})?\s*$"},
            ]
        },
        ("16:9", "4/3", 1.778),
        _ratio_text,
    ),
]
