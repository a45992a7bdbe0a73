"""Which ready steps start now, and where: in fair order, within what the nodes have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from reelwright.engine import disk, events
from reelwright.engine.asking import need_of, parsed
from reelwright.engine.executor import Attempt, Need, Work
from reelwright.engine.nodes import Node
from reelwright.engine.placement import Placing, Room, room_of
from reelwright.engine.settings import EngineSettings
from reelwright.errors import Code, Problem
from reelwright.store import attempts, candidates, jobs, steps
from reelwright.store.attempts import Place
from reelwright.store.candidates import Candidate
from reelwright.store.database import Tx
from reelwright.store.states import StepState

# So many steps are looked at in one go, and one more for each further node; more would not start
# at once on any machine.
_LOOK = 64


@dataclass(slots=True)
class Claimed:
    """`work` is what the attempts are to run. `short_bytes`: so much disk space is missing for a
    step that nothing else keeps waiting. `is_cut`: something was started, and more may fit.
    `waiting`: what those need that did not.
    """

    work: dict[Attempt, Work] = field(default_factory=dict)
    short_bytes: int = 0
    is_cut: bool = False
    waiting: list[Need] = field(default_factory=list)

    @property
    def attempts(self) -> list[Attempt]:
        """In the order of the candidates."""
        return list(self.work)


def claim(
    tx: Tx,
    settings: EngineSettings,
    nodes: Sequence[Node],
    job_id: str | None,
    kept: Iterable[str] = (),
    *,
    looks_behind: bool = True,
) -> Claimed:
    """Leases what fits, each attempt for the worker of its node, counting every running step of
    these hosts, whoever runs it. `kept`: ids of steps that must not leave this machine yet.
    `looks_behind`: also for steps that fit what a long line of others before them leaves.
    """
    if not nodes:
        return Claimed()
    _one_at_a_time(tx, nodes)
    look = look_of(nodes)
    found = candidates.candidates(tx, job_id, look)
    if not found:
        return Claimed()
    rooms, making, runs = _rooms(tx, nodes, found)
    placing = Placing(rooms, kept=kept, making=making)
    placed = placing.round(
        found,
        _inputs(tx, nodes, found),
        look,
        partial(candidates.candidates_within, tx, job_id, look) if looks_behind else None,
    )
    chosen = placed.chosen
    claimed = Claimed(work=_start(tx, chosen, settings))
    started = len(claimed.work)
    claimed.is_cut = bool(started) and (started < len(chosen) or started >= look)
    claimed.waiting = [need_of(item) for item in placed.waiting]
    if not claimed.work and not runs:
        claimed.short_bytes = _short_bytes(nodes, rooms, found)
    return claimed


def ready(tx: Tx, job_id: str | None, nodes: Sequence[Node] = ()) -> list[Candidate]:
    """What could start now if there was room for it."""
    return candidates.candidates(tx, job_id, look_of(nodes))


def look_of(nodes: Sequence[Node]) -> int:
    """How many candidates are looked at in one go."""
    return _LOOK + len(nodes) - 1 if nodes else _LOOK


def _one_at_a_time(tx: Tx, nodes: Sequence[Node]) -> None:
    """Of all that claim for the same machines. Two dispatchers may be at work for a while: one
    froze, lost the lead, and thaws."""
    if len(nodes) > 1 or not nodes[0].is_home:
        tx.dialect.serialise(tx.connection, "claim of a pool")
    for node in nodes:
        if node.is_home:  # where workers of their own may be, which take that machine's lock only
            tx.dialect.serialise(tx.connection, f"claim {node.host}")


def _rooms(
    tx: Tx, nodes: Sequence[Node], found: Sequence[Candidate]
) -> tuple[list[Room], set[str], bool]:
    """What is free on each; the identities of `found` that are being made; whether anything runs
    on these nodes."""
    home = next((node for node in nodes if node.is_home), None)
    work = attempts.work(tx, home.host) if home is not None and len(nodes) == 1 else None
    if home is not None and work is not None:
        reserved = disk.held_bytes(work.reserved)
        used = Need(cpus=work.used.cpus, memory_bytes=work.used.memory_bytes, disk_bytes=reserved)
        promised = sum(size_bytes for _, size_bytes in work.reserved)
        return [room_of(home, used, promised)], work.identities, bool(work.used.count)
    held = _held(tx)
    making = candidates.making(tx, sorted({item.identity for item in found if item.identity}))
    rooms = [room_of(node, held.get(node.host, Need()), _promised(held, node)) for node in nodes]
    return rooms, making, any(node.host in held for node in nodes)


def _held(tx: Tx) -> dict[str, Need]:
    """What the running steps of each host hold; of its disk what they were promised."""
    found: dict[str, Need] = {}
    for one in candidates.held(tx):
        before = found.get(one.host, Need())
        found[one.host] = Need(
            cpus=before.cpus + one.cpus,
            memory_bytes=before.memory_bytes + int(one.memory_bytes),
            disk_bytes=before.disk_bytes + int(one.promised_bytes),
            gpus=before.gpus + parsed(one.asks).gpus * one.count,
        )
    return found


def _promised(held: Mapping[str, Need], node: Node) -> int:
    return held[node.host].disk_bytes if node.host in held else 0


def _inputs(
    tx: Tx, nodes: Sequence[Node], found: Sequence[Candidate]
) -> Mapping[str, Mapping[str, int]]:
    """Where what they read was made, where there is a choice."""
    if len(nodes) < 2:
        return {}
    return candidates.inputs_at(tx, [item.step_id for item in found])


def _short_bytes(nodes: Sequence[Node], rooms: Sequence[Room], found: Sequence[Candidate]) -> int:
    """What is missing on this machine for a step that only it can take."""
    home = next((room for room in rooms if room.node.is_home), None)
    if home is None:
        return 0
    kinds = home.node.kinds
    wanted = [item.disk_bytes for item in found if kinds is None or item.kind in kinds]
    return max(0, max(wanted, default=0) - home.disk_bytes)


def refuse_disk(tx: Tx, job_id: str | None, home: Node) -> list[str]:
    """Fails ready steps that only this machine can take, and that need more disk space than there
    is when nothing runs; their jobs."""
    failed: list[str] = []
    free_bytes = home.free_disk_bytes
    for item in candidates.candidates(tx, job_id, _LOOK):
        if item.disk_bytes <= free_bytes or (home.kinds and item.kind not in home.kinds):
            continue
        problem = Problem(
            Code.DISK_RESERVED,
            f"step {item.key} needs {item.disk_bytes >> 20} MiB of disk space, "
            f"{free_bytes >> 20} MiB are free",
            where=item.key,
        )
        error = problem.to_json()
        tx.lock_job(item.job_id)
        steps.move(tx, item.step_id, StepState.FAILED, error=error, finished_at=tx.now())
        change = events.step_changed(item.key, StepState.FAILED, error=error)
        jobs.record(tx, item.job_id, change)
        failed.append(item.job_id)
    return failed


def _start(
    tx: Tx, chosen: Sequence[tuple[Candidate, Node]], settings: EngineSettings
) -> dict[Attempt, Work]:
    """What of it could be leased. A job that somebody else changes right now has its turn later:
    waiting for it with locks of other jobs in hand would be a deadlock in the making."""
    free = jobs.lock_free(tx, {item.job_id for item, _ in chosen}) if chosen else set()
    placed = [(item, _place(item, node)) for item, node in chosen if item.job_id in free]
    leased = attempts.start_each(tx, placed, settings.lease_s)
    started: dict[Attempt, Work] = {}
    told: list[tuple[str, str, Mapping[str, Any]]] = []
    for item, place in placed:
        work = leased.get(item.step_id)
        if work is None:
            continue
        number, log = work[1].number, work[1].log
        change = events.step_changed(item.key, StepState.RUNNING, attempt=number, log=log)
        told.append((item.job_id, *change))
        need = need_of(item)
        attempt = Attempt(
            item.step_id, number, item.job_id, item.key, need, place.host, place.worker
        )
        started[attempt] = work
    jobs.record_each(tx, told)
    return started


def _place(item: Candidate, node: Node) -> Place:
    return Place(
        host=node.host,
        worker=node.worker,
        workspace=str(node.workspaces / f"{item.step_id}-{{n}}"),
        log=str(node.logs / item.job_id / f"{item.step_id}-{{n}}.log"),
    )
