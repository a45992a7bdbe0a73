"""Sizes, colours, lengths and places on a picture."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Any

from reelwright.graph.params.form import Form, exact, number_or_text
from reelwright.graph.params.nearest import meant
from reelwright.media import geometry
from reelwright.media.color import NAMES, parse_color
from reelwright.media.geometry import ANCHORS, Size

_NUMBER = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
_LENGTH = re.compile(rf"([-+]?{_NUMBER})\s*(px|%)?")
_SIZE = re.compile(r"([0-9]+)\s*[xX×]\s*([0-9]+)")
_LINES = re.compile(r"([0-9]+)[pP]")
# FFmpeg's coders refuse more than 2^15 in most codecs; 65535 is the largest that any of them takes.
_SIDE_MAX_PX = 65535

_SIZES = {
    "sd": Size(720, 480),
    "hd": Size(1280, 720),
    "fhd": Size(1920, 1080),
    "full-hd": Size(1920, 1080),
    "qhd": Size(2560, 1440),
    "uhd": Size(3840, 2160),
    "4k": Size(3840, 2160),
    "dci-4k": Size(4096, 2160),
    "8k": Size(7680, 4320),
}
_ANCHOR_ALIASES = {
    "centre": "center",
    "middle": "center",
    "top-center": "top",
    "top-centre": "top",
    "bottom-center": "bottom",
    "bottom-centre": "bottom",
    "center-left": "left",
    "center-right": "right",
    "left-top": "top-left",
    "right-top": "top-right",
    "left-bottom": "bottom-left",
    "right-bottom": "bottom-right",
}


def parse_resolution(value: Any) -> Size:
    """Width and height in pixels, each 1 to 65535. Raises ValueError."""
    if isinstance(value, Size):
        return value
    if isinstance(value, list | tuple) and len(value) == 2:
        return _size(*(_whole(v) for v in value))
    if not isinstance(value, str):
        raise ValueError("")
    text = value.strip().lower()
    if text in _SIZES:
        return _SIZES[text]
    if found := _SIZE.fullmatch(text):
        return _size(int(found[1]), int(found[2]))
    if found := _LINES.fullmatch(text):
        # 16:9, even: what "720p" means to everybody.
        height = int(found[1])
        return _size((height * 16 + 9) // 18 * 2, height)
    raise ValueError(meant(text, _SIZES))


def _whole(value: Any) -> int:
    number = exact(value)
    if number is None or number.denominator != 1:
        raise ValueError("width and height are whole numbers of pixels")
    return int(number)


def _size(width: int, height: int) -> Size:
    if not (1 <= width <= _SIDE_MAX_PX and 1 <= height <= _SIDE_MAX_PX):
        raise ValueError(f"width and height go from 1 to {_SIDE_MAX_PX}")
    return Size(width, height)


def parse_color_value(value: Any) -> str:
    """FFmpeg's ``0xRRGGBBAA``. Raises ValueError."""
    given = number_or_text(value)
    if isinstance(given, Fraction):
        raise ValueError("a colour in digits is written in quotes, with a '#'")
    try:
        return parse_color(given)
    except ValueError as error:
        near = meant(given.partition("@")[0].strip().lower(), NAMES)
        raise ValueError(str(error) or near) from None


def parse_length(value: Any) -> geometry.Length:
    """Pixels or percent, 0 or more. Raises ValueError."""
    length = _signed_length(value)
    if length.value < 0:
        raise ValueError("it is less than 0")
    return length


def _signed_length(value: Any) -> geometry.Length:
    if isinstance(value, geometry.Length):
        return value
    given = number_or_text(value)
    if isinstance(given, Fraction):
        return geometry.Length(given)
    found = _LENGTH.fullmatch(given)
    if found is None:
        raise ValueError("")
    return geometry.Length(Fraction(found[1].rstrip(".")), "%" if found[2] == "%" else "px")


def parse_position(value: Any) -> geometry.Position:
    """An anchor, or two lengths, which may be negative. Raises ValueError."""
    if isinstance(value, geometry.Position):
        return value
    parts = value
    if isinstance(value, str):
        name = re.sub(r"[\s_]+", "-", value.strip().lower())
        name = _ANCHOR_ALIASES.get(name, name)
        if name in ANCHORS:
            return geometry.Position(name)
        parts = value.split(",")
        if len(parts) != 2:
            raise ValueError(meant(name, ANCHORS))
    if not isinstance(parts, list | tuple) or len(parts) != 2:
        raise ValueError("")
    return geometry.Position(x=_signed_length(parts[0]), y=_signed_length(parts[1]))


_LENGTH_PATTERN = rf"{_NUMBER}\s*(?:px|%)?"

Resolution = Annotated[
    Size,
    Form(
        "resolution",
        f"write 1280x720, 720p or one of {', '.join(_SIZES)}",
        parse_resolution,
        {
            "anyOf": [
                {
                    "type": "string",
                    "pattern": r"^\s*(?:[0-9]+\s*[xX×]\s*[0-9]+|[0-9]+[pP]|[A-Za-z0-9-]+)\s*$",
                },
                {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
            ]
        },
        ("1280x720", "720p", "hd", "4k"),
    ),
]

Color = Annotated[
    str,
    Form(
        "colour",
        "write a name (red), '#rrggbb', '#rrggbbaa' or either with an opacity (red@0.5)",
        parse_color_value,
        {
            "type": "string",
            "pattern": r"^\s*(?:(?:#|0[xX])?[0-9a-fA-F]{3,8}|[A-Za-z]+|[rR][gG][bB][aA]?\(.*\))"
            r"\s*(?:@\s*[0-9.]+%?\s*)?$",
        },
        ("red", "#f00", "#ff000080", "red@0.5", "transparent"),
    ),
]
"""FFmpeg's ``0xRRGGBBAA``."""

Length = Annotated[
    geometry.Length,
    Form(
        "length",
        "write pixels (16, 16px) or percent (5%)",
        parse_length,
        {
            "anyOf": [
                {"type": "number", "minimum": 0},
                {"type": "string", "pattern": rf"^\s*\+?{_LENGTH_PATTERN}\s*$"},
            ]
        },
        (16, "16px", "5%"),
    ),
]

Position = Annotated[
    geometry.Position,
    Form(
        "position",
        f"write one of {', '.join(ANCHORS)}, or x and y: [10, 20], '10,20', '50%,50%'",
        parse_position,
        {
            "anyOf": [
                {
                    "type": "string",
                    "pattern": rf"^\s*(?:[A-Za-z]+(?:[-_ ][A-Za-z]+)*"
                    rf"|[-+]?{_LENGTH_PATTERN}\s*,\s*[-+]?{_LENGTH_PATTERN})\s*$",
                },
                {
                    "type": "array",
                    "items": {"type": ["number", "string"]},
                    "minItems": 2,
                    "maxItems": 2,
                },
            ]
        },
        ("bottom-right", "center", [10, 20], "50%,50%"),
    ),
]
