"""``${name}``: typed, escaped, filled once."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwright.errors import Code, SpecErrors
from reelwright.spec.model import JobSpec
from reelwright.spec.parse import parse_text
from reelwright.spec.variables import Variables, typed
from tests.spec.sample import REGISTRY


def fill(text: str, **values: object) -> object:
    variables = Variables(values, {})
    found = variables.fill(text, "x")
    assert variables.problems == []
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${n}", 720),
        ("${b}", True),
        ("${l}", [1, 2]),
        ("${n}p", "720p"),
        ("${b}, ${n}", "true, 720"),
        ("$${n}", "${n}"),
        ("a $${n} ${n}", "a ${n} 720"),
        ("${gone:-5}", 5),
        ("${gone:-}", None),
        ("${gone:-a b}!", "a b!"),
        ("${n:-5}", 720),
        ("${nothing:-5}", 5),
        ("$n $ {n}", "$n $ {n}"),
    ],
)
def test_filling(text: str, expected: object) -> None:
    assert fill(text, n=720, b=True, l=[1, 2], nothing=None) == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("720", 720),
        ("true", True),
        ("00:01:00", "00:01:00"),
        ("[1s, 5s]", ["1s", "5s"]),
        ("{a: 1}", {"a": 1}),
        ("[unclosed", "[unclosed"),
        ("a: b # c", "a: b # c"),
        ("", None),
    ],
)
def test_what_set_gives(text: str, value: object) -> None:
    assert typed(text) == value


def parse(text: str, **variables: str) -> JobSpec:
    return parse_text(text, variables=variables, registry=REGISTRY)


def params(spec: JobSpec, operation: int) -> Any:
    return spec.operations[operation].params


SPEC = """\
vars: {height: 480, where: out}
inputs: {talk: talk.mp4}
operations:
  - {id: small, op: scale, height: ${height}, upscale: ${up:-false}}
outputs:
  - {from: small, to: '${where}/${height}.mp4', metadata: {title: ${title:-none}}}
"""


def test_a_spec_with_variables() -> None:
    spec = parse(SPEC)
    assert params(spec, 0).height == 480
    assert spec.outputs[0].to == "out/480.mp4"
    assert spec.outputs[0].metadata == {"title": "none"}


def test_set_goes_before_vars() -> None:
    spec = parse(SPEC, height="720", up="true", title="x: [${height}]")
    assert params(spec, 0).height == 720
    assert params(spec, 0).upscale is True
    assert spec.outputs[0].to == "out/720.mp4"
    assert spec.outputs[0].metadata == {"title": "x: [${height}]"}
    assert spec.source["operations"][0]["height"] == 720


def test_a_misspelt_set_is_told() -> None:
    with pytest.raises(SpecErrors) as caught:
        parse(SPEC, hieght="720")
    (problem,) = caught.value.problems
    assert problem.code is Code.VARIABLE_UNKNOWN
    assert problem.message == "the spec has no variable 'hieght', did you mean 'height'?"


def test_an_unknown_variable_is_not_also_a_wrong_value() -> None:
    with pytest.raises(SpecErrors) as caught:
        parse(SPEC.replace("${height},", "${hight},"))
    assert [p.code for p in caught.value.problems] == [Code.VARIABLE_UNKNOWN]


def test_a_list_cannot_stand_inside_a_text() -> None:
    variables = Variables({"l": [1]}, {})
    variables.fill("a ${l}", "x")
    assert [p.code for p in variables.problems] == [Code.FIELD_INVALID]


_NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,8}", fullmatch=True)


@given(_NAMES, st.text(max_size=30))
def test_a_value_is_never_read_as_a_template(name: str, value: str) -> None:
    variables = Variables({name: value}, {})
    assert variables.fill(f"<${{{name}}}>", "x") == f"<{value}>"
    assert variables.fill(f"${{{name}}}", "x") == value


@given(st.text(max_size=30))
def test_escaped_text_comes_out_as_it_was(text: str) -> None:
    """Doubling the dollar of each ``${`` is the whole of the escaping."""
    if text.endswith("$"):
        text += " "
    variables = Variables({}, {})
    assert variables.fill(text.replace("${", "$${"), "x") == text
    assert variables.problems == []
