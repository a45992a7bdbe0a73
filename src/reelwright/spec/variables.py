"""``${name}`` in a spec: filled once, as values, never as text that is parsed again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reelwright.errors import Code, Problem, ReelError
from reelwright.graph.params.form import WrittenNumber
from reelwright.graph.params.nearest import meant
from reelwright.graph.params.places import NAME_PATTERN
from reelwright.spec.text import MAX_BYTES, load, resolve

_USE = re.compile(rf"\$(\$)?\{{(?:({NAME_PATTERN})(?::-([^}}]*))?\}})?")
_NAME = re.compile(NAME_PATTERN)


def typed(text: str) -> Any:
    """The value of ``--set name=text``: a YAML scalar, or a list or mapping in brackets; anything
    else is text as it stands."""
    if text[:1] in ("[", "{"):
        try:
            value, problems = load(text)
        except ReelError:
            return text
        return text if problems else value
    return resolve(text)


class Variables:
    """`defined` are the spec's `vars`; `given` comes from the command line and goes before them."""

    def __init__(self, defined: Mapping[str, Any], given: Mapping[str, str]) -> None:
        self.problems: list[Problem] = []
        self._values = {**defined, **{name: typed(text) for name, text in given.items()}}
        self._given = tuple(given)
        self._used: set[str] = set()
        self._known = set(defined)
        self._left = MAX_BYTES

    def fill(self, value: Any, where: str) -> Any:
        """`value` with every variable filled in; what cannot be is noted in `problems`.

        Raises SPEC_TOO_LARGE where a small text becomes a large spec by it.
        """
        kind = type(value)
        if kind is str:
            return self._fill_text(value, where) if "${" in value else value
        if kind is dict:
            prefix = f"{where}." if where else ""
            return {k: self.fill(v, f"{prefix}{k}") for k, v in value.items()}
        if kind is list:
            return [self.fill(v, f"{where}[{i}]") for i, v in enumerate(value)]
        return value

    def check_given(self) -> None:
        """A variable that nobody asked for is a misspelt one."""
        for name in self._given:
            if name not in self._known and name not in self._used:
                near = meant(name, self._known | self._used)
                self.problems.append(
                    Problem(
                        Code.VARIABLE_UNKNOWN,
                        f"the spec has no variable '{name}'" + (f", {near}" if near else ""),
                        f"vars.{name}",
                        "`--set` names a variable of `vars`, or one that stands as ${name}",
                    )
                )

    def _fill_text(self, text: str, where: str) -> Any:
        whole = _USE.fullmatch(text)
        if whole and whole[2] and not whole[1]:
            return self._value(whole, where)
        return _USE.sub(lambda found: self._part(found, where), text)

    def _part(self, found: re.Match[str], where: str) -> str:
        if found[1]:
            # $${name} is the text ${name}.
            return found[0][1:]
        if not found[2]:
            message = "'${' begins a variable, but no name and '}' follow"
            hint = "write ${name}, or $${ for the text itself"
            self._note(Code.FIELD_INVALID, message, where, hint)
            return found[0]
        value = self._value(found, where)
        if isinstance(value, dict | list):
            message = f"variable '{found[2]}' is a list or a mapping and cannot stand inside a text"
            self._note(Code.FIELD_INVALID, message, where, "let it stand alone")
            return ""
        return _as_text(value)

    def _value(self, found: re.Match[str], where: str) -> Any:
        name, default = found[2], found[3]
        self._used.add(name)
        if self._values.get(name) is not None:
            self._left -= _weight(self._values[name])
            if self._left < 0:
                message = f"the spec is larger than {MAX_BYTES >> 20} MiB with its variables"
                raise ReelError(Code.SPEC_TOO_LARGE, message, where=where)
            return self._values[name]
        if default is not None:
            return typed(default)
        if name in self._values:
            message, hint = f"variable '{name}' has no value", f"pass --set {name}=VALUE"
        else:
            near = meant(name, self._values)
            message = f"unknown variable '{name}'" + (f", {near}" if near else "")
            hint = f"define it under `vars`, or pass --set {name}=VALUE"
        self._note(Code.VARIABLE_UNKNOWN, message, where, hint)
        return found[0]

    def _note(self, code: Code, message: str, where: str, hint: str) -> None:
        self.problems.append(Problem(code, message, where, hint))


def _weight(value: Any) -> int:
    """About how many characters it takes to write it down."""
    if isinstance(value, dict):
        return 2 + sum(len(key) + _weight(entry) for key, entry in value.items())
    if isinstance(value, list):
        return 2 + sum(map(_weight, value))
    return len(_as_text(value))


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.text if isinstance(value, WrittenNumber) else str(value)


def is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None
