"""Windows of speech become spans by the published rule, and a burst is none."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwright.analysis.speech import WINDOW_S, Span, SpeechFinder, SpeechRule, padded


def _find(probabilities: list[float], **rule: float) -> list[tuple[float, float]]:
    finder = SpeechFinder(SpeechRule(**{"pad_s": 0.0, **rule}))
    finder.feed(probabilities)
    found = finder.finish(len(probabilities) * WINDOW_S)
    return [(round(s.start_s / WINDOW_S, 3), round(s.end_s / WINDOW_S, 3)) for s in found]


def test_speech_ends_where_the_silence_began() -> None:
    assert _find([0.1] * 5 + [0.9] * 20 + [0.1] * 10) == [(5, 25)]


def test_what_is_neither_goes_on_as_it_was() -> None:
    assert _find([0.4] * 5 + [0.9] * 10 + [0.4] * 10 + [0.9] * 10 + [0.0] * 9) == [(5, 35)]


def test_a_silence_shorter_than_the_least_is_part_of_the_speech() -> None:
    assert _find([0.9] * 10 + [0.0] * 3 + [0.9] * 10) == [(0, 23)]
    assert _find([0.9] * 10 + [0.0] * 5 + [0.9] * 10) == [(0, 10), (15, 25)]


def test_speech_up_to_the_end() -> None:
    assert _find([0.0] * 4 + [0.9] * 10) == [(4, 14)]
    assert _find([0.9] * 10 + [0.0] * 2) == [(0, 10)]


def test_a_burst_counts_by_what_of_it_is_speech() -> None:
    laugh = [0.68, 0.82, 0.75, 0.53, 0.29, 0.1, 0.09, 0.57, 0.36, 0.27, 0.13]
    assert _find([0.1] * 10 + laugh + [0.05] * 20) == []
    ask = [0.52, 0.61, 0.56, 0.5, 0.45, 0.42, 0.38, 0.52, 0.53, 0.59, 0.47]
    assert len(_find([0.1] * 10 + ask + [0.05] * 20)) == 1


@given(st.lists(st.floats(0, 1), max_size=300))
def test_spans_are_in_order_and_apart(probabilities: list[float]) -> None:
    finder = SpeechFinder(SpeechRule(min_speech_s=0.0))
    finder.feed(probabilities)
    duration_s = len(probabilities) * WINDOW_S
    found = finder.finish(duration_s)
    assert all(0 <= s.start_s < s.end_s <= duration_s for s in found)
    assert all(a.end_s <= b.start_s for a, b in itertools.pairwise(found))
    covered = {
        n for s in found for n in range(len(probabilities))
        if s.start_s <= (n + 0.5) * WINDOW_S < s.end_s
    }  # fmt: skip
    assert {n for n, p in enumerate(probabilities) if p >= 0.5} <= covered


def test_padding_meets_in_the_middle_of_a_short_silence() -> None:
    one, other = padded([Span(1.0, 2.0), Span(2.1, 3.0)], 0.5, 3.2)
    assert (one.start_s, other.end_s) == (0.5, 3.2)
    assert one.end_s == pytest.approx(other.start_s) == pytest.approx(2.05)
