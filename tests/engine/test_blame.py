"""Failures name the inputs of the spec, not files of a workspace."""

from __future__ import annotations

from typing import Any

import pytest

from reelwright.engine.blame import named
from reelwright.errors import Code, Problem

_PAYLOAD: dict[str, Any] = {
    "inputs": [
        {"name": "in0", "uri": "/m/a.mp4"},
        {"name": "in1", "uri": "/m/b2.mp4"},
        {"name": "in2", "step": "cut-1", "output": "o"},
        {"name": "in3", "uri": "/m/font.ttf"},
    ]
}
_INPUTS = {"film": ["/m/a.mp4", "0" * 64], "clips": [["/m/b1.mp4", "1"], ["/m/b2.mp4", "2"]]}


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("in0", "inputs.film"),
        ("in1", "inputs.clips"),
        ("in0, in1", "inputs.film, inputs.clips"),
        # Not of the job: what a step has made, what a parameter names, other places.
        ("in2", "in2"),
        ("in3", "/m/font.ttf"),
        ("outputs[0]", "outputs[0]"),
        (None, None),
    ],
)
def test_the_place_is_that_of_the_spec(where: str | None, expected: str | None) -> None:
    problem = Problem(Code.MEDIA_TRUNCATED, "it ends too early", where, evidence={"n": 1})

    found = named(problem, _PAYLOAD, _INPUTS)

    assert found.where == expected
    assert (found.code, found.message, found.evidence) == (problem.code, problem.message, {"n": 1})
