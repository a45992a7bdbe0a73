"""The JSON Schema (2020-12) of a job spec, for editors and for the API.

It says what `spec.parse` takes field by field. What stands between fields (references, duplicate
paths, codecs that do not fit a container) only the parser knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from reelwright.errors import ReelError
from reelwright.graph.params.places import NAME_PATTERN
from reelwright.operators import REGISTRY
from reelwright.spec import inputs, outputs, parse
from reelwright.spec.forms import NAME, REFERENCE

if TYPE_CHECKING:
    from reelwright.graph.operator import Operator, Port
    from reelwright.graph.registry import Registry
    from reelwright.spec.report import Fields

# Pydantic leaves bounds on our own types under its own names.
_KEYWORDS = {
    "gt": "exclusiveMinimum",
    "ge": "minimum",
    "lt": "exclusiveMaximum",
    "le": "maximum",
    "multiple_of": "multipleOf",
}
_LENGTHS = {"min_length": ("minLength", "minItems"), "max_length": ("maxLength", "maxItems")}
_TOLD = {"title", "description", "default", "examples", "x-type"}
_VARIABLE = {"$ref": "#/$defs/variable"}
_REFERENCE = {"$ref": "#/$defs/reference"}
_REFERENCES = {"anyOf": [_REFERENCE, {"type": "array", "items": _REFERENCE}]}


def job_schema(registry: Registry = REGISTRY) -> dict[str, Any]:
    """The schema of a whole spec, with the parameters of every operator in `registry`."""
    operators = list(_loadable(registry))
    definitions: dict[str, Any] = {
        "variable": {
            "type": "string",
            "pattern": rf"\$\{{{NAME_PATTERN}(?::-[^}}]*)?\}}",
            "description": "text with a variable, ${name} or ${name:-default}",
        },
        "reference": REFERENCE.json_schema(),
        "input": _input(),
        "output": _output(),
    }
    for operator in operators:
        definitions[f"operation.{operator.name}"] = _operation(operator, definitions)
    body = _object(parse.FIELDS)
    body["properties"] |= _parts(operators)
    goals = [operator.name for operator in operators if operator.is_goal]
    body["anyOf"] = [{"required": ["outputs"]}, *([_has_goal(goals)] if goals else [])]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Reelwright job spec",
        "description": "What is wanted of some media: inputs, operations on them, outputs.",
        **body,
        "$defs": definitions,
    }


def _has_goal(names: list[str]) -> dict[str, Any]:
    """A spec with an operation that is done for its own sake needs no outputs."""
    operation = {"properties": {"op": {"enum": names}}, "required": ["op"]}
    return {
        "properties": {"operations": {"contains": operation}},
        "required": ["operations"],
    }


def _loadable(registry: Registry) -> Iterator[Operator]:
    """All but those of a broken plug-in, which are refused where a spec names them."""
    for name in registry.names():
        with suppress(ReelError):
            yield registry.get(name)


def params_schema(operator: Operator) -> dict[str, Any]:
    """The JSON Schema of an operator's parameters alone, in JSON Schema's own words."""
    found = _translate(operator.params.model_json_schema())
    assert isinstance(found, dict)
    return found


def _parts(operators: list[Operator]) -> dict[str, Any]:
    """The nested fields of a spec."""
    branches = [{"$ref": f"#/$defs/operation.{operator.name}"} for operator in operators]
    return {
        "version": {"enum": [1, "1"], "description": parse.FIELDS["version"].doc},
        "inputs": {
            "type": "object",
            "description": parse.FIELDS["inputs"].doc,
            "propertyNames": {"pattern": f"^{NAME_PATTERN}$"},
            "additionalProperties": {"$ref": "#/$defs/input"},
        },
        "operations": {
            "type": "array",
            "description": parse.FIELDS["operations"].doc,
            "items": {"oneOf": branches},
        },
        "outputs": {
            "type": "array",
            "description": parse.FIELDS["outputs"].doc,
            "items": {"$ref": "#/$defs/output"},
            "minItems": 1,
        },
    }


def _input() -> dict[str, Any]:
    path = {"type": "string", "minLength": 1, "description": inputs.FIELDS["path"].doc}
    return {"anyOf": [path, _object(inputs.FIELDS)]}


def _output() -> dict[str, Any]:
    body = _object(outputs.FIELDS)
    for name, fields in (("video", outputs.VIDEO_FIELDS), ("audio", outputs.AUDIO_FIELDS)):
        codec = fields["codec"].form
        assert codec is not None
        body["properties"][name] = {
            "description": outputs.FIELDS[name].doc,
            "anyOf": [codec.json_schema(), {"type": "boolean"}, {"enum": ["none", "off"]},
                      _object(fields), _VARIABLE],
        }  # fmt: skip
    body["properties"]["from"] = {"description": outputs.FIELDS["from"].doc, **_REFERENCES}
    return body


def _object(fields: Fields, required: tuple[str, ...] = ()) -> dict[str, Any]:
    properties = {
        name: _or_variable({**entry.form.json_schema(), "description": entry.doc})
        if entry.form
        else {"description": entry.doc}
        for name, entry in fields.items()
    }
    needed = [name for name, entry in fields.items() if entry.required or name in required]
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        **({"required": needed} if needed else {}),
    }


def _operation(operator: Operator, definitions: dict[str, Any]) -> dict[str, Any]:
    template = f"#/$defs/{operator.name}.{{model}}"
    body = _translate(operator.params.model_json_schema(ref_template=template))
    for name, definition in body.pop("$defs", {}).items():
        definitions[f"{operator.name}.{name}"] = definition
    properties = {
        "id": {**NAME.json_schema(), "description": "a name to refer to it by"},
        "op": {"const": operator.name, "description": operator.summary},
        **_connections(operator.ports),
    }
    for name, schema in body.get("properties", {}).items():
        properties[name] = _or_variable(schema)
    return {
        "type": "object",
        "title": operator.name,
        "description": operator.summary,
        "properties": properties,
        "required": ["op", *body.get("required", [])],
        "additionalProperties": False,
    }


def _connections(ports: tuple[Port, ...]) -> dict[str, Any]:
    if not ports:
        return {}
    named = {port.name: {"description": port.doc or port.name, **_REFERENCES} for port in ports}
    mapping = {"type": "object", "properties": named, "additionalProperties": False}
    listed = {"type": "array", "items": _REFERENCE}
    return {
        "input": {
            "description": "what it works on; if not, the operation before",
            **_REFERENCES,
        },
        "inputs": {
            "description": f"by port ({', '.join(named)}), or in that order",
            "anyOf": [_REFERENCE, listed, mapping],
        },
    }


def _or_variable(schema: Mapping[str, Any]) -> dict[str, Any]:
    """`schema`, or a text with a variable in it; what explains the field stays at the top."""
    told = {k: v for k, v in schema.items() if k in _TOLD}
    rest = {k: v for k, v in schema.items() if k not in told}
    # Bounds beside a choice hold for every branch of it, so then it stays whole.
    branches = rest["anyOf"] if rest.keys() == {"anyOf"} else [rest] if rest else []
    return {**told, "anyOf": [*branches, _VARIABLE]}


def _translate(schema: Any) -> Any:
    """`schema` with JSON Schema's keywords in place of pydantic's."""
    if isinstance(schema, list):
        return [_translate(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    made: dict[str, Any] = {}
    for key, value in schema.items():
        if isinstance(value, dict):  # a field may be called as a keyword is
            made[key] = _translate(value)
        elif key in _LENGTHS:
            made |= dict.fromkeys(_LENGTHS[key], value)
        else:
            made[_KEYWORDS.get(key, str(key))] = _translate(value)
    return made
