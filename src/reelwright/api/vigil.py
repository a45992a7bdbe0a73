"""What streams to a client ends when the token or the session that it came in with does.

A request is let in once, and an event stream then lasts for an hour: so whoever reads one is asked
for again every few seconds, by one task for all streams; streams of one token are one question.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from reelwright.app.principal import Scope as Permission
from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from starlette.types import Scope

    from reelwright.app.principal import Principal

# With what the authenticator remembers (5 s) a key that is revoked elsewhere reads for 8 s more.
CHECK_S = 3.0
_GONE = frozenset({Code.UNAUTHENTICATED, Code.FORBIDDEN})


class Vigil:
    """`recall` and `ask` tell who a request's token is now: from memory (None: it is not there),
    and by looking. Belongs to one event loop."""

    def __init__(
        self,
        recall: Callable[[Scope], Principal | None],
        ask: Callable[[Scope], Awaitable[Principal]],
        every_s: float = CHECK_S,
    ) -> None:
        self._recall = recall
        self._ask = ask
        self._every_s = every_s
        self._watched: dict[object, tuple[Scope, Principal, Callable[[], None]]] = {}
        self._task: asyncio.Task[None] | None = None

    @contextmanager
    def watch(
        self, scope: Scope, principal: Principal, leave: Callable[[], None]
    ) -> Iterator[None]:
        """Meanwhile `leave` is called, once, when the request's token is no longer that of
        `principal`, or may no longer read."""
        mark = object()
        self._watched[mark] = (scope, principal, leave)
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        try:
            yield
        finally:
            self._watched.pop(mark, None)

    async def _work(self) -> None:
        try:
            while self._watched:
                await asyncio.sleep(self._every_s)
                await asyncio.gather(*map(self._check, list(self._watched)))
        finally:
            self._task = None

    async def _check(self, mark: object) -> None:
        found = self._watched.get(mark)
        if found is None:  # it went away meanwhile
            return
        scope, principal, leave = found
        if not await self._counts(scope, principal):
            self._watched.pop(mark, None)
            leave()

    async def _counts(self, scope: Scope, principal: Principal) -> bool:
        """Where nobody can be asked (the database is away) it does: a stream outlives outages."""
        try:
            now = self._recall(scope) or await self._ask(scope)
        except ReelError as error:
            return error.code not in _GONE
        return now.sees == principal.sees and now.may(Permission.READ)
