"""What is said as passages: whole sentences, packed, each word with its time."""

from __future__ import annotations

from typing import Any

from reelwright.app.understand.spoken import LONGEST_S, passages


def said(*words: tuple[str, float, float], **more: Any) -> dict[str, Any]:
    return {
        "language": "en",
        "words": [{"text": t, "start": a, "end": b, "segment": 0} for t, a, b in words],
        "segments": [{"start": 0.0, "end": 900.0, "provider": "box", "model": "tiny"}],
        **more,
    }


def sentence(start: float, text: str, each: float = 0.4) -> list[tuple[str, float, float]]:
    words = text.split()
    return [(w, start + n * each, start + (n + 1) * each) for n, w in enumerate(words)]


def test_sentences_are_packed_whole() -> None:
    first = sentence(0.0, "One two three four five.", 3.0)  # 0 to 15 s
    second = sentence(15.1, "Six seven eight nine.", 3.0)  # to 27.1 s
    third = sentence(27.2, "Ten eleven twelve.", 3.0)  # would make it 36 s
    found = passages(said(*first, *second, *third))

    assert [one.text for one in found] == [
        "One two three four five. Six seven eight nine.",
        "Ten eleven twelve.",
    ]
    assert (found[0].start_s, found[0].end_s) == (0.0, 27.1)
    assert {one.kind for one in found} == {"speech"}
    assert found[0].evidence["provider"] == "box"


def test_each_word_has_its_place_in_the_text_and_its_time() -> None:
    (one,) = passages(said(("Ask", 1.0, 1.2), ("not.", 1.25, 1.5)))
    assert one.text == "Ask not."
    assert one.evidence["words"] == [[0, 1.0, 1.2], [4, 1.25, 1.5]]
    for (at, _, _), word in zip(one.evidence["words"], ("Ask", "not."), strict=True):
        assert one.text[at:].startswith(word)


def test_a_long_pause_begins_a_new_passage() -> None:
    found = passages(said(*sentence(0.0, "Before."), *sentence(60.0, "After.")))
    assert [one.text for one in found] == ["Before.", "After."]


def test_words_without_a_full_stop_are_cut_at_their_pauses() -> None:
    words = [(f"w{n}", n * 1.0 + (5.0 if n >= 40 else 0.0), n * 1.0 + 0.9) for n in range(40)]
    words += [(f"w{n}", n * 1.0 + 0.4, n * 1.0 + 0.9) for n in range(40, 90)]
    found = passages(said(*words))
    assert all((one.end_s or 0) - (one.start_s or 0) <= LONGEST_S for one in found)
    assert " ".join(one.text for one in found) == " ".join(f"w{n}" for n in range(90))
    assert any(one.text.startswith("w40 ") for one in found)


def test_a_script_without_spaces_is_written_without() -> None:
    words = (("明日", 0.0, 0.3), ("は", 0.3, 0.4), ("晴れ", 0.4, 0.9))
    (one,) = passages(said(*words, language="ja"))
    assert one.text == "明日は晴れ"
    assert [at for at, _, _ in one.evidence["words"]] == [0, 2, 3]


def test_poor_words_are_called_so_and_silence_says_nothing() -> None:
    (one,) = passages(said(("hum", 0.0, 1.0), is_poor=True))
    assert one.evidence["is_poor"] is True
    assert passages(said()) == []
