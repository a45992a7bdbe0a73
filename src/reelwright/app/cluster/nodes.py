"""The nodes of a Ray cluster, as a dispatcher sees and reaches them: `engine.nodes.Nodes`."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.app.cluster.joining import Expected, other_versions
from reelwright.app.cluster.wire import attempt_json
from reelwright.engine.executor import Attempt, ModelHandle, Need
from reelwright.engine.nodes import Node, NodeState
from reelwright.engine.threads import in_thread
from reelwright.errors import Code, Problem, ReelError
from reelwright.store import nodes as asked
from reelwright.tools.ray.settings import SCRATCH, SCRATCH_UNIT_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from reelwright.store.store import Store
    from reelwright.tools.ray.connection import Connection

_log = logging.getLogger(__name__)
_LOOK_S = 1.0
_ANSWER_S = 15.0
# Longer than an agent takes to answer on a machine that is busy; a lease lives as long.
_SILENT_S = 15.0
_START_S, _STOP_MORE_S, _DEMAND_S, _MODELS_S = 10.0, 10.0, 15.0, 15.0
_WARM_S = 600.0
_HOST = "node:"


class RayNodes:
    """`open` it in the engine's event loop. `expect` says what nodes are to share with this
    process; it is called again until it says so. `changed` is called when a view changed so that
    steps may start."""

    def __init__(
        self,
        connection: Connection,
        store: Store,
        expect: Callable[[], Expected],
        *,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.changed = changed
        self._connection = connection
        self._store = store
        self._expect = expect
        self._expected: Expected | None = None
        self._view: dict[str, Node] = {}
        self._problem: str | None = "the cluster was not looked at yet"
        self._dead: asyncio.Queue[str] = asyncio.Queue()
        self._demanded: list[dict[str, float]] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._drained: set[str] = set()

    def open(self) -> None:
        """Raises TOOL_MISSING where Ray is not installed."""
        self._connection.open()
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_again())

    def view(self) -> list[Node]:
        return list(self._view.values())

    @property
    def problem(self) -> str | None:
        return self._problem

    async def start(self, host: str, attempts: Sequence[Attempt]) -> None:
        told = [attempt_json(attempt) for attempt in attempts]
        try:
            await self._call(host, "start", {"attempts": told}, _START_S)
        except ReelError as error:
            _log.info("%s was not told of %d steps, and will find them: %s", host, len(told), error)

    async def stop(self, host: str, attempt: Attempt, grace_s: float) -> bool:
        body = {"attempt": attempt_json(attempt), "grace_s": grace_s}
        try:
            await self._call(host, "stop", body, grace_s + _STOP_MORE_S)
        except ReelError as error:
            _log.info("%s could not be stopped on %s: %s", attempt.name, host, error)
            return False
        return True

    async def deaths(self) -> AsyncIterator[str]:
        while True:
            yield await self._dead.get()

    async def demand(self, needs: Sequence[Need]) -> None:
        bundles = [_bundle(need) for need in needs]
        if bundles == self._demanded:
            return
        try:
            await self._connection.ask("demand", timeout_s=_DEMAND_S, bundles=bundles)
        except ReelError as error:
            _log.info("an autoscaler could not be told what is needed: %s", error)
        else:
            self._demanded = bundles

    async def warm(self, model: str, need: Need, count: int) -> ModelHandle:
        """By any agent: models are the cluster's. Raises CLUSTER_UNAVAILABLE, MODEL_*."""
        active = [node for node in self._view.values() if node.state is NodeState.ACTIVE]
        if not active:
            raise ReelError(Code.CLUSTER_UNAVAILABLE, "no node takes steps")
        body = {"model": model, "count": count}
        return ModelHandle(model, await self._call(active[0].host, "warm", body, _WARM_S))

    async def models(self) -> list[dict[str, Any]]:
        """`tools.models.remote_ray.list_models`; none while the cluster is away."""
        try:
            found: list[dict[str, Any]] = await self._connection.ask("models", timeout_s=_MODELS_S)
        except ReelError:
            return []
        return found

    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
            self._looking = None
        await self._connection.close()

    async def _call(self, host: str, name: str, body: dict[str, Any], timeout_s: float) -> Any:
        # A child that hangs is no agent that takes its time.
        return await self._connection.ask(
            "call",
            node=host.removeprefix(_HOST),
            name=name,
            body=body,
            timeout_s=timeout_s + 1.0,
            limit_s=timeout_s,
        )

    async def _look_again(self) -> None:
        while True:
            try:
                await self._look()
            except ReelError as error:
                self._problem = str(error.problem.message)
            except Exception:  # noqa: BLE001 - it is told, and the next look may do better
                _log.exception("the nodes could not be looked at")
            await asyncio.sleep(_LOOK_S)

    async def _look(self) -> None:
        if self._expected is None:
            self._expected = await in_thread(self._expect)
        found = await self._connection.ask(
            "look", timeout_s=_ANSWER_S, expected=self._expected.to_json()
        )
        if found["head"] == "":
            return  # the head was not heard yet
        with suppress(ReelError):  # while the database is away it stays what it was
            self._drained = await in_thread(self._draining)
        before, self._view = self._view, {}
        for told in found["nodes"]:
            node = node_of(told, self._expected, self._drained, before.get(_HOST + told["id"]))
            if node is not None:
                self._view[node.host] = node
        self._problem = found["head"]
        self._mourn(before)

    def _mourn(self, before: Mapping[str, Node]) -> None:
        """Says who is gone for certain, and whether there is more to run on."""
        gained = False
        for host, node in self._view.items():
            was = before.get(host)
            gained |= node.state is NodeState.ACTIVE and (
                was is None or was.state is not NodeState.ACTIVE
            )
            if was is None or not was.worker:
                continue
            is_lost = node.state is NodeState.LOST and was.state is not NodeState.LOST
            if is_lost or node.worker != was.worker:
                self._dead.put_nowait(was.worker)
        for host in set(before) - set(self._view):
            if before[host].worker and before[host].state is not NodeState.LOST:
                self._dead.put_nowait(before[host].worker)
        if gained:
            self.changed()

    def _draining(self) -> set[str]:
        with self._store.read() as tx:
            return asked.draining(tx)


def node_of(
    told: Mapping[str, Any], wanted: Expected, drained: set[str], before: Node | None
) -> Node | None:
    """What the connection said of a node (`hosts.Hosts.look`), in the engine's words. None for one
    that was dead before it was ever seen."""
    if not told["alive"] and before is None:
        return None
    report = told["report"] or {}
    host = _HOST + told["id"]
    state, problem = _state(told, report, wanted, drains=host in drained)
    if before is not None and not report.get("worker"):
        # What was known of it stays; who holds its leases does too.
        report = _known(before) | {k: v for k, v in report.items() if v}
    total = report.get("total") or _resources(told["resources"])
    return Node(
        host=host,
        worker=report.get("worker") or "",
        total=Need(**total),
        workspaces=Path(report.get("workspaces") or "/"),
        logs=Path(report.get("logs") or "/"),
        free_disk_bytes=report.get("free_disk_bytes") or 0,
        state=state,
        problem=problem,
        labels={**_own(told["labels"]), **(report.get("labels") or {})},
        name=told["name"],
        address=told["address"],
        versions=report.get("versions") or {},
    )


def _state(
    told: Mapping[str, Any], report: Mapping[str, Any], wanted: Expected, *, drains: bool
) -> tuple[NodeState, str | None]:
    if not told["alive"]:
        return NodeState.LOST, "it left the cluster, or did not answer the head any more"
    if told["rests"]:
        return NodeState.DRAINING, "it had nothing to do: it rests until something waits"
    if not report:
        failed = told["problem"] and Problem.from_json(told["problem"])
        if failed and failed.code is Code.NODE_REFUSED:
            return NodeState.REFUSED, failed.message
        return NodeState.STARTING, failed.message if failed else "its agent is being started"
    others = other_versions(wanted.versions, report["versions"]) if report["versions"] else []
    wrong = [f"another version: {one}" for one in others] + list(report["problems"])
    if wrong:
        return NodeState.REFUSED, "; ".join(wrong)
    if told["age_s"] > _SILENT_S:
        return NodeState.STARTING, f"its agent has not answered for {told['age_s']:.0f} s"
    if not report["worker"]:
        return NodeState.STARTING, "its agent is being started"
    if drains or report["drains"]:
        return NodeState.DRAINING, None
    return NodeState.ACTIVE, None


def _known(node: Node) -> dict[str, Any]:
    need = node.total
    return {
        "worker": node.worker,
        "total": {
            "cpus": need.cpus,
            "memory_bytes": need.memory_bytes,
            "disk_bytes": need.disk_bytes,
            "gpus": need.gpus,
        },
        "workspaces": str(node.workspaces),
        "logs": str(node.logs),
        "free_disk_bytes": node.free_disk_bytes,
        "labels": node.labels,
        "versions": node.versions,
    }


def _resources(found: Mapping[str, float]) -> dict[str, Any]:
    return {
        "cpus": float(found.get("CPU", 0)),
        "memory_bytes": int(found.get("memory", 0)),
        "disk_bytes": int(found.get(SCRATCH, 0)) * SCRATCH_UNIT_BYTES,
        "gpus": int(found.get("GPU", 0)),
    }


def _own(labels: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in labels.items() if name != "ray.io/node-id"}


def _bundle(need: Need) -> dict[str, float]:
    """An autoscaler is told whole cores: it has no others to give."""
    found = {"CPU": math.ceil(need.cpus), "memory": need.memory_bytes, "GPU": need.gpus}
    return {name: float(amount) for name, amount in found.items() if amount > 0}
