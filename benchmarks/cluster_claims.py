"""What one round of claiming costs on a full cluster: the dispatcher's CPU, and PostgreSQL's.

Each node runs ten steps of a core and has no room for more. Before each round twenty steps end (and
one, for the facts), and the engine's own claim (its lock, its queries, the placement, the leases)
hands out as many of the 2,000 that wait.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from benchmarks.cluster_writes import on_two_cores, plan_of, postmaster_of, server_cpu_s
from benchmarks.measure import Row, Size
from reelwright.engine import scheduler
from reelwright.engine.executor import Need
from reelwright.engine.nodes import Node
from reelwright.engine.settings import EngineSettings
from reelwright.engine.submission import NewJob, submit
from reelwright.store.store import Store, open_store

if TYPE_CHECKING:
    from tests.postgres import Server

_EACH, _ENDING, _WAITING, _OF_A_JOB = 10, 20, 2000, 20
# By the number of nodes: milliseconds of CPU of a round, of both together.
_MOST_MS = {10: 60.0, 100: 90.0, 1000: 400.0}


def cluster_claims(size: Size) -> list[Row]:
    """Milliseconds of CPU a round, at 10, 100 and 1,000 nodes."""
    from tests.postgres import make_server

    counts = list(_MOST_MS) if size.share >= 0.25 else [10]
    place = Path(tempfile.mkdtemp(prefix="reel-pg-", dir="/tmp"))
    with on_two_cores():
        server = make_server(place, "-c listen_addresses= -c max_connections=60")
    try:
        return [_row(server, count, max(3, round(40 * size.share))) for count in counts]
    finally:
        server.stop()
        shutil.rmtree(place, ignore_errors=True)


def _row(server: Server, count: int, rounds: int) -> Row:
    home = Path(tempfile.mkdtemp(prefix="reel-bench-home-"))
    settings = EngineSettings(home=home, machine=Need(cpus=64, memory_bytes=1 << 40))
    store = open_store(server.create(f"claims{count}"))
    try:
        nodes = [_node(number, home) for number in range(count)]
        _fill(store, settings, nodes)
        pid = postmaster_of(server)
        alone = _spent(store, settings, nodes, pid, rounds, 1)
        full = _spent(store, settings, nodes, pid, rounds, _ENDING)
    finally:
        store.close()
        shutil.rmtree(home, ignore_errors=True)
    facts = {"running": count * _EACH, "rounds": rounds, **full.facts(""), **alone.facts("one_")}
    wanted = rounds * (_ENDING + 1)
    found = full.started + alone.started
    wrong = () if found == wanted else (f"{found} of {wanted} steps were started",)
    name = f"a round of claims, {count} nodes"
    return Row(name, _MOST_MS[count], full.cpu_ms + full.server_ms, "ms", 1.0, facts, wrong)


@dataclass(frozen=True, slots=True)
class _Spent:
    """Milliseconds of a round."""

    cpu_ms: float
    server_ms: float
    wall_ms: float
    started: int

    def facts(self, prefix: str) -> dict[str, float]:
        return {
            f"{prefix}dispatcher_ms": round(self.cpu_ms, 1),
            f"{prefix}postgres_ms": round(self.server_ms, 1),
            f"{prefix}wall_ms": round(self.wall_ms, 1),
        }


def _spent(
    store: Store,
    settings: EngineSettings,
    nodes: Sequence[Node],
    pid: int,
    rounds: int,
    ending: int,
) -> _Spent:
    """Rounds before each of which so many steps have come to their end."""
    cpu_s, server_s, wall_s, started = 0.0, 0.0, 0.0, 0
    for number in range(rounds + 1):
        _end_some(store, ending)
        before = time.process_time(), server_cpu_s(pid), time.monotonic()
        claimed = store.transact(lambda tx: scheduler.claim(tx, settings, nodes, None))
        if number:  # the first one fills caches
            cpu_s += time.process_time() - before[0]
            server_s += server_cpu_s(pid) - before[1]
            wall_s += time.monotonic() - before[2]
            started += len(claimed.attempts)
    each = 1000 / rounds
    return _Spent(cpu_s * each, server_s * each, wall_s * each, started)


def _node(number: int, home: Path) -> Node:
    return Node(
        host=f"node:{number}",
        worker=f"node:{number}/1/1/x",
        total=Need(cpus=_EACH, memory_bytes=1 << 40, disk_bytes=1 << 50),
        workspaces=home / "work",
        logs=home / "logs",
        free_disk_bytes=1 << 50,
    )


def _fill(store: Store, settings: EngineSettings, nodes: Sequence[Node]) -> None:
    """Jobs of twenty steps each: ten of each node run, and some wait."""
    wanted = len(nodes) * _EACH + _WAITING + (_ENDING * 50)
    for start in range(0, wanted // _OF_A_JOB, 50):
        with store.write() as tx:
            for number in range(start, min(start + 50, wanted // _OF_A_JOB)):
                submit(tx, NewJob(plan=plan_of(number, _OF_A_JOB)), settings)
    with store.write() as tx:
        tx.run(sa.text("UPDATE jobs SET state = 'running', started_at = created_at"))
        ready = "UPDATE steps SET state = 'ready', ready_at = 1, cpus = 1 WHERE kind = 'ffmpeg'"
        tx.run(sa.text(ready))
    begun = 0
    while begun < len(nodes) * _EACH:
        claimed = store.transact(lambda tx: scheduler.claim(tx, settings, nodes, None))
        assert claimed.attempts, "nodes stay empty"
        begun += len(claimed.attempts)
    with store.write() as tx:
        tx.run(sa.text("ANALYZE"))


def _end_some(store: Store, count: int) -> None:
    """So many steps have come to their end, on nodes all over."""
    some = "SELECT id FROM steps WHERE state = 'running' ORDER BY md5(id) LIMIT :most"
    with store.write() as tx:
        ids = list(tx.run(sa.text(some), {"most": count}).scalars())
        of: sa.BindParameter[str] = sa.bindparam("ids", ids, expanding=True)
        ended = "UPDATE steps SET state = 'succeeded', lease_owner = NULL WHERE id IN :ids"
        tx.run(sa.text(ended).bindparams(of))
        tx.run(sa.text("DELETE FROM reservations WHERE step_id IN :ids").bindparams(of))
