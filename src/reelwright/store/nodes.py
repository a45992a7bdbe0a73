"""The nodes of a cluster as the dispatcher sees them: it writes, `reel cluster` and others read.

A drain is asked for here too, by the node's host: an agent that is started again is still drained.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import sqlalchemy as sa

from reelwright.errors import Code, ReelError
from reelwright.store.database import Tx
from reelwright.store.states import JobState, StepState
from reelwright.store.tables import jobs, steps
from reelwright.store.tables_service import cluster_heads, cluster_nodes

# A node that is gone is told of for so long.
KEEP_S = 3600.0
_LOST = "lost"
# A change of a disk that is told of: a hundredth of it. Each node's differs at each look.
_DISK_SHARE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNode:
    """What the dispatcher saw. `host` is that of its steps, `worker` holds their leases ("" where
    no agent answered); `state` starting, active, draining, refused or lost."""

    host: str
    name: str = ""
    address: str = ""
    worker: str = ""
    state: str = "active"
    problem: str | None = None
    cpus: float = 0.0
    memory_bytes: int = 0
    disk_bytes: int = 0
    free_disk_bytes: int = 0
    gpus: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRow(NewNode):
    """`drain`: somebody asked for it. Times are seconds since 1970: when it was first seen, when
    its state became what it is, when it was last there."""

    drain: bool
    joined_at: float
    since: float
    seen_at: float

    @property
    def id(self) -> str:
        """Ray's id of it: `host` without what says that it is a node."""
        return self.host.removeprefix("node:")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewHead:
    """`problem`: why the head does not answer; `dispatcher`: the worker that says so; `report`:
    what else it knows of the cluster."""

    namespace: str
    address: str | None
    dispatcher: str
    problem: str | None = None
    report: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadRow(NewHead):
    """Times are seconds since 1970: since when it answers, or does not, and when it was said."""

    since: float
    seen_at: float


@dataclass(frozen=True, slots=True)
class Waiting:
    """A step that is ready and does not run. Times are seconds since 1970."""

    job_id: str
    key: str
    kind: str
    cpus: float
    memory_bytes: int
    disk_bytes: int
    not_before: float
    ready_at: float


_COLUMNS = [cluster_nodes.c[f.name] for f in fields(NodeRow)]
_HEAD = [cluster_heads.c[f.name] for f in fields(HeadRow)]


def report(tx: Tx, head: NewHead, seen: Sequence[NewNode]) -> None:
    """Writes what the dispatcher sees; rows only where something changed. With a `problem` it sees
    nothing, and what was known of nodes stays. A node that is not seen any more is lost; one that
    was asked to drain has left, as has one whose machine is there again as another node."""
    now = tx.now()
    before = _head(tx, head.namespace)
    _say(tx, now, before, head)
    if head.problem is not None:
        return
    known = {row.host: row for row in listing(tx)}
    there = [node for node in seen if node.state != _LOST]
    fresh = [_values(node, now) for node in there if node.host not in known]
    if fresh:
        added = {"drain": False, "joined_at": now, "since": now}
        tx.run(sa.insert(cluster_nodes), [{**values, **added} for values in fresh])
    for node in there:
        row = known.pop(node.host, None)
        if row is not None:
            _changed(tx, now, node, row)
    why = {node.host: node.problem for node in seen if node.state == _LOST}
    again = {(node.name, node.address) for node in there}
    last = before.seen_at if before else now
    for row in known.values():
        is_old = row.state == _LOST and row.since < now - KEEP_S
        if row.drain or is_old or (row.name, row.address) in again:
            tx.run(sa.delete(cluster_nodes).where(cluster_nodes.c.host == row.host))
        elif row.state != _LOST:
            gone = {"state": _LOST, "problem": why.get(row.host), "since": now, "seen_at": last}
            _update(tx, row.host, gone)


def listing(tx: Tx) -> list[NodeRow]:
    """All that are there or were lately, the oldest first."""
    query = sa.select(*_COLUMNS).order_by(cluster_nodes.c.joined_at, cluster_nodes.c.host)
    return [NodeRow(**row._mapping) for row in tx.run(query)]


def heads(tx: Tx) -> list[HeadRow]:
    """What processes that decide said last of their clusters; none where there never was one."""
    query = sa.select(*_HEAD).order_by(cluster_heads.c.seen_at.desc())
    return [HeadRow(**row._mapping) for row in tx.run(query)]


def draining(tx: Tx) -> set[str]:
    """Hosts of nodes that shall take nothing new."""
    query = sa.select(cluster_nodes.c.host).where(cluster_nodes.c.drain)
    return set(tx.run(query).scalars())


def ask_drain(tx: Tx, host: str, *, drain: bool = True) -> NodeRow:
    """It finishes what it runs, and takes nothing new until `drain` is taken back.

    Raises NODE_UNKNOWN; TRANSITION_REFUSED for one that is lost.
    """
    query = sa.select(*_COLUMNS).where(cluster_nodes.c.host == host)
    found = tx.run(query).one_or_none()
    if found is None:
        raise ReelError(Code.NODE_UNKNOWN, f"there is no node {host!r}", where=host)
    row = NodeRow(**found._mapping)
    if row.state == "lost" and drain:
        raise ReelError(
            Code.TRANSITION_REFUSED,
            f"{row.name or host} is lost: there is nothing to finish",
            where=host,
            hint="its steps went to other nodes",
        )
    tx.is_news = True
    state = row.state
    if state in {"active", "draining"}:
        state = "draining" if drain else "active"
    changed: dict[str, Any] = {"drain": drain, "state": state}
    if state != row.state:
        changed["since"] = tx.now()
    _update(tx, host, changed)
    return NodeRow(**{**found._mapping, **changed})


def by_prefix(rows: Sequence[NodeRow], given: str) -> list[NodeRow]:
    """Those whose host, name or address is `given`; else those whose id or name begins with it."""
    whole = [row for row in rows if given in {row.host, row.id, row.name, row.address}]
    # A machine that joined again has left a row of its former life.
    there = [row for row in whole if row.state != "lost"]
    return there or whole or [r for r in rows if r.id.startswith(given) or r.name.startswith(given)]


def steps_by_host(tx: Tx, hosts: Collection[str]) -> dict[str, tuple[int, float, int]]:
    """Host → how many steps run there, and the cores and bytes of memory that they hold."""
    found: dict[str, tuple[int, float, int]] = {}
    running = sa.select(
        steps.c.host, sa.func.count(), sa.func.sum(steps.c.cpus), sa.func.sum(steps.c.memory_bytes)
    ).where(steps.c.state == StepState.RUNNING)
    for host, count, cpus, memory in tx.run(running.group_by(steps.c.host)):
        if host in hosts:
            found[host] = (count, float(cpus or 0.0), int(memory or 0))
    return found


def waiting(tx: Tx, limit: int) -> tuple[int, list[Waiting]]:
    """How many steps of running jobs are ready, and those `limit` that wait longest."""
    ready = (steps.c.state == StepState.READY) & (jobs.c.state == JobState.RUNNING)
    joined = steps.join(jobs, jobs.c.id == steps.c.job_id)
    count = tx.run(sa.select(sa.func.count()).select_from(joined).where(ready)).scalar_one()
    since = sa.func.coalesce(steps.c.ready_at, tx.now())
    columns = [steps.c[f.name] for f in fields(Waiting) if f.name != "ready_at"]
    query = sa.select(*columns, since).select_from(joined).where(ready).order_by(since)
    return count, [Waiting(*row) for row in tx.run(query.limit(limit))]


def _head(tx: Tx, namespace: str) -> HeadRow | None:
    return next((head for head in heads(tx) if head.namespace == namespace), None)


def _say(tx: Tx, now: float, before: HeadRow | None, head: NewHead) -> None:
    is_same = before is not None and (before.problem is None) == (head.problem is None)
    is_blind = head.problem is not None and before is not None
    values = {
        "address": head.address,
        "dispatcher": head.dispatcher,
        "problem": head.problem,
        "report": dict(before.report if is_blind and before else head.report),
        "since": before.since if before is not None and is_same else now,
        "seen_at": now,
    }
    statement = tx.dialect.insert(cluster_heads).values(namespace=head.namespace, **values)
    tx.run(statement.on_conflict_do_update(index_elements=["namespace"], set_=values))


def _changed(tx: Tx, now: float, node: NewNode, row: NodeRow) -> None:
    if row.drain and node.state == "active":  # it was asked since the dispatcher looked
        node = replace(node, state="draining")
    if _differs(node, row):
        since = {} if node.state == row.state else {"since": now}
        _update(tx, node.host, {**_values(node, now), **since})


def _values(node: NewNode, now: float) -> dict[str, Any]:
    return {f.name: getattr(node, f.name) for f in fields(NewNode)} | {"seen_at": now}


def _differs(node: NewNode, row: NodeRow) -> bool:
    moved = abs(node.free_disk_bytes - row.free_disk_bytes)
    if moved > _DISK_SHARE * max(node.disk_bytes, 1):
        return True
    names = [f.name for f in fields(NewNode) if f.name != "free_disk_bytes"]
    return any(getattr(node, name) != getattr(row, name) for name in names)


def _update(tx: Tx, host: str, values: Mapping[str, Any]) -> None:
    tx.run(sa.update(cluster_nodes).where(cluster_nodes.c.host == host).values(**values))
