"""Words of overlapping segments are said once, and written as their script writes them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwright.analysis.segments import Segment, SegmentRule, cut_in_silences
from reelwright.analysis.speech import Span
from reelwright.analysis.words import Word, columns, dressed, joined, merged, spread, within


def _words(text: str, start_s: float = 0.0, each_s: float = 0.5) -> list[Word]:
    return [
        Word(text=word, start_s=start_s + n * each_s, end_s=start_s + (n + 0.8) * each_s)
        for n, word in enumerate(text.split())
    ]


def _texts(found: tuple[tuple[int, Word], ...]) -> str:
    return " ".join(word.text for _, word in found)


TWO = (Segment(0, 6, 0, 5), Segment(4, 10, 5, 10))


def test_what_both_heard_is_said_once() -> None:
    one = _words("a b c d e f g h i j k l")
    # The other counts a little late, and heard the first word only in part.
    other = _words("ai j k l m n o p q r s t", 4.07)
    found = merged([one, other], TWO)
    assert _texts(found) == "a b c d e f g h i j k l m n o p q r s t"
    assert {n for n, _ in found} == {0, 1}


def test_a_word_on_the_border_is_neither_lost_nor_doubled() -> None:
    # By their middles alone the first would drop it as too late, the other as too early.
    one = [Word(text="x", start_s=4.9, end_s=5.4)]
    other = [Word(text="X,", start_s=4.6, end_s=5.1), Word(text="y", start_s=5.6, end_s=6)]
    assert _texts(merged([one, other], TWO)) == "x y"


def test_where_no_word_is_alike_each_gives_what_it_owns() -> None:
    one, other = _words("a b c d e f g h i j k l"), _words("1 2 3 4 5 6 7 8 9 10 11 12", 4.0)
    assert _texts(merged([one, other], TWO)) == "a b c d e f g h i j 3 4 5 6 7 8 9 10 11 12"


def test_the_same_word_said_twice_stays_twice() -> None:
    apart = (Segment(0, 5, 0, 5), Segment(5, 10, 5, 10))
    found = merged([_words("no no no"), _words("no no", 5.0)], apart)
    assert _texts(found) == "no no no no no"


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=120), st.floats(0, 0.3))
def test_a_long_speech_in_segments_is_the_speech(texts: list[str], late_s: float) -> None:
    """Each segment hears all words that are wholly in it, with times that are a little off."""
    words = _words(" ".join(f"{text}{n}" for n, text in enumerate(texts)))
    duration_s = words[-1].end_s + 1
    rule = SegmentRule(most_s=12, overlap_s=3, margin_s=0.0)
    segments = cut_in_silences([Span(0, duration_s)], duration_s, rule)
    heard = [
        [
            Word(text=w.text, start_s=w.start_s + late_s * (n % 2), end_s=w.end_s)
            for w in words
            if s.start_s <= w.start_s and w.end_s <= s.end_s
        ]
        for n, s in enumerate(segments)
    ]
    found = merged(heard, segments)
    assert [word.text for _, word in found] == [word.text for word in words]
    assert all(a[0] <= b[0] for a, b in pairwise(found))


def test_times_stay_within_the_segment_and_in_order() -> None:
    wild = [
        Word(text=" late\n word ", start_s=3.0, end_s=2.0),
        Word(text="", start_s=3, end_s=4),
        Word(text="early", start_s=-1.0, end_s=9.0),
        Word(text="past", start_s=11.0, end_s=12.0),
    ]
    found = within(wild, 1.0, 10.0)
    assert [(w.text, w.start_s, w.end_s) for w in found] == [
        ("late word", 3.0, 3.0), ("early", 3.0, 9.0), ("past", 10.0, 10.0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["Hello,", "world."], "Hello, world."),
        (["今日", "は", "いい", "天気"], "今日はいい天気"),
        (["我", "用", "Python", "写", "。"], "我用 Python 写。"),
        (["안녕", "하세요"], "안녕 하세요"),
        (["สวัสดี", "ครับ"], "สวัสดีครับ"),
        ([], ""),
    ],
)
def test_words_are_written_as_their_script_does(words: list[str], line: str) -> None:
    assert joined(words) == line


def test_a_text_without_times_shares_its_span_by_length() -> None:
    found = spread("a bbb 世界", 10.0, 16.0)
    assert [(w.text, w.start_s, w.end_s) for w in found] == [
        ("a", 10.0, 11.0), ("bbb", 11.0, 14.0), ("世", 14.0, 15.0), ("界", 15.0, 16.0),
    ]  # fmt: skip
    assert all(w.is_interpolated for w in found)
    assert spread("  ", 0, 1) == ()


def test_how_wide_a_line_is() -> None:
    assert [columns(t) for t in ("abc", "世界", "e\u0301")] == [3, 4, 1]


def test_words_are_dressed_as_the_text_has_them() -> None:
    text = "\u201cAsk not,\u201d he said \u2014 what's 3.5 good for?"
    words = ["ask", "not", "he", "said", "whats", "3", "good", "for"]
    assert dressed(words, text) == (
        "\u201cAsk", "not,\u201d", "he", "said", "what's", "3", "good", "for?",
    )  # fmt: skip
    assert dressed(["a"], "") == ("a",)
