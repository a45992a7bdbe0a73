"""Answers without a model: what fits best, word for word; nothing where nothing fits."""

from reelwright.analysis.answering import best, candidates
from reelwright.analysis.citations import Evidence

TEXTS = (
    "The oven is set to 220 degrees. The bread stays in for forty minutes. Is that clear?",
    "Bread wants time. The bread stays in for forty minutes.",
    "| oven | 220 degrees, for forty minutes of bread |",
    "A bicycle has two wheels and a saddle.",
)


def shown(*texts: str) -> list[Evidence]:
    return [
        Evidence(number=n, label="a", subject="a", text=text, start_s=n * 60.0, end_s=n * 60.0 + 9)
        for n, text in enumerate(texts, 1)
    ]


def answer(question: str, near: list[float] | None = None) -> list[str]:
    return [one.text for one in best(question, candidates(shown(*TEXTS)), near)]


def test_questions_headings_and_repetitions_are_no_candidates() -> None:
    found = [one.text for one in candidates(shown(*TEXTS, "Oven notes"))]
    assert found.count("The bread stays in for forty minutes.") == 1
    assert "Is that clear?" not in found
    assert "Oven notes" not in found


def test_the_sentence_with_the_rarest_words_comes_first_and_is_cited() -> None:
    question = "How many minutes does the bread stay in the oven?"
    assert answer(question)[0] == "The bread stays in for forty minutes."
    first = best(question, candidates(shown(*TEXTS)))[0]
    (citation,) = first.citations
    assert citation.quote in TEXTS[citation.evidence.number - 1]


def test_nothing_is_said_where_nothing_fits() -> None:
    assert answer("Who painted the ceiling of the chapel?") == []
    assert best("anything", []) == []


def test_meaning_finds_what_has_no_word_of_the_question() -> None:
    given = candidates(shown(*TEXTS))
    near = [0.6 if "bicycle" in one.text else 0.1 for one in given]
    assert answer("What vehicle has pedals?", near) == ["A bicycle has two wheels and a saddle."]
