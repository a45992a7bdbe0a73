"""YAML 1.2 and JSON: what becomes a number, what stays text, what is refused and how."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwright.errors import Code, ReelError
from reelwright.graph.params import WrittenNumber
from reelwright.spec import text as text_module
from reelwright.spec.text import load, places, resolve


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("16:9", "16:9"),
        ("00:05:00", "00:05:00"),
        ("yes", "yes"),
        ("off", "off"),
        ("2024-01-01", "2024-01-01"),
        ("0x10", "0x10"),
        ("007", "007"),
        ("+5", "+5"),
        ("1_000", "1_000"),
        (".inf", ".inf"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("720", 720),
        ("-16", -16),
        ("0", 0),
        ("'720'", "720"),
        ('"true"', "true"),
        ("!!str 720", "720"),
        ("99999999999999999999", "99999999999999999999"),
        ("1e999999", "1e999999"),
    ],
)
def test_scalars_follow_yaml_1_2(written: str, value: object) -> None:
    found, problems = load(f"key: {written}")
    assert found == {"key": value}
    assert type(found["key"]) is type(value)
    assert problems == []


def test_a_number_with_a_fraction_keeps_its_text() -> None:
    found = resolve("0.10")
    assert isinstance(found, WrittenNumber)
    assert (found, found.text) == (0.1, "0.10")


def test_braces_of_a_variable_need_no_quotes_inside_braces() -> None:
    body, _ = load("a: {b: ${name}, c: [${x:-1}, '${y}']}")
    assert body == {"a": {"b": "${name}", "c": ["${x:-1}", "${y}"]}}


def test_characters_used_for_veiling_pass_through() -> None:
    assert load("a: '\ue000 ${b}'")[0] == {"a": "\ue000 ${b}"}


def test_json_with_what_yaml_cannot_read() -> None:
    body, _ = load('{"a": "\\ud83d\\ude00", "b": 1.50, "c": [true, null]}')
    assert body == {"a": "😀", "b": 1.5, "c": [True, None]}


def test_json_says_a_duplicate_key_too() -> None:
    _, problems = load('{"a": "\\ud83d\\ude00", "a": 1}')
    assert [p.message for p in problems] == ["'a' stands twice in the same mapping"]


def test_anchors_and_merge_keys() -> None:
    body, problems = load("base: &b {x: 1, y: 2}\nused: {<<: *b, y: 3}\nsame: *b")
    assert body["used"] == {"y": 3, "x": 1}
    assert body["same"] == {"x": 1, "y": 2}
    assert problems == []


def test_several_merges_and_their_order() -> None:
    body, _ = load("a: &a {x: 1}\nb: &b {x: 2, y: 2}\nc:\n  <<: [*a, *b]\n  z: 3")
    assert body["c"] == {"x": 1, "y": 2, "z": 3}


def test_duplicate_keys_are_told_with_their_place() -> None:
    _, problems = load("a:\n  b: 1\n  c: 2\n  b: 3\n")
    (problem,) = problems
    assert problem.code is Code.SPEC_SYNTAX
    assert problem.where == "a.b"
    assert problem.message == "'b' stands twice in the same mapping, again in line 4"
    assert problem.evidence == {"line": 4, "column": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: b: c", "line 1, column 5: mapping values are not allowed in this context"),
        ("a: 1\n\tb: 2", "line 2, column 1: a tab cannot indent YAML; use spaces"),
        ("a: @x", "line 1, column 4: '@' cannot begin a value; put it in quotes"),
        ("a: [1, 2", "line 1, column 9: the text ends too early: did not find expected ',' or ']'"),
        ("a: *q", "the alias *q stands for nothing"),
        ("a: &a [*a]", "the alias *a stands for nothing"),
        ("? [a]\n: b", "a key is a plain name"),
        ("a: !!python/object:os.system x", "the tag tag:yaml.org,2002:python/object:os.system"),
        ("a: !mine {b: 1}", "the tag !mine is not allowed"),
        ("a: 1\n---\nb: 2", "one YAML document"),
        ("a: \ud800", "not valid Unicode"),
        ("a: \x07", "control characters are not allowed"),
        # Only the JSON reader gets as far as the mistake.
        ('{"a": "\\ud83d\\ude00", }}', "line 1, column 23: Expecting property name"),
    ],
)
def test_syntax_errors_say_where(text: str, message: str) -> None:
    with pytest.raises(ReelError) as caught:
        load(text)
    assert caught.value.code is Code.SPEC_SYNTAX
    assert message in str(caught.value)


def test_a_syntax_error_shows_the_line_and_points_at_it() -> None:
    with pytest.raises(ReelError) as caught:
        load("inputs:\n  a: b: c\n")
    assert str(caught.value).splitlines()[1:] == ["  2 |   a: b: c", "    |       ^"]


def test_a_long_line_is_shown_around_the_place() -> None:
    with pytest.raises(ReelError) as caught:
        load("a: " + "x" * 5000 + ": b: c")
    shown, caret = str(caught.value).splitlines()[1:]
    assert len(shown) < 120
    assert shown[caret.index("^")] == ":"


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "nested deeper than 40 levels"),
        ("a: " + "{a: " * 100, "nested deeper than 40 levels"),
        (BOMB, "aliases filled in"),
        ("- x\n" * (text_module.MAX_NODES + 1), "more than 500000 values"),
        ("#" * (text_module.MAX_BYTES + 1), "at most 16777216 are read"),
    ],
    ids=["brackets", "braces", "aliases", "values", "bytes"],
)
def test_what_is_too_large_is_refused(text: str, message: str) -> None:
    with pytest.raises(ReelError, match=message) as caught:
        load(text)
    assert caught.value.code is Code.SPEC_TOO_LARGE


def test_places_know_every_line() -> None:
    found = places("a:\n  - b: 1\n    c: [2,\n       3]\n")
    assert found == {
        "": (1, 1),
        "a": (2, 3),
        "a[0]": (2, 5),
        "a[0].b": (2, 8),
        "a[0].c": (3, 8),
        "a[0].c[0]": (3, 9),
        "a[0].c[1]": (4, 8),
    }
    assert places("a: [") == {}


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), _JSON))
def test_json_is_read_as_json(body: dict[str, object]) -> None:
    """Whatever the escapes: text is text, numbers are numbers."""
    found, _ = load(json.dumps(body))
    assert _plain(found) == _plain(body)


@given(
    st.dictionaries(st.text(max_size=8), _JSON | st.text(max_size=30)),
    st.booleans(),
    st.sampled_from([None, 1, 4]),
)
def test_json_is_read_as_yaml_would(body: dict[str, object], is_ascii: bool, indent: int) -> None:
    """The short way for JSON changes nothing but the time. A leading space leads past it."""
    text = json.dumps(body, ensure_ascii=is_ascii, indent=indent)
    assert _read(text) == _read(" " + text)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 2}',
        '{"a": NaN}',
        '{"a": -Infinity}',
        '{"a": 1.50, "b": 007, "c": 1e400, "d": -0, "e": 0x10}',
        '{"<<": {"a": 1}, "b": 2}',
        '{"a": "${name}", "b": ${name}}',
        '{"a": "x\ty"}',
        '{"a": "x\\u0085y", "b": "\x85"}',
        '{"a": "\x7f"}',
        '{"a": "\\ud83d\\ude00"}',
        "{'a': 1, b: yes}",
        '{"a": ' * 30 + "1" + "}" * 30,
        '{"a": ' * 60 + "1" + "}" * 60,
        '{"a": ' + "[" * 3000 + "]" * 3000 + "}",
        '{"a": 1} # said',
        '{"a": 1}\n---\n{"a": 2}',
        '{"a": ' + "9" * 30 + "}",
        '{"a": ' + "9" * 5000 + "}",
    ],
)
def test_odd_json_is_read_as_yaml_would(text: str) -> None:
    assert _read(text) == _read(" " + text)


def _read(text: str) -> tuple[object, object]:
    """What comes of it, without the columns, which the leading space moves."""
    try:
        value, problems = load(text)
    except ReelError as error:
        return None, error.code
    return value, [problem.code for problem in problems]


def _plain(value: object) -> object:
    if isinstance(value, dict):
        # A mapping under "<<" is YAML's merge key, in JSON too.
        return {k: _plain(v) for k, v in value.items() if k != "<<"}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, float) or (isinstance(value, str) and _is_far(value)):
        return round(math.frexp(float(value))[0], 12)
    return value


def _is_far(text: str) -> bool:
    """A number with a three-digit exponent stays text."""
    try:
        return "e" in text and abs(math.log10(abs(float(text)))) > 90
    except ValueError:
        return False
