"""The contract of nodes: what the cluster executor knows of other machines, and asks of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from reelwright.engine.executor import Attempt, Need

# A label of every node: what its kernel walls in around what runs media, ``files`` or ``none``.
SANDBOX_LABEL, SANDBOXED = "reelwright/sandbox", "files"


class NodeState(StrEnum):
    """`STARTING`: it is there, its agent is not yet, or does not answer just now. `REFUSED`: it
    must not run steps; its `problem` says why."""

    STARTING = "starting"
    ACTIVE = "active"
    DRAINING = "draining"
    REFUSED = "refused"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A machine (or a part of one) that runs attempts: what it has in all, whoever uses it.

    `host` is what `steps.host` says, `worker` who holds the leases of what runs there (a
    `Presence` as text; another one after each start of its agent). `free_disk_bytes` was free a
    moment ago; of another machine's it is with what running steps have written of what they were
    promised (`Resident.free_disk_bytes`), as only that machine can tell. `is_home`: the
    dispatcher's own machine; with `kinds` it takes those and nobody else does, and first of all
    what should take less than `short_s` seconds. `kinds`: the kinds of steps that it takes, None
    for all. `labels` are Ray's.
    `name` is what people call it, `versions` what it runs (program → version): for status only.
    """

    host: str
    worker: str
    total: Need
    workspaces: Path
    logs: Path
    free_disk_bytes: int
    state: NodeState = NodeState.ACTIVE
    problem: str | None = None
    kinds: frozenset[str] | None = None
    is_home: bool = False
    short_s: float | None = None
    labels: dict[str, str] = field(default_factory=dict)
    name: str = ""
    address: str = ""
    versions: dict[str, str] = field(default_factory=dict)


class Nodes(Protocol):
    """The agents of a cluster, as a dispatcher reaches them. What it says is a view and may be old;
    what it is told is a hint and may be lost: SQL is the truth, and agents read it themselves.
    """

    def view(self) -> list[Node]:
        """What was known of each node at the last look; no I/O. A node that a person asked to drain
        (`store.nodes.draining`, by its host) is DRAINING."""
        ...

    @property
    def problem(self) -> str | None:
        """Why the cluster cannot be reached, None where it can; no I/O. Before the first look that
        it was not looked at yet: a view that is empty for that is no loss of all nodes."""
        ...

    async def start(self, host: str, attempts: Sequence[Attempt]) -> None:
        """Tells the agent of that node that these were leased in its name. Returns at once: an
        agent that was not reached finds them when it renews its leases."""
        ...

    async def stop(self, host: str, attempt: Attempt, grace_s: float) -> bool:
        """Ends it; on return nothing of it runs any more. False where the node cannot be reached:
        then its lease decides."""
        ...

    def deaths(self) -> AsyncIterator[str]:
        """Workers (`Node.worker`) that are gone for certain: no need to wait for their leases."""
        ...

    async def demand(self, needs: Sequence[Need]) -> None:
        """All that runs and waits, for an autoscaler. Nothing where it is the same as before."""
        ...

    async def close(self) -> None:
        """Lets the cluster go; agents and what they run go on."""
        ...
