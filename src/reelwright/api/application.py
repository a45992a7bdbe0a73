"""The HTTP application: its routers and layers, put together.

A module of routes is plugged in by one line in `_MODULES`, an ASGI layer by one in `_layers`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Match

from reelwright import __version__
from reelwright.api import openapi
from reelwright.api.bodies import refusal
from reelwright.api.limits import cors
from reelwright.api.metrics import Recorded
from reelwright.api.problems import Answered
from reelwright.api.queries import check_query
from reelwright.api.trace import Traced, rendered
from reelwright.app.background import Background
from reelwright.app.hub import Hub
from reelwright.app.told import Told
from reelwright.app.uploads import Uploads
from reelwright.app.views import Reader
from reelwright.errors import Code, Problem, ReelError, SpecErrors

if TYPE_CHECKING:
    from reelwright.app.wiring import App

# So many clients' plans and probes run at a time.
_LOOKUPS = 4


_MODULES = (
    "jobs",
    "job_details",
    "deletion",
    "events",
    "artifacts",
    "batches",
    "uploads",
    "planning",
    "archive",
    "subscriptions",
    "assets",
    "understand",
    "search",
    "prompts",
    "costs",
    "storage",
    "workplan",
    "metadata",
    "log_lines",
    "audit",
    "health",
    "keys",
    "session",
    "metrics",
    "workers",
    "cluster",
    "webhooks",
)


def _routers() -> list[APIRouter]:
    modules = [import_module(f"reelwright.api.{name}") for name in _MODULES]
    return [module.router for module in modules]


def _layers() -> Iterator[Callable[..., Any]]:
    """The innermost first; each is made with (app, reel=App). `Traced` goes around them all."""
    from reelwright.api.auth import Gate
    from reelwright.api.connections import Crowd
    from reelwright.api.limits import BodyLimit
    from reelwright.api.origins import Hosts

    yield BodyLimit
    yield Gate
    yield Hosts
    yield Crowd


def make(reel: App, service: object | None) -> FastAPI:
    """`service` None: workers run in other processes."""
    made = FastAPI(
        title="Reelwright",
        version=__version__,
        summary="Keep, shape and search video: one spec, one graph, one engine.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
        responses=openapi.COMMON,
        generate_unique_id_function=openapi.operation_id,
    )
    made.state.reel = reel
    made.state.service = service
    made.state.told = told = Told(reel.home)
    openapi.attach(made)
    made.state.routes = list(made.routes)
    for router in _routers():
        made.include_router(router, dependencies=[Depends(check_query)])
        made.state.routes += router.routes
    for layer in _layers():
        made.add_middleware(layer, reel=reel)
    made.add_middleware(Traced, told=told)
    made.add_middleware(Recorded, reel=reel)
    if (crossing := cors(reel.settings.serve)) is not None:
        made.add_middleware(CORSMiddleware, **crossing)
    made.add_exception_handler(ReelError, _refused)
    made.add_exception_handler(RequestValidationError, _refused)
    made.add_exception_handler(HTTPException, _refused)
    return made


@asynccontextmanager
async def _lifespan(made: FastAPI) -> AsyncIterator[None]:
    made.state.closing = closing = asyncio.Event()
    made.state.reader = Reader(made.state.reel)
    made.state.background = background = Background(_LOOKUPS)
    made.state.hub = hub = Hub(made.state.reel.store)
    made.state.uploads = uploads = Uploads(made.state.reel)

    async def end_streams() -> None:
        await closing.wait()
        hub.end()

    ending = asyncio.create_task(end_streams())
    try:
        yield
    finally:
        ending.cancel()
        await hub.close()
        await asyncio.to_thread(uploads.close)
        await asyncio.to_thread(background.close)
        made.state.reader.close()


async def _refused(request: Request, error: Exception) -> Response:
    status, headers, body = rendered(
        request.scope, _translated(request, error), request.app.state.told
    )
    return Response(body, status, headers)


def _translated(request: Request, error: Exception) -> ReelError:
    if isinstance(error, ReelError):
        return error
    if isinstance(error, RequestValidationError):
        return SpecErrors([refusal(one, ()) for one in error.errors()])
    assert isinstance(error, HTTPException)
    path = request.url.path
    if error.status_code == 405:
        allowed = ", ".join(sorted(_methods(request)))
        problem = Problem(
            Code.METHOD_REFUSED, f"{request.method} does not fit {path}", hint=f"use {allowed}"
        )
        return Answered(problem, headers={"Allow": allowed})
    if error.status_code == 404:
        return ReelError(Code.NOT_FOUND, f"there is nothing at {path}")
    code = Code.BODY_INVALID if error.status_code < 500 else Code.INTERNAL
    return Answered(Problem(code, str(error.detail)), error.status_code, error.headers)


def _methods(request: Request) -> set[str]:
    """Of all routes of the path: Starlette names those of the first one alone."""
    found: set[str] = set()
    for route in request.app.state.routes:
        match, _ = route.matches(request.scope)
        if match is not Match.NONE:
            found |= set(getattr(route, "methods", None) or ())
    return found
