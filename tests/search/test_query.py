"""What people type, and what is made of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwright.errors import Code, ReelError
from reelwright.search.query import Filters, Query, parse


def _texts(query: Query) -> tuple[list[str], list[str], list[str]]:
    return (
        [term.text for term in query.words],
        [term.text for term in query.phrases],
        [term.text for term in query.without],
    )


@pytest.mark.parametrize(
    ("text", "words", "phrases", "without"),
    [
        ("goal kick", ["goal", "kick"], [], []),
        ('goal "free kick" -penalty -"own goal"', ["goal"], ["free kick"], ["penalty", "own goal"]),
        ("“free kick” «coup franc»", [], ["free kick", "coup franc"], []),
        ("std::vector http://x.y 12:30", ["std::vector", "http://x.y", "12:30"], [], []),
        ("well-known - -- !", ["well-known"], [], []),
        ("", [], [], []),
    ],
)
def test_words_phrases_and_what_must_not_be(
    text: str, words: list[str], phrases: list[str], without: list[str]
) -> None:
    query = parse(text)
    assert _texts(query) == (words, phrases, without)
    assert query.filters.is_empty
    assert query.is_blank == (not words and not phrases)


def test_filters_are_taken_out_of_the_text() -> None:
    query = parse(
        'goal channel:"Sky Sports" channel:BBC kind:speech,text lang:en after:2024-01-31 '
        "before:2024-02 duration:5m..1h speaker:Ada in:video"
    )
    assert query.text == "goal"
    assert query.filters == Filters(
        channels=("Sky Sports", "BBC"),
        kinds=("speech", "text"),
        languages=("en",),
        speakers=("Ada",),
        sources=("video",),
        after=1706659200.0,
        before=1706745600.0,
        min_duration_s=300.0,
        max_duration_s=3600.0,
    )


def test_options_count_before_the_text() -> None:
    query = parse("goal channel:a kind:text", Filters(channels=("b",)))
    assert query.filters == Filters(channels=("b",), kinds=("text",))


def test_beginnings_of_words() -> None:
    query = parse('run* "free ki"*')
    assert query.words[0].is_prefix
    assert query.phrases[0].is_prefix
    assert query.text == "run free ki"


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ('a "free kick', "query, character 3", "no end"),
        ("a kind:foo", "query", "no kind of passage 'foo'"),
        ("after:yesterday", "query, character 7", "'yesterday' is no date"),
        ("after:2024-13", "query, character 7", "no date"),
        ("duration:5", "query, character 10", "no range"),
        ("duration:>x", "query, character 10", "no duration"),
        ("-kind:text a", "query, character 1", "not understood"),
        ("x" * 2001, "query", "2001 characters"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, where: str, message: str) -> None:
    with pytest.raises(ReelError) as caught:
        parse(text)
    problem = caught.value.problem
    assert problem.code is Code.QUERY_INVALID
    assert problem.where == where
    assert message in problem.message


@given(st.text(max_size=80))
def test_anything_that_is_typed_is_a_query_or_a_told_mistake(text: str) -> None:
    codes = set()
    try:
        parse(text)
    except ReelError as error:
        codes.add(error.code)
    assert codes <= {Code.QUERY_INVALID}
