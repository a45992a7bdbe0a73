"""A query as its words are looked for: in all their forms, in the languages that are indexed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from reelwright.analysis.ranking import Group
from reelwright.analysis.stemming import (
    PLAIN,
    fold,
    spans,
    stem_all,
    stemmer_of,
    stems,
    stop_words,
    tokens,
)
from reelwright.search.query import Query, Term

# Of an index in very many languages, the forms of those that most passages are in.
_STEMMERS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`groups`: what may be there, one a word; `must`: what must; `without`: what must not.
    `phrases` and `prefixes` are checked in the text itself, where forms do not count: words that
    follow each other, unstemmed, and beginnings of words. `whole`: all of a query of several words,
    for passages that say it as it is; `whole_group`: as it is looked for."""

    groups: tuple[Group, ...]
    must: tuple[Group, ...] = ()
    without: tuple[Group, ...] = ()
    phrases: tuple[Term, ...] = ()
    prefixes: tuple[str, ...] = ()
    whole: Term | None = None
    whole_group: Group | None = None


def asked(query: Query, stemmers: Sequence[str]) -> Asked:
    """`stemmers`: those that made the index's words."""
    languages = [stemmer_of(tag) for tag in query.filters.languages]
    chosen = [one for one in languages if one is not None] or list(stemmers[:_STEMMERS])
    chosen = list(dict.fromkeys([*chosen, PLAIN]))
    words = [word for term in query.words for word in _groups(term, chosen)]
    must = [group for term in query.phrases for group in _groups(term, chosen)]
    telling = [group for group, is_stop in words if not is_stop]
    every = telling or [group for group, _ in words]
    phrases = tuple(group for group, _ in must)
    whole = _whole(query)
    return Asked(
        groups=tuple(dict.fromkeys([*every, *phrases])),
        must=phrases,
        without=tuple(group for term in query.without for group, _ in _groups(term, chosen)),
        phrases=query.phrases,
        prefixes=tuple(
            fold(term.text) for term in (*query.words, *query.phrases) if term.is_prefix
        ),
        whole=whole,
        whole_group=None if whole is None else _groups(whole, chosen)[0][0],
    )


def _whole(query: Query) -> Term | None:
    plain = not query.phrases and not any(term.is_prefix for term in query.words)
    is_several = plain and len(tokens(query.text)) > 1
    return Term(text=query.text, is_phrase=True) if is_several else None


def says(text: str, term: Term) -> bool:
    """Whether the text has the phrase, word by word, in any case."""
    wanted = tokens(term.text)
    if not wanted:
        return True
    there = f" {' '.join(tokens(text))}"
    return f" {' '.join(wanted)}" + ("" if term.is_prefix else " ") in there + " "


def marks(text: str, asked: Asked, stemmers: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Where in the text what was asked stands: places (from, to) of words."""
    words = list(spans(text))
    stemmed = _stemmed(words, stemmers)
    whole = [group for group in asked.groups if not group.is_prefix]
    forms = {stem for group in whole for form in group.any_of for stem in form.split(" ")}
    return tuple(
        (a, b)
        for number, (a, b, word) in enumerate(words)
        if any(stems_[number] in forms for stems_ in stemmed) or _begins(word, asked.prefixes)
    )


def matches(
    text: str, asked: Asked, stemmers: Sequence[str], known: Sequence[str] = ()
) -> list[tuple[int, int, int]]:
    """Which of what was asked stands where: places (from, to) with numbers of `asked.groups`. A
    phrase is there where its words follow each other. `known`: the stems of the text's words, as
    the index has them, which spares the stemming."""
    sought, begun = _sought(asked.groups)
    if known and not begun and sought.keys().isdisjoint(known):
        return []
    words = list(spans(text))
    stemmed = [list(known)] if len(known) == len(words) else _stemmed(words, stemmers)
    ends = [prefix.rsplit(" ", 1)[-1] for prefix in asked.prefixes]
    found: dict[tuple[int, int, int], None] = {}
    for row in stemmed:
        for at, stem in enumerate(row):
            for parts, number in sought.get(stem, ()):
                if len(parts) == 1 or row[at : at + len(parts)] == parts:
                    found[words[at][0], words[at + len(parts) - 1][1], number] = None
        for parts, number in begun:
            for last in range(len(parts) - 1, len(row)):
                at = last - len(parts) + 1
                if row[at:last] == parts[:-1] and _begins(words[last][2], ends):
                    found[words[at][0], words[last][1], number] = None
    return list(found)


def _sought(
    groups: Sequence[Group],
) -> tuple[dict[str, list[tuple[list[str], int]]], list[tuple[list[str], int]]]:
    """The forms of groups with their numbers, by their first stem; and those whose end is open."""
    whole: dict[str, list[tuple[list[str], int]]] = {}
    begun: list[tuple[list[str], int]] = []
    for number, group in enumerate(groups):
        for form in dict.fromkeys(group.any_of):
            parts = form.split(" ")
            if group.is_prefix:
                begun.append((parts, number))
            else:
                whole.setdefault(parts[0], []).append((parts, number))
    return whole, begun


def _begins(word: str, prefixes: Sequence[str]) -> bool:
    return any(word.startswith(prefix) for prefix in prefixes)


def _stemmed(words: Sequence[tuple[int, int, str]], stemmers: Sequence[str]) -> list[list[str]]:
    """Of each stemmer the stems of these words."""
    plain = [word for _, _, word in words]
    return [stem_all(plain, one) for one in dict.fromkeys([*stemmers[:_STEMMERS], PLAIN])]


def _groups(term: Term, stemmers: Sequence[str]) -> list[tuple[Group, bool]]:
    """What is looked for of a term, and whether it is a word that tells nothing.

    A phrase is one thing. A word that has several in it (``std::vector``) is each of them, but of
    scripts without spaces the signs belong together.
    """
    parts = tokens(term.text)
    if not parts:
        return []
    forms = [stems(term.text, stemmer) for stemmer in stemmers]
    if term.is_phrase or (len(parts) > 1 and not re.search(r"[\W_]", term.text)):
        return [(_group(parts, forms, is_prefix=term.is_prefix), False)]
    last = len(parts) - 1
    return [
        (
            _group([part], [[form[n]] for form in forms], is_prefix=term.is_prefix and n == last),
            part in stop_words() and not term.is_prefix,
        )
        for n, part in enumerate(parts)
    ]


def _group(parts: Sequence[str], forms: Sequence[list[str]], *, is_prefix: bool) -> Group:
    """Of a prefix less is looked for, as stemming may have changed the end of the word; the text
    itself is asked afterwards."""
    if is_prefix:
        shorter = parts[-1][: max(2, len(parts[-1]) - 2)]
        forms = [[*form[:-1], shorter] for form in forms]
    return Group(tuple(dict.fromkeys(" ".join(form) for form in forms)), is_prefix)
