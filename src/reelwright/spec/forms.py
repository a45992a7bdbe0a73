"""The forms of the spec's own fields: names, ranges, choices, codecs, labels."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any
from urllib.parse import urlsplit

from reelwright.graph.params.form import Form, form_of
from reelwright.graph.params.nearest import meant
from reelwright.graph.params.places import NAME_PATTERN, parse_reference
from reelwright.graph.params.plain import parse_integer, parse_number, parse_string
from reelwright.graph.params.times import Duration, parse_duration
from reelwright.media.timecode import Timecode
from reelwright.spec.model import Ref

_NAME = re.compile(NAME_PATTERN)
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:+-]{0,99}")
_SAMPLE_RATE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(k?)(?:hz)?")
_LAYOUTS = {"mono": 1, "stereo": 2, "2.1": 3, "quad": 4, "5.0": 5, "5.1": 6, "7.1": 8}
_DURATION = form_of(Duration)


def whole(title: str, low: int, high: int) -> Form:
    """A whole number from `low` to `high`."""

    def parse(value: Any) -> int:
        number = parse_integer(value)
        if not low <= number <= high:
            raise ValueError("")
        return number

    schema = {"type": "integer", "minimum": low, "maximum": high}
    return Form(title, f"write a whole number from {low} to {high}", parse, schema)


def decimal(title: str, low: float, high: float, examples: tuple[float, ...] = ()) -> Form:
    """A number from `low` to `high`."""

    def parse(value: Any) -> float:
        number = parse_number(value)
        if not low <= number <= high:
            raise ValueError("")
        return number

    schema = {"type": "number", "minimum": low, "maximum": high}
    return Form(title, f"write a number from {low:g} to {high:g}", parse, schema, examples)


def choice(
    title: str,
    values: Mapping[str, str] | Sequence[str],
    aliases: Mapping[str, str] | None = None,
    *,
    off: str | None = None,
) -> Form:
    """One of `values` (a mapping: what is written -> what it stands for). `aliases` are taken but
    not advertised. With `off`, false says that value."""
    table = dict(values) if isinstance(values, Mapping) else {v: v for v in values}
    every = {**table, **(aliases or {})}

    def parse(value: Any) -> str:
        if value is False and off is not None:
            return off
        word = value.strip().lower() if isinstance(value, str) else None
        if word is None:
            raise ValueError("")
        if word not in every:
            raise ValueError(meant(word, every))
        return every[word]

    allowed = f"write one of {', '.join(table)}"
    return Form(title, allowed, parse, {"enum": [*table, *([False] if off else [])]})


def word(title: str, examples: tuple[str, ...]) -> Form:
    """A name of FFmpeg's: letters, digits and a little punctuation, never an option of its own."""

    def parse(value: Any) -> str:
        text = parse_string(value).strip()
        if not _WORD.fullmatch(text):
            raise ValueError("")
        return text

    allowed = f"write a name like {', '.join(examples)}"
    return Form(title, allowed, parse, {"type": ["string", "number"]}, examples)


def texts(title: str, check: Callable[[str], bool], allowed: str, example: Any) -> Form:
    """A mapping of names to text."""

    def parse(value: Any) -> dict[str, str]:
        if not isinstance(value, dict):
            raise ValueError("")
        return {_key(k): _text(k, v) for k, v in value.items() if v is not None}

    def _key(key: str) -> str:
        if not check(key):
            raise ValueError(f"'{key[:40]}' is no name for one")
        return key

    schema = {
        "type": "object",
        "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
    }
    return Form(title, allowed, parse, schema, (example,))


def _text(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    try:
        return parse_string(value)
    except ValueError as error:
        raise ValueError(f"'{key}' is not text{f': {error}' if str(error) else ''}") from None


def _is_label(key: str) -> bool:
    return 0 < len(key) <= 100 and key.isprintable()


def _is_tag(key: str) -> bool:
    return _is_label(key) and "=" not in key and not key.startswith("-")


def _is_option(key: str) -> bool:
    return re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,63}", key) is not None


def _parse_name(value: Any) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError("")
    return value


def _parse_reference(value: Any) -> Ref:
    parts = parse_reference(value)
    return Ref(parts.name, parts.kind, parts.label, parts.index)


def _parse_time_limit(value: Any) -> Fraction:
    found = parse_duration(value)
    if isinstance(found, Timecode):
        raise ValueError("a limit in frames has no frame rate")
    if not found:
        raise ValueError("it is 0")
    return found


def _parse_webhook(value: Any) -> str:
    text = parse_string(value).strip()
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or re.search(r"\s", text):
        raise ValueError("")
    return text


def _parse_sample_rate(value: Any) -> int:
    found = _SAMPLE_RATE.fullmatch(parse_string(value).strip().lower())
    if found is None:
        raise ValueError("")
    rate = Fraction(found[1]) * (1000 if found[2] else 1)
    if rate.denominator != 1 or not 1000 <= rate <= 768_000:
        raise ValueError("")
    return int(rate)


def _parse_channels(value: Any) -> int:
    if (text := parse_string(value).strip().lower()) in _LAYOUTS:
        return _LAYOUTS[text]
    count = parse_integer(value)
    if not 1 <= count <= 64:
        raise ValueError("")
    return count


def _parse_shards(value: Any) -> str:
    if value is False:
        return "off"
    if isinstance(value, str) and value.strip().lower() in {"auto", "off"}:
        return value.strip().lower()
    count = parse_integer(value)
    if not 1 <= count <= 1000:
        raise ValueError("")
    return str(count)


NAME = Form(
    "name",
    "write letters, digits, '_' and '-', a letter first",
    _parse_name,
    {"type": "string", "pattern": f"^{NAME_PATTERN}$"},
    ("cut", "small_720"),
)
REFERENCE = Form(
    "reference",
    "write the name of an input or operation, if wanted with a stream: talk, talk.video, "
    "talk.audio:1",
    _parse_reference,
    {
        "type": "string",
        "pattern": rf"^\s*{NAME_PATTERN}(?:\.{NAME_PATTERN}(?::[0-9]{{1,4}})?)?\s*$",
    },
    ("talk", "talk.video", "talk.audio:1"),
)
TIME_LIMIT = Form(
    "time limit",
    "write a duration of more than 0, like 90m or 2h",
    _parse_time_limit,
    _DURATION.schema,
    ("2h",),
)
KEYFRAME_INTERVAL = Form(
    "keyframe interval",
    "write seconds, like 2 or 2s",
    _parse_time_limit,
    _DURATION.schema,
    ("2s",),
)
WEBHOOK = Form(
    "webhook",
    "write an address that begins with http:// or https://",
    _parse_webhook,
    {"type": "string", "pattern": "^https?://"},
    ("https://example.org/hooks/reel",),
)
SAMPLE_RATE = Form(
    "sample rate",
    "write hertz, from 1000 to 768000, like 48000 or 48k",
    _parse_sample_rate,
    {
        "anyOf": [
            {"type": "number"},
            {"type": "string", "pattern": r"^[0-9.]+\s*[kK]?(?:[hH][zZ])?$"},
        ]
    },
    (48000, "44.1kHz"),
)
CHANNELS = Form(
    "channel count",
    f"write a number from 1 to 64, or one of {', '.join(_LAYOUTS)}",
    _parse_channels,
    {"anyOf": [{"type": "number", "minimum": 1, "maximum": 64}, {"enum": list(_LAYOUTS)}]},
    (2, "stereo", "5.1"),
)
SHARDS = Form(
    "shard setting",
    "write auto, off, or a number from 1 to 1000",
    _parse_shards,
    {
        "anyOf": [
            {"enum": ["auto", "off", False]},
            {"type": "integer", "minimum": 1, "maximum": 1000},
        ]
    },
    ("auto", 4),
)
LABELS = texts(
    "set of labels", _is_label, "write {name: text}", {"project": "spring", "customer": "42"}
)
METADATA = texts("set of tags", _is_tag, "write {name: text}", {"title": "My talk"})
OPTIONS = texts("set of encoder options", _is_option, "write {option: value}", {"refs": 4})
ON_DAMAGE = choice("damage setting", ("fail", "keep"))
