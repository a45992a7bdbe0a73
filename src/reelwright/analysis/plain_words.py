"""Words as they are compared: without case, marks and, roughly, endings. For any language.

Where a language writes no spaces (Chinese, Japanese, Thai) pairs of characters stand for words.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache

# A word, or a number with its decimal point (3.5) or thousands (1,000).
_WORD = re.compile(r"\d+(?:[.,]\d+)+|\w+(?:[\u2019']\w+)?")
_NO_SPACES = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
# Two forms of a word begin alike: with so many characters at least, and but for so many at its end.
_LEAST_COMMON = 4
_MOST_ENDING = 4

# What small numbers are called: a transcript says "three", an answer writes 3.
_NAMES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    " sixteen seventeen eighteen nineteen twenty"
)
_NUMBERS = {name: str(value) for value, name in enumerate(_NAMES.split())}

# Words that say nothing of what a text is about, in languages whose texts are met most.
_COMMON = """
a about above after again against all also although am an and any are as at be because been
before being below between both but by can cannot could did do does doing don down during each
few for from further get got had has have having he her here hers herself him himself his how
however i if in into is it its itself just let like ll many may me might more most much must my
myself no nor not now of off on once only or other our ours ourselves out over own per re s same
say says she should so some such t than that the their theirs them themselves then there these
they this those through to too under until up upon us ve very was we were what when where
whether which while who whom whose why will with within without would yes you your yours
yourself yourselves according mentioned mentions explains explained speaker video document
text evidence states stated describes described
aber als am an auch auf aus bei bin bis bist da das dass dein dem den der des die dies diese
dieser doch du durch ein eine einem einen einer eines er es euer fur hat hatte hier ich ihr
im in ist ja kann kein mein mich mir mit muss nach nein nicht noch nur ob oder ohne sehr sein
sich sie sind so und uns unter vom von vor war waren was weil wenn wer werden wie wieder wir
wird wo zu zum zur uber
au aux avec ce ces cette dans de des du elle en est et eux il ils je la le les leur lui ma mais
me mes moi mon ne nos notre nous on ou par pas pour qu que qui sa se ses son sur ta te tes
toi ton tu un une vos votre vous sont ete
al como con cual de del donde el ella ellos entre era es esa ese eso esta este esto fue ha hay
la las lo los mas me mi muy no nos o para pero por porque que quien se sin sobre son su sus
tambien te tu un una unos y ya
"""
STOP_WORDS = frozenset(_COMMON.split())


@lru_cache(maxsize=1024)
def folded(text: str) -> str:
    """Without case and marks; apostrophes are of one kind."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("\u2019", "'"))
    return "".join(c for c in plain if unicodedata.category(c) != "Mn").strip()


def words_of(text: str) -> list[str]:
    """In their order, folded; small numbers as digits."""
    return [word for found in _WORD.findall(folded(text)) for word in _split(found)]


def _split(found: str) -> Iterator[str]:
    word = found.removesuffix("'s")
    if _NO_SPACES.search(word) is None:
        number = word.replace(",", "") if word[0].isdigit() else word
        yield _NUMBERS.get(number, number)
        return
    for run in _NO_SPACES.findall(word):
        yield from (run[n : n + 2] for n in range(max(len(run) - 1, 1)))
    yield from (other for other in _NO_SPACES.split(word) if other)


def same_word(one: str, other: str) -> bool:
    """Whether two folded words are forms of one, by how they begin: render, rendered, rendering."""
    if one == other:
        return True
    if any(c.isdigit() for c in one + other):
        return False
    shorter = min(len(one), len(other))
    common = 0
    while common < shorter and one[common] == other[common]:
        common += 1
    longest = max(len(one), len(other))
    return common >= _LEAST_COMMON and common >= shorter - 1 and longest - common <= _MOST_ENDING


class Words:
    """A bag of words that finds other forms of a word."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words = dict.fromkeys(words)
        self._begin: dict[str, list[str]] = defaultdict(list)
        for word in self._words:
            self._begin[word[:_LEAST_COMMON]].append(word)

    @classmethod
    def of(cls, text: str) -> Words:
        return cls(words_of(text))

    def __len__(self) -> int:
        return len(self._words)

    def __iter__(self) -> Iterator[str]:
        return iter(self._words)

    def has(self, word: str) -> bool:
        if word in self._words:
            return True
        return any(same_word(word, other) for other in self._begin.get(word[:_LEAST_COMMON], ()))

    def shared(self, other: Words) -> list[str]:
        """Those of these words that `other` has, in whichever form."""
        return [word for word in self._words if other.has(word)]


def content_words(text: str) -> Words:
    """Those that say what a text is about."""
    return Words(word for word in words_of(text) if word not in STOP_WORDS)
