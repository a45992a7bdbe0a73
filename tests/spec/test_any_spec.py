"""Whatever is written: a JobSpec, or SpecErrors with places. Never another exception."""

import copy
import json
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reelwright.errors import Kind, Problem, SpecErrors
from reelwright.spec.model import JobSpec
from reelwright.spec.parse import parse_text
from tests.spec import sample

_WORDS = st.one_of(
    st.sampled_from(["talk", "cut", "small", "trim", "scale", "talk.video:1", "${x}", "${"]),
    st.sampled_from(["input", "inputs", "op", "id", "from", "to", "path", "video", "audio"]),
    st.sampled_from(["codec", "h264", "none", "off", "yes", "720", "-1", "1e3", "00:01:00"]),
    st.sampled_from(["out.mp4", "../x.mp4", "*.mp4", "s3://b/x.mp4", "ftp://x"]),
)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**25)
    | st.floats()
    | _WORDS
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=3),
    max_leaves=6,
)


def places(body: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(body, list):
        body = dict(enumerate(body))
    if isinstance(body, dict):
        for key, value in body.items():
            found += places(value, (*path, key))
    return found


WHOLE = yaml.safe_load(sample.WHOLE)
PLACES = places(WHOLE)


def outcome(text: str) -> JobSpec | None:
    problems: tuple[Problem, ...] = ()
    try:
        return parse_text(text, base=Path("/jobs"), registry=sample.REGISTRY)
    except SpecErrors as errors:
        problems = errors.problems
    assert problems
    assert {p.code.kind for p in problems} <= {Kind.INPUT, Kind.TOOL}
    assert all(p.message and "pydantic" not in p.message.lower() for p in problems)
    return None


@settings(max_examples=300)
@given(st.sampled_from(PLACES), _VALUES)
def test_one_value_replaced(place: tuple[Any, ...], value: Any) -> None:
    body = copy.deepcopy(WHOLE)
    target = body
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = value
    outcome(json.dumps(body))


@settings(max_examples=150)
@given(st.dictionaries(st.sampled_from([*WHOLE, "vars", "labels", "timeout"]), _VALUES))
def test_any_structure(body: dict[str, Any]) -> None:
    outcome(json.dumps(body))


@settings(max_examples=150)
@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    assert outcome(text) is None


@settings(max_examples=150)
@given(st.integers(0, len(sample.WHOLE)), st.text(max_size=3))
def test_a_slip_of_the_keyboard(at: int, typed: str) -> None:
    outcome(sample.WHOLE[:at] + typed + sample.WHOLE[at + len(typed) :])
