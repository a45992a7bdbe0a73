"""The cluster executor: this machine and the nodes, behind the contract of one executor."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reelwright.engine.asking import need_of
from reelwright.engine.executor import Attempt, ModelHandle, Need, Work
from reelwright.engine.local import LocalExecutor
from reelwright.engine.nodes import Node, Nodes, NodeState
from reelwright.engine.presence import Presence
from reelwright.engine.staging import Stage, Staging
from reelwright.engine.submission import DELIVER_KIND, PLAN_KIND
from reelwright.engine.threads import in_thread
from reelwright.errors import ReelError
from reelwright.planning.plan import StepKind
from reelwright.store import attempts, candidates, workers
from reelwright.store.candidates import Candidate
from reelwright.store.store import Store

_log = logging.getLogger(__name__)
# Demand is said so often at the most: an autoscaler takes minutes.
_DEMAND_S = 2.0
# So many steps that wait are told of, and so many that run.
_MOST_WAITING, _MOST_RUNNING = 1000, 20_000
# What is gone is looked for in the view so often at the most.
_VIEW_S = 0.2
# A worker that is gone is remembered so long: longer than anything can hold its leases.
_GONE_S = 600.0

Warm = Callable[[str, Need, int], Awaitable[ModelHandle]]
# Steps that work on what is this machine's: its folders, its library, its way to the net.
HOME_KINDS = frozenset(
    {PLAN_KIND, DELIVER_KIND, StepKind.KEEP.value, StepKind.INDEX.value, StepKind.FETCH.value}
)
# A node with less than this on its disk is full: what it was given would fail.
_FULL_BYTES = 16 << 20
_LIVE = frozenset({NodeState.ACTIVE, NodeState.DRAINING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """What others do for the executor. `stage` puts the own inputs of a step's job where every node
    finds them; `warm` keeps copies of a model loaded; `changed` is called when the engine should
    look again."""

    stage: Stage | None = None
    warm: Warm | None = None
    changed: Callable[[], None] = lambda: None


class ClusterExecutor:
    """Implements `Executor`. `home` runs what is this machine's (`HOME_KINDS`, and what should take
    less than `short_s` seconds); `nodes` reaches the agents, which run the rest.

    An attempt on a node outlives this process: whoever leads next adopts it. What is asked of a
    node may be lost; its agent finds what was leased to it when it renews its leases.
    """

    def __init__(
        self,
        home: LocalExecutor,
        nodes: Nodes,
        store: Store,
        *,
        short_s: float = 2.0,
        hooks: Hooks | None = None,
    ) -> None:
        self.hooks = hooks or Hooks()
        self._home = home
        self._nodes = nodes
        self._store = store
        self._short_s = short_s
        self._staging: Staging | None = None
        self._hints: dict[str, list[Attempt]] = {}
        self._telling: asyncio.Task[None] | None = None
        self._seen: dict[str, str] = {}  # host → the worker that it had when it was last looked at
        self._gone: dict[str, float] = {}
        self._stopped: dict[Attempt, float] = {}  # on nodes, and when
        self._next_demand = self._next_view = 0.0
        self._wants = False

    @property
    def worker(self) -> Presence:
        return self._home.worker

    @property
    def has_nodes(self) -> bool:
        return True

    async def capacity(self) -> list[Node]:
        """This machine first. While the cluster cannot be reached, the nodes whose agents still
        give the database signs of life: they find what is leased to them."""
        (home,) = await self._home.capacity()
        active = [node for node in self._view() if _takes_steps(node)]
        if active and self._nodes.problem is not None:
            alive = await in_thread(self._alive)
            active = [node for node in active if node.worker in alive]
        return [replace(home, kinds=HOME_KINDS, short_s=self._short_s), *active]

    async def prepare(self, ready: Sequence[Candidate]) -> set[str]:
        if self.hooks.stage is None:
            return set()
        if self._staging is None:
            self._staging = Staging(self._store, self.hooks.stage, self.hooks.changed)
        return await self._staging.kept([one for one in ready if one.kind not in HOME_KINDS])

    async def start(self, attempt: Attempt, work: Work | None = None) -> None:
        if self._is_home(attempt):
            await self._home.start(attempt, work)
            return
        self._hints.setdefault(attempt.host, []).append(attempt)
        if self._telling is None:  # what is started together is told together
            self._telling = asyncio.create_task(self._tell())

    async def stop(self, attempt: Attempt, grace_s: float) -> None:
        """Where its node cannot be reached, its lease decides, and the fence drops its result."""
        if self._is_home(attempt):
            await self._home.stop(attempt, grace_s)
        elif await self._nodes.stop(attempt.host, attempt, grace_s):
            self._stopped[attempt] = time.monotonic()
        else:
            _log.warning("%s could not be stopped on %s", attempt.name, attempt.host)

    async def adopt(self, running: list[Attempt]) -> set[Attempt]:
        live = {node.worker for node in self._view() if node.state in _LIVE}
        there = {one for one in running if one.owner in live and one not in self._stopped}
        return self.own(running) | there

    def own(self, running: Iterable[Attempt]) -> set[Attempt]:
        return self._home.own(running)

    def is_gone(self, worker: str) -> bool:
        if time.monotonic() >= self._next_view:  # it is asked for each step that runs
            self._view()
        return worker in self._gone or self._home.is_gone(worker)

    async def deaths(self) -> AsyncIterator[Attempt]:
        found: asyncio.Queue[Attempt] = asyncio.Queue()
        ears = [
            asyncio.create_task(self._hear_home(found)),
            asyncio.create_task(self._hear_nodes(found)),
        ]
        try:
            while True:
                yield await found.get()
        finally:
            for ear in ears:
                ear.cancel()
            await asyncio.gather(*ears, return_exceptions=True)

    async def demand(self, waiting: list[Need]) -> None:
        """Nothing where nothing waits: an autoscaler may take nodes away then."""
        now = time.monotonic()
        if now < self._next_demand and (waiting or not self._wants):
            return
        if not waiting and not self._wants:
            return
        self._next_demand, self._wants = now + _DEMAND_S, bool(waiting)
        needs = await in_thread(self._running) if waiting else []
        await self._nodes.demand([*needs, *waiting[:_MOST_WAITING]])

    async def warm(self, model: str, need: Need, count: int) -> ModelHandle:
        """Without the hook each node loads its own by its first use, and shares it."""
        if self.hooks.warm is not None:
            return await self.hooks.warm(model, need, count)
        return ModelHandle(model, max(1, sum(n.state is NodeState.ACTIVE for n in self._view())))

    async def close(self) -> None:
        """What runs on nodes goes on."""
        if self._staging is not None:
            await self._staging.close()
        if self._telling is not None:
            await asyncio.wait([self._telling])
        await self._home.close()
        await self._nodes.close()

    def _is_home(self, attempt: Attempt) -> bool:
        return attempt.host in {"", self._home.worker.host} or bool(self._home.own([attempt]))

    def _view(self) -> list[Node]:
        """Also notes whose agent was started anew, and who is lost."""
        found, now = [node for node in self._nodes.view() if node.worker], time.monotonic()
        for node in found:
            before = self._seen.get(node.host, node.worker)
            if before != node.worker:
                self._gone[before] = now
            if node.state is NodeState.LOST:
                self._gone[node.worker] = now
            self._seen[node.host] = node.worker
        self._next_view = now + _VIEW_S
        _forget(self._gone, now)
        _forget(self._stopped, now)
        return found

    def _alive(self) -> set[str]:
        with self._store.read() as tx:
            now = tx.now()
            return {row.id for row in workers.listing(tx) if not workers.is_silent(row, now)}

    async def _tell(self) -> None:
        try:
            while self._hints:
                hints, self._hints = self._hints, {}
                told = (self._nodes.start(host, some) for host, some in hints.items())
                for error in await asyncio.gather(*told, return_exceptions=True):
                    if isinstance(error, Exception):
                        _log.info("a node was not told of its steps, and will find them: %s", error)
        finally:
            self._telling = None

    async def _hear_home(self, found: asyncio.Queue[Attempt]) -> None:
        async for attempt in self._home.deaths():
            found.put_nowait(attempt)

    async def _hear_nodes(self, found: asyncio.Queue[Attempt]) -> None:
        async for worker in self._nodes.deaths():
            self._gone[worker] = time.monotonic()
            try:
                held = await in_thread(self._held_by, worker)
            except ReelError:
                continue  # recovery asks `is_gone` when the database is back
            for attempt in held:
                found.put_nowait(attempt)

    def _held_by(self, worker: str) -> list[Attempt]:
        with self._store.read() as tx:
            return [Attempt.of(row) for row in attempts.running(tx) if row.owner == worker]

    def _running(self) -> list[Need]:
        with self._store.read() as tx:
            return [need_of(row) for row in candidates.needs(tx, _MOST_RUNNING)]


def _takes_steps(node: Node) -> bool:
    return node.state is NodeState.ACTIVE and node.free_disk_bytes > _FULL_BYTES


def _forget(times: dict[Any, float], now: float) -> None:
    """What is long over; the oldest stand first."""
    while times and now - times[first := next(iter(times))] > _GONE_S:
        del times[first]
