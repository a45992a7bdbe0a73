"""Whether the service lives and can work, and what its error codes mean."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from reelwright.api import bodies
from reelwright.api.models import ErrorCodes, Health
from reelwright.api.problems import status_of, title_of
from reelwright.errors import Code

router = APIRouter(tags=["service"])
_PUBLIC = {"x-public": True}


@router.get("/healthz", response_model=Health, openapi_extra=_PUBLIC, summary="Is it alive?")
async def get_health() -> Response:
    """Answers as long as the process does; asks nobody else."""
    return bodies.raw(b'{"status":"ok"}')


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
