"""What a step costs beside its own commands on a warm cluster: a head and a node on loopback, a
service with PostgreSQL, jobs of one small command, one after the other.

From the lease to the commit by the database's clock, without the time that the step's commands
(FFmpeg, ffprobe) ran: they are told by the process that ran them. The same jobs on the service
alone, and the start of an actor in the same cluster, for comparison.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.measure import Row, Size
from benchmarks.media import clip
from reelwright.store.store import open_store
from reelwright.store.tables import steps
from reelwright.tools.ray.settings import ray_env

_MOST_MS = 60.0
_WARM = 3
_ACTORS = 5
# In every Python of the nodes and of the service: what ran, when, to a file of each process.
_TELL = """
import json, os, time
from reelwright.tools import watch

_told = watch.tell

def tell(argv, wall_s, said):
    _told(argv, wall_s, said)
    line = {"argv": str(argv[0]), "end": time.time(), "wall": wall_s, "cpu": said.get("cpu_s", 0.0)}
    with open(os.path.join(os.environ["BENCH_RAN"], f"{os.getpid()}.jsonl"), "a") as file:
        file.write(json.dumps(line) + "\\n")

watch.tell = tell
"""
_ACTOR = """
import json, statistics, sys, time
import ray

class Nothing:
    def said(self):
        return True

ray.init(address=sys.argv[1], namespace="bench", log_to_driver=False, logging_level=40)
times = []
for _ in range(int(sys.argv[2])):
    begun = time.monotonic()
    actor = ray.remote(Nothing).options(num_cpus=0.1).remote()
    ray.get(actor.said.remote())
    times.append(time.monotonic() - begun)
    ray.kill(actor)
print(json.dumps(times))
"""


@dataclass(frozen=True, slots=True)
class Timed:
    """One step, in seconds: from the lease to the commit without its commands, from readiness to
    the lease, and its commands."""

    beside_s: float
    waited_s: float
    commands_s: float


def cluster_overhead(size: Size) -> list[Row]:
    """Milliseconds a step beside its commands; what the hand-over takes, and CPU."""
    from tests.cluster import Cluster, active
    from tests.postgres import make_server

    jobs = max(3, round(60 * size.share))
    # Open to the user that PostgreSQL is run as.
    place = Path(tempfile.mkdtemp(prefix="reel-pg-", dir="/tmp"))
    folder = Path(tempfile.mkdtemp(prefix="reel-bench-"))
    server = make_server(place, "-c listen_addresses= -c max_connections=100")
    try:
        made = _Jobs(folder)
        database = server.create("overhead")
        told = made.environ
        with Cluster(
            folder / "c", nodes=1, cpus=2, database=database, environ_of_nodes=told
        ) as cluster:
            environ = {**told, "REEL_CLUSTER__SHORT_S": "0"}
            with cluster.service(folder / "home", **environ) as service:
                active(service, 1)
                made.run(service, _WARM)
                before = _cpu_s(_tree(cluster))
                ids = made.run(service, jobs)
                cpu_s = _cpu_s(_tree(cluster)) - before
            actors = _actors(cluster.address, cluster.token)
        there = made.timed(database, ids)
        here = _alone(made, server.create("alone"), folder / "alone", jobs)
        return list(_rows(there, here, cpu_s, actors))
    finally:
        server.stop()
        shutil.rmtree(place, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def _alone(made: _Jobs, database: str, home: Path, jobs: int) -> list[Timed]:
    from tests.served import serving

    with serving(home, REEL_DATABASE=database, **made.environ) as service:
        made.run(service, _WARM)
        ids = made.run(service, jobs)
    return made.timed(database, ids)


def _rows(
    there: Sequence[Timed], here: Sequence[Timed], cpu_s: float, actors: Sequence[float]
) -> Iterator[Row]:
    beside = sorted(1000 * one.beside_s for one in there)
    facts = {
        "steps": len(there),
        "ninetieth_ms": round(beside[int(len(beside) * 0.9)], 1),
        "alone_ms": round(1000 * statistics.median(one.beside_s for one in here), 1),
        "commands_ms": round(1000 * statistics.median(one.commands_s for one in there), 1),
        "handed_over_ms": round(1000 * statistics.median(one.waited_s for one in there), 1),
        "handed_over_alone_ms": round(1000 * statistics.median(o.waited_s for o in here), 1),
        "node_cpu_ms_a_step": round(1000 * cpu_s / len(there), 1),
        "actor_start_ms": round(1000 * statistics.median(actors), 1),
    }
    middle = statistics.median(beside)
    yield Row("overhead of a step, cluster", _MOST_MS, middle, "ms", 1.0, facts)


class _Jobs:
    """Jobs of one small encode each, all of them different."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ran = folder / "ran"
        self._ran.mkdir()
        told = folder / "told"
        told.mkdir()
        (told / "sitecustomize.py").write_text(_TELL)
        self._clip = clip(1.0, "320x180")
        self._count = 0
        self.environ: dict[str, str] = {
            "PYTHONPATH": str(told),
            "BENCH_RAN": str(self._ran),
        }

    def run(self, service: Any, count: int) -> list[str]:
        """One after the other: nothing waits for anything."""
        ids = []
        for _ in range(count):
            self._count += 1
            spec = {
                "inputs": {"clip": str(self._clip)},
                "operations": [
                    {"id": "small", "op": "scale", "input": "clip", "width": 32 + 2 * self._count}
                ],
                "outputs": [{"from": "small", "to": str(self._folder / f"{self._count}.mp4")}],
            }
            ids.append(service.submit(spec))
            job = service.ended(ids[-1])
            if job["state"] != "succeeded":
                raise RuntimeError(json.dumps(job["error"]))
        return ids

    def timed(self, database: str, ids: Sequence[str]) -> list[Timed]:
        ran = [json.loads(line) for file in self._ran.iterdir() for line in file.open()]
        columns = (steps.c.ready_at, steps.c.started_at, steps.c.finished_at)
        query = sa.select(*columns).where(steps.c.job_id.in_(ids), steps.c.kind == "ffmpeg")
        store = open_store(database)
        try:
            with store.read() as tx:
                rows = list(tx.run(query))
        finally:
            store.close()
        return [_timed(row, ran) for row in rows]


def _timed(row: Any, ran: Sequence[Mapping[str, Any]]) -> Timed:
    ready, began, ended = row
    commands = [
        one["wall"] for one in ran if began <= one["end"] - one["wall"] and one["end"] <= ended
    ]
    if not commands:
        raise RuntimeError("no command was heard of")
    return Timed(ended - began - sum(commands), began - ready, sum(commands))


def _tree(cluster: Any) -> set[int]:
    return set().union(*(node.processes for node in cluster.running.values()))


def _cpu_s(pids: set[int]) -> float:
    """User and system time of those processes, and of their children that have ended."""
    ticks = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += sum(int(fields[n]) for n in (11, 12, 13, 14))
    return ticks / os.sysconf("SC_CLK_TCK")


def _actors(address: str, token: Path) -> list[float]:
    """Seconds from asking for an actor to its first answer."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", _ACTOR, address, str(_ACTORS)],
        env={**os.environ, **ray_env(token)},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    found: list[float] = json.loads(done.stdout.splitlines()[-1])
    return found
