"""Whether the service lives and can work, and what its error codes mean."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter, Request, Response

from reelwright import __version__
from reelwright.api import bodies
from reelwright.api.context import app_of, aside
from reelwright.api.models import ErrorCodes, Health, Readiness
from reelwright.api.problems import Answered, status_of, title_of
from reelwright.app import registry
from reelwright.errors import Code, ReelError

router = APIRouter(tags=["service"])
_PUBLIC = {"x-public": True}
# Clients of another release warn: it is in `/openapi.json`, too.
_ALIVE = b'{"status":"ok","version":"%s"}' % __version__.encode()


@router.get("/healthz", response_model=Health, openapi_extra=_PUBLIC, summary="Is it alive?")
async def get_health() -> Response:
    """Answers as long as the process does; asks nobody else."""
    return bodies.raw(_ALIVE)


@router.get(
    "/readyz",
    response_model=Readiness,
    openapi_extra=_PUBLIC,
    summary="Can jobs be taken and run now?",
)
async def get_readiness(request: Request) -> Response:
    """The database answers, the disk has room, a worker lives; else 503, which says what lacks."""
    try:
        found = await aside(registry.ready, app_of(request))
    except ReelError as error:
        raise Answered(error.problem, 503) from error
    return bodies.answer({"status": "ready", **asdict(found)})


@router.get("/v1/errors", response_model=ErrorCodes, summary="What each error code means")
async def list_errors(request: Request) -> Response:
    return bodies.answer(
        {
            "errors": [
                {
                    "code": code.text,
                    "title": title_of(code),
                    "status": status_of(code),
                    "kind": code.kind.value,
                    "retryable": code.retryable,
                    "hint": code.hint,
                }
                for code in Code
            ]
        }
    )
