"""Pydantic's errors about an operation's parameters, in the words of this spec."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code
from reelwright.graph.params.form import ERROR_TYPE, shown, told
from reelwright.graph.params.nearest import meant, nearest

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from reelwright.graph.operator import Operator
    from reelwright.spec.report import Report

# One misspelt name is one problem; a hundred are no misspelling.
_MAX_MISSPELT = 10
_CHOICE_TYPES = frozenset({"literal_error", "enum"})
RESERVED = ("id", "op", "input", "inputs")

# The beginning of a pydantic error's type -> what is wanted.
_WANTED = {
    "int_": "a whole number",
    "float_": "a number",
    "finite_number": "a finite number",
    "decimal_": "a number",
    "bool_": "true or false",
    "string_type": "text",
    "string_sub_type": "text",
    "list_type": "a list, like [a, b]",
    "tuple_type": "a list, like [a, b]",
    "set_type": "a list, like [a, b]",
    "dict_type": "a mapping, like {name: value}",
    "mapping_type": "a mapping, like {name: value}",
    "model_": "a mapping, like {name: value}",
    "dataclass_": "a mapping, like {name: value}",
    "none_required": "nothing",
}
_BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
    "multiple_of": ("a multiple of", "multiple_of"),
}


def report_refusals(
    report: Report, error: ValidationError, operator: Operator, params: Any, where: str
) -> None:
    """Notes each thing that pydantic refused, once for each value, whatever the number of types
    that the value was tried as."""
    groups: dict[str, list[tuple[str, ErrorDetails]]] = {}
    details = error.errors(include_url=False)
    unknown = [str(d["loc"][-1]) for d in details if d["type"] == "extra_forbidden"]
    misspelt = {nearest(name, names_of(operator)) for name in unknown[:_MAX_MISSPELT]}
    for detail in details:
        if detail["type"] == "missing" and detail["loc"][-1] in misspelt:
            continue
        path = _data_path(detail["loc"], params)
        groups.setdefault(_first(path), []).append((path, detail))
    for found in groups.values():
        # The type that got furthest into the value is the one that was meant.
        deepest = max(_depth(path) for path, _ in found)
        chosen = [(path, d) for path, d in found if _depth(path) == deepest]
        for path in dict.fromkeys(path for path, _ in chosen):
            same = [d for p, d in chosen if p == path]
            _note(report, same, operator, f"{where}{path}")


def _note(report: Report, details: Sequence[ErrorDetails], operator: Operator, where: str) -> None:
    first = details[0]
    if first["type"] == "missing":
        _missing(report, first, operator, where)
    elif first["type"] == "extra_forbidden":
        _unknown(report, first, operator, where)
    elif len(details) == 1:
        report.add(Code.FIELD_INVALID, where, _sentence(first))
    else:
        wanted = "; or ".join(dict.fromkeys(_allowed(d) for d in details))
        choices = [c for d in details if d["type"] in _CHOICE_TYPES for c in _choices(d)]
        near = meant(str(first["input"]), choices)
        message = told(f"{shown(first['input'])} is not allowed", near, wanted)
        report.add(Code.FIELD_INVALID, where, message)


def _missing(report: Report, detail: ErrorDetails, operator: Operator, where: str) -> None:
    name = str(detail["loc"][-1])
    info = operator.params.model_fields.get(name) if len(detail["loc"]) == 1 else None
    doc = f": {info.description}" if info is not None and info.description else ""
    report.missing(where, f"'{operator.name}' needs '{name}'{doc}")


def _unknown(report: Report, detail: ErrorDetails, operator: Operator, where: str) -> None:
    name = str(detail["loc"][-1])
    known = names_of(operator)
    if len(detail["loc"]) > 1:
        report.add(Code.FIELD_UNKNOWN, where, f"there is no field '{name}' here")
        return
    near = report.meant(name, [*known, *RESERVED])
    takes = ", ".join(known) if known else "no parameters"
    report.add(
        Code.FIELD_UNKNOWN,
        where,
        f"'{operator.name}' has no parameter '{name}'{near}",
        f"'{operator.name}' takes {takes}",
    )


def names_of(operator: Operator) -> list[str]:
    """Parameter names as a spec writes them."""
    return [info.alias or name for name, info in operator.params.model_fields.items()]


def _sentence(detail: ErrorDetails) -> str:
    if detail["type"] == ERROR_TYPE:
        return detail["msg"]
    if detail["type"] in {"value_error", "assertion_error"}:
        return str((detail.get("ctx") or {}).get("error") or detail["msg"])
    if detail["type"] in _CHOICE_TYPES:
        near = meant(str(detail["input"]), _choices(detail))
        return told(f"{shown(detail['input'])} is not allowed", near, _allowed(detail))
    return told(f"{shown(detail['input'])} is not allowed", "", _allowed(detail))


def _allowed(detail: ErrorDetails) -> str:
    """``write one of a, b``, ``the value is more than 0``."""
    kind, context = detail["type"], detail.get("ctx") or {}
    if kind == ERROR_TYPE:
        return str(context.get("allowed") or detail["msg"])
    if kind in _CHOICE_TYPES:
        return f"write one of {', '.join(_choices(detail))}"
    if kind in _BOUNDS:
        words, key = _BOUNDS[kind]
        return f"it must be {words} {context[key]}"
    if kind in {"too_short", "too_long", "string_too_short", "string_too_long"}:
        return _size_bound(kind, context)
    if kind == "string_pattern_mismatch":
        return f"it must match {context['pattern']}"
    for start, wanted in _WANTED.items():
        if kind.startswith(start):
            return f"write {wanted}"
    return detail["msg"]


def _size_bound(kind: str, context: Mapping[str, Any]) -> str:
    is_short = kind.endswith("short")
    bound = context["min_length" if is_short else "max_length"]
    unit = "character" if kind.startswith("string") else "item"
    plural = "" if bound == 1 else "s"
    return f"give at {'least' if is_short else 'most'} {bound} {unit}{plural}"


def _choices(detail: ErrorDetails) -> list[str]:
    """The quoted words of ``'a', 'b' or 'c'``."""
    expected = str((detail.get("ctx") or {}).get("expected", ""))
    return [w for i, w in enumerate(expected.split("'")) if i % 2] or [expected]


def _data_path(loc: Iterable[int | str], data: Any) -> str:
    """Pydantic's `loc` names the branch of a union that was tried; only what stands in the spec
    belongs to the place."""
    path, current = "", data
    parts = list(loc)
    for position, part in enumerate(parts):
        if isinstance(part, int) and isinstance(current, list | tuple):
            path += f"[{part}]"
            current = current[part] if part < len(current) else None
        elif isinstance(part, str) and isinstance(current, Mapping):
            is_last = position == len(parts) - 1
            if part in current or is_last:
                path += f".{part}"
                current = current.get(part)
    return path


def _first(path: str) -> str:
    """The parameter that a path begins with."""
    return path[1:].partition(".")[0].partition("[")[0]


def _depth(path: str) -> int:
    return path.count(".") + path.count("[")
