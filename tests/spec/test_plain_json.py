"""JSON takes a short way, which leads to the same place as YAML's."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwright.errors import Code, ReelError
from reelwright.spec import text as module
from reelwright.spec.text import MAX_DEPTH, load

WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Co", "Cn"]), max_size=8
)
SCALARS = st.none() | st.booleans() | st.integers() | WORDS | st.floats(allow_nan=False, width=32)
BODIES = st.dictionaries(
    WORDS,
    st.recursive(
        SCALARS, lambda s: st.lists(s, max_size=3) | st.dictionaries(WORDS, s, max_size=3)
    ),
    max_size=5,
)


def by_yaml(text: str) -> Any:
    reader = module._Reader(None)
    return reader.read(text)


def shape(value: Any) -> Any:
    """With the types, and numbers as they were written."""
    if isinstance(value, dict):
        return {key: shape(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [shape(entry) for entry in value]
    return type(value), repr(value)


@given(BODIES)
def test_the_same_as_by_yaml(body: dict[str, Any]) -> None:
    text = json.dumps(body, ensure_ascii=False)
    if '"<<"' not in text:
        assert shape(load(text)[0]) == shape(by_yaml(text))


@pytest.mark.parametrize(
    "text",
    ['{"a": 1.50, "b": -0, "c": 1e3, "d": 12345678901234567890, "e": 007}', '{"a": NaN}',
     '{"a": "\\u0041\\/", "b": [1, [2, {"c": null}]]}', '{"a": {"<<": {"b": 1}}}', "{a: 1}",
     '{"a": 1,}', '{"a": yes, "b": 16:9}'],
)  # fmt: skip
def test_odd_texts(text: str) -> None:
    assert shape(load(text)[0]) == shape(by_yaml(text))


def test_what_stands_twice_is_noted_with_its_line() -> None:
    _, problems = load('{"a": 1,\n "a": 2}')

    assert [(p.code, p.evidence["line"]) for p in problems] == [(Code.SPEC_SYNTAX, 2)]


def test_depth_has_its_limit() -> None:
    def nested(depth: int) -> str:
        return '{"a": ' * depth + "1" + "}" * depth

    assert load(nested(MAX_DEPTH))[0]
    with pytest.raises(ReelError) as caught:
        load(nested(MAX_DEPTH + 1))
    assert caught.value.code is Code.SPEC_TOO_LARGE
