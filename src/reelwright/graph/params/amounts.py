"""Numbers with a unit: bit rates, byte sizes, loudness, levels."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Annotated, Any

from reelwright.graph.params.form import Form, number_or_text

_NUMBER = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
_BITRATE = re.compile(rf"({_NUMBER})\s*([a-zA-Z]?)(?:bit/s|bits/s|bps|b/s)?")
_BYTES = re.compile(rf"({_NUMBER})\s*([kKMGT]?)(i?)[bB]?")
_POWERS = {"": 0, "k": 1, "K": 1, "M": 2, "G": 3, "T": 4}
_BITRATE_MAX_BPS = 10**12
_LOUDNESS = re.compile(rf"([-+−]?{_NUMBER})\s*(?:LUFS|LKFS)?", re.IGNORECASE)
# Below the absolute gate of ITU-R BS.1770 nothing is measured; 0 is full scale.
_LOUDNESS_RANGE = (-70.0, 0.0)
_LEVEL_DB = re.compile(rf"([-+−]?{_NUMBER})\s*dB(?:FS)?", re.IGNORECASE)
_LEVEL_FACTOR = re.compile(rf"({_NUMBER})\s*(%?)")
_LEVEL_MAX_DB = 120.0


def parse_bitrate(value: Any) -> int:
    """Bits a second, whole, more than 0. Raises ValueError."""
    given = number_or_text(value)
    if isinstance(given, str):
        found = _BITRATE.fullmatch(given)
        if found is None:
            raise ValueError("")
        if found[2] not in _POWERS or found[2] == "T":
            raise ValueError(f"'{found[2]}' is not k, M or G")
        given = Fraction(found[1].rstrip(".")) * 1000 ** _POWERS[found[2]]
    if not 1 <= given <= _BITRATE_MAX_BPS:
        raise ValueError("a bit rate is at least 1 bit/s and at most 1000 Gbit/s")
    return round(given)


def parse_byte_size(value: Any) -> int:
    """Bytes, whole, 0 or more. k, M, G, T are powers of 1000; Ki, Mi, Gi, Ti of 1024."""
    given = number_or_text(value)
    if isinstance(given, str):
        found = _BYTES.fullmatch(given)
        if found is None or (found[3] and not found[2]):
            raise ValueError("")
        base = 1024 if found[3] else 1000
        given = Fraction(found[1].rstrip(".")) * base ** _POWERS[found[2]]
    if given < 0:
        raise ValueError("it is less than 0")
    return round(given)


def parse_loudness(value: Any) -> float:
    """LUFS from -70 to 0. Raises ValueError."""
    given = number_or_text(value)
    if isinstance(given, str):
        found = _LOUDNESS.fullmatch(given)
        if found is None:
            raise ValueError("")
        given = Fraction(found[1].replace("−", "-").rstrip("."))
    low, high = _LOUDNESS_RANGE
    if given > high:
        raise ValueError(f"loudness is negative; did you mean -{float(given):g}?")
    if given < low:
        raise ValueError(f"loudness is at least {low:g} LUFS")
    return float(given)


def parse_level(value: Any) -> float:
    """Decibels from a text with its unit, or from a factor (1 is 0 dB, 0 is -inf)."""
    if isinstance(value, float) and math.isinf(value) and value < 0:
        return -math.inf
    given = number_or_text(value)
    if isinstance(given, Fraction):
        return _from_factor(given)
    if given.lower().removesuffix("db").strip() in {"-inf", "-infinity"}:
        return -math.inf
    if found := _LEVEL_DB.fullmatch(given):
        return _bounded(float(Fraction(found[1].replace("−", "-").rstrip("."))))
    if found := _LEVEL_FACTOR.fullmatch(given):
        return _from_factor(Fraction(found[1].rstrip(".")) / (100 if found[2] else 1))
    raise ValueError("")


def _from_factor(factor: Fraction) -> float:
    if factor < 0:
        raise ValueError(f"a bare number is a factor; did you mean {float(factor):g}dB?")
    return _bounded(20 * math.log10(factor)) if factor else -math.inf


def _bounded(level_db: float) -> float:
    if level_db > _LEVEL_MAX_DB:
        raise ValueError(f"a level is at most {_LEVEL_MAX_DB:g} dB")
    return level_db


def _level_text(value: float) -> str:
    return "-inf" if math.isinf(value) else f"{value!r}dB"


Bitrate = Annotated[
    int,
    Form(
        "bit rate",
        "write bits a second: 128k, 2.5M, '128 kbit/s' or 128000",
        parse_bitrate,
        {
            "anyOf": [
                {"type": "number", "minimum": 1},
                {
                    "type": "string",
                    "pattern": rf"^\s*{_NUMBER}\s*[kKMG]?(?:bit/s|bits/s|bps|b/s)?\s*$",
                },
            ]
        },
        ("128k", "2.5M", "128 kbit/s", 128000),
        int,
    ),
]

ByteSize = Annotated[
    int,
    Form(
        "size in bytes",
        "write 500MB (powers of 1000), 2GiB (powers of 1024) or 1024",
        parse_byte_size,
        {
            "anyOf": [
                {"type": "number", "minimum": 0},
                {"type": "string", "pattern": rf"^\s*{_NUMBER}\s*(?:[kKMGT]i?)?[bB]?\s*$"},
            ]
        },
        ("500MB", "2GiB", 1024),
        int,
    ),
]

Loudness = Annotated[
    float,
    Form(
        "loudness",
        "write LUFS from -70 to 0: -16 or '-16 LUFS'",
        parse_loudness,
        {
            "anyOf": [
                {"type": "number", "minimum": -70, "maximum": 0},
                {
                    "type": "string",
                    "pattern": rf"^\s*[-+−]?{_NUMBER}\s*(?:[Ll][Uu][Ff][Ss]|[Ll][Kk][Ff][Ss])?\s*$",
                },
            ]
        },
        (-16, "-23 LUFS"),
        float,
    ),
]

Level = Annotated[
    float,
    Form(
        "level",
        "write decibels (-6dB, -inf), percent (50%) or a factor (0.5)",
        parse_level,
        {
            "anyOf": [
                {"type": "number", "minimum": 0},
                {
                    "type": "string",
                    "pattern": rf"^\s*(?:[-+−]?{_NUMBER}\s*[dD][bB](?:[fF][sS])?|{_NUMBER}\s*%?"
                    r"|-[iI][nN][fF](?:[iI][nN][iI][tT][yY])?\s*(?:[dD][bB])?)\s*$",
                },
            ]
        },
        ("-6dB", "50%", 0.5, "-inf"),
        _level_text,
    ),
]
"""Decibels; -inf is silence."""
