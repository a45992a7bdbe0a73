"""Jobs: handing them in, looking at them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response

from reelwright.api import bodies, spec_body
from reelwright.api.auth import current_principal
from reelwright.api.context import address_of, app_of, aside, reader_of, told_of
from reelwright.api.models import ID_PATTERN, Job, Jobs, State
from reelwright.api.openapi import WITH_BODY, body, problems
from reelwright.api.trace import trace_of
from reelwright.app import deletion, intake, orders, views
from reelwright.app.intake import Asked, Key, Origin
from reelwright.app.principal import Principal, Scope
from reelwright.store.views import Filter, Summary

router = APIRouter(tags=["jobs"])

Who = Annotated[Principal, Depends(current_principal)]
JobId = Annotated[
    str,
    Path(description="The job's id.", json_schema_extra={"pattern": ID_PATTERN, "maxLength": 17}),
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        # Not a parameter there: whether a key is right depends on what was sent with it before.
        include_in_schema=False,
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="The same request with the same key is done once; it is answered the same "
        "again. Another request with it is refused.",
    ),
]
Pair = Annotated[str, Query(pattern=bodies.PAIR_PATTERN)]
KINDS = (bodies.JSON, *bodies.YAML)
# A spec of this size takes about 10 ms to parse: longer ones let others go first.
_ASIDE_BYTES = 64 << 10


@router.post(
    "/v1/jobs",
    status_code=202,
    response_model=Job,
    responses={
        202: {
            "description": "The job is stored, and will be run.",
            "headers": {
                "Location": {"description": "The job.", "schema": {"type": "string"}},
                "Idempotent-Replayed": {
                    "description": "`true`: the answer is that of the first request.",
                    "schema": {"type": "string", "enum": ["true"]},
                },
            },
        },
        **WITH_BODY,
        **problems(409),
    },
    openapi_extra=body(spec_body.REF, spec_body.EXAMPLES, KINDS[:2], "The job spec."),
    summary="Submit a job",
)
async def create_job(
    request: Request,
    principal: Who,
    overwrite: Annotated[bool, Query(description="Outputs may replace files.")] = False,
    use_cache: Annotated[bool, Query(description="false: make everything anew.")] = True,
    priority: Annotated[
        int | None, Query(ge=-100, le=100, description="Goes before the spec's own.")
    ] = None,
    timeout_s: Annotated[
        float | None, Query(gt=0, le=31_536_000, description="Goes before the spec's own.")
    ] = None,
    label: Annotated[
        list[Pair] | None, Query(description="name=value, beside the spec's own.", max_length=64)
    ] = None,
    set: Annotated[  # noqa: A002 - the word of the command line
        list[Pair] | None, Query(description="name=value fills ${name}.", max_length=256)
    ] = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Checks the spec, all of it at once, and stores the job durably. Its inputs are looked at
    later, by a worker: whether they can be read is seen in the job's state.

    `Idempotency-Key`: the same request with the same key (1 to 255 visible characters) makes one
    job; it is answered the same again, with `Idempotent-Replayed: true`. Another request with
    that key is refused (`idempotency_mismatch`).

    Relative paths are in the job's own folder; `upload:ID` names an upload.
    """
    text = await bodies.read_text(request, KINDS, app_of(request).settings.serve.body_bytes)
    asked = Asked(
        text=text,
        variables=pairs(set),
        overwrite=overwrite,
        use_cache=use_cache,
        priority=priority,
        timeout_s=timeout_s,
        labels=pairs(label),
    )
    key = None
    if idempotency_key is not None:
        key = Key(idempotency_key, intake.digest("job", str(request.query_params), text))
    return await _accepted(request, asked, origin_of(request, principal), key)


async def _accepted(request: Request, asked: Asked, origin: Origin, key: Key | None) -> Response:
    app = app_of(request)
    if len(asked.text) > _ASIDE_BYTES:
        row = await aside(intake.prepare, app, asked, origin)
    else:
        row = intake.prepare(app, asked, origin)
    accepted = await intake.accept(app, row, origin, key)
    headers = {"Location": f"/v1/jobs/{accepted.id}"}
    if accepted.is_replay:
        headers["Idempotent-Replayed"] = "true"
    return bodies.answer(accepted.to_json(), 202, headers)


@router.get(
    "/v1/jobs/{job_id}", response_model=Job, responses=problems(404), summary="A job's state"
)
async def get_job(request: Request, job_id: JobId, principal: Who) -> Response:
    principal.check(Scope.READ)
    return bodies.answer(_shown(request, await reader_of(request).summary(job_id, principal)))


@router.get("/v1/jobs", response_model=Jobs, summary="Jobs, the newest first")
async def list_jobs(
    request: Request,
    principal: Who,
    state: Annotated[list[State] | None, Query(description="One of these.")] = None,
    label: Annotated[
        list[Pair] | None, Query(description="name=value; all of these.", max_length=8)
    ] = None,
    batch: Annotated[str | None, Query(pattern=ID_PATTERN)] = None,
    created_after: Annotated[
        float | None, Query(ge=0, le=1e11, description="Seconds since 1970; this or later.")
    ] = None,
    created_before: Annotated[
        float | None, Query(ge=0, le=1e11, description="Seconds since 1970; earlier than this.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[
        str | None, Query(pattern=ID_PATTERN, description="`next` of the page before.")
    ] = None,
) -> Response:
    principal.check(Scope.READ)
    wanted = Filter(
        owner=principal.sees,
        states=tuple(state or ()),
        labels=tuple(pairs(label).items()),
        batch_id=batch,
        after=created_after,
        before=created_before,
    )
    found, following = await aside(
        views.listing, app_of(request), wanted, limit=limit, before_id=cursor
    )
    return bodies.answer({"jobs": [_shown(request, job) for job in found], "next": following})


@router.delete(
    "/v1/jobs/{job_id}",
    status_code=202,
    response_model=Job,
    responses={
        200: {"model": Job, "description": "The job as it was: it is deleted."},
        202: {"description": "It is asked to stop."},
        **problems(404, 409),
    },
    summary="Cancel a job, or delete one that has ended",
)
async def cancel_job(
    request: Request,
    job_id: JobId,
    principal: Who,
    purge: Annotated[
        bool, Query(description="Delete a job that has ended; one that has not is refused (409).")
    ] = False,
) -> Response:
    """Its commands are stopped, finished steps stay in the cache. At once where none runs; else
    the job is `cancelled` when the worker has stopped it, within seconds.

    With `purge=true` a job that has ended is deleted: its state and events, its logs, and its own
    folder with what it delivered there. What it delivered elsewhere stays, and so does the cache.
    """
    if purge:
        was = await deletion.delete(app_of(request), job_id, origin_of(request, principal))
        return bodies.answer(_shown(request, was))
    await orders.cancel(app_of(request), job_id, origin_of(request, principal))
    found = await reader_of(request).summary(job_id, principal)
    return bodies.answer(_shown(request, found), 202)


@router.post(
    "/v1/jobs/{job_id}/retry",
    status_code=202,
    response_model=Job,
    responses=problems(404, 409),
    summary="Run a failed or cancelled job again",
)
async def retry_job(request: Request, job_id: JobId, principal: Who) -> Response:
    """From its finished steps."""
    await orders.retry(app_of(request), job_id, origin_of(request, principal))
    found = await reader_of(request).summary(job_id, principal)
    return bodies.answer(_shown(request, found), 202)


def _shown(request: Request, job: Summary) -> dict[str, Any]:
    return {**views.to_json(job), "error": told_of(request).error(job.error)}


def origin_of(request: Request, principal: Principal) -> Origin:
    return Origin(
        principal=principal,
        address=address_of(request),
        traceparent=trace_of(request.scope).traceparent,
    )


def pairs(given: list[str] | None) -> dict[str, str]:
    """``name=value`` of a repeated parameter; the last one of a name counts."""
    return dict(entry.split("=", 1) for entry in given or ())
