"""Bounds beside a parameter type hold, whether the field may be left out or not."""

import pytest
from pydantic import Field, ValidationError

from reelwright.graph.operator import Params
from reelwright.graph.params import Integer, Number


class Bounded(Params):
    plain: Number = Field(0.0, ge=-1, le=1)
    count: Integer = Field(2, ge=1)
    optional: Integer | None = Field(None, ge=1)


@pytest.mark.parametrize("wrong", [{"plain": 2}, {"plain": "-1.5"}, {"count": 0}, {"optional": 0}])
def test_bounds_hold(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="than or equal to"):
        Bounded.model_validate(wrong)


def test_values_inside_pass_converted() -> None:
    made = Bounded.model_validate({"plain": "0.5", "count": "3", "optional": 1.0})
    assert (made.plain, made.count, made.optional) == (0.5, 3, 1)


def test_bounds_are_in_the_json_schema() -> None:
    shown = Bounded.model_json_schema()["properties"]["plain"]
    assert (shown["minimum"], shown["maximum"]) == (-1, 1)
