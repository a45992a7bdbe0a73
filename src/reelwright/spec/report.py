"""Everything that is wrong with a spec, collected while it is read, told in document order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic_core import PydanticCustomError

from reelwright.errors import Code, Problem
from reelwright.graph.params.form import Form, shown
from reelwright.graph.params.nearest import meant, nearest

# difflib compares a wrong name with all known ones: for a handful that is help, for thousands heat.
_MAX_SUGGESTIONS = 25
_LAST_PART = re.compile(r"(?:\.[^.\[\]]+|\[[0-9]+\])$")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the spec's own form. `form` None: a nested part, read by its own function."""

    form: Form | None
    doc: str
    required: bool = False
    schema: Mapping[str, Any] = field(default_factory=dict)


Fields = Mapping[str, Field]


class Report:
    """The problems so far. `context` is handed to forms that need it (the base folder)."""

    def __init__(self, context: Mapping[str, Any] | None = None) -> None:
        self.problems: list[Problem] = []
        self.context = context or {}
        self._suggestions = 0

    def add(self, code: Code, where: str, message: str, hint: str | None = None) -> None:
        self.problems.append(Problem(code, message, where or None, hint))

    def meant(self, given: str, known: Iterable[str]) -> str:
        """``, did you mean 'scale'?``, or nothing."""
        self._suggestions += 1
        near = meant(given, known) if self._suggestions <= _MAX_SUGGESTIONS else ""
        return f", {near}" if near else ""

    def convert(self, form: Form, value: Any, where: str) -> Any:
        """The converted value; None where it is wrong, which is noted."""
        try:
            return form.convert(value, self.context)
        except PydanticCustomError as error:
            self.add(Code.FIELD_INVALID, where, error.message())
            return None

    def mapping(self, value: Any, where: str, what: str, example: str) -> dict[str, Any] | None:
        """`value` if it is a mapping; else None, and noted."""
        if isinstance(value, dict):
            return value
        self.add(Code.FIELD_INVALID, where, f"{shown(value)} is not {what}; write {example}")
        return None

    def fields(
        self, body: Mapping[str, Any], where: str, known: Fields, what: str
    ) -> dict[str, Any]:
        """The converted values of the fields that are there. null says the same as leaving out."""
        prefix = f"{where}." if where else ""
        unknown = [name for name in body if name not in known]
        misspelt = {self.unknown_field(name, f"{prefix}{name}", known, what) for name in unknown}
        found: dict[str, Any] = {}
        for name, entry in known.items():
            value = body.get(name)
            if value is None:
                if entry.required and name not in misspelt:
                    self.missing(f"{prefix}{name}", f"{what} needs '{name}': {entry.doc}")
            elif entry.form is None:
                found[name] = value
            else:
                converted = self.convert(entry.form, value, f"{prefix}{name}")
                if converted is not None:
                    found[name] = converted
        return found

    def missing(self, where: str, message: str, hint: str | None = None) -> None:
        self.add(Code.FIELD_MISSING, where, message, hint)

    def unknown_field(self, name: str, where: str, known: Iterable[str], what: str) -> str | None:
        """Notes it; the name that was probably meant."""
        near = self.meant(name, known)
        self.add(
            Code.FIELD_UNKNOWN,
            where,
            f"{what} has no field '{name}'{near}",
            f"its fields are {', '.join(known)}",
        )
        return nearest(name, known) if near else None


def in_order(
    problems: Iterable[Problem], places: Callable[[], Mapping[str, tuple[int, int]]]
) -> list[Problem]:
    """In document order, each with its line and column as evidence; a value whose variable is
    unknown is not also refused for its form."""
    found = list(problems)
    table = places()
    unfilled = {p.where for p in found if p.code is Code.VARIABLE_UNKNOWN}
    kept = [p for p in found if p.where not in unfilled or p.code is Code.VARIABLE_UNKNOWN]
    placed = [_placed(p, table) for p in kept]
    placed.sort(key=lambda p: (p.evidence.get("line", 0), p.evidence.get("column", 0)))
    return _once(placed)


def _once(problems: list[Problem]) -> list[Problem]:
    seen: set[tuple[str | None, str]] = set()
    kept = []
    for problem in problems:
        key = (problem.where, problem.message)
        if key not in seen:
            seen.add(key)
            kept.append(problem)
    return kept


def _placed(problem: Problem, places: Mapping[str, tuple[int, int]]) -> Problem:
    if "line" in problem.evidence:
        return problem
    where = problem.where or ""
    while where and where not in places:
        shorter = _LAST_PART.sub("", where)
        where = shorter if shorter != where else ""
    if where not in places:
        return problem
    line, column = places[where]
    return replace(problem, evidence={**problem.evidence, "line": line, "column": column})
