"""The OpenAPI document: what FastAPI knows of the routes, and what they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from fastapi import APIRouter, FastAPI, Response
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel

from reelwright.api import spec_body
from reelwright.api.problems import MEDIA_TYPE, status_of, title_of
from reelwright.errors import Code

router = APIRouter()

TAGS = [
    {"name": "jobs", "description": "Submit jobs, watch them, cancel and retry them."},
    {"name": "artifacts", "description": "What jobs have made."},
    {"name": "batches", "description": "Many jobs of one request."},
    {"name": "uploads", "description": "Hand in files, resumably."},
    {"name": "planning", "description": "Look at media and plan, without running anything."},
    {"name": "archive", "description": "Keep videos of the web, and follow lists."},
    {"name": "assets", "description": "What the library holds, its files, and what is said in it."},
    {"name": "understand", "description": "Find out what is in videos."},
    {"name": "search", "description": "Find moments, and answers with where they are from."},
    {"name": "models", "description": "What models are asked, and what they cost."},
    {"name": "workplan", "description": "What is missing, why, and what is done about it."},
    {"name": "metadata", "description": "What sites say of videos and lists."},
    {"name": "logs", "description": "What the archive did, and what clients add."},
    {"name": "webhooks", "description": "Be told of jobs."},
    {"name": "keys", "description": "API keys, sessions, and the audit log."},
    {"name": "workers", "description": "Who runs steps."},
    {"name": "service", "description": "Health, metrics, error codes."},
]
_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_DESCRIBED = {
    400: "The body cannot be read.",
    401: "No token, or one that does not count.",
    403: "The token may not do this.",
    404: "There is no such thing, or it belongs to somebody else.",
    405: "The method does not fit the path.",
    409: "The state of the thing does not allow this.",
    412: "The thing changed.",
    413: "The body is too large.",
    415: "The body's type is not taken here.",
    416: "The range lies outside the file.",
    408: "Nothing came for too long.",
    423: "Something else uses it.",
    460: "What came is not what was sent: its checksum differs.",
    507: "The disk is full.",
    422: "What was asked for is wrong: all that is, at once, each with its place.",
    429: "Too many requests, or a quota is used up.",
    500: "A fault of the service.",
    502: "Another server failed.",
    503: "The database, the disk or a worker is missing for the moment.",
    504: "Another server did not answer in time.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For `responses` of a route."""
    return {
        status: {
            "description": _DESCRIBED[status],
            "content": {MEDIA_TYPE: {"schema": _PROBLEM}},
        }
        for status in statuses
    }


# Every route may answer so.
COMMON = problems(401, 403, 422, 429, 500, 503)
# And so where it reads a body.
WITH_BODY = problems(400, 413, 415)


def file_responses(kind: str, schema: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    """For a route that answers with bytes, or with a range of them."""
    content = {kind: {"schema": schema}}
    described: dict[str, Any] = {
        "Accept-Ranges": {"schema": {"type": "string", "enum": ["bytes"]}},
        "Content-Length": {"schema": {"type": "string"}},
    }
    ranged = {**described, "Content-Range": {"schema": {"type": "string"}}}
    return {
        200: {"description": "All of it.", "content": content},
        206: {
            "description": "The range that was asked for.",
            "content": content,
            "headers": ranged,
        },
        304: {"description": "The client has it: If-None-Match names its ETag."},
    }


def operation_id(route: APIRoute) -> str:
    """The function's name: a client's method is called so."""
    return route.name


def body(schema: Any, examples: Any, kinds: Sequence[str], about: str) -> dict[str, Any]:
    """`openapi_extra` of a route that reads its body itself."""
    content = {kind: {"schema": schema, "examples": examples} for kind in kinds}
    return {"requestBody": {"required": True, "description": about, "content": content}}


def model_body(model: type[BaseModel], examples: Any, about: str) -> dict[str, Any]:
    """As `body`, of JSON that `model` describes, with what it consists of written out."""
    schema = model.model_json_schema()
    parts = schema.pop("$defs", {})
    return body(_inlined(schema, parts), examples, ["application/json"], about)


def _inlined(schema: Any, parts: Mapping[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_inlined(one, parts) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        own = {name: value for name, value in schema.items() if name != "$ref"}
        return {**_inlined(parts[schema["$ref"].rpartition("/")[2]], parts), **own}
    return {name: _inlined(value, parts) for name, value in schema.items()}


def attach(app: FastAPI) -> None:
    """Serves the document, which is made once, when it is first asked for."""
    known: dict[str, bytes] = {}

    async def get_document() -> Response:
        if "document" not in known:
            known["document"] = orjson.dumps(document(app))
        return Response(known["document"], media_type="application/json")

    app.add_api_route("/openapi.json", get_document, include_in_schema=False)
    app.openapi = lambda: document(app)  # type: ignore[method-assign]


def document(app: FastAPI) -> dict[str, Any]:
    found = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=(
            "Times are seconds since 1970. Every error is a problem document (RFC 9457) whose "
            "`code` is stable; `GET /v1/errors` lists them all."
        ),
        routes=app.routes,
        tags=TAGS,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        separate_input_output_schemas=False,
    )
    components = found.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = problem_schema()
    schemas[spec_body.NAME] = spec_body.SCHEMA
    components["securitySchemes"] = {
        **components.get("securitySchemes", {}),
        "cookie": {
            "type": "apiKey",
            "in": "cookie",
            "name": "reel_session",
            "description": "A browser's session; changes need its X-CSRF-Token, too.",
        },
    }
    # It brings its token in the body.
    found["paths"]["/v1/session"]["post"]["security"] = []
    for path in found["paths"].values():
        for operation in path.values():
            _secure(operation)
            operation["responses"] = dict(sorted(operation["responses"].items()))
    return found


def _secure(operation: dict[str, Any]) -> None:
    """Either will do: FastAPI lists the one that it sees.

    `x-public` True: nobody is asked who they are; ``in-body``: the body says it.
    """
    if public := operation.pop("x-public", False):
        operation["security"] = []
        operation["responses"] = {
            status: answer
            for status, answer in operation["responses"].items()
            if public == "in-body" or status not in {"401", "403"}
        }
    elif operation.get("security") != []:
        operation["security"] = [{"bearer": []}, {"cookie": []}]


def problem_schema() -> dict[str, Any]:
    """RFC 9457, with what we add."""
    text = {"type": "string"}
    maybe = {"type": ["string", "null"]}
    one = {
        "code": {"type": "string", "enum": sorted(code.text for code in Code)},
        "detail": {**text, "description": "What is wrong with this request, in words."},
        "where": {**maybe, "description": "The place: `operations[2].duration`, `query.limit`."},
        "hint": {**text, "description": "What to do about it."},
    }
    return {
        "type": "object",
        "title": "Problem",
        "description": "A problem document (RFC 9457).",
        "required": [
            "type", "title", "status", "detail", "instance", "code", "where", "hint", "trace_id",
        ],
        "properties": {
            "type": {**text, "format": "uri-reference", "description": "Explains the code."},
            "title": {**text, "description": "The same for every problem of this code."},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "instance": {**text, "format": "uri-reference"},
            **one,
            "trace_id": {**text, "pattern": "^[0-9a-f]{32}$"},
            "errors": {
                "type": "array",
                "description": "Everything that is wrong, where it is more than one thing.",
                "items": {
                    "type": "object",
                    "properties": one,
                    "required": ["code", "detail", "where", "hint"],
                },
            },
        },
        "examples": [_example()],
    }  # fmt: skip


def _example() -> dict[str, Any]:
    code = Code.FIELD_INVALID
    return {
        "type": f"/v1/errors#{code.text}",
        "title": title_of(code),
        "status": status_of(code),
        "detail": "'5 parsecs' is not a duration; write 90s, 1m30s or 00:01:30",
        "instance": "/v1/jobs",
        "code": code.text,
        "where": "operations[2].duration",
        "hint": code.hint,
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "line": 7,
    }
