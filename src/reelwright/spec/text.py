"""YAML or JSON text to plain data: YAML 1.2's core schema, exact numbers, no surprises.

``16:9``, ``00:05:00``, ``yes`` and ``2024-01-01`` stay text (YAML 1.1 makes numbers, booleans and
dates of them). The parser's events are read without recursion, so that depth is a limit and not a
crash, and an alias counts as often as it is used, so that a small text cannot become a large spec.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from yaml import YAMLError
from yaml._yaml import CParser
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from reelwright.errors import Code, Problem, ReelError
from reelwright.graph.params import WrittenNumber

MAX_BYTES = 16 << 20
MAX_DEPTH = 40
MAX_NODES = 500_000

# YAML 1.2.2, 10.3.2. Numbers with leading zeros, plus signs, hexadecimal or octal digits stay text:
# in a job spec they are labels, colours and codes; a numeric parameter takes them as text too.
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(
    r"-?(?:(?:\.[0-9]+|(?:0|[1-9][0-9]*)\.[0-9]*)(?:[eE][-+]?[0-9]{1,2})?"
    r"|(?:0|[1-9][0-9]*)[eE][-+]?[0-9]{1,2})"
)
_WORDS: dict[str, Any] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_NUMBER_STARTS = frozenset("-.0123456789")

# Inside {...} YAML takes the braces of ${name} for its own. They are veiled while it reads, one
# character for one, so that lines and columns stay right.
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_-]*(?::-[^{}\n]*)?)\}")
_VEIL = str.maketrans({"\ue000": "{", "\ue001": "}"})


# What YAML reads differently in JSON, or refuses: its merge key, surrogates, what it takes for the
# end of a line or cannot print (YAML 1.1, 4.1 and 4.2, as libyaml has it), and the veil.
_NOT_PLAIN = re.compile(
    r'"<<"|\\u[dD][89a-fA-F]'
    r"|[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue002-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


def _veiled(text: str) -> str:
    if "${" not in text or "\ue000" in text or "\ue001" in text:
        return text
    return _VARIABLE.sub("$\ue000\\1\ue001", text)


def resolve(text: str) -> Any:
    """The value of an unquoted scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in _NUMBER_STARTS and len(text) <= 64:
        if _INTEGER.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text):
            return WrittenNumber(text)
    return text


@dataclass(slots=True)
class _Open:
    """A collection that is being read. `key` is the mapping key that waits for its value."""

    target: dict[str, Any] | list[Any]
    path: str
    anchor: str | None = None
    key: str | None = None
    has_key: bool = False
    merged: list[Any] = field(default_factory=list)
    size: int = 1


class _Reader:
    def __init__(self, on_place: Callable[[str, Any], None] | None) -> None:
        self.problems: list[Problem] = []
        self._stack: list[_Open] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._root: Any = None
        self._nodes = 0
        self._documents = 0
        self._on_place = on_place
        self._is_veiled = False

    def read(self, text: str) -> Any:
        veiled = _veiled(text)
        self._is_veiled = veiled != text
        for event in _events(veiled):
            kind = type(event)
            if kind is ScalarEvent:
                self._scalar(event)
            elif kind is MappingStartEvent:
                self._open({}, event)
            elif kind is SequenceStartEvent:
                self._open([], event)
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                self._close()
            elif kind is AliasEvent:
                self._alias(event)
            elif kind is DocumentStartEvent:
                self._documents += 1
        if self._documents > 1:
            raise ReelError(
                Code.SPEC_SYNTAX, "a spec is one YAML document; this text holds several"
            )
        return self._root

    def _scalar(self, event: Any) -> None:
        value = event.value
        if self._is_veiled and "\ue000" in value:
            value = value.translate(_VEIL)
        if event.implicit[0] and not event.style:
            plain = resolve(value)
        else:
            plain = value
            if event.tag not in (None, "!", "tag:yaml.org,2002:str"):
                raise _refused(event, f"the tag {event.tag} is not allowed in a spec")
        top = self._stack[-1] if self._stack else None
        if top is not None and type(top.target) is dict and not top.has_key:
            self._set_key(top, value, event)
            return
        if event.anchor is not None:
            self._anchors[event.anchor] = (plain, 1)
        self._place(plain, 1, event)

    def _set_key(self, top: _Open, key: str, event: Any) -> None:
        if key in top.target and not (key == "<<" and not event.style):
            where = f"{top.path}.{key}" if top.path else key
            line = event.start_mark.line + 1
            self.problems.append(
                Problem(
                    Code.SPEC_SYNTAX,
                    f"'{key}' stands twice in the same mapping, again in line {line}",
                    where,
                    "keep one of them",
                    {"line": line, "column": event.start_mark.column + 1},
                )
            )
        top.key, top.has_key = key, True

    def _open(self, target: dict[str, Any] | list[Any], event: Any) -> None:
        if event.tag not in (None, "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"):
            raise _refused(event, f"the tag {event.tag} is not allowed in a spec")
        if len(self._stack) >= MAX_DEPTH:
            raise ReelError(
                Code.SPEC_TOO_LARGE,
                f"the spec is nested deeper than {MAX_DEPTH} levels, at {_line(event)}",
                hint="a job spec needs five levels or so: look for brackets that are not closed",
            )
        self._refuse_key(event)
        path = self._path()
        if self._on_place:
            self._on_place(path, event.start_mark)
        self._stack.append(_Open(target, path, event.anchor))

    def _close(self) -> None:
        done = self._stack.pop()
        for source in done.merged:
            _merge(done.target, source)
        if done.anchor is not None:
            self._anchors[done.anchor] = (done.target, done.size)
        self._attach(done.target, done.size)

    def _alias(self, event: Any) -> None:
        self._refuse_key(event)
        if event.anchor not in self._anchors:
            raise _refused(event, f"the alias *{event.anchor} stands for nothing that came before")
        value, size = self._anchors[event.anchor]
        self._place(value, size, event)

    def _refuse_key(self, event: Any) -> None:
        top = self._stack[-1] if self._stack else None
        if top is not None and type(top.target) is dict and not top.has_key:
            raise _refused(event, "a key is a plain name, not a list, a mapping or an alias")

    def _place(self, value: Any, size: int, event: Any) -> None:
        if self._on_place:
            self._on_place(self._path(), event.start_mark)
        self._nodes += size
        if self._nodes > MAX_NODES:
            raise ReelError(
                Code.SPEC_TOO_LARGE, f"the spec has more than {MAX_NODES} values, aliases filled in"
            )
        self._attach(value, size)

    def _attach(self, value: Any, size: int) -> None:
        if not self._stack:
            self._root = value
            return
        top = self._stack[-1]
        top.size += size
        if type(top.target) is list:
            top.target.append(value)
            return
        assert isinstance(top.target, dict)
        assert top.key is not None
        if top.key == "<<" and isinstance(value, dict | list):
            top.merged.append(value)
        else:
            top.target.setdefault(top.key, value)
        top.key, top.has_key = None, False

    def _path(self) -> str:
        if not self._stack:
            return ""
        top = self._stack[-1]
        if type(top.target) is list:
            return f"{top.path}[{len(top.target)}]"
        return f"{top.path}.{top.key}" if top.path else str(top.key)


def _merge(target: dict[str, Any] | list[Any], source: Any) -> None:
    """YAML's merge key: what stands in the mapping itself goes before what it takes over."""
    for mapping in source if isinstance(source, list) else [source]:
        if isinstance(mapping, dict) and isinstance(target, dict):
            for key, value in mapping.items():
                target.setdefault(key, value)


def _events(text: str) -> Iterator[Any]:
    parser = CParser(text)
    try:
        while True:
            event = parser.get_event()
            if event is None:
                return
            yield event
            if type(event) is StreamEndEvent:
                return
    finally:
        parser.dispose()


def load(text: str) -> tuple[Any, list[Problem]]:
    """Plain data and the duplicate keys. Raises SPEC_SYNTAX (with line, column and the line itself)
    and SPEC_TOO_LARGE."""
    if len(text) > MAX_BYTES:
        raise ReelError(
            Code.SPEC_TOO_LARGE,
            f"the spec has {len(text)} characters; at most {MAX_BYTES} are read",
        )
    if text[:1] == "{" and not _NOT_PLAIN.search(text) and len(text) <= MAX_NODES:
        with suppress(ValueError, RecursionError):
            return _plain_json(text), []
    reader = _Reader(None)
    try:
        return reader.read(text), reader.problems
    except UnicodeEncodeError as error:
        raise ReelError(Code.SPEC_SYNTAX, "the spec is not valid Unicode text") from error
    except YAMLError as error:
        if text.lstrip("\ufeff \t\r\n")[:1] in ("{", "["):
            return _load_json(text, error)
        raise _syntax_error(text, error) from error


def _plain_json(text: str) -> Any:
    """What the reader makes of JSON, in a third of the time. Raises ValueError where the reader has
    something to say, or would say something else: NaN is no JSON."""
    forms: dict[str, Any] = {
        "parse_float": resolve,
        "parse_int": resolve,
        "parse_constant": _refuse_word,
    }
    value = json.loads(text, object_pairs_hook=_once, **forms)
    _check_depth(value, MAX_DEPTH)
    return value


def _once(items: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(items)
    if len(made) < len(items):
        raise ValueError("a key stands twice")
    return made


def _refuse_word(word: str) -> Any:
    raise ValueError(word)


def _check_depth(value: Any, left: int) -> None:
    if isinstance(value, dict | list):
        if not left:
            raise ValueError("too deep")
        for inner in value.values() if isinstance(value, dict) else value:
            _check_depth(inner, left - 1)


def places(text: str) -> dict[str, tuple[int, int]]:
    """Line and column (both from 1) of every place of a text that `load` takes. Parsed again, for
    messages alone, so that a good spec does not pay for it."""
    found: dict[str, tuple[int, int]] = {}

    def note(path: str, mark: Any) -> None:
        found.setdefault(path, (mark.line + 1, mark.column + 1))

    try:
        _Reader(note).read(text)
    except (YAMLError, ReelError, UnicodeEncodeError):
        return {}  # JSON that is no YAML: messages do without lines
    return found


def _load_json(text: str, error: YAMLError) -> tuple[Any, list[Problem]]:
    """JSON that YAML cannot read (surrogate pairs). Where it is no JSON either, YAML's error says
    more: it knows comments and bare words."""
    problems: list[Problem] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, value in items:
            if key in made:
                problems.append(
                    Problem(
                        Code.SPEC_SYNTAX,
                        f"'{key}' stands twice in the same mapping",
                        key,
                        "keep one of them",
                    )
                )
            made.setdefault(key, value)
        return made

    try:
        return json.loads(text, object_pairs_hook=pairs, parse_float=resolve), problems
    except json.JSONDecodeError as wrong:
        if "escape" not in str(error):
            raise _syntax_error(text, error) from error
        line = text.splitlines()[wrong.lineno - 1]
        raise _pointed_at(wrong.msg, line, wrong.lineno, wrong.colno) from error
    except RecursionError:
        raise _syntax_error(text, error) from error


def _line(event: Any) -> str:
    return f"line {event.start_mark.line + 1}, column {event.start_mark.column + 1}"


def _refused(event: Any, message: str) -> ReelError:
    mark = event.start_mark
    evidence = {"line": mark.line + 1, "column": mark.column + 1}
    return ReelError(Code.SPEC_SYNTAX, f"{_line(event)}: {message}", evidence=evidence)


def _syntax_error(text: str, error: YAMLError) -> ReelError:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
    if mark is None:
        return ReelError(Code.SPEC_SYNTAX, f"the spec is no YAML: {problem}")
    lines = text.splitlines() or [""]
    number, column = mark.line, mark.column
    if number >= len(lines):
        # The parser stands behind the end; a person looks at the last line.
        number, column = len(lines) - 1, len(lines[-1])
        problem = f"the text ends too early: {problem}"
    line = lines[number]
    if line[column : column + 1] == "\t" or line[:column].endswith("\t"):
        problem = "a tab cannot indent YAML; use spaces"
    elif "found character that cannot start any token" in problem:
        problem = f"'{line[column : column + 1]}' cannot begin a value; put it in quotes"
    hint = None
    if line[column : column + 1] == ":" or "mapping values are not allowed" in problem:
        hint = "a text that holds ': ' needs quotes around it"
    return _pointed_at(problem, line, number + 1, column + 1, hint)


def _pointed_at(
    problem: str, line: str, number: int, column: int, hint: str | None = None
) -> ReelError:
    """The line (of a long one, the part around the place) with a caret below."""
    first = max(0, column - 61)
    snippet = line[first : first + 100].replace("\t", " ")
    caret = " " * (column - 1 - first) + "^"
    return ReelError(
        Code.SPEC_SYNTAX,
        f"line {number}, column {column}: {problem}\n"
        f"  {number} | {snippet}\n  {' ' * len(str(number))} | {caret}",
        hint=hint,
        evidence={"line": number, "column": column},
    )
