"""What is written is read back as it was."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reelwright.media.cue_writing import Caption, write_srt, write_vtt
from reelwright.media.cues import read_cues

_LINES = st.lists(
    st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=20),
    min_size=1,
    max_size=3,
)


@given(st.lists(st.tuples(st.integers(0, 400_000_000), st.integers(1, 9000), _LINES), max_size=8))
def test_vtt_says_what_it_was_given(cues: list[tuple[int, int, list[str]]]) -> None:
    given_ = [Caption(a / 1000, (a + n) / 1000, "\n".join(lines)) for a, n, lines in cues]
    found = read_cues(write_vtt(given_, note="a note --> with an arrow").encode(), "vtt")
    assert [(c.start_s, c.end_s, c.plain) for c in found] == [
        (c.start_s, c.end_s, c.text) for c in given_
    ]


def test_srt() -> None:
    text = write_srt([Caption(0.5, 1.25, "one\n\ntwo"), Caption(3661.0, 3661.0, "three")])
    assert text == (
        "1\n00:00:00,500 --> 00:00:01,250\none\ntwo\n\n2\n01:01:01,000 --> 01:01:01,001\nthree\n"
    )
    assert [c.plain for c in read_cues(text.encode(), "srt")] == ["one\ntwo", "three"]


def test_nothing() -> None:
    assert write_vtt([]) == "WEBVTT\n"
    assert write_srt([]) == ""
