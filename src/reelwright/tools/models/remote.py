"""Models that live in actors of a cluster: who asks them, which one, and what is done without.

`Actors` finds and starts the actors of one model (Ray does it, see `remote_ray`); `RemoteProvider`
is a `Provider` that asks them, and the model of this machine where none can be had. Asks are pure:
what an actor did not answer is asked again.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from reelwright.errors import Problem, ReelError
from reelwright.tools.models import wire
from reelwright.tools.models.kinds import ModelIdentity, Provider, Usage
from reelwright.tools.models.providers import ModelSpec, unavailable
from reelwright.tools.models.remote_desk import Message
from reelwright.tools.models.remote_scaling import WORTH_S, Breaker, Load, next_asked, to_add
from reelwright.tools.models.remote_sound import detached

# Actors that ended under one ask before it is answered here: perhaps it is what ends them.
_TRIES = 3
# What an actor told of its line is old after so long.
_OLD_S = 2.0
_FULL_S = 1.0
# So long is waited for one that is started again.
_BACK_S = 60.0
# Where another one was wanted and could not be had, so long it is not tried again.
_AGAIN_S = 5.0
_CHARS = 12


class ActorLost(Exception):  # noqa: N818 - news, no mistake
    """It ended, or it cannot be reached: what was asked may be asked again elsewhere."""


class ActorSilent(ActorLost):
    """It is there, and says nothing: asking it again would take as long again."""


class Actor(Protocol):
    """One loaded model, as somebody else reaches it."""

    @property
    def index(self) -> int: ...

    async def ask(self, head: dict[str, Any], blocks: Sequence[bytes]) -> Message:
        """Waits as long as it lives. Raises ActorLost, ActorSilent."""
        ...

    async def about(self) -> dict[str, Any]:
        """What `Desk.told` says, and more, once it is there. Raises ActorLost."""
        ...

    async def keep(self, is_kept: bool) -> bool:
        """It stays loaded though nobody asks, or not any longer; on return it is: whether it is,
        and stays. Raises ActorLost."""
        ...


class Actors(Protocol):
    """The actors of one model, from any event loop."""

    async def find(self) -> list[Actor]:
        """Those that are there, or are about to be. Raises ActorLost where nobody can say."""
        ...

    async def add(self, index: int) -> Actor:
        """Starts that one, where it is not there yet, and returns. Raises ActorLost."""
        ...

    def forget(self, actor: Actor) -> bool:
        """It was lost: it is looked for anew. Whether that is news."""


class Far(Protocol):
    """Where a pool's local models are, if not in this process's children."""

    def provider(
        self, spec: ModelSpec, identity: ModelIdentity, here: Provider[Any, Any] | None
    ) -> Provider[Any, Any]:
        """`here`: the one of this machine, None where it has no weights."""
        ...

    def identity(self, spec: ModelSpec) -> ModelIdentity:
        """Of a model whose weights are elsewhere. Blocking. Raises MODEL_UNAVAILABLE."""
        ...

    def has(self, spec: ModelSpec) -> bool:
        """Whether its weights are anywhere. Blocking."""
        ...


def spec_digest(spec: ModelSpec) -> str:
    """What is asked for, whatever weights answer to it."""
    return _digest(spec.kind.value, spec.name)


def identity_digest(identity: ModelIdentity) -> str:
    return _digest(identity.text())


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:_CHARS]


@dataclass(slots=True)
class _Seen:
    """What we know of an actor: our own asks there, and what it told last."""

    mine: int = 0
    waiting: int = 0
    service_s: float = 0.0
    told_at: float | None = None

    def load(self, index: int) -> Load:
        is_old = self.told_at is None or time.monotonic() - self.told_at > _OLD_S
        return Load(
            index=index,
            waiting=self.mine if is_old else max(self.mine, self.waiting),
            service_s=self.service_s,
            is_ready=self.told_at is not None,
        )

    def hear(self, told: dict[str, Any]) -> None:
        self.waiting, self.service_s = told["waiting"], told["service_s"]
        self.told_at = time.monotonic()


class RemoteProvider:
    """Asks `actors`, at the most `most` of them; `here` answers where there are none.

    `worth_s`: so long must a new ask wait everywhere before another actor is added."""

    is_local = True

    def __init__(
        self,
        spec: ModelSpec,
        identity: ModelIdentity,
        actors: Actors,
        *,
        most: int,
        here: Provider[Any, Any] | None,
        breaker: Breaker | None = None,
        worth_s: float = WORTH_S,
    ) -> None:
        self.spec = spec
        self.identity = identity
        self.here = here
        self._actors = actors
        self._most = most
        self._breaker = breaker or Breaker()
        self._worth_s = worth_s
        self._seen: dict[int, _Seen] = {}
        self._adding: set[int] = set()
        self._no_more_until = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._lock = threading.Lock()

    async def answer(self, ask: Any) -> tuple[Any, Usage]:
        """Raises what the model does, and MODEL_UNAVAILABLE where no actor can be had and this
        machine has no weights."""
        head, blocks = await asyncio.to_thread(_packed, ask)
        lost = 0
        while lost < _TRIES and (actor := await self._choose()) is not None:
            try:
                reply, out = await self._exchange(actor, head, blocks)
            except ActorSilent:
                self._breaker.trip()
                break
            except ActorLost:
                lost += 1
                self._lose(actor)
                await self._recovered()
                continue
            if "gone" in reply:
                self._actors.forget(actor)
                await asyncio.sleep(random.uniform(0.02, 0.1))
            elif "full" in reply:  # back pressure: it is worth waiting, or worth one more
                await asyncio.sleep(random.uniform(0.05, _FULL_S))
            else:
                return self._read(reply, out)
        return await self._without(ask, lost)

    async def close(self) -> None:
        """The actors stay: they are everybody's."""
        if self.here is not None:
            await self.here.close()

    def loads(self, found: Sequence[Actor]) -> list[Load]:
        """Of those, as they are seen from here."""
        with self._lock:
            return [self._of(actor.index).load(actor.index) for actor in found]

    async def _choose(self) -> Actor | None:
        """None: there is none, and none can be started."""
        if not self._breaker.allows():
            return None
        try:
            found = await self._actors.find()
            loads = self.loads(found)
            index = to_add(loads, self._most, worth_s=self._worth_s)
            if index is not None and found:
                self._add_beside(index)
            elif index is not None:
                return await self._actors.add(index)
        except ActorLost:
            self._breaker.failed()
            return None
        chosen = next_asked(loads)
        assert chosen is not None  # `to_add` gives one where there are none
        return next(actor for actor in found if actor.index == chosen.index)

    async def _recovered(self) -> None:
        """Until an actor answers, for it may be one that is started again; or there is none."""
        until = time.monotonic() + _BACK_S
        while time.monotonic() < until:
            await asyncio.sleep(random.uniform(0.05, _FULL_S / 2))
            try:
                found = await self._actors.find()
            except ActorLost:
                return
            if not found:
                return
            for actor in found:
                try:
                    await actor.about()
                except ActorLost:
                    self._actors.forget(actor)
                else:
                    return

    def _add_beside(self, index: int) -> None:
        """Another one, while those that are there are asked."""
        with self._lock:
            if index in self._adding or time.monotonic() < self._no_more_until:
                return
            self._adding.add(index)
        task = asyncio.create_task(self._added(index))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _added(self, index: int) -> None:
        try:
            actor = await self._actors.add(index)
            told = await actor.about()
            with self._lock:
                self._of(index).hear(told)
        except ActorLost:
            self._no_more_until = time.monotonic() + _AGAIN_S
        finally:
            with self._lock:
                self._adding.discard(index)

    async def _exchange(
        self, actor: Actor, head: dict[str, Any], blocks: Sequence[bytes]
    ) -> Message:
        with self._lock:
            self._of(actor.index).mine += 1
        try:
            reply = await actor.ask(head, blocks)
        finally:
            with self._lock:
                self._of(actor.index).mine -= 1
        with self._lock:
            self._of(actor.index).hear(reply[0]["told"])
        return reply

    def _of(self, index: int) -> _Seen:
        return self._seen.setdefault(index, _Seen())

    def _lose(self, actor: Actor) -> None:
        if self._actors.forget(actor):  # else another ask was lost with it, and told so
            self._breaker.failed()
        with self._lock:  # asks of ours that it had will count themselves off
            old = self._of(actor.index)
            self._seen[actor.index] = replace(old, waiting=0, told_at=None)

    def _read(self, reply: dict[str, Any], blocks: list[bytes]) -> tuple[Any, Usage]:
        if "error" in reply:
            problem = Problem.from_json(reply["error"])
            is_unloaded = not reply["told"]["loads"]
            if is_unloaded or "exit_code" in problem.evidence:
                self._breaker.failed()
            else:
                self._breaker.succeeded()
            raise ReelError.of(problem)
        self._breaker.succeeded()
        value, usage = wire.unpack(reply["answer"], blocks)
        return value, usage

    async def _without(self, ask: Any, lost: int) -> tuple[Any, Usage]:
        if self.here is not None:
            answer: tuple[Any, Usage] = await self.here.answer(ask)
            return answer
        why = f"{lost} actors ended before they answered" if lost else "no actor can be had"
        raise unavailable(
            self.spec,
            f"{why}, and this machine has no weights",
            hint="`reel cluster status` says what there is of the model",
        )


def _packed(ask: Any) -> Message:
    bare, sound = detached(ask)
    body, blocks = wire.pack(bare)
    head: dict[str, Any] = {"ask": body}
    if sound is not None:
        head["sound"] = True
        blocks = [*blocks, sound]
    return head, blocks
