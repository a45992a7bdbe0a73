"""What a model's actor is: a line of asks before one warm child process, as a node itself has it.

The child has the environment and the threads that a node's own would have, so that its answers are
the same; what it crashes on does not take the line along. It knows no database. It ends by itself
when nobody asks.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from typing import Any

from reelwright.errors import Code, ReelError
from reelwright.tools.models import providers, wire
from reelwright.tools.models.child import ChildProvider
from reelwright.tools.models.kinds import ModelIdentity, ModelKind
from reelwright.tools.models.providers import ModelSpec
from reelwright.tools.models.remote import identity_digest
from reelwright.tools.models.remote_desk import Desk, Message, Rules
from reelwright.tools.models.remote_scaling import may_rest

# The child is not to rest by itself: its actor decides.
_NEVER_S = 1e7
_LOOKS = 4
_LOOK_LEAST_S, _LOOK_MOST_S = 0.1, 15.0
_LATE_S = 0.3


class ModelActor:
    """Ray makes it, on a node that has the weights, with that node's settings.

    `member` is a chain's; `weights` the digest of the identity that is expected. Whoever starts it
    says how long it stays: `idle_s` without an ask, for ever where `index` is below `least`. Raises
    MODEL_UNAVAILABLE where this node's weights are others.
    """

    def __init__(
        self,
        kind: str,
        member: str,
        weights: str,
        index: int,
        *,
        idle_s: float,
        least: int,
        batch: int,
    ) -> None:
        import ray

        self._node = ray.get_runtime_context().get_node_id()
        self._index = index
        self._idle_s = idle_s
        self._least = least
        self._is_kept = False
        self._since: float | None = None
        self._spec = _spec(kind, member)
        self._identity = providers.identify(self._spec)
        if identity_digest(self._identity) != weights:
            raise ReelError(
                Code.MODEL_UNAVAILABLE,
                f"this node has other weights for {member}: {self._identity.text()}",
                where=providers.setting(self._spec.kind),
            )
        self._child = ChildProvider(self._spec, self._identity, idle_s=_NEVER_S)
        self._desk = Desk(self._child, Rules(batch=batch))
        threading.Thread(target=self._live, name="life", daemon=True).start()

    async def about(self) -> dict[str, Any]:
        """At once, loaded or not: see `list_models`."""
        return {
            "kind": self._spec.kind.value,
            "model": self._spec.name,
            "identity": self._identity.text(),
            "node": self._node,
            "pid": os.getpid(),
            "since": self._since if self._child.loads else None,
            "kept": self._is_kept,
            **self._desk.told(),
        }

    async def identity(self) -> Any:
        """As `wire` packs it: for nodes without the weights."""
        return wire.pack(self._identity)[0]

    async def node(self) -> str:
        """Ray's id of the node that it is on."""
        return self._node

    async def warm(self) -> bool:
        """Loads it, where it is not; whether it could. Who asks is told why not."""
        try:
            await self._child.load()
        except ReelError:
            return False
        self._note()
        return True

    async def keep(self, is_kept: bool) -> bool:
        """Stays loaded, or not any longer, though nobody asks. Whether it is loaded, and stays."""
        self._is_kept = is_kept
        return is_kept and await self.warm()

    async def ask(self, head: dict[str, Any], blocks: list[bytes]) -> Message:
        reply = await self._desk.ask(head, blocks)
        self._note()
        return reply

    def _note(self) -> None:
        if self._since is None and self._child.loads:
            self._since = time.time()

    def _live(self) -> None:
        """Loads it before it is asked, and ends it when it is not any more. In a thread of its own:
        an actor that Ray started again is told nothing."""
        asyncio.run(self.warm())
        self._rest()

    def _rest(self) -> None:
        import ray

        me = ray.get_runtime_context().current_actor
        while True:
            time.sleep(min(_LOOK_MOST_S, max(_LOOK_LEAST_S, self._idle_s / _LOOKS)))
            idle_s = self._desk.idle_s
            if self._is_kept or not may_rest(
                self._index, idle_s, least=self._least, after_s=self._idle_s
            ):
                continue
            self._desk.is_closed = True  # who asks from now on is told to ask another
            if self._desk.waiting:
                self._desk.is_closed = False
                continue
            time.sleep(_LATE_S)
            self._child.shut()
            ray.kill(me, no_restart=True)
            return


def _spec(kind: str, member: str) -> ModelSpec:
    """As this node's settings have it."""
    from reelwright.app.models.configured import configured
    from reelwright.app.settings import load
    from reelwright.tools.home import home_folder

    settings = load().settings
    home = settings.home or home_folder()
    return configured(settings.models, settings.limits, home).spec(ModelKind(kind), member)


def identity_of(packed: Any) -> ModelIdentity:
    """What `ModelActor.identity` gave. Raises MODEL_ANSWER_INVALID."""
    found: ModelIdentity = wire.unpack(packed, ())
    return found
