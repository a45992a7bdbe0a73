"""Segments hold all speech, are no longer than they may be, and own everything once."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwright.analysis.segments import SegmentRule, cut_in_silences, pack_shots
from reelwright.analysis.speech import Span

RULE = SegmentRule(most_s=30.0, overlap_s=4.0, apart_s=8.0, margin_s=0.25)


def _spans(lengths: list[tuple[float, float]]) -> tuple[list[Span], float]:
    """Of silences and the speech after them."""
    at, spans = 0.0, []
    for silence_s, speech_s in lengths:
        spans.append(Span(at + silence_s, at + silence_s + speech_s))
        at += silence_s + speech_s
    return spans, at + 1.0


_LENGTHS = st.lists(st.tuples(st.floats(0.1, 20.0), st.floats(0.2, 90.0)), min_size=0, max_size=30)


@given(_LENGTHS)
def test_what_holds_of_all_segments(lengths: list[tuple[float, float]]) -> None:
    speech, duration_s = _spans(lengths)
    found = cut_in_silences(speech, duration_s, RULE)
    assert bool(found) == bool(speech)
    for segment in found:
        assert 0 <= segment.start_s < segment.end_s <= duration_s
        assert segment.duration_s <= RULE.most_s + 1e-6
        assert any(s.start_s < segment.end_s and s.end_s > segment.start_s for s in speech)
    for span in speech:
        at = span.start_s
        for segment in found:
            if segment.start_s <= at + 1e-9:
                at = max(at, segment.end_s)
        assert at >= span.end_s - 1e-9, "some of the speech is in no segment"
    if found:
        assert found[0].owns_from_s == 0
        assert found[-1].owns_until_s == duration_s
    for one, other in itertools.pairwise(found):
        assert one.owns_until_s == other.owns_from_s
        if one.end_s > other.start_s:  # only speech without a pause is heard twice
            assert one.end_s - other.start_s <= RULE.overlap_s + 1e-6
            assert any(s.start_s < other.start_s and s.end_s > one.end_s for s in speech)


def test_a_cut_is_in_the_longest_silence_of_the_second_half() -> None:
    speech, duration_s = _spans([(1, 9), (1.5, 8), (0.5, 5), (0.3, 10)])
    first, second = cut_in_silences(speech, duration_s, RULE)
    # After 9 s there is a longer silence, but a segment is to be at least half full.
    assert (first.start_s, first.end_s) == pytest.approx((0.75, 19.75))
    assert second.start_s == pytest.approx(19.75)
    assert first.owns_until_s == second.owns_from_s == pytest.approx(19.75)


def test_a_long_silence_is_heard_by_nobody() -> None:
    first, second = cut_in_silences([Span(1, 2), Span(12, 13)], 20, RULE)
    assert (first.start_s, first.end_s, first.owns_until_s) == (0.75, 2.25, 7.0)
    assert (second.start_s, second.end_s, second.owns_until_s) == (11.75, 13.25, 20)


def test_speech_without_a_pause_overlaps_and_is_owned_up_to_the_middle() -> None:
    found = cut_in_silences([Span(0, 70)], 70, RULE)
    assert len(found) == 3
    for one, other in itertools.pairwise(found):
        assert one.end_s - other.start_s == pytest.approx(4.0)
        assert one.owns_until_s == pytest.approx((one.end_s + other.start_s) / 2)


def test_no_speech_is_no_segment() -> None:
    assert cut_in_silences([], 3600) == ()


@given(st.lists(st.floats(0.04, 100.0), max_size=40), st.floats(0.5, 60.0))
def test_packed_shots_cover_all_shots(lengths: list[float], most_s: float) -> None:
    at, shots = 0.0, []
    for length_s in lengths:
        shots.append(Span(at, at + length_s))
        at += length_s
    packed = pack_shots(shots, most_s)
    assert all(p.end_s - p.start_s <= most_s + 1e-6 for p in packed)
    bounds = [0.0, *(p.end_s for p in packed)]
    assert [p.start_s for p in packed] == bounds[:-1]
    assert bounds[-1] == at
    whole = [p for p in packed if len(p.parts) > 1 or p.parts[0].duration_s <= most_s]
    assert all((p.start_s, p.end_s) == (p.parts[0].start_s, p.parts[-1].end_s) for p in whole), (
        "a shot that fits is cut"
    )


def test_shots_are_packed_as_long_as_they_fit() -> None:
    shots = [Span(0, 4), Span(4, 9), Span(9, 12), Span(12, 40), Span(40, 41)]
    found = [(p.start_s, p.end_s, len(p.parts)) for p in pack_shots(shots, 10)]
    assert found[:2] == [(0, 9, 2), (9, 12, 1)]
    assert [p[2] for p in found[2:5]] == [1, 1, 1]
    assert found[-1] == (40, 41, 1)


def test_a_budget_of_nothing() -> None:
    with pytest.raises(ValueError, match="holds no shot"):
        pack_shots([Span(0, 1)], 0)
