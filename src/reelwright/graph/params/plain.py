"""The plain types, stricter than pydantic's own: "yes" is no boolean, true no number."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Any

from reelwright.graph.params.form import Form, WrittenNumber, number_or_text

_INTEGER = re.compile(r"[-+]?[0-9]+")
_DECIMAL = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")
_YES_NO = {"yes": "true", "on": "true", "y": "true", "1": "true"} | {
    "no": "false", "off": "false", "n": "false", "0": "false",
}  # fmt: skip


def parse_string(value: Any) -> str:
    """Text; a number becomes its text. Raises ValueError for everything else, and for a NUL."""
    if isinstance(value, WrittenNumber):
        return value.text
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise ValueError("nothing was given" if value is None else "")
    if "\0" in value:
        raise ValueError("it holds a NUL character")
    return value


def parse_integer(value: Any) -> int:
    """A whole number, also as text or as 720.0. Raises ValueError."""
    given = number_or_text(value)
    if isinstance(given, str):
        if not _INTEGER.fullmatch(given) or len(given) > 20:
            raise ValueError("")
        return int(given)
    if given.denominator != 1:
        raise ValueError("it has a fraction")
    return int(given)


def parse_number(value: Any) -> float:
    """A finite number, also as text. Raises ValueError."""
    given = number_or_text(value)
    if isinstance(given, str):
        if not _DECIMAL.fullmatch(given):
            raise ValueError("")
        given = Fraction(given.rstrip("."))
    return float(given)


def parse_boolean(value: Any) -> bool:
    """true or false as YAML 1.2 has them; other words are refused, never guessed."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, str | int) else ""
    if word in {"true", "false"}:
        raise ValueError(f"it is text; write {word} without quotes")
    if word in _YES_NO:
        raise ValueError(f"did you mean {_YES_NO[word]}?")
    raise ValueError("")


def parse_list(value: Any) -> list[Any]:
    """A list. Raises ValueError."""
    if not isinstance(value, list | tuple):
        raise ValueError("")
    return list(value)


def parse_object(value: Any) -> dict[str, Any]:
    """A mapping with names as keys. Raises ValueError."""
    if not isinstance(value, dict):
        raise ValueError("")
    return {str(k): v for k, v in value.items()}


String = Annotated[
    str, Form("text", "write text", parse_string, {"type": ["string", "number"]}, ("hello",))
]
Integer = Annotated[
    int,
    Form(
        "whole number",
        "write digits: 720",
        parse_integer,
        {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": r"^\s*[-+]?[0-9]+\s*$"}]},
        (720,),
        int,
    ),
]
Number = Annotated[
    float,
    Form(
        "number",
        "write it like 0.5 or 12",
        parse_number,
        {
            "anyOf": [
                {"type": "number"},
                {"type": "string", "pattern": r"^\s*[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?\s*$"},
            ]
        },
        (0.5, 12),
        float,
    ),
]
Boolean = Annotated[
    bool,
    Form("boolean", "write true or false", parse_boolean, {"type": "boolean"}, (True, False), bool),
]
List = Annotated[
    list[Any],
    Form(
        "list", "write [a, b], or one item a line with '-'", parse_list, {"type": "array"}, (), list
    ),
]
Object = Annotated[
    dict[str, Any],
    Form("mapping", "write {name: value}", parse_object, {"type": "object"}, (), dict),
]
