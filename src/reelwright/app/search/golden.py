"""Golden queries: what is asked, and what answers it, from a file of JSON lines, JSON or YAML."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reelwright.analysis.retrieval_measures import Relevant, Span
from reelwright.errors import Code, ReelError

_KEYS = {"query", "relevant", "category", "id", "filters"}
_LARGEST_BYTES = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """`relevant` names assets by their ids, videos and texts by their subjects, or by as much of
    their paths as sets them apart."""

    name: str
    query: str
    relevant: tuple[Relevant, ...]
    category: str = "all"
    filters: Mapping[str, Any] = field(default_factory=dict)


def read_golden(path: Path) -> list[Golden]:
    """Raises INPUT_NOT_FOUND, INPUT_UNREADABLE, SPEC_SYNTAX, FIELD_MISSING, FIELD_UNKNOWN,
    FIELD_INVALID."""
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            said = f"{path} has more than {_LARGEST_BYTES >> 20} MiB"
            raise ReelError(Code.SPEC_TOO_LARGE, said, where=str(path))
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        code = Code.INPUT_UNREADABLE if path.exists() else Code.INPUT_NOT_FOUND
        said = getattr(error, "strerror", None) or "it is no UTF-8"
        raise ReelError(code, said, where=str(path), hint="name a file of queries") from error
    found = [_golden(body, where) for body, where in _bodies(path, text)]
    if not found:
        raise ReelError(Code.FIELD_MISSING, "there is no query in it", where=str(path))
    names = [one.name for one in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        hint = "give each an `id`"
        said = f"'{twice}' is asked twice"
        raise ReelError(Code.FIELD_INVALID, said, where=str(path), hint=hint)
    return found


def _bodies(path: Path, text: str) -> Iterator[tuple[Any, str]]:
    if path.suffix.lower() in (".yaml", ".yml", ".json"):
        import yaml

        try:
            whole = yaml.safe_load(text)  # JSON is YAML
        except yaml.YAMLError as error:
            raise ReelError(Code.SPEC_SYNTAX, str(error), where=str(path)) from error
        listed = whole.get("queries") if isinstance(whole, dict) else whole
        if not isinstance(listed, list):
            said = "it is a list of queries, or has one under `queries`"
            raise ReelError(Code.FIELD_INVALID, said, where=str(path))
        yield from ((body, f"{path}, query {n}") for n, body in enumerate(listed, 1))
        return
    for n, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                yield json.loads(line), f"{path}, line {n}"
            except json.JSONDecodeError as error:
                raise ReelError(Code.SPEC_SYNTAX, str(error), where=f"{path}, line {n}") from error


def _golden(body: Any, where: str) -> Golden:
    if not isinstance(body, dict):
        raise ReelError(Code.FIELD_INVALID, "a query is a mapping", where=where)
    unknown = sorted(set(body) - _KEYS)
    if unknown:
        hint = f"there are {', '.join(sorted(_KEYS))}"
        said = f"there is no field '{unknown[0]}'"
        raise ReelError(Code.FIELD_UNKNOWN, said, where=where, hint=hint)
    query = body.get("query")
    if not isinstance(query, str) or not query.strip():
        raise ReelError(Code.FIELD_MISSING, "`query` is a text", where=where)
    relevant = body.get("relevant")
    if not isinstance(relevant, list) or not relevant:
        hint = "relevant: [{asset: ID, start: 12, end: 30}, {document: guide.md, grade: 2}]"
        said = "`relevant` lists what answers the query"
        raise ReelError(Code.FIELD_MISSING, said, where=where, hint=hint)
    return Golden(
        name=str(body.get("id", query)),
        query=query,
        relevant=tuple(_relevant(one, where) for one in relevant),
        category=str(body.get("category", "all")),
    )


def _relevant(body: Any, where: str) -> Relevant:
    if isinstance(body, str):
        return Relevant(span=Span(subject=body))
    named = [key for key in ("asset", "document") if isinstance(body, dict) and body.get(key)]
    if len(named) != 1:
        said = "what is relevant is an `asset` or a `document`"
        raise ReelError(Code.FIELD_INVALID, said, where=where)
    start, end = _number(body, "start", where), _number(body, "end", where)
    grade = _number(body, "grade", where)
    if (start is None) != (end is None) or (start or 0.0) > (end or 0.0):
        said = "`start` and `end` are seconds, both or neither, in this order"
        raise ReelError(Code.FIELD_INVALID, said, where=where)
    if grade is not None and grade <= 0:
        said = "`grade` is above 0; leave out what does not answer"
        raise ReelError(Code.FIELD_INVALID, said, where=where)
    span = Span(subject=str(body[named[0]]), start_s=start, end_s=end)
    return Relevant(span=span, grade=1.0 if grade is None else grade)


def _number(body: Mapping[str, Any], key: str, where: str) -> float | None:
    value = body.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise ReelError(Code.FIELD_INVALID, f"`{key}` is a number from 0 on", where=where)
    return float(value)


def same_subject(name: str, known: Sequence[str | None]) -> bool:
    """Whether one of what is `known` of a hit (id, subject, path) is what a golden query names: the
    same, or a path that ends so."""
    return any(one is not None and (one == name or one.endswith(f"/{name}")) for one in known)
