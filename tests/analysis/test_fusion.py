"""Reciprocal rank fusion by its formula."""

from __future__ import annotations

import pytest

from reelwright.analysis.fusion import Leg, fuse


def test_ranks_are_added_up_by_weight() -> None:
    words = Leg("words", 1.0, [("a", 9.0), ("b", 8.0)])
    meaning = Leg("meaning", 0.5, [("b", 0.9), ("c", 0.8)])
    found = fuse([words, meaning])
    assert [one.thing for one in found] == ["b", "a", "c"]
    assert found[0].score == pytest.approx(1 / 62 + 0.5 / 61)
    assert [(s.leg, s.rank, s.value) for s in found[0].shares] == [
        ("words", 2, 8.0),
        ("meaning", 1, 0.9),
    ]
    assert found[2].score == pytest.approx(0.5 / 62)


def test_what_comes_again_counts_where_it_comes_first() -> None:
    (a, b) = fuse([Leg("one", 1.0, [("a", 3.0), ("a", 2.0), ("b", 1.0)])])
    assert (a.thing, a.shares[0].rank) == ("a", 1)
    assert (b.thing, b.shares[0].rank) == ("b", 2)


def test_equals_keep_the_order_of_the_legs() -> None:
    found = fuse([Leg("one", 1.0, [("a", 1.0)]), Leg("two", 1.0, [("b", 1.0)])])
    assert [one.thing for one in found] == ["a", "b"]


def test_no_legs_find_nothing() -> None:
    assert fuse([]) == []
