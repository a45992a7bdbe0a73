"""Parameter types: conversion, refusals worth reading, schemas that agree with the conversion."""

import json
import math
import pickle
from fractions import Fraction
from typing import Annotated, Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel, TypeAdapter, ValidationError

from reelwright.graph import params
from reelwright.graph.params import (
    Bitrate,
    Boolean,
    ByteSize,
    Color,
    Duration,
    FilePath,
    Form,
    Integer,
    Length,
    Level,
    List,
    Loudness,
    Moment,
    Number,
    Object,
    Position,
    Rate,
    Ratio,
    Resolution,
    StreamRef,
    String,
    TimecodeText,
    WrittenNumber,
)
from reelwright.graph.params.form import form_of
from reelwright.media import geometry
from reelwright.media.timecode import Timecode

PX = geometry.Length


def convert(kind: Any, value: Any, **context: Any) -> Any:
    return TypeAdapter(kind).validate_python(value, context=context)


def refusal(kind: Any, value: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        convert(kind, value)
    (error,) = caught.value.errors()
    assert error["type"] == "form"
    return error["msg"]


ACCEPTED: list[tuple[Any, Any, Any]] = [
    (Duration, 62, Fraction(62)),
    (Duration, 0.1, Fraction(1, 10)),
    (Duration, WrittenNumber("0.10000000000000000001"), Fraction("0.10000000000000000001")),
    (Duration, "1m", Fraction(60)),
    (Duration, "00:00:01;02", Timecode(0, 0, 1, 2, drop_frame=True)),
    (Moment, "-2.5s", Fraction(-5, 2)),
    (Moment, -3, Fraction(-3)),
    (Moment, "00:00:01:00", Timecode(0, 0, 1, 0)),
    (TimecodeText, "01:00:00:00", Timecode(1, 0, 0, 0)),
    (Rate, 25, Fraction(25)),
    (Rate, "25fps", Fraction(25)),
    (Rate, 29.97, Fraction(30000, 1001)),
    (Rate, "23.976", Fraction(24000, 1001)),
    (Rate, "23.98", Fraction(24000, 1001)),
    (Rate, "59.94", Fraction(60000, 1001)),
    (Rate, "30000/1001", Fraction(30000, 1001)),
    (Rate, "NTSC", Fraction(30000, 1001)),
    (Rate, "12.5", Fraction(25, 2)),
    (Ratio, "16:9", Fraction(16, 9)),
    (Ratio, "16/9", Fraction(16, 9)),
    (Ratio, "1.85:1", Fraction(37, 20)),
    (Ratio, 1.778, Fraction(889, 500)),
    (Resolution, "1280x720", geometry.Size(1280, 720)),
    (Resolution, "1280 X 720", geometry.Size(1280, 720)),
    (Resolution, "720p", geometry.Size(1280, 720)),
    (Resolution, "480p", geometry.Size(854, 480)),
    (Resolution, "4k", geometry.Size(3840, 2160)),
    (Resolution, [640, 480.0], geometry.Size(640, 480)),
    (Color, "red@0.5", "0xFF000080"),
    (Bitrate, "128k", 128_000),
    (Bitrate, "2.5M", 2_500_000),
    (Bitrate, "128 kbit/s", 128_000),
    (Bitrate, "128kbps", 128_000),
    (Bitrate, 128_000, 128_000),
    (ByteSize, "500MB", 500_000_000),
    (ByteSize, "2GiB", 2 << 30),
    (ByteSize, "1.5K", 1500),
    (ByteSize, 1024, 1024),
    (Loudness, -16, -16.0),
    (Loudness, "-23 LUFS", -23.0),
    (Loudness, "−16", -16.0),
    (Level, "-6dB", -6.0),
    (Level, "+3 dB", 3.0),
    (Level, "50%", 20 * math.log10(0.5)),
    (Level, 1, 0.0),
    (Level, 0, -math.inf),
    (Level, "-inf", -math.inf),
    (Level, -math.inf, -math.inf),
    (Length, 16, PX(Fraction(16))),
    (Length, "16px", PX(Fraction(16))),
    (Length, "2.5%", PX(Fraction(5, 2), "%")),
    (Position, "bottom-right", geometry.Position("bottom-right")),
    (Position, "Bottom Right", geometry.Position("bottom-right")),
    (Position, "centre", geometry.Position("center")),
    (Position, "top-center", geometry.Position("top")),
    (Position, [10, "-5%"], geometry.Position(x=PX(Fraction(10)), y=PX(Fraction(-5), "%"))),
    (Position, "10, 20", geometry.Position(x=PX(Fraction(10)), y=PX(Fraction(20)))),
    (StreamRef, "talk.a:1", "talk.audio:1"),
    (StreamRef, " talk ", "talk"),
    (StreamRef, "sprite.vtt", "sprite.vtt"),
    (String, "x", "x"),
    (String, 7, "7"),
    (String, WrittenNumber("1.10"), "1.10"),
    (Integer, 720, 720),
    (Integer, "720", 720),
    (Integer, "007", 7),
    (Integer, 720.0, 720),
    (Number, "1.5", 1.5),
    (Number, 3, 3.0),
    (Boolean, True, True),
    (Boolean, False, False),
    (List, [1, "a"], [1, "a"]),
    (Object, {"a": 1}, {"a": 1}),
]


@pytest.mark.parametrize(("kind", "value", "expected"), ACCEPTED)
def test_conversion(kind: Any, value: Any, expected: Any) -> None:
    found = convert(kind, value)
    assert found == expected
    assert type(found) is type(expected)


REFUSED: list[tuple[Any, Any, str]] = [
    (Duration, "ten", "'ten' is not a duration; write seconds (62.5), 1h2m3.5s"),
    (Duration, -1, "-1 is not a duration (it is less than 0)"),
    (Duration, "5 mins", "'mins' is no unit of time; the units are h, m, s, ms, us, ns"),
    (Duration, True, "true is not a duration; write"),
    (Duration, None, "null is not a duration"),
    (Duration, math.nan, "it must be a finite number"),
    (Duration, [1], "a list is not a duration"),
    (Moment, "-00:00:01:00", "a timecode has no sign"),
    (TimecodeText, "10s", "'10s' is not a timecode (it has no frames)"),
    (Rate, 0, "more than 0 and at most 1000"),
    (Rate, "fast", "'fast' is not a frame rate; write frames a second: 25"),
    (Rate, "1/0", "'1/0' is not a frame rate"),
    (Ratio, "16:0", "'16:0' is not a ratio"),
    (Ratio, 0, "a ratio is more than 0"),
    (Resolution, "1280x", "'1280x' is not a resolution; write 1280x720"),
    (Resolution, "uhdd", "did you mean 'uhd'? Write 1280x720"),
    (Resolution, "0x720", "width and height go from 1 to 65535"),
    (Resolution, [1.5, 2], "whole numbers of pixels"),
    (Resolution, 720, "720 is not a resolution"),
    (Color, "rde", "'rde' is not a colour, did you mean 'red'? Write a name (red)"),
    (Color, None, "a '#' starts a comment"),
    (Color, 112233, "a colour in digits is written in quotes"),
    (Color, "red@2", "the opacity is a number from 0 to 1"),
    (Bitrate, "2m", "'m' is not k, M or G"),
    (Bitrate, "128kB", "'128kB' is not a bit rate"),
    (Bitrate, 0, "at least 1 bit/s"),
    (ByteSize, "iB", "'iB' is not a size in bytes"),
    (ByteSize, -1, "it is less than 0"),
    (Loudness, 16, "loudness is negative; did you mean -16?"),
    (Loudness, -100, "at least -70 LUFS"),
    (Level, -6, "a bare number is a factor; did you mean -6dB?"),
    (Level, "-6", "'-6' is not a level"),
    (Level, "500dB", "at most 120 dB"),
    (Length, "-1", "it is less than 0"),
    (Length, "1em", "'1em' is not a length; write pixels (16, 16px) or percent (5%)"),
    (Position, "botom-right", "did you mean 'bottom-right'?"),
    (Position, "1,2,3", "'1,2,3' is not a position"),
    (Position, {"x": 1}, "a mapping is not a position"),
    (StreamRef, "talk:1", "a number needs a kind of stream: 'talk.audio:1'"),
    (StreamRef, "a b", "'a b' is not a reference"),
    (StreamRef, 3, "3 is not a reference"),
    (FilePath, "https://x.org/a.ttf", "a URL belongs under `inputs`"),
    (FilePath, "~/a.ttf", "'~' is not expanded"),
    (FilePath, "a\0b", "a NUL character"),
    (FilePath, "", "it is empty"),
    (String, None, "nothing was given"),
    (String, True, "true is not a text"),
    (String, "a\0b", "a NUL character"),
    (Integer, "7.5", "'7.5' is not a whole number"),
    (Integer, 7.5, "it has a fraction"),
    (Integer, True, "true is not a whole number"),
    (Integer, "9" * 5000, "is not a whole number"),
    (Number, "abc", "'abc' is not a number"),
    (Number, math.inf, "it must be a finite number"),
    (Number, "1e999", "is not a number"),
    (Boolean, "yes", "'yes' is not a boolean, did you mean true? Write true or false"),
    (Boolean, "off", "did you mean false?"),
    (Boolean, "true", "it is text; write true without quotes"),
    (Boolean, 1, "did you mean true?"),
    (Boolean, [], "a list is not a boolean"),
    (List, "a", "'a' is not a list; write [a, b]"),
    (Object, [], "a list is not a mapping; write {name: value}"),
]


@pytest.mark.parametrize(("kind", "value", "expected"), REFUSED)
def test_refusals_say_what_was_given_and_what_is_allowed(
    kind: Any, value: Any, expected: str
) -> None:
    message = refusal(kind, value)
    assert expected in message
    assert form_of(kind).allowed.lower() in message.lower()


FORMS = [getattr(params, name) for name in params.__all__ if name not in ("Form", "WrittenNumber")]


@pytest.mark.parametrize("kind", FORMS, ids=lambda kind: form_of(kind).title)
def test_schema_and_conversion_agree_on_the_examples(kind: Any) -> None:
    schema = TypeAdapter(kind).json_schema()
    Draft202012Validator.check_schema(schema)
    assert schema["title"]
    assert schema["description"]
    for example in schema.get("examples", ()):
        convert(kind, example)
        Draft202012Validator(schema).validate(example)


@pytest.mark.parametrize(
    ("kind", "value"),
    [(k, v) for k, v, _ in ACCEPTED if v != -math.inf],  # JSON has no infinity
)
def test_schema_takes_what_the_conversion_takes(kind: Any, value: Any) -> None:
    Draft202012Validator(TypeAdapter(kind).json_schema()).validate(value)


@pytest.mark.parametrize(("kind", "value", "expected"), ACCEPTED)
def test_the_stored_form_reads_back(kind: Any, value: Any, expected: Any) -> None:
    adapter = TypeAdapter(kind)
    stored = json.loads(json.dumps(adapter.dump_python(convert(kind, value), mode="json")))
    assert convert(kind, stored) == expected


def test_a_relative_path_is_relative_to_the_spec() -> None:
    assert convert(FilePath, "fonts/../a.ttf", base="/jobs") == "/jobs/a.ttf"
    assert convert(FilePath, "/x/a.ttf", base="/jobs") == "/x/a.ttf"
    assert convert(FilePath, "file:///x/a.ttf") == "/x/a.ttf"


def test_long_values_are_shortened() -> None:
    assert len(refusal(Duration, "x" * 5000)) < 300


def test_a_field_may_be_left_out_and_is_stored_as_null() -> None:
    class Both(BaseModel):
        at: Duration | None = None

    assert Both(at=None).model_dump(mode="json") == {"at": None}
    assert Both.model_validate({"at": "1m"}).model_dump(mode="json") == {"at": "60s"}


def test_a_written_number_is_a_float_that_remembers() -> None:
    number = WrittenNumber("0.10")
    assert number == 0.1
    assert json.dumps(number) == "0.1"
    copied = pickle.loads(pickle.dumps(number))
    assert (type(copied), copied.text) == (WrittenNumber, "0.10")


@given(st.decimals(min_value=0, max_value=10**9, allow_nan=False, places=9))
def test_no_digit_of_a_written_time_is_lost(number: Any) -> None:
    assert convert(Duration, WrittenNumber(format(number, "f"))) == Fraction(number)


@given(st.floats(min_value=0, max_value=1e6, allow_nan=False))
def test_a_float_is_the_decimal_that_it_shows(number: float) -> None:
    assert convert(Duration, number) == Fraction(repr(number))


_NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,20}", fullmatch=True)


@given(
    _NAMES,
    st.none() | st.sampled_from(["video", "audio", "subtitle", "data"]),
    st.none() | st.integers(0, 9999),
)
def test_references_read_back(name: str, kind: str | None, index: int | None) -> None:
    text = name
    if kind is not None:
        text += f".{kind}" + (f":{index}" if index is not None else "")
    assert convert(StreamRef, text) == text


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(st.sampled_from(FORMS), _VALUES)
def test_any_value_is_converted_or_refused_in_our_words(kind: Any, value: Any) -> None:
    types = []
    try:
        convert(kind, value)
    except ValidationError as error:
        types = [e["type"] for e in error.errors()]
    assert types in ([], ["form"])


def test_a_type_of_ones_own() -> None:
    def parse(value: Any) -> int:
        if value not in ("odd", "even"):
            raise ValueError("")
        return 1 if value == "odd" else 0

    parity = Annotated[int, Form("parity", "write odd or even", parse, {"enum": ["odd", "even"]})]
    assert convert(parity, "odd") == 1
    assert refusal(parity, "big") == "'big' is not a parity; write odd or even"
    assert get_args(parity)[1].json_schema()["enum"] == ["odd", "even"]
