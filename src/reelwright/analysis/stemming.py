"""Text as the words that it is searched by: folded, and stemmed in its language.

What is indexed and what is asked go the same way through here, on every database.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from reelwright.analysis.function_words import FUNCTION_WORDS

# Snowball's algorithm by BCP 47's primary tag.
STEMMERS: Mapping[str, str] = {
    "ar": "arabic",
    "ca": "catalan",
    "cs": "czech",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "et": "estonian",
    "eu": "basque",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "nb": "norwegian",
    "ne": "nepali",
    "nl": "dutch",
    "nn": "norwegian",
    "no": "norwegian",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
}
# A text of no known language has its words as they are.
PLAIN = "plain"

# Letters and digits, with apostrophes between them; `_` and all else part words. Python counts no
# mark as a letter: those of Hebrew, Arabic and the scripts of India stand in the middle of words.
_SIGN = (
    r"(?:[^\W_]|(?<=[^\s])[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0900-\u0963"
    r"\u0966-\u0dff])"
)
_WORD = re.compile(f"{_SIGN}+(?:['’ʼ]{_SIGN}+)*")
# Scripts that put no spaces between words: each sign is a word, a word of them is a phrase.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff]"
)
_PART = re.compile(f"{_UNSPACED.pattern}|(?:(?!{_UNSPACED.pattern}).)+")
_ELIDED = re.compile(r"(?:[cdjlmnst]|qu)['’ʼ](?=[^\W\d_]{2})", re.IGNORECASE)
_MARKS = re.compile("[\u0300-\u036f]")
_GUESSED = 4000
_local = threading.local()


def fold(text: str) -> str:
    """Without case and without marks: ``Über`` and ``uber`` are one."""
    if text.isascii():
        return text.lower()
    folded = _MARKS.sub("", unicodedata.normalize("NFKD", text.casefold()))
    return unicodedata.normalize("NFC", folded)


def tokens(text: str) -> list[str]:
    """The words of a text, folded and not stemmed."""
    return [fold(word) for word in _words(text)]


def stems(text: str, stemmer: str) -> list[str]:
    """The words of a text, stemmed by one of `STEMMERS`' algorithms or `PLAIN`, and folded."""
    return stem_all(list(_words(text)), stemmer)


def stem_all(words: Sequence[str], stemmer: str) -> list[str]:
    """One stem a word: of words as `tokens` tells them apart."""
    if stemmer == PLAIN:
        return [fold(word) for word in words]
    # Marks decide in some languages what is an ending, so they go afterwards.
    return [fold(stem) for stem in _stemmer(stemmer).stemWords([w.lower() for w in words])]


def spans(text: str) -> Iterator[tuple[int, int, str]]:
    """Each word's place (from, to) in the text, and the word as `tokens` gives it."""
    for found in _WORD.finditer(text):
        if not _UNSPACED.search(found[0]):
            yield found.start(), found.end(), fold(_bare(found[0]))
            continue
        for part in _PART.finditer(found[0]):
            yield found.start() + part.start(), found.start() + part.end(), fold(part[0])


def stemmer_of(language: str | None) -> str | None:
    """By a BCP 47 tag (``en``, ``pt-BR``); None where it has none."""
    return None if language is None else STEMMERS.get(re.split("[-_]", language.lower())[0])


def stemmer_for(text: str, language: str | None) -> str:
    """The stemmer for a text in `language`; where that is not known, as its function words have it.
    What has none of them and only Latin letters without marks is stemmed as English is."""
    known = stemmer_of(language)
    if known is not None:
        return known
    if language is None:
        guessed = stemmer_of(guess_language(text))
        return guessed or (STEMMERS["en"] if text.isascii() else PLAIN)
    return PLAIN


def guess_language(text: str) -> str | None:
    """The language whose function words make up most of the text, if any stands out."""
    found = [word.lower() for word in _words(text[:_GUESSED])]
    if not found:
        return None
    counts = dict.fromkeys(FUNCTION_WORDS, 0)
    known = _languages()
    for word in found:
        for tag in known.get(word, ()):
            counts[tag] += 1
    (best, most), (_, second) = sorted(counts.items(), key=lambda one: -one[1])[:2]
    is_clear = most >= 2 and most >= 0.08 * len(found) and most > 1.2 * second
    return best if is_clear else None


@lru_cache(maxsize=1)
def _languages() -> dict[str, tuple[str, ...]]:
    """By function word those that have it."""
    words = {word for known in FUNCTION_WORDS.values() for word in known}
    return {
        word: tuple(tag for tag, known in FUNCTION_WORDS.items() if word in known) for word in words
    }


@lru_cache(maxsize=1)
def stop_words() -> frozenset[str]:
    """Of all languages, folded: what alone tells nothing about what is looked for."""
    return frozenset(fold(_bare(word)) for known in FUNCTION_WORDS.values() for word in known)


def _words(text: str) -> Iterator[str]:
    for word in _WORD.findall(text):
        if word.isascii() or not _UNSPACED.search(word):
            yield _bare(word)
        else:
            yield from _PART.findall(word)


def _bare(word: str) -> str:
    """Without apostrophes: ``l'eau`` is ``eau``, ``Anna's`` is ``Anna``, ``don't`` is ``dont``."""
    if "'" not in word and "’" not in word and "ʼ" not in word:
        return word
    word = _ELIDED.sub("", word, count=1) if _ELIDED.match(word) else word
    for sign in "'’ʼ":
        if word.lower().endswith(f"{sign}s"):
            word = word[:-2]
        word = word.replace(sign, "")
    return word


def _stemmer(name: str) -> Any:
    """One a thread: they are not safe to share."""
    known: dict[str, Any] | None = getattr(_local, "stemmers", None)
    if known is None:
        known = _local.stemmers = {}
    if name not in known:
        import Stemmer

        known[name] = Stemmer.Stemmer(name)
    return known[name]
