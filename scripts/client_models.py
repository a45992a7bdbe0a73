"""JSON Schemas of the OpenAPI document as Pydantic models and Python types."""

import builtins
import json
import keyword
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

Json = Mapping[str, Any]

# A job spec is larger than its schema says: whoever writes one hands it on as it is.
SPEC = "Mapping[str, Any]"
_NO_MODELS = {"JobSpec": SPEC}
_PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
# A field of such a name would hide something of Pydantic's.
_TAKEN = frozenset(dir(BaseModel))


def models_page(found: Json, head: str) -> str:
    """One class for each schema."""
    schemas = found["components"]["schemas"]
    classes: list[str] = []
    for name in sorted(schemas):
        if name in _NO_MODELS:
            continue
        schema = schemas[name]
        if "properties" in schema:
            classes += _classes(name, schema)
        else:
            classes.append(f"{name} = {type_of(schema)}\n")
    body = "\n\n".join(classes)
    typing = [name for name in ("Any", "Literal") if re.search(rf"\b{name}\b", body)]
    lines = [
        "# size: one class for each schema of the API",
        head.format("What the API takes and answers, as Pydantic models."),
        "from __future__ import annotations\n",
        "from collections.abc import Mapping" if "Mapping[" in body else "",
        f"from typing import {', '.join(typing)}\n" if typing else "",
        f"from pydantic import BaseModel, ConfigDict{', Field' if 'Field(' in body else ''}\n\n",
        "class Model(BaseModel):",
        '    """What a newer service says beside is kept, too."""\n',
        '    model_config = ConfigDict(extra="allow", populate_by_name=True)\n\n',
        body,
    ]
    return "\n".join(lines)


def _classes(name: str, schema: Json) -> Iterator[str]:
    """The class of a schema, after those of the objects that stand inside it."""
    fields: list[str] = []
    for key, field in schema["properties"].items():
        inner = _inner(field)
        kind = type_of(field)
        if inner is not None:
            made = name + key.title().replace("_", "").removesuffix("s")
            yield from _classes(made, inner)
            kind = f"list[{made}]" if field.get("type") == "array" else made
        fields += _field(key, kind, field, is_needed=key in schema.get("required", ()))
    about = str(schema.get("description", ""))
    lines = [f"class {name}(Model):"]
    if about:
        lines += [f"    {line}".rstrip() for line in _quoted(about)] + [""]
    yield "\n".join([*lines, *fields]) + "\n"


def _inner(field: Json) -> Json | None:
    """A schema of an object that has no name of its own."""
    for one in (field, field.get("items", {})):
        if "properties" in one:
            found: Json = one
            return found
    return None


def _field(key: str, kind: str, schema: Json, *, is_needed: bool) -> Iterator[str]:
    name = re.sub(r"\W+", "_", key)
    if keyword.iskeyword(name) or name in _TAKEN:
        name += "_"
    default = "" if is_needed else repr(schema.get("default"))
    if default == "None" and not re.search(r"\bNone\b|\bAny$", kind):
        kind = f"{kind} | None"
    if name != key:
        default = f'Field({f"{default}, " if default else ""}alias="{key}")'
    yield f"    {name}: {kind}{f' = {default}' if default else ''}"
    if schema.get("description"):
        yield from (f"    {line}".rstrip() for line in _quoted(schema["description"]))


def _quoted(text: str) -> list[str]:
    lines = text_lines(text, 90)
    if len(lines) == 1:
        return [f'"""{lines[0]}"""']
    return [f'"""{lines[0]}', *lines[1:], '"""']


def text_lines(text: str, width: int) -> list[str]:
    """Paragraphs filled to `width`."""
    lines: list[str] = []
    for paragraph in text.strip().split("\n\n"):
        lines += [*textwrap.wrap(paragraph, width, break_on_hyphens=False), ""]
    return [line.replace("\\", "\\\\") for line in lines[:-1]]


def name_of(text: str) -> str:
    """A parameter's name in Python: ``Upload-Length`` is ``upload_length``."""
    name = re.sub(r"\W+", "_", text)
    if "-" in text:
        name = name.lower()
    is_taken = keyword.iskeyword(name) or hasattr(builtins, name)
    return f"{name}_" if is_taken else name


def type_of(schema: Json, prefix: str = "") -> str:
    """The Python type of a schema; `prefix` stands before the names of models."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return _NO_MODELS.get(name, prefix + name)
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return f"Literal[{', '.join(_literal(value) for value in values)}]"
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return _union(type_of(choice, prefix) for choice in choices)
    if len(schema.get("allOf", ())) == 1:
        return type_of(schema["allOf"][0], prefix)
    kind = schema.get("type")
    if isinstance(kind, list):
        return _union(type_of({**schema, "type": one}, prefix) for one in kind)
    if kind == "array":
        return f"list[{type_of(schema.get('items', {}), prefix)}]"
    if kind == "object":
        values = schema.get("additionalProperties")
        return f"dict[str, {type_of(values, prefix) if isinstance(values, dict) else 'Any'}]"
    return _PLAIN.get(str(kind), "Any")


def _union(kinds: Iterator[str]) -> str:
    found = list(dict.fromkeys(kinds))
    if "Any" in found:
        return "Any"
    return " | ".join(sorted(found, key=lambda kind: kind == "None"))


def _literal(value: Any) -> str:
    return json.dumps(value) if isinstance(value, str) else repr(value)
