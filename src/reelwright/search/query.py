"""What is looked for: words, phrases, what must not be there, and which documents may answer.

::

    goal "free kick" -penalty channel:"Sky Sports" after:2024-01-31 kind:speech

Words are looked for in any of their forms (*running* finds *ran* as far as a stemmer goes), and by
their meaning where there is a model. A phrase must be there, word by word. ``word*`` is the
beginning of a word.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from reelwright.errors import Code, ReelError
from reelwright.search.bounds import day, duration

KINDS = ("speech", "text", "captions", "description", "title", "chapter", "frame", "body")
_LONGEST = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which passages may answer: one of each tuple (empty: any), within all bounds.

    `kinds` as in `KINDS`; `assets` are ids, `documents` subjects (paths, ids of JSON lines).
    `sources`: ``video`` or ``document``. `after` and `before` bound the time of publishing (seconds
    since 1970, half open), `min_duration_s` and `max_duration_s` the video's length (inclusive).
    Channels, speakers and languages are compared without case; ``en`` has ``en-GB``.
    """

    channels: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    speakers: tuple[str, ...] = ()
    assets: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    after: float | None = None
    before: float | None = None
    min_duration_s: float | None = None
    max_duration_s: float | None = None

    @property
    def is_empty(self) -> bool:
        return self == Filters()

    def over(self, other: Filters) -> Filters:
        """These where they say something, else what `other` says."""
        said = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(other, **{name: value for name, value in said.items() if value not in _NO})


_NO: tuple[Any, ...] = (None, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A word or a phrase as it was typed; `is_prefix`: its last word may go on."""

    text: str
    is_phrase: bool = False
    is_prefix: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """`text`: what is asked, without filters and without what must not be there: what a model of
    meaning is given. `words` may be there, `phrases` must, `without` must not."""

    text: str = ""
    words: tuple[Term, ...] = ()
    phrases: tuple[Term, ...] = ()
    without: tuple[Term, ...] = ()
    filters: Filters = field(default_factory=Filters)

    @property
    def is_blank(self) -> bool:
        """There is nothing to look for: only a picture could be."""
        return not self.words and not self.phrases


# A sign before a word or a phrase, and a filter's key before its value.
_MINUS = re.compile(r'-(?=[\w"“„«])')
_KEY = re.compile(r"([a-z]+):(?=\S)", re.IGNORECASE)
_WORD = re.compile(r"\S+")
_STAR = re.compile(r"\*")
_QUOTES = {'"': '"', "“": "”", "„": "“”", "«": "»"}
_KEYS = {
    "channel": "channels",
    "language": "languages",
    "lang": "languages",
    "kind": "kinds",
    "speaker": "speakers",
    "asset": "assets",
    "document": "documents",
    "in": "sources",
    "after": "after",
    "before": "before",
    "duration": "duration",
}


def parse(text: str, filters: Filters | None = None) -> Query:
    """`filters` are those of options: what they say counts before what the text says.

    A blank text is no error here: a picture may be searched by. Raises QUERY_INVALID, with the
    place in the text.
    """
    if len(text) > _LONGEST:
        said = f"a query of {len(text)} characters; at most {_LONGEST} are allowed"
        raise ReelError(Code.QUERY_INVALID, said, where="query")
    reader = _Reader(text)
    while reader.read():
        pass
    found = _filters(reader.said)
    query = Query(
        text=" ".join(reader.asked),
        words=tuple(reader.words),
        phrases=tuple(reader.phrases),
        without=tuple(reader.without),
        filters=found if filters is None else filters.over(found),
    )
    _check(query.filters)
    return query


class _Reader:
    """Goes through the text once."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self.asked: list[str] = []
        self.words: list[Term] = []
        self.phrases: list[Term] = []
        self.without: list[Term] = []
        self.said: list[tuple[str, str, int]] = []

    def read(self) -> bool:
        """One part more; False at the end."""
        self._at += len(self._text[self._at :]) - len(self._text[self._at :].lstrip())
        begun = self._at
        if begun >= len(self._text):
            return False
        is_out = self._take(_MINUS) is not None
        key = self._key()
        valued = self._at
        value, is_phrase = self._value()
        if key is not None and is_out:
            raise _invalid(f"-{key}: is not understood", begun, "leave the - out")
        if key is not None:
            self.said.append((key, value, valued))
        else:
            self._keep(_term(value, is_phrase=is_phrase), is_out=is_out)
        return True

    def _keep(self, term: Term, *, is_out: bool) -> None:
        if not re.search(r"\w", term.text):
            return  # signs alone are no words
        if is_out:
            self.without.append(term)
            return
        self.asked.append(term.text)
        (self.phrases if term.is_phrase else self.words).append(term)

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self._text, self._at)
        if found is not None:
            self._at = found.end()
        return found

    def _key(self) -> str | None:
        """Of a filter; what else has a colon is a word."""
        found = _KEY.match(self._text, self._at)
        if found is None or found[1].lower() not in _KEYS:
            return None
        self._at = found.end()
        return found[1].lower()

    def _value(self) -> tuple[str, bool]:
        """The phrase or word that begins here, and whether it is a phrase."""
        begun = self._at
        closing = _QUOTES.get(self._text[begun])
        if closing is None:
            word = self._take(_WORD)
            return ("" if word is None else word[0]), False
        end_at = self._text.find(closing, begun + 1)
        if end_at < 0:
            raise _invalid("a phrase has no end", begun, f"end it with {closing}")
        self._at = end_at + 1
        phrase = self._text[begun + 1 : end_at]
        return (phrase if self._take(_STAR) is None else phrase + "*"), True


def _term(value: str, *, is_phrase: bool) -> Term:
    is_prefix = value.endswith("*")
    return Term(text=value.rstrip("*").strip(), is_phrase=is_phrase, is_prefix=is_prefix)


def _filters(said: Sequence[tuple[str, str, int]]) -> Filters:
    found: dict[str, Any] = {}
    for key, value, at in said:
        name = _KEYS[key]
        try:
            if name == "duration":
                found |= _durations(value)
            elif name in ("after", "before"):
                found[name] = day(value)
            else:
                parts = [value] if name == "documents" else value.split(",")
                found[name] = (*found.get(name, ()), *(p.strip() for p in parts if p.strip()))
        except ReelError as error:
            raise _invalid(error.problem.message, at, error.problem.hint) from error
    return Filters(**found)


def _durations(value: str) -> dict[str, float]:
    """``>10m``, ``<1h``, ``5m..20m``."""
    if ".." in value:
        low, _, high = value.partition("..")
        found = {"min_duration_s": low, "max_duration_s": high}
        return {name: duration(part) for name, part in found.items() if part}
    if value[:1] in "<>":
        name = "min_duration_s" if value[0] == ">" else "max_duration_s"
        return {name: duration(value[1:].lstrip("="))}
    hint = "duration:>10m, duration:<1h, duration:5m..20m"
    raise ReelError(Code.QUERY_INVALID, f"'{value}' is no range of durations", hint=hint)


def _check(filters: Filters) -> None:
    for name, known in (("kinds", KINDS), ("sources", ("video", "document"))):
        for value in getattr(filters, name):
            if value not in known:
                what = "kind of passage" if name == "kinds" else "kind of source"
                allowed = ", ".join(known)
                message = f"there is no {what} '{value}'"
                raise ReelError(
                    Code.QUERY_INVALID, message, where="query", hint=f"one of {allowed}"
                )


def _invalid(message: str, at: int, hint: str | None) -> ReelError:
    """`at`: the place in the text, counted from 0."""
    return ReelError(Code.QUERY_INVALID, message, where=f"query, character {at + 1}", hint=hint)
