"""Captions can be read: no line too wide, none too long on screen, every word in one of them."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from reelwright.analysis.captioning import CaptionRule, captions, sentences
from reelwright.analysis.words import Word, columns, joined

RULE = CaptionRule()


def _said(text: str, each_s: float = 0.35, start_s: float = 0.0) -> list[Word]:
    return [
        Word(text=word, start_s=start_s + n * each_s, end_s=start_s + (n + 0.9) * each_s)
        for n, word in enumerate(text.split())
    ]


@given(
    st.lists(
        st.tuples(
            st.text("abcdefghij,.世界", min_size=1, max_size=12), st.floats(0, 3), st.floats(0, 2)
        ),
        max_size=80,
    )
)
def test_what_holds_of_all_captions(words: list[tuple[str, float, float]]) -> None:
    at, said = 0.0, []
    for text, silence_s, length_s in words:
        said.append(Word(text=text, start_s=at + silence_s, end_s=at + silence_s + length_s))
        at = said[-1].end_s
    found = captions(said)
    assert "".join("".join(c.text.split()) for c in found) == "".join(w.text for w in said)
    for caption in found:
        lines = caption.text.split("\n")
        assert len(lines) <= RULE.lines
        assert all(columns(line) <= RULE.columns for line in lines)
        assert caption.start_s <= caption.end_s
        assert caption.end_s - caption.start_s <= RULE.most_s + RULE.linger_s + 1e-6
    assert all(a.end_s <= b.start_s + 1e-9 for a, b in pairwise(found))


def test_a_sentence_is_a_caption() -> None:
    found = captions(_said("We choose to go to the moon. Not because it is easy."))
    assert [c.text for c in found] == ["We choose to go to the moon.", "Not because it is easy."]


def test_a_long_sentence_breaks_at_its_clause() -> None:
    text = (
        "Ask not what your country can do for you as everybody else seems to ask today, ask"
        " what you can do for your country and for all of the others around you."
    )
    first, second = captions(_said(text, each_s=0.2))
    assert first.text.endswith("today,")
    assert second.text.startswith("ask what")
    assert all(len(c.text.split("\n")) == 2 for c in (first, second))


def test_a_title_or_an_initial_ends_no_sentence() -> None:
    assert len(sentences(_said("Dr. J. Smith paid 3. He left."))) == 1 + 1
    assert [len(s) for s in sentences(_said("Is it? Yes! It is\u2026 he said"))] == [2, 1, 2, 2]
    chinese = [Word(text=t, start_s=n, end_s=n + 1) for n, t in enumerate("好。走吧。")]
    assert [joined(w.text for w in s) for s in sentences(chinese)] == ["好。", "走吧。"]


def test_a_short_word_stays_long_enough_to_be_read() -> None:
    (only,) = captions([Word(text="Yes.", start_s=1.0, end_s=1.2)])
    assert (only.start_s, only.end_s) == (1.0, 2.0)
    first, _ = captions([
        Word(text="Yes.", start_s=1.0, end_s=1.2), Word(text="Later", start_s=1.9, end_s=2.5),
    ])  # fmt: skip
    assert first.end_s == 1.9 - RULE.apart_s


def test_a_pause_ends_a_caption() -> None:
    words = [*_said("and then nobody"), *_said("said a word", start_s=4.0)]
    assert [c.text for c in captions(words)] == ["and then nobody", "said a word"]


def test_nothing_said() -> None:
    assert captions([]) == ()
