"""The two clients behind one face, so that a test is written once."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from typing import Any

from reelwright.client import AsyncClient, Client, Patience

KINDS = ("sync", "async")


@contextmanager
def client_of(
    kind: str, url: str, token: str | None, patience: Patience | None = None
) -> Iterator[Any]:
    """A client whose methods answer at once, also that of asyncio."""
    if kind == "sync":
        with Client(url, token, patience=patience) as plain:
            yield plain
        return
    with asyncio.Runner() as runner:
        made = AsyncClient(url, token, patience=patience)
        try:
            yield _Face(made, runner)
        finally:
            runner.run(made.aclose())


class _Face:
    """Methods of `AsyncClient`, run to their end."""

    def __init__(self, client: AsyncClient, runner: asyncio.Runner) -> None:
        self._client = client
        self._runner = runner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            answer = found(*args, **kwargs)
            if inspect.iscoroutine(answer):
                return self._runner.run(answer)
            if isinstance(answer, AbstractAsyncContextManager):
                return self._entered(answer)
            if isinstance(answer, AsyncIterator):
                return self._items(answer)
            return answer

        return call

    def _entered(self, context: AbstractAsyncContextManager[Any]) -> AbstractContextManager[Any]:
        @contextmanager
        def entered() -> Iterator[Any]:
            answer = self._runner.run(_entry(context))
            try:
                yield _Read(answer, self._runner)
            finally:
                self._runner.run(_exit(context))

        return entered()

    def _items(self, source: AsyncIterator[Any]) -> Iterator[Any]:
        while True:
            try:
                yield self._runner.run(_next(source))
            except StopAsyncIteration:
                return


class _Read:
    """An answer whose body is read at once."""

    def __init__(self, answer: Any, runner: asyncio.Runner) -> None:
        self._answer = answer
        self._runner = runner

    def read(self) -> bytes:
        data: bytes = self._runner.run(_whole(self._answer))
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._answer, name)


async def _entry(context: AbstractAsyncContextManager[Any]) -> Any:
    return await context.__aenter__()


async def _exit(context: AbstractAsyncContextManager[Any]) -> Any:
    return await context.__aexit__(None, None, None)


async def _next(source: AsyncIterator[Any]) -> Any:
    return await source.__anext__()


async def _whole(answer: Any) -> bytes:
    data: bytes = await answer.aread()
    return data
