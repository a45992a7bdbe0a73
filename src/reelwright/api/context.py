"""What a request brings along beside its own words: the application, the caller's address."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

from fastapi import Request

if TYPE_CHECKING:
    from reelwright.app.background import Background
    from reelwright.app.told import Told
    from reelwright.app.views import Reader
    from reelwright.app.wiring import App

P = ParamSpec("P")
T = TypeVar("T")


def app_of(request: Request) -> App:
    return cast("App", request.app.state.reel)


def reader_of(request: Request) -> Reader:
    """Reads jobs' states; requests that come together share a query."""
    return cast("Reader", request.app.state.reader)


def told_of(request: Request) -> Told:
    """How errors and files are told: without the service's own folders."""
    return cast("Told", request.app.state.told)


def closing_of(request: Request) -> asyncio.Event:
    """Set when the service ends: whatever streams is to end, too."""
    return cast("asyncio.Event", request.app.state.closing)


def background_of(request: Request) -> Background:
    """Where plans are made and files are probed for clients."""
    return cast("Background", request.app.state.background)


def address_of(request: Request) -> str | None:
    """The client's address, for the audit log; None on a Unix socket."""
    return request.client.host if request.client else None


async def aside(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Runs what blocks (a query, a file) in a thread."""
    return await asyncio.to_thread(work, *args, **kwargs)
