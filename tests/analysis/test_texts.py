"""What was read in one picture after another becomes texts with a start and an end."""

from __future__ import annotations

import pytest

from reelwright.analysis.texts import Box, Picture, TextLine, edit_distance, merge_texts

HERE: Box = (100, 50, 200, 30)
BELOW: Box = (100, 300, 200, 30)


def _line(text: str, box: Box = HERE, sure: float = 0.99, source: int = 0) -> TextLine:
    return TextLine(text, box, sure, source)


def _second(second: float, *lines: TextLine) -> Picture:
    return Picture(second, second + 1, lines)


def _spans(*pictures: Picture, gap_s: float = 0.0) -> list[tuple[str, float, float]]:
    return [(t.text, t.start_s, t.end_s) for t in merge_texts(pictures, gap_s=gap_s)]


def test_the_same_text_over_time_is_one() -> None:
    found = merge_texts(
        [
            _second(0, _line("Hello", (100, 50, 200, 30), 0.7)),
            _second(1, _line("Hello", (102, 50, 198, 32), 0.9)),
            _second(2, _line("Hello", (101, 50, 199, 31), 0.8)),
        ]
    )
    assert len(found) == 1
    assert (found[0].text, found[0].start_s, found[0].end_s) == ("Hello", 0, 3)
    assert list(found[0].box) == [101, 50, 199, 31]
    assert found[0].confidence == 0.9
    assert (found[0].pictures, found[0].moved) == (3, False)


def test_a_text_that_is_gone_and_comes_back_is_two() -> None:
    pictures = (_second(0, _line("Hello")), _second(1), _second(2), _second(3, _line("Hello")))
    assert _spans(*pictures) == [("Hello", 0, 1), ("Hello", 3, 4)]
    assert _spans(*pictures, gap_s=1.0) == [("Hello", 0, 1), ("Hello", 3, 4)]


def test_a_text_that_was_missed_once_is_one() -> None:
    pictures = (_second(0, _line("Hello")), _second(1), _second(2, _line("Hello")))
    assert _spans(*pictures, gap_s=1.0) == [("Hello", 0, 3)]


def test_readings_that_differ_in_a_letter_are_one_and_most_votes_win() -> None:
    found = merge_texts(
        [
            _second(0, _line("Chapter opening", sure=0.8, source=1)),
            _second(1, _line("Chapter 0pening", sure=0.6, source=2)),
            _second(2, _line("Chapter opening", sure=0.85, source=3)),
            _second(3, _line("Chapter, opening", sure=0.8, source=4)),
        ]
    )
    assert [(t.text, t.end_s, t.source) for t in found] == [("Chapter opening", 4, 3)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Frame = 14", "Frame = 15"),
        ("01:00:02:10", "01:00:02:11"),
        ("Part A", "Part B"),
        ("Monday", "Sunday"),
        ("left", "right"),
        ("10", "100"),
    ],
)
def test_what_differs_in_meaning_is_two(one: str, other: str) -> None:
    spans = _spans(_second(0, _line(one)), _second(1, _line(other)))
    assert spans == [(one, 0, 1), (other, 1, 2)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3 MovieShots Dataset", "3MovieShots Dataset"),
        ("O1 LOOP", "01 L00P"),
        ("Hello, world!", "Hello world"),
        ("ＦＵＬＬ width", "FULL width"),
    ],
)
def test_what_flickers_is_one(one: str, other: str) -> None:
    assert len(_spans(_second(0, _line(one)), _second(1, _line(other)))) == 1


def test_a_misread_letter_is_believed_where_the_reader_was_sure() -> None:
    assert len(_spans(_second(0, _line("Dan Miller")), _second(1, _line("Dan Muller")))) == 2
    unsure = (_second(0, _line("Dan Miller")), _second(1, _line("Dan Muller", sure=0.6)))
    assert len(_spans(*unsure)) == 1


def test_two_of_the_same_at_once_stay_two() -> None:
    spans = _spans(
        _second(0, _line("Yes"), _line("Yes", BELOW)), _second(1, _line("Yes", BELOW), _line("Yes"))
    )
    assert spans == [("Yes", 0, 2), ("Yes", 0, 2)]
    boxes = {t.box for t in merge_texts([_second(0, _line("Yes"), _line("Yes", BELOW))])}
    assert boxes == {HERE, BELOW}


def test_scrolling_text_is_one_and_its_box_is_all_it_passed_over() -> None:
    found = merge_texts(
        [
            _second(n, _line("Directed by", (100, 400 - 90 * n, 200, 30)), _line("Somebody", HERE))
            for n in range(4)
        ]
    )
    (credit,) = [t for t in found if t.text == "Directed by"]
    assert (credit.start_s, credit.end_s, credit.moved) == (0, 4, True)
    assert list(credit.box) == [100, 130, 200, 300]
    assert len(found) == 2


def test_a_short_text_elsewhere_is_another() -> None:
    assert len(_spans(_second(0, _line("OK")), _second(1, _line("OK", BELOW)))) == 2


def test_text_that_is_typed_is_one_with_its_last_words() -> None:
    typed = ["The quick", "The quick brown", "The quick brown fox"]
    pictures = [
        _second(n, _line(text, (100, 50, 10.0 * len(text), 30), 0.95))
        for n, text in enumerate(typed)
    ]
    assert _spans(*pictures) == [("The quick brown fox", 0, 3)]
    assert list(merge_texts(pictures)[0].box) == [100, 50, 190, 30]


def test_texts_come_in_the_order_in_which_they_are_read() -> None:
    spans = _spans(
        _second(0, _line("second", BELOW)), _second(1, _line("third"), _line("4", BELOW))
    )
    assert [text for text, *_ in spans] == ["second", "third", "4"]
    assert merge_texts([]) == ()


@pytest.mark.parametrize(
    ("a", "b", "distance"),
    [("", "", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2), ("a", "a", 0)],
)
def test_edit_distance(a: str, b: str, distance: int) -> None:
    assert edit_distance(a, b) == edit_distance(b, a) == distance
    assert edit_distance(a, b, most=distance) == distance
    if distance > 1:
        assert edit_distance(a, b, most=1) == 2
