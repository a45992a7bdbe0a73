"""What 1,000 running steps cost the database: leases that are renewed, and progress that is told.

The nodes' own code (`LocalExecutor`, `Leases`, `Board`, `Combiner`) at its own intervals, with an
executor and connections of each node, five nodes a process; the steps only wait, and report as
often as FFmpeg does.
Measured is the CPU of all processes of a durable PostgreSQL on two cores, as a share of one core.
"""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from benchmarks.measure import Row, Size
from reelwright.engine.attempt import AttemptRunner
from reelwright.engine.executor import Attempt, Need
from reelwright.engine.local import LocalExecutor
from reelwright.engine.progress import FLUSH_S
from reelwright.engine.settings import EngineSettings
from reelwright.engine.submission import NewJob, submit
from reelwright.engine.writing import together
from reelwright.media.digest import identity
from reelwright.planning.plan import Estimate, Plan, Step, StepKind
from reelwright.runners.context import StepContext, StepProgress, StepResult
from reelwright.store import attempts
from reelwright.store.attempts import Place
from reelwright.store.blobs import Blobs
from reelwright.store.candidates import Candidate
from reelwright.store.combine import Combiner
from reelwright.store.store import Store, open_store
from reelwright.tools.binaries import find_tools
from reelwright.tools.ffmpeg.progress import Progress

if TYPE_CHECKING:
    from tests.postgres import Server

_MOST_PERCENT = 30.0
_CORES = 2
_REPORT_S = 0.5
# Nodes of one process: more would wait for each other's Python.
_NODES_EACH = 5
_PATIENCE_S = 120.0
_LEAST_SHARE = 0.85
# Long enough that no step comes to its end while it is measured.
_LENGTH = Fraction(3600)
_TICKS_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class _Shape:
    """So many nodes with so many steps each, of so many jobs."""

    nodes: int
    each: int
    jobs: int

    @property
    def steps(self) -> int:
        return self.nodes * self.each

    @property
    def name(self) -> str:
        return f"{self.nodes} nodes, {self.jobs} job{'' if self.jobs == 1 else 's'}"


_SHAPES = (_Shape(50, 20, 50), _Shape(100, 10, 1), _Shape(100, 10, 1000))


def cluster_writes(size: Size) -> list[Row]:
    """Percent of one core, for each shape of the same 1,000 steps."""
    from tests.postgres import make_server

    shapes = _SHAPES if size.share >= 0.25 else (_Shape(3, 2, 2),)
    # Open to the user that it is run as.
    place = Path(tempfile.mkdtemp(prefix="reel-pg-", dir="/tmp"))
    with on_two_cores():
        server = make_server(place, "-c listen_addresses= -c max_connections=600")
    try:
        return [_row(server, shape, size.seconds(60, 6)) for shape in shapes]
    finally:
        server.stop()
        shutil.rmtree(place, ignore_errors=True)


def _row(server: Server, shape: _Shape, seconds: float) -> Row:
    url = server.create(f"writes{shape.nodes}_{shape.jobs}")
    found = _measured(url, server, shape, seconds)
    name = f"lease and progress writes, {shape.name}"
    percent = 100 * found.postgres_s / found.wall_s
    return Row(name, _MOST_PERCENT, percent, "% core", 1.0, found.facts, tuple(found.wrong))


@contextmanager
def on_two_cores() -> Iterator[None]:
    """What is started meanwhile stays on the first two cores that there are."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(mine)[:_CORES]))
    try:
        yield
    finally:
        os.sched_setaffinity(0, mine)


@dataclass(slots=True)
class _Found:
    postgres_s: float
    wall_s: float
    facts: dict[str, Any]
    wrong: list[str]


@dataclass(frozen=True, slots=True)
class _Dealt:
    """What one process is to be: nodes by number, with (step, job, key) of what each runs."""

    url: str
    home: Path
    nodes: Mapping[int, Sequence[tuple[str, str, str]]]


def _measured(url: str, server: Server, shape: _Shape, seconds: float) -> _Found:
    home = Path(tempfile.mkdtemp(prefix="reel-bench-home-"))
    store = open_store(url)
    by_fork = multiprocessing.get_context("fork")
    told: list[Connection] = []
    children = []
    try:
        dealt = _deal(store, shape, _settings(home))
        store.close()  # what a fork takes along is of no use to it
        for start in range(0, shape.nodes, _NODES_EACH):
            some = {n: dealt[n] for n in range(start, min(start + _NODES_EACH, shape.nodes))}
            mine, theirs = by_fork.Pipe()
            child = by_fork.Process(target=_serve, args=(_Dealt(url, home, some), theirs))
            child.start()
            theirs.close()
            told.append(mine)
            children.append(child)
        store = open_store(url)
        _until_told(store, shape.steps)
        time.sleep(max(_settings(home).renew_s, seconds / 6))
        found = _watched(store, server, shape, seconds)
        for one in told:
            one.send("end")
        ends = [one.recv() for one in told]
        found.facts["agents_cpu_s"] = round(sum(cpu_s for cpu_s, _ in ends), 1)
        if ended := sum(count for _, count in ends):
            found.wrong.append(f"{ended} steps ended before their time")
        return found
    finally:
        for child in children:
            child.terminate()
            child.join()
        store.close()
        shutil.rmtree(home, ignore_errors=True)


def _until_told(store: Store, count: int) -> None:
    """Every step runs, and has told how far it is."""
    until = time.monotonic() + _PATIENCE_S
    while (state := _state(store))["told"] != count:
        if time.monotonic() > until:
            raise RuntimeError(f"not all steps run: {state}")
        time.sleep(1.0)


def _settings(home: Path) -> EngineSettings:
    return EngineSettings(home=home, machine=Need(cpus=64, memory_bytes=1 << 40))


def _serve(dealt: _Dealt, told: Connection) -> None:
    """A process of some nodes, each in a thread of its own, as their agents wait for the database
    each for itself; gives its CPU-seconds meanwhile, and how many steps have ended."""
    sys.setswitchinterval(0.0005)  # as `app.service` does
    nodes = [_Node(dealt, number) for number in dealt.nodes]
    for node in nodes:
        node.thread.start()
    since_s = time.process_time()
    told.recv()
    told.send((time.process_time() - since_s, sum(node.ended for node in nodes)))
    for node in nodes:
        node.end()
    for node in nodes:
        node.thread.join()


class _Node:
    """Its own connections, its own executor, one thread that commits."""

    def __init__(self, dealt: _Dealt, number: int) -> None:
        self.ended = 0
        self._dealt, self._number = dealt, number
        self._is_over = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def end(self) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._is_over.set)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        store = open_store(self._dealt.url)
        combiner = Combiner(store)
        settings = _settings(self._dealt.home)
        runner = AttemptRunner(
            store,
            Blobs(settings.home / "blobs"),
            settings,
            run_step=_waits,
            tools=find_tools(settings.home),
            write=together(combiner),
        )
        executor = LocalExecutor(runner)
        for attempt in self._leased(store, executor, settings):
            await executor.start(attempt)
        executor.on_end = self._count
        await self._is_over.wait()
        executor.on_end = lambda _attempt: None
        await executor.close()
        combiner.close()
        store.close()

    def _count(self, _attempt: Attempt) -> None:
        self.ended += 1

    def _leased(
        self, store: Store, executor: LocalExecutor, settings: EngineSettings
    ) -> list[Attempt]:
        chosen = [
            (
                Candidate(step_id, job_id, key, "ffmpeg", "", 1.0, 0, 0, 0, 0.0),
                Place(
                    host=f"node:{self._number}",
                    worker=str(executor.worker),
                    workspace=str(settings.workspaces / f"{step_id}-{{n}}"),
                    log=str(settings.logs / f"{step_id}-{{n}}.log"),
                ),
            )
            for step_id, job_id, key in self._dealt.nodes[self._number]
        ]
        with store.write() as tx:
            started = attempts.start_each(tx, chosen, settings.lease_s)
        return [Attempt(row.id, at.number, row.job_id, row.key) for row, at in started.values()]


def _watched(store: Store, server: Server, shape: _Shape, seconds: float) -> _Found:
    pid = postmaster_of(server)
    before, since, cpu_s = _counters(store), time.monotonic(), server_cpu_s(pid)
    time.sleep(seconds)
    spent_s, wall_s = server_cpu_s(pid) - cpu_s, time.monotonic() - since
    after = _counters(store)
    rates = {f"{n}_per_s": round((after[n] - before[n]) / wall_s, 1) for n in after}
    facts = {
        "steps": shape.steps,
        "seconds": round(wall_s, 1),
        "postgres_cpu_s": round(spent_s, 2),
        **rates,
        **_state(store),
    }
    return _Found(spent_s, wall_s, facts, _wrong(shape, facts))


def _wrong(shape: _Shape, facts: Mapping[str, Any]) -> list[str]:
    found = []
    if facts["running"] != shape.steps:
        found.append(f"{facts['running']} of {shape.steps} steps still run")
    if facts["least_lease_s"] <= 0:
        found.append(f"a lease ran out {-facts['least_lease_s']} s ago")
    if facts["told"] != shape.steps:
        found.append(f"only {facts['told']} of {shape.steps} steps have told how far they are")
    # Else the machine was too busy to write what is to be paid for.
    wanted = shape.steps * (1 / FLUSH_S + 1 / _settings(Path()).renew_s)
    if facts["rows_per_s"] < _LEAST_SHARE * wanted:
        found.append(f"{facts['rows_per_s']} rows a second were written, not {wanted:.0f}")
    return found


async def _waits(step: Step, context: StepContext) -> StepResult:
    """Tells how far it is as FFmpeg does, and comes to no end."""
    for number in itertools.count(1):
        await asyncio.sleep(_REPORT_S)
        at = Fraction(number, 10)
        seen = Progress(frame=number * 12, fps=24.6, time=at, size_bytes=number << 14, speed=0.2)
        context.on_progress(StepProgress.of(seen, fraction=float(at / _LENGTH)))
    return StepResult()


def _deal(
    store: Store, shape: _Shape, settings: EngineSettings
) -> list[list[tuple[str, str, str]]]:
    """Jobs whose steps are ready, dealt to the nodes in turns: by node, (step, job, key)."""
    with store.write() as tx:
        for number in range(shape.jobs):
            submit(tx, NewJob(plan=plan_of(number, shape.steps // shape.jobs)), settings)
        tx.run(sa.text("UPDATE jobs SET state = 'running', started_at = created_at"))
        ready = "UPDATE steps SET state = 'ready' WHERE kind = 'ffmpeg' RETURNING id, job_id, key"
        found = sorted((tuple(row) for row in tx.run(sa.text(ready))), key=lambda row: row[1:])
    return [found[number :: shape.nodes] for number in range(shape.nodes)]


def plan_of(job: int, count: int) -> Plan:
    """Rows as wide as those of a step that encodes a rung of a ladder."""
    argv = ("ffmpeg", "-i", "in.mp4", "-filter_complex_script", "graph.txt", "-map", "[v]")
    options = tuple(word for n in range(40) for word in (f"-option{n}", f"value {n}"))
    return Plan(
        steps=tuple(
            Step(
                id=f"encode-{n}",
                kind=StepKind.FFMPEG,
                identity=identity([job, n]),
                commands=((*argv, *options, "out.mp4"),),
                texts={"graph.txt": "[0:v]scale=1280:720:flags=bicubic,format=yuv420p[v]" * 10},
                because=("fused: the same decode feeds three outputs",) * 5,
                duration=_LENGTH,
                estimate=Estimate(cpu_seconds=600.0),
            )
            for n in range(count)
        )
    )


def _counters(store: Store) -> dict[str, float]:
    """What PostgreSQL has counted since it began."""
    query = sa.text(
        "SELECT (SELECT sum(n_tup_upd) FROM pg_stat_user_tables) AS rows,"
        " (SELECT sum(n_tup_hot_upd) FROM pg_stat_user_tables) AS rows_in_place,"
        " (SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))"
        "  FROM pg_stat_user_tables) AS rows_read,"
        " (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database())"
        " AS commits, pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') AS wal_bytes"
    )
    with store.read() as tx:
        row = tx.run(query).one()
    return {name: float(value or 0) for name, value in row._asdict().items()}


def _state(store: Store) -> dict[str, Any]:
    with store.read() as tx:
        query = (
            "SELECT count(*) AS running, count(progress) AS told,"
            " round(min(lease_until - extract(epoch FROM clock_timestamp()))::numeric, 1)"
            " AS least_lease_s FROM steps WHERE state = 'running'"
        )
        row = tx.run(sa.text(query)).one()
        connections = tx.run(sa.text("SELECT count(*) FROM pg_stat_activity")).scalar_one()
    return {
        "running": row.running,
        "told": row.told,
        "least_lease_s": float(row.least_lease_s or 0),
        "connections": connections,
    }


def postmaster_of(server: Server) -> int:
    """Its process id."""
    return int((server.data / "postmaster.pid").read_text().split()[0])


def server_cpu_s(postmaster: int) -> float:
    """CPU of the server: the processes that live, and those that it has buried."""
    ticks = 0
    for place in Path("/proc").iterdir():
        if not place.name.isdigit():
            continue
        try:
            fields = (place / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        # proc(5): state is field 3, ppid 4, utime 14, stime 15, cutime 16, cstime 17.
        if place.name == str(postmaster):
            ticks += sum(int(fields[n]) for n in (11, 12, 13, 14))
        elif fields[1] == str(postmaster):
            ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS_S
