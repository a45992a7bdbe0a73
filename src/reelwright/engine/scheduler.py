"""Which ready steps start now: in fair order, within what the machine has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reelwright.engine import disk, events
from reelwright.engine.executor import Attempt, Need, Work
from reelwright.engine.presence import Presence
from reelwright.engine.settings import EngineSettings
from reelwright.errors import Code, Problem
from reelwright.store import attempts, jobs, steps
from reelwright.store.attempts import Candidate, Place
from reelwright.store.database import Tx
from reelwright.store.states import StepState

# So many steps are looked at in one go; more would not start at once on any machine.
_LOOK = 64
# After so long a step that does not fit holds back the smaller ones behind it.
PATIENCE_S = 30.0


@dataclass(slots=True)
class Claimed:
    """`work` is what the attempts are to run. `short_bytes`: so much disk space is missing for a
    step that nothing else keeps waiting. `is_cut`: something was started, and more may fit.
    """

    work: dict[Attempt, Work] = field(default_factory=dict)
    short_bytes: int = 0
    is_cut: bool = False

    @property
    def attempts(self) -> list[Attempt]:
        """In the order of the candidates."""
        return list(self.work)


def choose(candidates: Iterable[Candidate], free: Need, making: set[str]) -> list[Candidate]:
    """The candidates to start, in their order, together within `free`.

    A smaller one may overtake one that does not fit, until that has waited for `PATIENCE_S`. What
    is being made elsewhere (`making` holds identities) is waited for.
    """
    cpus, memory, room = free.cpus, free.memory_bytes, free.disk_bytes
    chosen: list[Candidate] = []
    making = set(making)
    for item in candidates:
        if item.identity and item.identity in making:
            continue
        fits = item.cpus <= cpus + 1e-9 and item.memory_bytes <= memory and item.disk_bytes <= room
        if fits:
            cpus, memory, room = (
                cpus - item.cpus,
                memory - item.memory_bytes,
                room - item.disk_bytes,
            )
            making.add(item.identity)
            chosen.append(item)
        elif item.waited_s > PATIENCE_S:
            break
    return chosen


def claim(
    tx: Tx, settings: EngineSettings, worker: Presence, job_id: str | None, free_bytes: int
) -> Claimed:
    """Leases what fits, counting every running step of this host, whoever runs it."""
    tx.dialect.serialise(tx.connection, f"claim {worker.host}")
    found = attempts.candidates(tx, job_id, _LOOK)
    if not found:
        return Claimed()
    work = attempts.work(tx, worker.host)
    used, machine = work.used, settings.machine
    room = free_bytes - disk.held_bytes(work.reserved)
    free = Need(
        cpus=machine.cpus - used.cpus,
        memory_bytes=machine.memory_bytes - used.memory_bytes if machine.memory_bytes else 1 << 62,
        disk_bytes=room,
    )
    claimed = Claimed()
    chosen = choose(found, free, work.identities)
    claimed.work = _start(tx, chosen, settings, worker)
    started = len(claimed.work)
    claimed.is_cut = bool(started) and (started < len(chosen) or len(chosen) == _LOOK)
    if not claimed.work and not used.count:
        claimed.short_bytes = max(0, max(item.disk_bytes for item in found) - room)
    return claimed


def ready(tx: Tx, job_id: str | None) -> list[Candidate]:
    """What could start now if there was room for it."""
    return attempts.candidates(tx, job_id, _LOOK)


def refuse_disk(tx: Tx, job_id: str | None, free_bytes: int) -> list[str]:
    """Fails ready steps that need more disk space than there is when nothing runs; their jobs."""
    failed: list[str] = []
    for item in attempts.candidates(tx, job_id, _LOOK):
        if item.disk_bytes <= free_bytes:
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
    tx: Tx, chosen: Sequence[Candidate], settings: EngineSettings, worker: Presence
) -> dict[Attempt, Work]:
    """What of it could be leased. A job that somebody else changes right now has its turn later:
    waiting for it with locks of other jobs in hand would be a deadlock in the making."""
    free = jobs.lock_free(tx, {item.job_id for item in chosen}) if chosen else set()
    placed = [(item, _place(item, settings, worker)) for item in chosen if item.job_id in free]
    leased = attempts.start_each(tx, placed, settings.lease_s)
    started: dict[Attempt, Work] = {}
    told: list[tuple[str, str, Mapping[str, Any]]] = []
    for item, _ in placed:
        work = leased.get(item.step_id)
        if work is None:
            continue
        number, log = work[1].number, work[1].log
        change = events.step_changed(item.key, StepState.RUNNING, attempt=number, log=log)
        told.append((item.job_id, *change))
        need = Need(cpus=item.cpus, memory_bytes=item.memory_bytes, disk_bytes=item.disk_bytes)
        started[Attempt(item.step_id, number, item.job_id, item.key, need)] = work
    jobs.record_each(tx, told)
    return started


def _place(item: Candidate, settings: EngineSettings, worker: Presence) -> Place:
    return Place(
        host=worker.host,
        worker=str(worker),
        workspace=str(settings.workspaces / f"{item.step_id}-{{n}}"),
        log=str(settings.logs / item.job_id / f"{item.step_id}-{{n}}.log"),
    )
