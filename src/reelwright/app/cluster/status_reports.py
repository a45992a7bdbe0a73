"""What the process that decides says of its cluster, for whoever asks: written into SQL."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from reelwright.errors import ReelError
from reelwright.store.nodes import HeadRow, NewHead, NewNode, heads, report

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from reelwright.app.wiring import App
    from reelwright.engine.nodes import Node, Nodes
    from reelwright.store.database import Tx

_log = logging.getLogger(__name__)
# A node that joins or leaves shows after so long; what has not changed is not written again.
_EVERY_S = 3.0
# Of several processes with the cluster one writes; after so long without it another does.
_YIELDS_S = 10.0


class StatusReports:
    """Beside the engine of a process that hands steps to a cluster. Of several such processes one
    writes: whoever did last, as long as it does and reaches the cluster."""

    def __init__(
        self,
        app: App,
        nodes: Nodes,
        worker: str,
        *,
        models: Callable[[], Awaitable[list[dict[str, Any]]]] | None = None,
    ) -> None:
        self._app = app
        self._nodes = nodes
        self._worker = worker
        self._models = models

    async def run(self) -> None:
        """Until it is cancelled. A database that is away hears it later."""
        while True:
            try:
                await self.write()
            except ReelError as error:
                _log.warning("%s: %s", error.code.text, error)
            except Exception:  # noqa: BLE001 - it is told, and must not end the service
                _log.exception("the state of the cluster could not be written")
            await asyncio.sleep(_EVERY_S)

    async def write(self) -> None:
        """Once, where it is this one's to write. Raises STORE_*."""
        settings = self._app.settings.cluster
        problem = self._nodes.problem
        models = [] if self._models is None or problem else await self._models()
        head = NewHead(
            namespace=settings.namespace,
            address=settings.address,
            dispatcher=self._worker,
            problem=problem,
            report={"models": models},
        )
        seen = [_seen(node) for node in self._nodes.view()]
        await asyncio.to_thread(self._write, head, seen)

    def _write(self, head: NewHead, seen: Sequence[NewNode]) -> None:
        def change(tx: Tx) -> None:
            before = next((h for h in heads(tx) if h.namespace == head.namespace), None)
            if before is None or _is_ours(before, head, tx.now()):
                report(tx, head, seen)

        self._app.store.transact(change, durable=False)


def _is_ours(before: HeadRow, head: NewHead, now: float) -> bool:
    if before.dispatcher == head.dispatcher or before.seen_at < now - _YIELDS_S:
        return True
    return before.problem is not None and head.problem is None


def _seen(node: Node) -> NewNode:
    return NewNode(
        host=node.host,
        name=node.name,
        address=node.address,
        worker=node.worker,
        state=node.state.value,
        problem=node.problem,
        cpus=node.total.cpus,
        memory_bytes=node.total.memory_bytes,
        disk_bytes=node.total.disk_bytes,
        free_disk_bytes=node.free_disk_bytes,
        gpus=node.total.gpus,
        labels=node.labels,
        versions=node.versions,
    )
