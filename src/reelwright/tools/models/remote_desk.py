"""Where the asks of many steps reach one loaded model: they wait in line, are joined where the
model takes several at a time, and are turned away where too many wait. Knows nothing of Ray.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from reelwright.errors import Code, Problem, ReelError
from reelwright.tools.models import wire
from reelwright.tools.models.kinds import Usage
from reelwright.tools.models.remote_batches import apart, joined, joins_by, size_of
from reelwright.tools.models.remote_sound import attached

# How much of what an ask takes now the last ones say.
_NEWS = 0.3
_LOOK_S = 1.0

Message = tuple[dict[str, Any], list[bytes]]


class Loaded(Protocol):
    """The model behind it: a `ChildProvider`."""

    @property
    def loads(self) -> int: ...

    async def answer(self, ask: Any) -> tuple[Any, Usage]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """`room`: asks that may wait. `batch`: texts or pictures that are asked together at the most, 1
    for never; the first of them waits `join_s` for others. What nobody waits for any more is given
    up after `left_s`: others may need the model."""

    room: int = 64
    batch: int = 32
    join_s: float = 0.005
    left_s: float = 30.0


@dataclass(eq=False, slots=True)
class _Asked:
    ask: Any
    sound: bytes | None
    done: asyncio.Future[tuple[Any, Usage]] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Desk:
    """Lives in one event loop."""

    def __init__(self, model: Loaded, rules: Rules = Rules()) -> None:
        self._model = model
        self._rules = rules
        self._line: deque[_Asked] = deque()
        self._running: list[_Asked] = []
        self._news = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None
        self._service_s = 0.0
        self._last = time.monotonic()
        self.answered = 0
        self.batches = 0
        self.is_closed = False

    @property
    def waiting(self) -> int:
        return len(self._line) + len(self._running)

    @property
    def idle_s(self) -> float:
        """How long nothing was asked."""
        return 0.0 if self.waiting else time.monotonic() - self._last

    def told(self) -> dict[str, Any]:
        """What each answer says of the model."""
        return {
            "waiting": self.waiting,
            "service_s": self._service_s,
            "answered": self.answered,
            "batches": self.batches,
            "loads": self._model.loads,
            "idle_s": self.idle_s,
        }

    async def ask(self, head: dict[str, Any], blocks: Sequence[bytes]) -> Message:
        """`head` is ``{"ask": …}``, with ``"sound": true`` where the last block is that; the answer
        has one of ``answer``, ``error`` (a problem), ``full``, ``gone``. Raises nothing but
        cancellation."""
        if self.is_closed:
            return self._said("gone", True)
        if len(self._line) >= self._rules.room:
            return self._said("full", True)
        try:
            has_sound = bool(head.get("sound"))
            packed = blocks[: len(blocks) - has_sound]
            asked = _Asked(wire.unpack(head["ask"], packed), blocks[-1] if has_sound else None)
            self._line.append(asked)
            self._news.set()
            if self._serving is None:
                self._serving = asyncio.create_task(self._serve())
            body, out = wire.pack(await asked.done)
        except ReelError as error:
            return self._said("error", error.problem.to_json())
        except Exception as error:  # noqa: BLE001 - told to whoever asked
            problem = Problem(Code.MODEL_FAILED, f"{type(error).__name__}: {error}")
            return self._said("error", problem.to_json())
        return self._said("answer", body, out)

    def _said(self, what: str, body: Any, blocks: list[bytes] | None = None) -> Message:
        return {what: body, "told": self.told()}, blocks or []

    async def _serve(self) -> None:
        while True:
            while not self._line:
                self._news.clear()
                await self._news.wait()
            self._running = await self._next()
            began, loads = time.monotonic(), self._model.loads
            try:
                await self._answer(self._running)
            finally:
                if self._model.loads == loads:  # else it was the load that took so long
                    took_s = (time.monotonic() - began) / max(1, len(self._running))
                    old_s = self._service_s or took_s
                    self._service_s = old_s + _NEWS * (took_s - old_s)
                self.answered += len(self._running)
                self._running = []
                self._last = time.monotonic()

    async def _next(self) -> list[_Asked]:
        """The first in line, and what may be asked with it; those who left are passed over."""
        most = self._rules.batch
        first = self._line[0]
        by = joins_by(first.ask)
        if by is not None and size_of(first.ask) < most:
            await asyncio.sleep(self._rules.join_s)
        some: list[_Asked] = []
        kept: deque[_Asked] = deque()
        size = 0
        for one in self._line:
            if one.done.done():
                continue
            if not some:
                by = joins_by(one.ask)
            elif by is None or joins_by(one.ask) != by or size + size_of(one.ask) > most:
                kept.append(one)
                continue
            some.append(one)
            size += size_of(one.ask)
        self._line = kept
        return some

    async def _answer(self, some: list[_Asked]) -> None:
        """Where a batch fails each is asked alone: one's mistake is not the others'."""
        if not some:
            return
        try:
            found = await self._asked(some)
        except Exception as error:  # noqa: BLE001 - told to whoever asked
            if len(some) > 1:
                for one in some:
                    await self._answer([one])
            elif not some[0].done.done():
                some[0].done.set_exception(error)
            return
        self.batches += 1
        for one, answer in zip(some, found, strict=True):
            if not one.done.done():
                one.done.set_result(answer)

    async def _asked(self, some: list[_Asked]) -> list[tuple[Any, Usage]]:
        with ExitStack() as files:
            asks = [files.enter_context(attached(one.ask, one.sound)) for one in some]
            answer, usage = await self._to_its_end(some, joined(asks))
            return apart(asks, answer, usage)

    async def _to_its_end(self, some: list[_Asked], ask: Any) -> tuple[Any, Usage]:
        work = asyncio.ensure_future(self._model.answer(ask))
        left_at: float | None = None
        try:
            while not (await asyncio.wait({work}, timeout=_LOOK_S))[0]:
                now = time.monotonic()
                if not all(one.done.done() for one in some):
                    left_at = None
                elif left_at is None:
                    left_at = now
                elif now - left_at >= self._rules.left_s:
                    break
        finally:
            if not work.done():
                work.cancel()
                with suppress(asyncio.CancelledError, ReelError):
                    await work
        if work.cancelled():
            raise ReelError(Code.CANCELLED, "nobody waited for it any more")
        return work.result()
