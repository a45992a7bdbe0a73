"""The actors of models as Ray has them: found by their names, started, asked, listed.

Runs where this process is connected to Ray: in agents, and in the child with the connection. An
actor's name is ``model-{what is asked for}-{which weights answer}-{number}``; the digests are those
of `remote`. Ray's names are unique, so that nodes that start one at once start the same.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from reelwright.tools.models.remote import Actor, ActorLost, ActorSilent
from reelwright.tools.models.remote_desk import Message

PREFIX = "model-"
# The names are looked at again after so long; after longer nobody goes by what was seen before:
# what was idle has gone to rest.
_NEWS_S, _OLD_S = 5.0, 30.0
# Below this an argument goes along with the call.
_SMALL_BYTES = 64 << 10
# After so long without an answer it is asked whether it is there at all, and has so long to say it:
# its event loop is free while the model computes.
_PATIENCE_S, _PING_S = 30.0, 60.0
_ABOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Name:
    """An actor's name and its parts."""

    asked: str
    weights: str
    index: int

    def __str__(self) -> str:
        return f"{PREFIX}{self.asked}-{self.weights}-{self.index}"

    @staticmethod
    def parse(text: str) -> Name | None:
        """None where it names something else."""
        parts = text.removeprefix(PREFIX).split("-")
        if not text.startswith(PREFIX) or len(parts) != 3 or not parts[2].isdigit():
            return None
        return Name(parts[0], parts[1], int(parts[2]))


def names(namespace: str) -> list[Name]:
    """Of all actors of models, in order. Blocking. Raises ActorLost where Ray cannot say."""
    import ray

    try:
        found = ray.util.list_named_actors(all_namespaces=True)
    except Exception as error:
        raise ActorLost(str(error)) from error
    here = [Name.parse(one["name"]) for one in found if one["namespace"] == namespace]
    return sorted((name for name in here if name), key=lambda n: (n.asked, n.weights, n.index))


class RayActor:
    """One of them."""

    def __init__(self, handle: Any, index: int) -> None:
        self.handle = handle
        self.index = index

    async def ask(self, head: dict[str, Any], blocks: Sequence[bytes]) -> Message:
        given: Any = list(blocks)
        if sum(map(len, blocks)) > _SMALL_BYTES:
            import ray

            given = await asyncio.to_thread(ray.put, given)
        ref = self.handle.ask.remote(head, given)
        answer: Message = await self._waited(ref)
        return answer

    async def about(self) -> dict[str, Any]:
        told: dict[str, Any] = await self._waited(self.handle.about.remote())
        return told

    async def keep(self, is_kept: bool) -> bool:
        return bool(await self._waited(self.handle.keep.remote(is_kept)))

    async def _waited(self, ref: Any) -> Any:
        """As long as it lives, or is on its way."""
        future = asyncio.wrap_future(ref.future())
        try:
            while not (await asyncio.wait({future}, timeout=_PATIENCE_S))[0]:
                await self._ping()
            return future.result()
        except (asyncio.CancelledError, ActorLost):
            future.cancel()
            self._drop(ref)
            raise
        except Exception as error:
            raise _lost(error) from error

    async def _ping(self) -> None:
        """Raises ActorSilent, and what Ray says of one that has ended."""
        pong = asyncio.wrap_future(self.handle.about.remote().future())
        done, _ = await asyncio.wait({pong}, timeout=_PING_S)
        if not done:
            pong.cancel()
            raise ActorSilent(f"it has said nothing for {_PATIENCE_S + _PING_S:g} s")
        pong.result()

    @staticmethod
    def _drop(ref: Any) -> None:
        """Nobody waits for it any more: it leaves the line."""
        import ray

        with suppress(Exception):
            ray.cancel(ref)


def _lost(error: Exception) -> BaseException:
    """What Ray raised, in our words: cancelled there, or lost."""
    from ray.exceptions import TaskCancelledError

    if isinstance(error, TaskCancelledError):
        return asyncio.CancelledError()
    return ActorLost(f"{type(error).__name__}: {error}"[:500])


class RayActors:
    """Those of one model, at the most `most`. `make(index)` starts one, or gives the one that is
    there; blocking.

    Names are looked up one by one, up to the first that nobody has: a list of all of them would
    name each agent of the cluster, to each agent of the cluster.
    """

    def __init__(
        self,
        namespace: str,
        name: Name,
        most: int,
        make: Callable[[int], Any],
    ) -> None:
        self._namespace = namespace
        self._name = name
        self._most = most
        self._make = make
        self._known: dict[int, RayActor] = {}
        self._looked_at = -math.inf
        self._looking: Future[None] | None = None
        self._lock = threading.Lock()

    async def find(self) -> list[Actor]:
        """What is known of late is given at once, and looked at behind it: a head that is away
        holds up nobody whose actors are there."""
        age_s = time.monotonic() - self._looked_at
        if age_s > _NEWS_S:
            looking = asyncio.wrap_future(self._look_behind())
            if age_s > _OLD_S or not self._known:
                await asyncio.wait({looking}, timeout=_ABOUT_S)
                if not looking.done():
                    raise ActorLost(f"the head has not answered for {_ABOUT_S:g} s")
                looking.result()
        with self._lock:
            return [self._known[index] for index in sorted(self._known)]

    async def add(self, index: int) -> Actor:
        return await asyncio.to_thread(self._added, index)

    def forget(self, actor: Actor) -> bool:
        with self._lock:
            self._looked_at = -math.inf
            return self._known.get(actor.index) is actor and bool(self._known.pop(actor.index))

    def _look_behind(self) -> Future[None]:
        """One look at a time, in a thread that nobody has to wait for."""
        with self._lock:
            if self._looking is None:
                self._looking = Future()
                threading.Thread(
                    target=self._look, args=(self._looking,), name="models", daemon=True
                ).start()
            return self._looking

    def _look(self, looking: Future[None]) -> None:
        try:
            found = self._found()
        except Exception as error:  # noqa: BLE001 - told to whoever waits for it
            with self._lock:
                self._looking = None
            looking.set_exception(_lost(error))
            return
        with self._lock:
            self._known = found
            self._looked_at = time.monotonic()
            self._looking = None
        looking.set_result(None)

    def _found(self) -> dict[int, RayActor]:
        import ray

        with self._lock:
            before = dict(self._known)
        found: dict[int, RayActor] = {}
        for index in range(self._most):
            try:
                handle = ray.get_actor(str(replace(self._name, index=index)), self._namespace)
            except ValueError:  # there is none of that name
                if index > max(before, default=-1):
                    break
                continue
            known = before.get(index)
            is_same = known is not None and known.handle._actor_id == handle._actor_id
            found[index] = known if known and is_same else RayActor(handle, index)
        return found

    def _added(self, index: int) -> Actor:
        with self._lock:
            if index in self._known:
                return self._known[index]
        try:
            handle = self._make(index)
        except ActorLost:
            raise
        except Exception as error:
            raise _lost(error) from error
        with self._lock:
            return self._known.setdefault(index, RayActor(handle, index))


def list_models(namespace: str, timeout_s: float = _ABOUT_S) -> list[dict[str, Any]]:
    """Models that are loaded, each with its actors, as JSON: ``{"kind", "model", "identity",
    "queue", "loaded_since", "restarts", "actors": [{"name", "index", "node", "pid", "state",
    "restarts", "since", "waiting", "answered", "batches", "loads", "idle_s", "kept"}, …]}``.

    `since` is when it was loaded (seconds since the epoch), None while it is not; an actor that
    does not answer has a `state` other than ``ready``. `queue` and `restarts` are of all of them,
    `loaded_since` of the one that is loaded longest.

    Blocking. Raises ActorLost.
    """
    import ray

    asked: dict[Any, Name] = {}
    for name in names(namespace):
        with suppress(ValueError):
            handle = ray.get_actor(str(name), namespace)
            asked[handle.about.remote()] = name
    states = _states()
    if asked:
        ray.wait(list(asked), num_returns=len(asked), timeout=timeout_s)
    models: dict[tuple[str, str], dict[str, Any]] = {}
    for ref, name in asked.items():
        told = _told(ref)
        of = models.setdefault(
            (name.asked, name.weights),
            {"kind": None, "model": None, "identity": None, "actors": []},
        )
        for key in ("kind", "model", "identity"):
            of[key] = told.pop(key, None) or of[key]
        of["actors"].append(
            {"name": str(name), "index": name.index, **states.get(str(name), {}), **told}
        )
    return [_summed(model) for model in models.values()]


def _summed(model: dict[str, Any]) -> dict[str, Any]:
    actors = model["actors"]
    return {
        **model,
        "queue": sum(one.get("waiting", 0) for one in actors),
        "restarts": sum(one.get("restarts", 0) for one in actors),
        "loaded_since": min((one["since"] for one in actors if one.get("since")), default=None),
    }


def _told(ref: Any) -> dict[str, Any]:
    import ray

    try:
        told: dict[str, Any] = ray.get(ref, timeout=0.01)
    except Exception as error:  # noqa: BLE001 - that it says nothing is what is listed
        return {"state": "silent", "problem": f"{type(error).__name__}: {error}"[:300]}
    return {**told, "state": "ready" if told["since"] else "loading"}


def _states() -> dict[str, dict[str, Any]]:
    """What Ray's head knows of actors: it has no public way to say it without its dashboard."""
    try:
        from ray._private.state import actors

        return {
            one["Name"]: {"restarts": one["NumRestarts"], "node": one["Address"]["NodeID"]}
            for one in actors().values()
            if one["Name"].startswith(PREFIX) and one["State"] != "DEAD"
        }
    except Exception:  # noqa: BLE001 - what is missing is not shown
        return {}
