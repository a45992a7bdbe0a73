"""Words of texts: told apart, folded, stemmed in their language."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwright.analysis.stemming import (
    PLAIN,
    STEMMERS,
    fold,
    guess_language,
    spans,
    stem_all,
    stemmer_for,
    stems,
    stop_words,
    tokens,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, World!", ["hello", "world"]),
        ("snake_case v2.5 and/or", ["snake", "case", "v2", "5", "and", "or"]),
        ("don't Anna's l'eau D’Artagnan", ["dont", "anna", "eau", "artagnan"]),
        ("Über Straße naïve", ["uber", "strasse", "naive"]),
        ("東京タワー abc日本", ["東", "京", "タ", "ワ", "ー", "abc", "日", "本"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("...", []),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert tokens(text) == expected


def test_each_language_has_its_endings() -> None:
    assert stems("running generalizations", "english") == ["run", "general"]
    assert stems("Häuser", "german") == stems("Haus", "german")
    assert stems("écoles", "french") == stems("ecole", "french") == ["ecol"]
    assert stems("Running", PLAIN) == ["running"]


def test_every_language_that_is_named_can_be_stemmed() -> None:
    for name in STEMMERS.values():
        assert len(stem_all(["word", "слово"], name)) == 2


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("how do I open a file and read it", "en"),
        ("wie kann man das öffnen, wenn es nicht geht", "de"),
        ("comment ouvrir un fichier qui est dans le dossier", "fr"),
        ("cómo se puede abrir un archivo que no está", "es"),
        ("как открыть файл, если он не читается", "ru"),
        ("quantum chromodynamics", None),
        ("", None),
    ],
)
def test_function_words_tell_the_language(text: str, language: str | None) -> None:
    assert guess_language(text) == language


def test_what_is_told_counts_before_what_is_guessed() -> None:
    assert stemmer_for("the cat is on the mat", "de-AT") == "german"
    assert stemmer_for("the cat is on the mat", None) == "english"
    assert stemmer_for("quantum chromodynamics", None) == "english"
    assert stemmer_for("東京", None) == PLAIN
    assert stemmer_for("the cat", "xx") == PLAIN


def test_words_that_tell_nothing() -> None:
    assert {"the", "und", "dont"} & stop_words() == {"the", "und"}


@given(st.text(max_size=200))
def test_words_and_places_agree(text: str) -> None:
    found = list(spans(text))
    assert [word for _, _, word in found] == tokens(text)
    assert all(0 <= a < b <= len(text) for a, b, _ in found)
    for stemmer in ("english", PLAIN):
        assert len(stems(text, stemmer)) == len(found)
    assert fold(fold(text)) == fold(text) or not text.isascii()
