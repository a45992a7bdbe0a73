"""The actors on the nodes, one each, as the child with the connection knows them: Ray's side.

Nodes are listed by the head; their actors are asked without it. A head that is away therefore hides
no node, and no call waits for it.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from reelwright.errors import Code, Problem, ReelError
from reelwright.tools.ray.actor import CONCURRENCY, Hosted, told
from reelwright.tools.ray.resting import Rest

# The head is asked for its nodes this often, and each actor for its report; with many nodes, each
# less often: a report costs 1 ms here and as much there.
_EVERY_S, _EVERY_PER_NODE_S = 1.0, 0.01
# A head that said nothing for so long is away.
_HEAD_S = 10.0
# A call of an actor that did not come back: as long as an actor may take to start.
_REPORT_S = 60.0
# An actor that is to end may take so long to leave the database.
_CLOSE_S = 10.0
# New actors at a time: each starts a process on its node.
_STARTS = 50


@dataclass(slots=True)
class _Seen:
    """`node` as Ray says it; `report` as its actor says it, `heard_at` when. Monotonic seconds."""

    node: dict[str, Any]
    actor: Any = None
    report: dict[str, Any] | None = None
    problem: Problem | None = None
    heard_at: float = 0.0
    asking: asyncio.Task[None] | None = field(default=None, repr=False)
    rest: Rest = field(default_factory=Rest)


class Hosts:
    """`factory` and `given` are what `Hosted` makes on each node; it is also told its `node`. After
    `idle_s` without a step it is ended, until something waits again; None: it stays."""

    def __init__(
        self, namespace: str, factory: str, given: dict[str, Any], idle_s: float | None = None
    ) -> None:
        self._namespace = namespace
        self._factory = factory
        self._given = given
        self._idle_s = idle_s
        self._wanted = False
        self._expected: dict[str, Any] = {}
        self._seen: dict[str, _Seen] = {}
        self._heard_at: float | None = None
        self._began_at = time.monotonic()
        self._tasks: list[asyncio.Task[None]] = []
        self._ending: set[asyncio.Task[None]] = set()

    def begin(self) -> None:
        """In the event loop."""
        self._tasks = [asyncio.create_task(self._list()), asyncio.create_task(self._report())]

    async def look(self, expected: dict[str, Any]) -> dict[str, Any]:
        """What is known, at once. ``head``: why it does not answer, None where it does, "" before
        its first word; ``nodes``: each with Ray's ``id``, ``alive``, ``address``, ``name``,
        ``resources``, ``labels``, its actor's ``report`` and how old that is (``age_s``), or its
        ``problem``, and whether it ``rests``."""
        self._expected = expected
        nodes = [
            {
                "id": seen.node["NodeID"],
                "alive": seen.node["Alive"],
                "address": seen.node["NodeManagerAddress"],
                "name": seen.node["NodeName"],
                "machine": seen.node["NodeManagerHostname"],
                "resources": seen.node["Resources"],
                "labels": seen.node["Labels"],
                "report": seen.report,
                "age_s": time.monotonic() - seen.heard_at if seen.report else None,
                "problem": None if seen.problem is None else seen.problem.to_json(),
                "rests": seen.rest.is_on,
            }
            for seen in self._seen.values()
        ]
        return {"head": self._silence(), "nodes": nodes}

    async def call(self, node: str, name: str, body: dict[str, Any], limit_s: float) -> Any:
        """What the method of that name gives there. Raises CLUSTER_UNAVAILABLE where the actor is
        not there or does not answer in time, and what it raises."""
        seen = self._seen.get(node)
        if seen is None or seen.actor is None:
            raise ReelError(Code.CLUSTER_UNAVAILABLE, f"no agent on node {node}", where=node)
        try:
            async with asyncio.timeout(limit_s):
                answer: dict[str, Any] = await seen.actor.call.remote(name, body)
        except TimeoutError as error:
            text = f"no answer within {limit_s:g} s"
            raise ReelError(Code.CLUSTER_UNAVAILABLE, text, where=node) from error
        except Exception as error:
            raise ReelError.of(_lost(node, error)) from error
        if "error" in answer:
            raise ReelError.of(Problem.from_json(answer["error"]))
        return answer["ok"]

    async def demand(self, bundles: list[dict[str, float]]) -> None:
        """For an autoscaler: all that runs and waits; nothing: as few nodes as it likes."""
        from ray.autoscaler.sdk import request_resources

        self._wanted = bool(bundles)
        for seen in self._seen.values() if bundles else ():
            seen.rest.wake()
        await asyncio.to_thread(request_resources, bundles=bundles)

    async def models(self) -> list[dict[str, Any]]:
        """See `remote_ray.list_models`."""
        from reelwright.tools.models.remote_ray import list_models

        return await asyncio.to_thread(list_models, self._namespace)

    def _silence(self) -> str | None:
        since = time.monotonic() - (self._heard_at or self._began_at)
        if since > _HEAD_S:
            return f"the head has not answered for {since:.0f} s"
        return "" if self._heard_at is None else None

    async def _list(self) -> None:
        """Keeps the list of nodes. In a thread: it waits for a head that is away."""
        import ray

        while True:
            try:
                found = await asyncio.to_thread(ray.nodes)
            except Exception:  # noqa: BLE001 - the head is away: `_silence` says so
                await asyncio.sleep(_EVERY_S)
                continue
            self._heard_at = time.monotonic()
            await self._note(found)
            await asyncio.sleep(_EVERY_S)

    async def _note(self, found: list[dict[str, Any]]) -> None:
        listed = {node["NodeID"]: node for node in found}
        for node_id in set(self._seen) - set(listed):
            del self._seen[node_id]
        for node_id, node in listed.items():
            if node_id in self._seen:
                self._seen[node_id].node = node
            elif node["Resources"].get("CPU") or not node["Alive"]:
                # A node without cores (the head) runs no steps.
                self._seen[node_id] = _Seen(node)
        new = [
            s
            for s in self._seen.values()
            if s.actor is None and s.node["Alive"] and not s.rest.is_on
        ]
        for seen in new[:_STARTS]:
            try:
                seen.actor = await asyncio.to_thread(self._actor, seen.node["NodeID"])
            except Exception as error:  # noqa: BLE001 - the node says why it has none
                seen.problem = _lost(seen.node["NodeID"], error)

    def _actor(self, node_id: str) -> Any:
        """The one of this node: there is one, however many ask for it."""
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        actor: Any = ray.remote(Hosted)
        return actor.options(
            name=f"agent-{node_id}",
            namespace=self._namespace,
            get_if_exists=True,
            lifetime="detached",
            num_cpus=0,
            max_restarts=-1,
            max_concurrency=CONCURRENCY,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node_id, soft=False),
        ).remote(self._factory, {**self._given, "node": node_id})

    async def _report(self) -> None:
        while True:
            alive = [s for s in self._seen.values() if s.actor is not None and s.node["Alive"]]
            for seen in alive:
                if seen.asking is None and self._expected:
                    seen.asking = asyncio.create_task(self._ask(seen))
                self._let_go(seen)
            await asyncio.sleep(max(_EVERY_S, len(alive) * _EVERY_PER_NODE_S))

    def _let_go(self, seen: _Seen) -> None:
        """Ends an actor that has had nothing to do for long."""
        if seen.report is None:
            return
        held, now = seen.report.get("held", 1), time.monotonic()
        if seen.rest.may_end(now, held=held, wanted=self._wanted, idle_s=self._idle_s):
            actor, seen.actor, seen.report, seen.problem = seen.actor, None, None, None
            task = asyncio.create_task(_end(actor))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _ask(self, seen: _Seen) -> None:
        try:
            body = {"expected": self._expected, "ray": _facts(seen.node)}
            async with asyncio.timeout(_REPORT_S):
                answer = await seen.actor.call.remote("look", body)
        except TimeoutError:
            seen.problem = _silent(seen.node["NodeID"])
        except Exception as error:  # noqa: BLE001 - the node's state says why
            if seen.actor is None:  # it was let go meanwhile
                return
            seen.problem = _lost(seen.node["NodeID"], error)
            seen.report = None
            if _is_dead(error):
                seen.actor = None
        else:
            if seen.actor is None:  # it was let go meanwhile
                return
            seen.heard_at = time.monotonic()
            failed = answer.get("error")
            seen.problem = Problem.from_json(failed) if failed else None
            seen.report = None if failed else answer["ok"]
        finally:
            seen.asking = None


async def _end(actor: Any) -> None:
    import ray

    with suppress(Exception):
        async with asyncio.timeout(_CLOSE_S):
            await actor.call.remote("close", {})
    with suppress(Exception):
        await asyncio.to_thread(ray.kill, actor, no_restart=True)


def _facts(node: dict[str, Any]) -> dict[str, Any]:
    return {"resources": node["Resources"], "labels": node["Labels"]}


def _silent(node: str) -> Problem:
    return Problem(Code.CLUSTER_UNAVAILABLE, f"no word for {_REPORT_S:g} s", node, None, {})


def _is_dead(error: Exception) -> bool:
    """It does not come back under this handle: another may be made."""
    from ray.exceptions import ActorDiedError, ActorUnavailableError

    return isinstance(error, ActorDiedError) and not isinstance(error, ActorUnavailableError)


def _lost(node: str, error: Exception) -> Problem:
    """Why an actor cannot be spoken with."""
    text = str(error)
    if "No module named 'reelwright" in text or "failed to be imported" in text:
        named = [line.strip() for line in text.splitlines() if "Error:" in line]
        why = named[-1] if named else text.strip().splitlines()[-1]
        return Problem(
            Code.NODE_REFUSED,
            f"Reelwright cannot be loaded there: {why[:300]}",
            node,
            "install the same reelwright[cluster] on all nodes",
            {},
        )
    problem = told(error)
    if type(error).__name__ in {"ActorUnavailableError", "ActorDiedError"}:
        message = "its agent has ended, and is being started again"
        return Problem(Code.CLUSTER_UNAVAILABLE, message, node, None, problem.evidence)
    message = f"{type(error).__name__}: {text.strip().splitlines()[0] if text.strip() else ''}"
    return Problem(Code.CLUSTER_UNAVAILABLE, message[:500], node, None, problem.evidence)
