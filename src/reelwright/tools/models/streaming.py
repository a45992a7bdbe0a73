"""A text in pieces, as a model writes it; recorded and remembered when it is whole."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from reelwright.errors import Code, Problem, ReelError
from reelwright.tools.models import providers
from reelwright.tools.models.asking import PASSED, Asking, nobody_served
from reelwright.tools.models.checking import check
from reelwright.tools.models.door import Call
from reelwright.tools.models.idempotency import SENDING, Sending
from reelwright.tools.models.kinds import Said, Usage
from reelwright.tools.models.providers import ModelSpec, Runs


class Streaming(Asking):
    """As `Asking`; once a piece has come, nobody else is asked: what breaks off is an error."""

    async def pieces(self) -> AsyncGenerator[str]:
        """Raises as `Asking.served`, and what broke a text off."""
        passed: list[tuple[ModelSpec, Problem]] = []
        for spec in await asyncio.to_thread(self.pool.chain, self.kind):
            has_begun = False
            try:
                async with aclosing(self._of(spec)) as pieces:
                    async for piece in pieces:
                        has_begun = True
                        yield piece
            except ReelError as error:
                if has_begun or error.code not in PASSED:
                    raise
                passed.append((spec, error.problem))
            else:
                return
        raise nobody_served(self.kind, passed)

    async def _of(self, spec: ModelSpec) -> AsyncGenerator[str]:
        identity = await asyncio.to_thread(self.pool.identity, spec)
        provider: Any = await asyncio.to_thread(self.pool.provider, spec)
        if providers.entry(spec).runs is not Runs.HOSTED or not hasattr(provider, "stream"):
            yield (await self.one(spec)).value.text
            return
        call = await self.call(spec, identity)
        found = await self.ledger.remembered(call)
        if found is not None:
            yield found[0].text
            return
        failures = 0
        while True:
            has_begun = False
            try:
                async with self.pool.turn(spec), aclosing(self._once_in(call, failures)) as pieces:
                    async for piece in pieces:
                        has_begun = True
                        yield piece
            except ReelError as error:
                if has_begun:
                    raise
                failures += 0 if error.code is Code.BUDGET_SPENT else 1
                await self.rest(error, failures)
            else:
                return

    async def _once_in(self, call: Call, failures: int) -> AsyncGenerator[str]:
        call_id = await self.opened(call)
        began = time.monotonic()
        said: list[str] = []
        usage: Usage | None = None
        provider: Any = self.pool.provider(call.spec)
        # A generator may be gone on with in another context: it is set as long as the request is
        # made, which is until the first piece.
        sending = Sending(f"{call.request}-{failures}")
        token = SENDING.set(sending)
        stream = provider.stream(self.ask)
        try:
            first = await anext(stream, Usage())
        except asyncio.CancelledError:
            await self.cancelled(call_id, sending, began)
            raise
        except ReelError as error:
            await self.failed(call_id, call, error.problem, began, usage)
            raise
        finally:
            SENDING.reset(token)
        try:
            async with aclosing(stream):
                piece: str | Usage = first
                while isinstance(piece, str):
                    said.append(piece)
                    yield piece
                    piece = await anext(stream, Usage())
            usage = piece
            value = check(self.ask, Said(text="".join(said)))
        except (asyncio.CancelledError, GeneratorExit):
            await self.cancelled(call_id, sending, began)
            raise
        except ReelError as error:
            await self.failed(call_id, call, error.problem, began, usage)
            raise
        await self.ended(call_id, call, value, usage, began)
