"""Lengths and places on a picture."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwright.media.geometry import ANCHORS, Length, Position, Size

OUTER, INNER = Size(1000, 500), Size(100, 50)


@pytest.mark.parametrize(
    ("anchor", "expected"),
    [
        ("top-left", (10, 10)),
        ("top", (450, 10)),
        ("top-right", (890, 10)),
        ("left", (10, 225)),
        ("center", (450, 225)),
        ("right", (890, 225)),
        ("bottom-left", (10, 440)),
        ("bottom", (450, 440)),
        ("bottom-right", (890, 440)),
    ],
)
def test_anchors(anchor: str, expected: tuple[int, int]) -> None:
    assert Position(anchor).place(OUTER, INNER, 10) == expected


def test_a_margin_in_percent_follows_each_side() -> None:
    margin = Length(Fraction(5), "%")
    assert Position("bottom-right").place(OUTER, INNER, margin) == (850, 425)


def test_a_place_by_coordinates_ignores_the_margin() -> None:
    spot = Position(x=Length(Fraction(50), "%"), y=Length(Fraction(-20)))
    assert spot.place(OUTER, INNER, 10) == (500, -20)


def test_texts() -> None:
    assert str(Position("top")) == "top"
    assert str(Position(x=Length(Fraction(10)), y=Length(Fraction(25, 2), "%"))) == "10px,12.5%"
    assert str(OUTER) == "1000x500"
    assert OUTER.pixels == 500_000


def test_half_a_pixel_rounds_up() -> None:
    assert Length(Fraction(50), "%").of(5) == 3
    assert Length(Fraction(33), "%").of(100) == 33


def evaluate(expression: str, names: dict[str, int]) -> float:
    """The few words of FFmpeg's expression language that are used, which Python shares."""
    return float(eval(expression, {"__builtins__": {}, "round": lambda x: int(x + 0.5)}, names))


@given(
    st.sampled_from(ANCHORS),
    st.integers(2, 4000).map(lambda n: n * 2),
    st.integers(1, 1000).map(lambda n: n * 2),
    st.one_of(
        st.integers(0, 500).map(lambda n: Length(Fraction(n))),
        st.integers(0, 49).map(lambda n: Length(Fraction(n), "%")),
    ),
)
def test_expressions_say_what_place_says(
    anchor: str, outer: int, inner: int, margin: Length
) -> None:
    names = {"W": outer, "H": outer, "w": inner, "h": inner}
    x, y = Position(anchor).expressions(margin=margin)
    placed = Position(anchor).place(Size(outer, outer), Size(inner, inner), margin)
    assert (evaluate(x, names), evaluate(y, names)) == placed


def test_expressions_of_coordinates_and_other_names() -> None:
    spot = Position(x=Length(Fraction(10)), y=Length(Fraction(50), "%"))
    assert spot.expressions() == ("10", "round(H*50/100)")
    assert Position("bottom").expressions(("w", "h"), ("text_w", "text_h"), 8) == (
        "(w-text_w)/2",
        "h-text_h-8",
    )
