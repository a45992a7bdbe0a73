"""What a cluster is like: its nodes, its head, its models, what waits and why.

All of it is read from SQL, where the process that decides writes what it sees: so it can be asked
for anywhere, also while Ray is away.
"""

from __future__ import annotations

import socket
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from reelwright.errors import ReelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reelwright.app.cluster.members import Member
    from reelwright.app.principal import Principal
    from reelwright.app.wiring import App
    from reelwright.store.database import Tx
    from reelwright.store.nodes import HeadRow, NodeRow

# Who decides says so every few seconds; after this one does not count on it.
SILENT_S = 30.0
# So many of the steps that wait are looked at one by one.
_LOOK = 1000
_PROBE_S = 2.0
_STORE_S = 5.0


def status_for(app: App, principal: Principal) -> dict[str, Any]:
    """For the API. Raises FORBIDDEN, STORE_*."""
    from reelwright.app.principal import Scope

    principal.check(Scope.METRICS)
    return status(app)


def status(app: App) -> dict[str, Any]:
    """Raises STORE_* where the database does not answer: then nobody knows anything."""
    from reelwright.app.cluster.members import members
    from reelwright.store import nodes, workers

    with app.store.read() as tx:
        now = tx.now()
        head = next(iter(nodes.heads(tx)), None)
        rows = nodes.listing(tx)
        ids = {row.id for row in workers.listing(tx) if not workers.is_silent(row, now)}
        used = nodes.steps_by_host(tx, {row.host for row in rows})
        is_silent = head is None or now - head.seen_at > SILENT_S
        waiting = _waiting(tx, rows, now, is_silent=is_silent)
    here = members(app.home)
    return {
        "engine": app.settings.cluster.engine,
        "head": _head(app, head, here),
        "here": [_member_json(member) for member in here],
        "dispatcher": _dispatcher(head, ids, now),
        "database": _database(app),
        "artifacts": _artifacts(app),
        "nodes": [node_json(row, used.get(row.host, (0, 0.0, 0))) for row in rows],
        "models": list(head.report.get("models", [])) if head else [],
        "waiting": waiting,
    }


def joined(app: App, found: dict[str, Any]) -> list[dict[str, Any]]:
    """What the head says has joined, for whoever finds in `found` that no dispatcher says it: the
    nodes that steps could run on. Empty where the head cannot be asked from here."""
    from reelwright.app.cluster.checks_settings import token_file
    from reelwright.tools.ray.probe import ask_nodes
    from reelwright.tools.ray.settings import loopback

    decides, address = found["dispatcher"], found["head"]["address"]
    is_told = decides is not None and not decides["is_silent"]
    token = token_file(app)
    if is_told or not found["head"]["is_reachable"] or not token.is_file():
        return []
    try:
        there = ask_nodes(loopback(address), token)
    except ReelError as error:
        found["head"]["problem"] = error.problem.message
        return []
    return [
        {
            "id": one["id"],
            "name": one["name"],
            "address": one["address"],
            "cpus": one["resources"].get("CPU", 0.0),
            "memory_bytes": int(one["resources"].get("memory", 0)),
        }
        for one in there
        if one["resources"].get("CPU")
    ]


def node_json(row: NodeRow, used: tuple[int, float, int]) -> dict[str, Any]:
    """`used`: steps that run there, with the cores and the bytes that they hold."""
    steps, cpus, memory = used
    return {
        "id": row.id,
        "name": row.name,
        "address": row.address,
        "state": row.state,
        "problem": row.problem,
        "drain": row.drain,
        "steps": steps,
        "cpus": {"used": cpus, "total": row.cpus},
        "memory_bytes": {"used": memory, "total": row.memory_bytes},
        "disk_bytes": {"free": row.free_disk_bytes, "total": row.disk_bytes},
        "gpus": row.gpus,
        "labels": dict(row.labels),
        "versions": dict(row.versions),
        "worker": row.worker or None,
        "joined_at": row.joined_at,
        "since": row.since,
        "seen_at": row.seen_at,
    }


def _waiting(tx: Tx, rows: list[NodeRow], now: float, *, is_silent: bool) -> dict[str, Any]:
    from reelwright.app.cluster.checks import reasons
    from reelwright.engine.cluster import HOME_KINDS
    from reelwright.store import nodes

    count, some = nodes.waiting(tx, _LOOK)
    found = reasons(some, rows, is_silent=is_silent, at_home=HOME_KINDS, now=now)
    return {"steps": count, "reasons": [asdict(reason) for reason in found]}


def _member_json(member: Member) -> dict[str, Any]:
    return {
        "name": member.name,
        "address": member.address,
        "host": member.host,
        "pid": member.pid,
        "is_up": member.is_up,
        "problem": member.problem,
        "log": member.log,
        "since": member.since,
    }


def _head(app: App, head: HeadRow | None, here: list[Member]) -> dict[str, Any]:
    said = head.address if head else None
    address = app.settings.cluster.address or said or (here[0].address if here else None)
    answers = None if address is None else is_reachable(address)
    problem = head.problem if head else None
    if answers is False:
        problem = problem or f"{address} does not answer"
    return {
        "address": address,
        "is_reachable": answers,
        "problem": problem,
        "since": head.since if head else None,
    }


def _dispatcher(head: HeadRow | None, living: set[str], now: float) -> dict[str, Any] | None:
    if head is None:
        return None
    return {
        "id": head.dispatcher,
        "is_silent": now - head.seen_at > SILENT_S or head.dispatcher not in living,
        "seen_at": head.seen_at,
    }


def _database(app: App) -> dict[str, Any]:
    from reelwright.app.settings import without_password

    return {"url": without_password(app.store.url), "is_shared": app.settings.database is not None}


def _artifacts(app: App) -> dict[str, Any]:
    """Whether the store that nodes share answers this machine."""
    at = app.settings.cluster.artifacts
    found: Mapping[str, Any] = {"is_reachable": None, "problem": None}
    if at is not None:
        found = _asked(at)
    return {"at": at, **found}


def _asked(at: str) -> dict[str, Any]:
    from reelwright.store.shared import open_shared

    try:
        open_shared(at, deadline_s=_STORE_S).has("0" * 64, 0)
    except ReelError as error:
        return {"is_reachable": False, "problem": error.problem.message}
    return {"is_reachable": True, "problem": None}


def is_reachable(address: str, timeout_s: float = _PROBE_S) -> bool:
    """Whether something listens at ``host:port``."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout_s).close()
    except (OSError, ValueError):
        return False
    return True
