"""A moment is when it is said: sentences that have what was asked, in place of half a minute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from reelwright.analysis.stemming import PLAIN
from reelwright.search.asked import asked, matches
from reelwright.search.moments import Evidence
from reelwright.search.narrowing import By, narrowed, spoken
from reelwright.search.query import parse

STEMMERS = ("english", PLAIN)


def by(query: str, *weights: float) -> By:
    """Each word tells as much as the others, unless said otherwise."""
    found = asked(parse(query), STEMMERS)
    return By(found, STEMMERS, weights or (1.0,) * len(found.groups))


def said(
    *sentences: tuple[float, str], each_s: float = 0.5, kind: str = "speech", key: str = "words"
) -> Evidence:
    """Sentences from a time on, each word `each_s` long; cues are whole sentences."""
    text, times = "", []
    for start_s, sentence in sentences:
        words = sentence.split()
        text += " " if text else ""
        if key == "cues":
            times.append([len(text), start_s, start_s + each_s * len(words)])
            text += sentence
            continue
        for number, word in enumerate(words):
            text += " " if number else ""
            times.append(
                [len(text), start_s + number * each_s, start_s + (number + 1) * each_s],
            )
            text += word
    return Evidence(
        passage_id=1,
        kind=kind,
        text=text,
        start_s=float(times[0][1]),
        end_s=float(times[-1][2]),
        source={key: times} if key else {},
    )


TALK = said(
    (0.0, "Welcome to this long and winding introduction about nothing at all."),  # to 5.5
    (6.0, "Mix the flour with some water in a large bowl before you do anything else."),  # to 13.5
    (14.0, "Then have a rest."),  # to 16
    (20.0, "Later on the ovens are heated until they glow in a deep and dark red."),  # to 27
)


def test_the_sentence_that_says_it_is_the_moment() -> None:
    assert narrowed([TALK], by("flour in a bowl")) == pytest.approx((6.0, 16.0), abs=1e-6)
    # In any form of its words.
    assert narrowed([TALK], by("heating oven")) == pytest.approx((20.0, 27.5))


def test_a_short_one_has_context_after_it_before_what_comes_before() -> None:
    start_s, end_s = narrowed([TALK], by("rest")) or (0.0, 0.0)
    # Four seconds pass until the next sentence: nobody waits for it, so the one before is taken.
    assert (start_s, end_s) == pytest.approx((6.0, 16.0))


def test_sentences_near_each_other_are_one_and_far_ones_are_not() -> None:
    near = said((0.0, "The glue dries."), (5.0, "Nothing here."), (8.0, "A patch is pressed on."))
    start_s, end_s = narrowed([near], by("glue patch")) or (0.0, 0.0)
    assert (start_s, end_s) == pytest.approx((0.0, 10.5))
    far = said((0.0, "The glue dries on the patch."), (28.0, "The patch holds until tomorrow."))
    assert narrowed([far], by("glue patch")) == pytest.approx((0.0, 3.0))


def test_a_word_by_chance_narrows_nothing() -> None:
    assert narrowed([TALK], by("why geocentric astronomers rest nowhere")) is None
    # One that tells more than all the others does.
    question = by("geocentric astronomers rest", 1.0, 1.0, 5.0)
    assert narrowed([TALK], question) is not None


def test_words_that_are_said_far_apart_leave_the_moment_whole() -> None:
    scattered = said(
        (0.0, "One apple."), (30.0, "One pear."), (60.0, "One plum."), (90.0, "One quince.")
    )
    assert narrowed([scattered], by("apple pear plum quince")) is None


def test_without_full_stops_pauses_and_lengths_end_a_line() -> None:
    words = " ".join(f"word{n}" for n in range(80))
    run = said((0.0, f"{words} kettle {words}"), each_s=0.4)  # 64 s in one breath
    start_s, end_s = narrowed([run], by("kettle")) or (0.0, 0.0)
    assert start_s <= 32.0 <= 32.4 <= end_s
    assert end_s - start_s <= 20.0
    assert all(
        any(abs(bound - time) < 1e-6 for time in (n * 0.4 for n in range(162)))
        for bound in (start_s, end_s)
    )


def test_cues_have_their_times_and_captions_without_are_told_from_the_text() -> None:
    sentences = (
        (0.0, "The kettle is on the stove and it is blue."),
        (10.0, "Tea stands in the cupboard behind a large door."),
        (20.0, "Nobody drinks any of it before the evening comes."),
    )
    cues = said(*sentences, each_s=1.0, kind="captions", key="cues")
    assert narrowed([cues], by("tea cupboard")) == pytest.approx((10.0, 19.0), abs=0.01)
    untold = replace(cues, source={})
    start_s, end_s = narrowed([untold], by("tea cupboard")) or (0.0, 0.0)
    assert 5.0 <= start_s <= 10.0
    assert 19.0 <= end_s <= 29.0


def test_a_cue_that_is_two_sentences_shares_its_time() -> None:
    text = "Short one. And this one is a good deal longer."
    words = spoken(text, {"cues": [[0, 10.0, 20.0]]}, 10.0, 20.0)
    assert [text[w.first : w.last] for w in words] == text.split()
    assert words[0].start_s == 10.0
    assert words[-1].end_s == pytest.approx(20.0)
    starts = [w.start_s for w in words]
    assert starts == sorted(starts)
    assert spoken(text, {}, None, None) == []


@pytest.mark.parametrize("kind", ["text", "description", "chapter", "title", "body"])
def test_what_is_not_said_is_not_narrowed(kind: str) -> None:
    assert narrowed([replace(TALK, kind=kind)], by("flour bowl")) is None


def test_a_phrase_is_there_where_its_words_follow_each_other() -> None:
    twice = said(
        (0.0, "The court was open."), (20.0, "The movie is open."), (29.0, "An open movie.")
    )
    assert narrowed([twice], by('"open movie"')) == pytest.approx((29.0, 30.5))
    found = asked(parse('"open movie"'), STEMMERS)
    assert [twice.text[a:b] for a, b, _ in matches(twice.text, found, STEMMERS)] == ["open movie"]


def _marked(text: str, query: str, stemmers: Sequence[str] = STEMMERS) -> set[str]:
    return {text[a:b] for a, b, _ in matches(text, asked(parse(query), stemmers), stemmers)}


def test_beginnings_of_words_are_found_as_they_were_typed() -> None:
    text = "Renders, rented rooms and the renderer of Übergrößen."
    assert _marked(text, "render*") == {"Renders", "renderer"}
    assert _marked(text, "ubergr*") == {"Übergrößen"}
    assert _marked(text, "rooms rent") == {"rented", "rooms"}


def test_stems_of_the_index_are_taken_where_there_are_some() -> None:
    found = asked(parse("ovens"), STEMMERS)
    assert matches("One oven", found, STEMMERS, ("one", "oven")) == [(4, 8, 0)]
    assert matches("One oven", found, STEMMERS, ("one", "stove")) == []
    # Of another number than the text has words they are of no use.
    assert matches("One oven", found, STEMMERS, ("oven",)) == [(4, 8, 0)]
