"""What operators there are, and what each takes: from their declarations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from reelwright.errors import ReelError

if TYPE_CHECKING:
    from reelwright.graph.operator import Operator


@dataclass(frozen=True, slots=True)
class Taken:
    """A parameter or a port. `type` in words; `default` as JSON, None where it is needed."""

    name: str
    type: str
    about: str = ""
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Described:
    name: str
    version: int
    summary: str
    ports: tuple[Taken, ...]
    parameters: tuple[Taken, ...]
    example: str
    schema: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def summaries() -> list[tuple[str, str]]:
    """Name and what it does; of one that cannot be loaded, why: it must not hide the others."""
    from reelwright.operators import REGISTRY

    found = []
    for name in REGISTRY.names():
        try:
            found.append((name, REGISTRY.get(name).summary))
        except ReelError as error:
            found.append((name, f"({error})"))
    return found


def describe(name: str) -> Described:
    """Raises OPERATOR_UNKNOWN with the nearest name, LIBRARY_MISSING."""
    from reelwright.operators import REGISTRY

    operator = REGISTRY.get(name)
    schema = operator.params.model_json_schema()
    return Described(
        name=operator.name,
        version=operator.version,
        summary=operator.summary,
        ports=tuple(_ports(operator)),
        parameters=tuple(_parameters(operator, schema)),
        example=operator.example.strip(),
        schema=schema,
    )


def _ports(operator: Operator) -> Iterator[Taken]:
    for port in operator.ports:
        kinds = ", ".join(sorted(kind.value for kind in port.needs)) or "any stream"
        many = "; several, in order" if port.many else ""
        yield Taken(port.name, kinds + many, port.doc, None if port.required else "-")


def _parameters(operator: Operator, schema: Mapping[str, Any]) -> Iterator[Taken]:
    needed = schema.get("required", ())
    # The schema has the names that specs write (`in`), the model those that Python can.
    fields = {f.alias or name: f for name, f in operator.params.model_fields.items()}
    for name, field in schema.get("properties", {}).items():
        default = None if name in needed else _default(fields[name])
        kind = _type(field, schema.get("$defs", {}))
        yield Taken(name, kind, str(field.get("description", "")), default)


def _default(field: Any) -> str:
    """As a spec would write it; ``-`` for none."""
    import json

    from reelwright.graph.params.form import Form

    value = field.get_default(call_default_factory=True)
    if value is None:
        return "-"
    form = next((m for m in field.metadata if isinstance(m, Form)), None)
    if form is not None:
        value = form.text(value)
    return json.dumps(value, ensure_ascii=False, default=str)


def _type(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """A JSON Schema in words: ``integer from 1 to 31``, ``list of duration``."""
    if "$ref" in field:
        return _type(definitions[field["$ref"].rpartition("/")[2]], definitions)
    if "enum" in field or "const" in field:
        return " | ".join(str(v) for v in field.get("enum", [field.get("const")]))
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}), definitions)}"
    # A form of ours has a title that is made to be read; pydantic's titles repeat the field's name.
    title = str(field.get("title", ""))
    if title and title[0].islower():
        return title
    choices = field.get("anyOf") or field.get("oneOf")
    if choices:
        words = [_type(c, definitions) for c in choices if c.get("type") != "null"]
        return " or ".join(dict.fromkeys(words))
    return str(field.get("format") or field.get("type", "any")) + _bounds(field)


def _bounds(field: Mapping[str, Any]) -> str:
    words = {
        "minimum": "from",
        "exclusiveMinimum": "above",
        "maximum": "to",
        "exclusiveMaximum": "below",
    }
    return "".join(f" {word} {field[key]:g}" for key, word in words.items() if key in field)
