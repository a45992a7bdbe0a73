"""Gaps between speech, and lines that fit into them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwright.analysis.narration import (
    Gap,
    gaps,
    levelled,
    placed,
    shortened,
    speed_for,
    trimmed,
    words_in,
)

SPANS = st.lists(st.tuples(st.floats(0, 100), st.floats(0.05, 10)), max_size=12)


@given(SPANS, st.floats(1, 120), st.floats(0, 1), st.floats(0.5, 3))
def test_no_gap_is_near_speech(
    spans: list[tuple[float, float]], duration: float, padding: float, shortest: float
) -> None:
    speech = [(start, start + length) for start, length in spans if start < duration]
    found = gaps(speech, duration, padding_s=padding, shortest_s=shortest, longest_s=12)
    for gap in found:
        assert 0 <= gap.start_s < gap.end_s <= duration
        for start, end in speech:
            assert gap.end_s <= start - padding + 1e-9 or gap.start_s >= end + padding - 1e-9


def test_the_whole_is_a_gap_where_nobody_speaks() -> None:
    assert gaps([], 10.0) == (Gap(0.0, 10.0),)
    assert gaps([(4.0, 6.0)], 10.0) == (Gap(0.0, 3.75), Gap(6.25, 10.0))
    assert gaps([(1.0, 9.0)], 10.0) == ()
    assert [g.duration_s for g in gaps([], 30.0, longest_s=12)] == pytest.approx([10, 10, 10])


@given(st.text(max_size=200), st.integers(0, 30))
def test_what_is_shortened_is_short_and_was_there(text: str, words: int) -> None:
    short = shortened(text, words)
    assert words_in(short) <= words
    assert short.rstrip(".") in " ".join(text.split())


def test_a_line_ends_where_a_sentence_or_a_clause_does() -> None:
    text = "A dog runs over the beach, chasing a ball. It is evening. The sun sets."
    assert shortened(text, 99) == text
    assert shortened(text, 12) == "A dog runs over the beach, chasing a ball. It is evening."
    assert shortened(text, 7) == "A dog runs over the beach."
    assert shortened(text, 3) == ""
    assert shortened("Nothing to cut here at all anywhere.", 4) == ""


def test_ideographs_are_half_words() -> None:
    assert words_in("東京の天気") == 3
    assert words_in("two words") == 2


def test_lines_with_times_wait_for_their_gap_and_for_each_other() -> None:
    free = [Gap(0.0, 4.0), Gap(10.0, 20.0)]
    lines = placed([(5.0, "it must wait"), (1.0, "too late for the first")], free)
    assert [(one.gap, one.start_s) for one in lines if one] == [
        (1, 10.0),
        (1, pytest.approx(11.125)),
    ]
    assert placed([(19.9, "there is no room for all of these words")], free) == [None]


def test_lines_without_times_take_the_first_gap_that_is_long_enough() -> None:
    free = [Gap(0.0, 1.0), Gap(5.0, 15.0)]
    (line,) = placed([(None, "eight words do not fit into one second")], free)
    assert line is not None
    assert line.gap == 1


def test_speed() -> None:
    assert speed_for(2.0, 3.0, 1.25) == 1.0
    assert speed_for(3.0, 2.5, 1.25) == pytest.approx(1.236)
    assert speed_for(4.0, 2.0, 1.25) is None
    assert speed_for(1.0, 0.0, 1.25) is None


def test_silence_around_a_voice_is_cut_off() -> None:
    samples = np.zeros(1000, np.int16)
    samples[400:500] = 1000
    assert len(trimmed(samples, 1000)) == 140
    assert len(trimmed(np.zeros(100, np.int16), 1000)) == 0


@pytest.mark.parametrize("loud", [300, 3000, 30000])
def test_every_voice_is_as_loud_as_the_other(loud: int) -> None:
    times = np.arange(16000) / 16000
    voice = (loud * np.sin(2 * np.pi * 200 * times)).astype(np.int16)
    line = np.concatenate([voice, np.zeros(8000, np.int16), voice])
    made = levelled(line, 16000, -20.0)[:16000] / 32768
    assert 20 * np.log10(np.sqrt(np.mean(np.square(made)))) == pytest.approx(-20, abs=0.1)


def test_peaks_are_not_clipped_and_silence_stays() -> None:
    spiky = np.zeros(16000, np.int16)
    spiky[::400] = 8000
    assert np.abs(levelled(spiky, 16000, -3.0).astype(int)).max() <= 32768 * 10 ** (-1 / 20) + 1
    assert not levelled(np.zeros(999, np.int16), 16000, -20.0).any()
    assert len(levelled(np.zeros(0, np.int16), 16000, -20.0)) == 0
