"""The page of the HTTP API, from its OpenAPI document."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Json = Mapping[str, Any]
_INTRODUCTION = (
    "The machine-readable form is `/openapi.json` of a running `reel serve`; "
    "[the guide](../guides/serve.md) shows how to use it. "
    "Each route may also answer with a problem document (`Problem`): 401, 403, 429, 500, 503, "
    "and 422 where what was asked for is wrong. Times are seconds since 1970.\n"
)
_METHODS = ("get", "head", "post", "put", "patch", "delete")


def document() -> dict[str, Any]:
    """The OpenAPI document of a service with the default settings."""
    from reelwright.api import application, openapi
    from reelwright.app.settings import Loaded, Settings
    from reelwright.app.wiring import App

    with (
        tempfile.TemporaryDirectory() as home,
        App(Loaded(Settings(home=Path(home)))) as app,
    ):
        return openapi.document(application.make(app, None))


def api_page() -> str:
    """Markdown: the routes by tag, then what they answer with."""
    found = document()
    lines = [
        "# HTTP API\n",
        _INTRODUCTION,
    ]
    for tag in found["tags"]:
        routes = list(_routes(found, tag["name"]))
        if routes:
            lines += [f"## {tag['name'].capitalize()}\n", f"{tag['description']}\n"]
            for method, path, operation in routes:
                lines += _route(method, path, operation)
    lines += ["## Schemas\n"]
    for name, schema in sorted(found["components"]["schemas"].items()):
        lines += _schema(name, schema)
    return "\n".join(lines).rstrip("\n") + "\n"


def _routes(found: Json, tag: str) -> Iterator[tuple[str, str, Json]]:
    for path, item in found["paths"].items():
        for method in _METHODS:
            if tag in item.get(method, {}).get("tags", ()):
                yield method, path, item[method]


def _route(method: str, path: str, operation: Json) -> Iterator[str]:
    yield f"### {method.upper()} {path}\n"
    yield (
        f"{operation.get('summary', '')}. {_text(operation.get('description', ''))}".strip() + "\n"
    )
    rows = [
        [f"`{p['name']}`", p["in"], _kind(p.get("schema", {})), _text(p.get("description", ""))]
        for p in operation.get("parameters", ())
        if p["in"] != "path"
    ]
    if rows:
        yield from _table(["parameter", "in", "type", ""], rows)
        yield ""
    sent = operation.get("requestBody", {}).get("content", {})
    if sent:
        content = next(iter(sent.values()))
        yield f"Body ({', '.join(f'`{k}`' for k in sent)}): {_kind(content.get('schema', {}))}\n"
        for example in list(content.get("examples", {}).values())[:1]:
            yield f"```json\n{json.dumps(example['value'], ensure_ascii=False)}\n```\n"
    answers = [
        [status, _text(answer.get("description", "")), _answered(answer)]
        for status, answer in sorted(operation["responses"].items())
        if status[0] in "23" or status in {"400", "404", "409", "412", "413", "415", "416"}
    ]
    yield from _table(["answer", "when", "body"], answers)
    yield ""


def _answered(answer: Json) -> str:
    kinds = [
        f"{_kind(content.get('schema', {}))} (`{kind}`)" if "json" not in kind else
        _kind(content.get("schema", {}))
        for kind, content in answer.get("content", {}).items()
    ]  # fmt: skip
    return " or ".join(dict.fromkeys(kinds))


def _schema(name: str, schema: Json) -> Iterator[str]:
    yield f"### {name}\n"
    if schema.get("description"):
        yield f"{_text(schema['description'])}\n"
    needed = set(schema.get("required", ()))
    rows = [
        [
            f"`{key}`",
            _kind(field),
            "yes" if key in needed else "no",
            _text(field.get("description", "")),
        ]
        for key, field in schema.get("properties", {}).items()
    ]
    if rows:
        yield from _table(["field", "type", "always", ""], rows)
        yield ""


def _kind(schema: Json) -> str:
    """A JSON Schema in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " or ".join(dict.fromkeys(_kind(one) for one in schema[key]))
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return ", ".join(f"`{json.dumps(v)}`" for v in values[:12]) + (
            ", …" if len(values) > 12 else ""
        )
    kind = schema.get("type", "any")
    words = " or ".join(kind) if isinstance(kind, list) else str(kind)
    if words == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if "minimum" in schema and "maximum" in schema:
        words += f", {schema['minimum']:g} to {schema['maximum']:g}"
    return words


def _text(text: str) -> str:
    return " ".join(str(text).split())


def _table(head: list[str], rows: list[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
