"""Many jobs of one request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Request, Response
from pydantic import BeforeValidator, Field, model_validator

from reelwright.api import bodies, spec_body
from reelwright.api.context import app_of, aside, told_of
from reelwright.api.jobs import IdempotencyKey, Who, origin_of
from reelwright.api.models import ID_PATTERN, Batch, Model
from reelwright.api.openapi import WITH_BODY, body, problems
from reelwright.app import batches, intake
from reelwright.app.intake import Asked, Key

router = APIRouter(tags=["batches"])

BatchId = Annotated[
    str,
    Path(description="The batch's id.", json_schema_extra={"pattern": ID_PATTERN, "maxLength": 17}),
]
Value = str | int | float | bool


def _whole(value: Any) -> Any:
    """To JSON 5.0 is an integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class BatchRequest(Model):
    """Either `jobs`, each a spec of its own, or one `spec` and what fills its variables `each`
    time."""

    jobs: list[dict[str, Any]] | None = Field(None, min_length=1, max_length=batches.MOST)
    spec: dict[str, Any] | None = None
    each: list[dict[str, Value]] | None = Field(None, min_length=1, max_length=batches.MOST)
    labels: dict[str, str] = Field(default_factory=dict)
    overwrite: bool = False
    use_cache: bool = True
    priority: Annotated[int | None, BeforeValidator(_whole)] = Field(None, ge=-100, le=100)
    timeout_s: float | None = Field(None, gt=0, le=31_536_000)

    @model_validator(mode="after")
    def _is_one_form(self) -> BatchRequest:
        is_list = self.jobs is not None
        if is_list == (self.spec is not None) or is_list == (self.each is not None):
            raise ValueError("give `jobs`, or `spec` with `each`")
        return self


_SHARED: dict[str, Any] = {
    "labels": {
        "type": "object",
        "maxProperties": intake.MOST_LABELS,
        "propertyNames": {"maxLength": intake.LABEL_CHARS},
        "additionalProperties": {"type": "string", "maxLength": intake.TEXT_CHARS},
    },
    "overwrite": {"type": "boolean", "default": False},
    "use_cache": {"type": "boolean", "default": True},
    "priority": {"type": ["integer", "null"], "minimum": -100, "maximum": 100},
    "timeout_s": {"type": ["number", "null"], "exclusiveMinimum": 0, "maximum": 31_536_000},
}
_SCHEMA: dict[str, Any] = {
    "description": "Either `jobs`, each a spec, or one `spec` and its variables for `each` job.",
    "oneOf": [
        {
            "type": "object",
            "required": ["jobs"],
            "additionalProperties": False,
            "properties": {
                "jobs": {
                    "type": "array", "minItems": 1, "maxItems": batches.MOST, "items": spec_body.REF
                },
                **_SHARED,
            },
        },
        {
            "type": "object",
            "required": ["spec", "each"],
            "additionalProperties": False,
            "properties": {
                "spec": spec_body.REF,
                "each": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": batches.MOST,
                    "items": {
                        "type": "object",
                        "description": "Name: value, for variables that stand in the spec.",
                        "additionalProperties": {"type": ["string", "number", "boolean"]},
                    },
                },
                **_SHARED,
            },
        },
    ],
}  # fmt: skip
_EXAMPLES = {
    "each": {
        "summary": "One spec, several files",
        "value": {
            "spec": {
                "inputs": {"film": "${name}.mp4"},
                "operations": [{"id": "small", "op": "scale", "input": "film", "height": 360}],
                "outputs": [{"from": "small", "to": "${name}-small.mp4"}],
            },
            "each": [{"name": "monday"}, {"name": "tuesday"}],
        },
    },
    "jobs": {"summary": "Several specs", "value": {"jobs": [spec_body.SPEC]}},
}


@router.post(
    "/v1/batches",
    status_code=202,
    response_model=Batch,
    responses={
        202: {
            "description": "All of them are stored, and will be run.",
            "headers": {"Location": {"schema": {"type": "string"}}},
        },
        **WITH_BODY,
        **problems(409),
    },
    openapi_extra=body(_SCHEMA, _EXAMPLES, [bodies.JSON], "The jobs."),
    summary="Submit many jobs",
)
async def create_batch(
    request: Request, principal: Who, idempotency_key: IdempotencyKey = None
) -> Response:
    """All specs are checked first: where one is wrong nothing is stored, and all that is wrong is
    told, with its place (`jobs[3].operations[0].start`)."""
    app = app_of(request)
    asked = await bodies.read_model(request, BatchRequest, app.settings.serve.body_bytes)
    key = None
    if idempotency_key is not None:
        text = asked.model_dump_json(exclude_unset=True)
        key = Key(idempotency_key, intake.digest("batch", text))
    origin = origin_of(request, principal)
    jobs, places = _jobs(asked)
    rows = await aside(batches.check, app, jobs, places, asked.labels, origin)
    accepted = await batches.accept(app, rows, asked.labels, origin, key)
    headers = {"Location": f"/v1/batches/{accepted.id}"}
    if accepted.is_replay:
        headers["Idempotent-Replayed"] = "true"
    made = batches.accepted_json(accepted, asked.labels, principal.owner)
    return bodies.answer(made, 202, headers)


@router.get(
    "/v1/batches/{batch_id}",
    response_model=Batch,
    responses=problems(404),
    summary="How far a batch is",
)
async def get_batch(request: Request, batch_id: BatchId, principal: Who) -> Response:
    return bodies.answer(await _summary(request, batch_id, principal))


@router.post(
    "/v1/batches/{batch_id}/cancel",
    status_code=202,
    response_model=Batch,
    responses=problems(404),
    summary="Cancel all jobs of a batch",
)
async def cancel_batch(request: Request, batch_id: BatchId, principal: Who) -> Response:
    """The batch and its jobs stay to be looked at."""
    app = app_of(request)
    await batches.cancel(app, batch_id, origin_of(request, principal))
    return bodies.answer(await _summary(request, batch_id, principal), 202)


async def _summary(request: Request, batch_id: str, principal: Who) -> dict[str, Any]:
    found = await aside(batches.summary, app_of(request), batch_id, principal)
    return {**found, "failures": list(map(told_of(request).with_error, found["failures"]))}


def _jobs(asked: BatchRequest) -> tuple[list[Asked], list[str]]:
    """What is asked for, one by one, and its places in the request."""
    if asked.jobs is not None:
        specs: list[tuple[str, dict[str, str]]] = [(_text(spec), {}) for spec in asked.jobs]
        name = "jobs"
    else:
        text = _text(asked.spec)
        specs = [(text, _texts(values)) for values in asked.each or ()]
        name = "each"
    made = [
        Asked(
            text=text,
            variables=variables,
            overwrite=asked.overwrite,
            use_cache=asked.use_cache,
            priority=asked.priority,
            timeout_s=asked.timeout_s,
        )
        for text, variables in specs
    ]
    return made, [f"{name}[{n}]" for n in range(len(made))]


def _text(spec: dict[str, Any] | None) -> str:
    return orjson.dumps(spec).decode()


def _texts(values: Mapping[str, Value]) -> dict[str, str]:
    """As `--set` would be given them."""
    return {
        name: value if isinstance(value, str) else orjson.dumps(value).decode()
        for name, value in values.items()
    }
