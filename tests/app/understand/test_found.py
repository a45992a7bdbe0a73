"""What is written, described and told as chapters, as passages."""

from __future__ import annotations

from reelwright.app.understand.found import passages


def line(text: str, start: float, end: float, y: float = 0.0, **more: object) -> dict[str, object]:
    return {
        "text": text, "start": start, "end": end, "box": [10, y, 100, 20], "confidence": 0.9, **more
    }  # fmt: skip


def test_lines_of_a_slide_are_one_passage_from_the_top() -> None:
    body = {"texts": [line("Second line", 5.0, 9.0, 40), line("First line", 5.2, 9.1, 10)]}
    (one,) = passages("text", body)
    assert (one.kind, one.text) == ("text", "First line\nSecond line")
    assert (one.start_s, one.end_s) == (5.0, 9.1)
    assert one.evidence["boxes"] == [[10, 10, 100, 20], [10, 40, 100, 20]]


def test_what_comes_at_another_time_is_another_passage() -> None:
    body = {"texts": [line("Now", 0.0, 2.0), line("Later", 30.0, 32.0), line("Long", 0.0, 40.0)]}
    assert [one.text for one in passages("text", body)] == ["Now", "Long", "Later"]


def test_signs_alone_are_no_text() -> None:
    body = {"texts": [line("·", 0.0, 1.0), line("A", 0.0, 1.0), line("OK", 0.0, 1.0)]}
    assert [one.text for one in passages("text", body)] == ["OK"]


def test_descriptions_have_their_tags_and_who_said_it() -> None:
    told = {"start": 0.0, "end": 4.0, "description": "A bike.", "tags": ["road", "bike"]}
    (one,) = passages("descriptions", {"descriptions": [{**told, "provider": "p", "model": "m"}]})
    assert one.text == "A bike. road, bike"
    assert one.evidence == {"provider": "p", "model": "m"}


def test_chapters_and_summary_are_found_by_their_words() -> None:
    (chapter,) = passages("chapters", {"chapters": [{"title": "Intro", "start": 0, "end": 60}]})
    assert (chapter.kind, chapter.text, chapter.end_s) == ("chapter", "Intro", 60)
    summary = {"summary": "All of it.", "key_points": [{"text": "A point.", "start": 4.0}]}
    whole, point = passages("summary", summary)
    assert (whole.text, whole.start_s) == ("All of it.", None)
    assert (point.text, point.start_s, point.end_s) == ("A point.", 4.0, 4.0)


def test_what_was_taken_word_for_word_is_not_indexed_twice() -> None:
    points = [{"text": "As it was said.", "start": 4.0, "end": 5.0}]
    summary = {"summary": "As it was said.", "key_points": points, "method": "extractive"}
    chapter = {"title": "Said", "start": 0, "end": 60, "method": "extractive"}
    assert passages("summary", summary) == []
    assert passages("chapters", {"chapters": [chapter]}) == []


def test_what_says_nothing_gives_no_passage() -> None:
    assert passages("shots", {"shots": [{"start": 0.0}]}) == []
    assert passages("text", {"texts": []}) == []
