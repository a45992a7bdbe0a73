"""How a job spec stands in the OpenAPI document.

The language of specs is larger than what JSON Schema can tell: whether a reference leads somewhere
only the parser knows. So this schema is of the plain specs that are right whatever their values
are, those of inputs that go to outputs as they are; operations are described by
``GET /v1/operators``, and the whole language by ``GET /v1/spec-schema``.
"""

from __future__ import annotations

from typing import Any

NAME = "JobSpec"
REF = {"$ref": f"#/components/schemas/{NAME}"}

_PATH = (
    r"^[A-Za-z0-9_][A-Za-z0-9_-]{0,40}(/[A-Za-z0-9_][A-Za-z0-9_-]{0,40}){0,3}\.(mp4|mkv|mov|webm)$"
)
_TO = r"^out/[A-Za-z0-9_][A-Za-z0-9_-]{0,40}\.(mkv|mp4|mov)$"

SCHEMA: dict[str, Any] = {
    "title": NAME,
    "description": (
        "What is wanted of some media: inputs, operations on them, outputs, as JSON or YAML. "
        "This is the plain form, of inputs that are repacked; the whole language with all "
        "operators is the JSON Schema at `GET /v1/spec-schema`."
    ),
    "type": "object",
    "required": ["inputs", "outputs"],
    "additionalProperties": False,
    "properties": {
        "version": {"const": 1},
        "inputs": {
            "type": "object",
            "description": "Name: path in the job's folder. More than files: see `path` there.",
            "required": ["source"],
            "properties": {"source": {"type": "string", "pattern": _PATH}},
            "additionalProperties": False,
        },
        "outputs": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": {
                "type": "object",
                "required": ["from", "to"],
                "additionalProperties": False,
                "properties": {
                    "from": {"enum": ["source", "source.video", "source.audio"]},
                    "to": {"type": "string", "pattern": _TO},
                },
            },
        },
        "priority": {"type": "integer", "minimum": -100, "maximum": 100},
        "labels": {
            "type": "object",
            "maxProperties": 8,
            "propertyNames": {"pattern": "^[a-z]{1,20}$"},
            "additionalProperties": {"type": "string", "pattern": "^[A-Za-z0-9 ]{1,40}$"},
        },
    },
}

SPEC = {
    "inputs": {"talk": "talk.mp4"},
    "operations": [
        {"id": "cut", "op": "trim", "input": "talk", "start": "5s", "duration": "10s"},
        {"id": "small", "op": "scale", "input": "cut", "height": 720},
    ],
    "outputs": [{"from": "small", "to": "short.mp4"}],
}
EXAMPLES = {"cut": {"summary": "Ten seconds of a talk, smaller", "value": SPEC}}
