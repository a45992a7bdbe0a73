"""How a job spec stands in the OpenAPI document.

The language of specs is larger than what JSON Schema can tell: whether a reference leads somewhere
only the parser knows. So this schema is of the plain specs that are right whatever their values
are, those of inputs that go to outputs as they are; operations are described by
``GET /v1/operators``, and the whole language by ``GET /v1/spec-schema``.
"""

from __future__ import annotations

from typing import Any

from reelwright.graph.params.places import NAME_PATTERN
from reelwright.media.containers import BY_EXTENSION

NAME = "JobSpec"
REF = {"$ref": f"#/components/schemas/{NAME}"}

# Exactly what the parser takes for a path: not blank, no NUL, no `~` that a shell would expand.
# The engines of patterns disagree about what a space is, so those of `str.strip` are named.
_SPACE = r"\x09-\x0d\x1c-\x20" + "\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_PATH = rf"^(?:[^\x00~{_SPACE}][^\x00]*|[{_SPACE}]+[^\x00{_SPACE}][^\x00]*)$"
_ENDINGS = "|".join("".join(f"[{c}{c.upper()}]" for c in e) for e in BY_EXTENSION)
_TO = rf"^(?:[^\x00~/{_SPACE}][^\x00/]*)?\.(?:{_ENDINGS})$"

SCHEMA: dict[str, Any] = {
    "title": NAME,
    "description": (
        "What is wanted of some media: inputs, operations on them, outputs, as JSON or YAML. "
        "This is the plain form, of inputs that are repacked; the whole language with all "
        "operators is the JSON Schema at `GET /v1/spec-schema`."
    ),
    "type": "object",
    "required": ["inputs", "outputs"],
    "properties": {
        "inputs": {
            "type": "object",
            "description": "Name: path. Relative ones are in the job's own folder; `upload:ID` and "
            "addresses are inputs, too.",
            "required": ["source"],
            "propertyNames": {"pattern": f"^{NAME_PATTERN}$"},
            "additionalProperties": {"type": "string", "pattern": _PATH},
        },
        "outputs": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": {
                "type": "object",
                "required": ["from", "to"],
                "properties": {
                    "from": {"enum": ["source", "source.video", "source.audio"]},
                    "to": {"type": "string", "pattern": _TO},
                },
                "additionalProperties": False,
            },
        },
    },
    "additionalProperties": False,
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
