"""Actors of a model in this process: real lines before models that do what a test tells them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

import numpy as np

from reelwright.errors import Code, ReelError
from reelwright.tools.models.kinds import (
    ModelIdentity,
    ModelKind,
    PictureAsk,
    Seen,
    TextsAsk,
    Usage,
    Vectors,
)
from reelwright.tools.models.providers import ModelSpec
from reelwright.tools.models.remote import Actor, ActorLost, ActorSilent
from reelwright.tools.models.remote_desk import Desk, Message, Rules

T = TypeVar("T")
IDENTITY = ModelIdentity(provider="toy", model="toy", revision="1", dimension=1)
SPEC = ModelSpec(kind=ModelKind.TEXT_EMBEDDING, provider="minilm", model="")


class Toy:
    """Embeds a text as its length, reads nothing, and fails where it is told ``bad``. `gate`: it
    answers only while that is open."""

    is_local = True
    identity = IDENTITY

    def __init__(self) -> None:
        self.loads = 0
        self.asked: list[Any] = []
        self.given_up = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: ReelError | None = None

    async def answer(self, ask: Any) -> tuple[Any, Usage]:
        self.loads = max(1, self.loads)
        self.asked.append(ask)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        if self.error is not None:
            raise self.error
        if isinstance(ask, PictureAsk):
            return Seen(lines=()), Usage(images=1)
        assert isinstance(ask, TextsAsk)
        if "bad" in ask.texts:
            raise ReelError(Code.MODEL_REFUSED, "it does not answer this")
        rows = np.array([[len(text)] for text in ask.texts], np.float32).reshape(-1, 1)
        return Vectors(rows=rows), Usage(characters=sum(map(len, ask.texts)))

    async def close(self) -> None: ...


class ToyActor:
    def __init__(self, index: int, rules: Rules) -> None:
        self.index = index
        self.model = Toy()
        self.desk = Desk(self.model, rules)
        self.end = asyncio.Event()
        self.is_silent = False
        self.silences = 0

    async def ask(self, head: dict[str, Any], blocks: Sequence[bytes]) -> Message:
        if self.is_silent:
            self.silences += 1
            raise ActorSilent("it has said nothing for long")
        return await self._alive(self.desk.ask(head, blocks))

    async def about(self) -> dict[str, Any]:
        async def told() -> dict[str, Any]:
            return self.desk.told()

        return await self._alive(told())

    async def keep(self, is_kept: bool) -> bool:
        return is_kept

    async def _alive(self, work: Coroutine[Any, Any, T]) -> T:
        task, end = asyncio.ensure_future(work), asyncio.ensure_future(self.end.wait())
        try:
            await asyncio.wait({task, end}, return_when=asyncio.FIRST_COMPLETED)
            if self.end.is_set():
                raise ActorLost("it ended")
            return task.result()
        finally:
            task.cancel()
            end.cancel()


class Fleet:
    """`Actors`; `made` are all that were ever started."""

    def __init__(self, rules: Rules | None = None) -> None:
        self._rules = rules or Rules()
        self.there: dict[int, ToyActor] = {}
        self.made: list[ToyActor] = []
        self.is_away = False

    async def find(self) -> list[Actor]:
        self._reach()
        return [self.there[index] for index in sorted(self.there)]

    async def add(self, index: int) -> Actor:
        self._reach()
        if index not in self.there:
            self.there[index] = ToyActor(index, self._rules)
            self.made.append(self.there[index])
        return self.there[index]

    def forget(self, actor: Actor) -> bool:
        if self.there.get(actor.index) is not actor:
            return False
        del self.there[actor.index]
        return True

    def _reach(self) -> None:
        if self.is_away:
            raise ActorLost("the head is away")


async def until(condition: Callable[[], Any], timeout_s: float = 60.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - of what tells nobody
            await asyncio.sleep(0.005)
