"""A connection to the service, and what goes wrong with it in the words of the command line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from reelwright import __version__
from reelwright.cli import terminal
from reelwright.cli.choice import Target
from reelwright.client.asynchronous.client import AsyncClient
from reelwright.client.patience import Patience
from reelwright.errors import Code, ReelError

T = TypeVar("T")

# A service that does not answer the first question is not there; one that did may be restarting.
_FIRST = Patience(total_s=3.0)
_LATER = Patience(total_s=600.0)
_TOKEN_HINT = (
    "pass --token, or set REEL_TOKEN: `reel serve` prints a token, `reel keys create` makes one "
    "on the server"
)
_ROLE_HINT = "use a token whose role and scopes allow this: `reel keys create` makes one there"


def ask(target: Target, question: Callable[[AsyncClient], Awaitable[T]]) -> T:
    """One question and its answer. Raises what the service refuses."""

    async def asked() -> T:
        async with linked(target) as client:
            return await question(client)

    return asyncio.run(asked())


@asynccontextmanager
async def linked(target: Target) -> AsyncIterator[AsyncClient]:
    """Raises ReelError with a hint that fits the command line."""
    try:
        async with AsyncClient(target.url, target.token, patience=_FIRST) as client:
            yield client
    except ReelError as error:
        raise in_our_words(error) from error


async def greet(client: AsyncClient, *, as_json: bool) -> None:
    """Whether somebody is there, and of which release. What breaks off later is waited for."""
    health = await client.get_health()
    if health.version != __version__:
        message = f"the server is reelwright {health.version}, this is {__version__}"
        if as_json:
            terminal.emit({"event": "warning", "job": None, "message": message})
        else:
            terminal.note(f"warning: {message}")
    be_patient(client)


def be_patient(client: AsyncClient) -> None:
    outage = _Outage(client.url)
    client.patience, client.on_wait = _LATER, outage.tell


class _Outage:
    """Tells once that the service is away, whatever is asked of it meanwhile."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._told_at = 0.0

    def tell(self, error: ReelError, wait_s: float) -> None:
        import time

        now = time.monotonic()
        if now - self._told_at > 30.0:
            terminal.note(f"{self._url}: {error}; tried again for {_LATER.total_s / 60:.0f} min")
        self._told_at = now


def in_our_words(error: ReelError) -> ReelError:
    """The same problem, with what helps at a terminal."""
    problem = error.problem
    hints = {
        Code.UNAUTHENTICATED: _TOKEN_HINT,
        Code.FORBIDDEN: _ROLE_HINT,
        Code.SERVER_UNREACHABLE: "is `reel serve` running there? check --server or REEL_SERVER",
    }
    if problem.code not in hints or len(error.problems) > 1:
        return error
    return ReelError(
        problem.code,
        problem.message,
        where=problem.where,
        hint=hints[problem.code],
        evidence=problem.evidence,
    )
