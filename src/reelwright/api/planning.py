"""Looking at media, planning without running, and the language that specs are written in."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated

import orjson
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from reelwright.api import bodies, spec_body
from reelwright.api.context import app_of, aside, background_of
from reelwright.api.jobs import KINDS, Pair, Who, origin_of, pairs
from reelwright.api.models import MediaInfo, Model, Operator, Operators, Plan
from reelwright.api.openapi import WITH_BODY, body, problems
from reelwright.app import intake, lookups, operators
from reelwright.app.principal import Scope
from reelwright.app.told import hint
from reelwright.errors import Code, ReelError

router = APIRouter(tags=["planning"])


class ProbeRequest(Model):
    path: str = Field(
        min_length=1,
        max_length=4096,
        pattern=r"^(/[^\x00]*|upload:[0-9a-z]{1,40}|asset:[0-9a-z]{1,40}(/[\w-]{1,35}){0,2}|"
        r"[a-z0-9]{1,6}://.*)$",
        description="An absolute path of the server, `upload:ID`, `asset:ID`, or an address.",
        examples=["/media/talk.mp4"],
    )


_PROBE = {
    "type": "object",
    "required": ["path"],
    "additionalProperties": False,
    "properties": {
        "path": {
            "type": "string",
            "pattern": "^(/[A-Za-z0-9_.-]{1,60}){1,6}$",
            "description": "An absolute path of the server; also `upload:ID`, or an address.",
        }
    },
}


@router.post(
    "/v1/plan",
    response_model=Plan,
    responses={**WITH_BODY, **problems(404, 409, 502, 504)},
    openapi_extra=body(spec_body.REF, spec_body.EXAMPLES, KINDS[:2], "The job spec."),
    summary="Plan a job without running it",
)
async def plan_job(
    request: Request,
    principal: Who,
    use_cache: Annotated[bool, Query(description="false: as if nothing were made.")] = True,
    set: Annotated[  # noqa: A002 - the word of the command line
        list[Pair] | None, Query(description="name=value fills ${name}.", max_length=256)
    ] = None,
) -> Response:
    """Its inputs are read, nothing is written."""
    app = app_of(request)
    text = await bodies.read_text(request, KINDS, app.settings.serve.body_bytes)
    asked = intake.Asked(text=text, use_cache=use_cache, variables=pairs(set))
    origin = origin_of(request, principal)
    return bodies.answer(await background_of(request).run(lambda: lookups.plan(app, asked, origin)))


@router.post(
    "/v1/probe",
    response_model=MediaInfo,
    responses={**WITH_BODY, **problems(404, 409, 502, 504)},
    openapi_extra=body(
        _PROBE,
        {"file": {"summary": "A file of the server", "value": {"path": "/media/talk.mp4"}}},
        [bodies.JSON],
        "Which file.",
    ),
    summary="What is in a media file",
)
async def probe_file(request: Request, principal: Who) -> Response:
    app = app_of(request)
    asked = await bodies.read_model(request, ProbeRequest, app.settings.serve.body_bytes)
    return bodies.answer(
        await background_of(request).run(lambda: lookups.probe(app, asked.path, principal))
    )


@router.get("/v1/operators", response_model=Operators, summary="The verbs of specs")
async def list_operators(request: Request, principal: Who) -> Response:
    principal.check(Scope.READ)
    found = await aside(operators.summaries)
    return bodies.answer({"operators": [{"name": n, "summary": s} for n, s in found]})


@router.get(
    "/v1/operators/{name}",
    response_model=Operator,
    responses=problems(404),
    summary="What an operator takes",
)
async def get_operator(
    request: Request,
    name: Annotated[str, Path(description="Of the operator.", max_length=100, examples=["trim"])],
    principal: Who,
) -> Response:
    principal.check(Scope.READ)
    try:
        described = await aside(operators.describe, name)
    except ReelError as error:
        if error.code is not Code.OPERATOR_UNKNOWN:
            raise
        raise ReelError(
            Code.NOT_FOUND, str(error), hint=hint(error.code, error.problem.hint)
        ) from error
    return bodies.answer(described.to_json())


@router.get(
    "/v1/spec-schema",
    response_class=Response,
    responses={
        200: {
            "description": "JSON Schema, draft 2020-12.",
            "content": {"application/schema+json": {"schema": {"type": "object"}}},
        }
    },
    summary="The language of specs, as a JSON Schema",
)
async def get_spec_schema(principal: Who) -> Response:
    principal.check(Scope.READ)
    return Response(await aside(_spec_schema), media_type="application/schema+json")


@lru_cache(maxsize=1)
def _spec_schema() -> bytes:
    from reelwright.spec.schema import job_schema

    return orjson.dumps(job_schema())
