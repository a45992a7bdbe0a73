"""The API against a bare FastAPI endpoint: creating jobs, reading their state, idle memory.

Both are one process of uvicorn with uvloop and httptools, on the same database with the same
durability, in turns, under the same sixteen clients.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from benchmarks.load import Load
from benchmarks.measure import ROOT, Row, Size, environment, reel

_CLIENTS = 16
_READY_S = 60.0
_LEAST_CREATE, _MOST_P99, _LEAST_READ = 0.5, 3.0, 0.6
_IDLE_MIB = 200.0


@dataclass(frozen=True, slots=True)
class Served:
    """A server that answers. `headers` are sent with every request."""

    url: str
    headers: Mapping[str, str]
    pid: int


def creation(size: Size) -> list[Row]:
    """Durable jobs a second, and the time of the slowest in a hundred."""
    found: list[Row] = []
    for database, ours, bare in _pairs():
        loads = _in_turns(size, max(160, round(3000 * size.share)), ours, bare, _create)
        rate = _ratio(loads, lambda load: load.rate)
        slow = 1 / _ratio(loads, lambda load: 1 / load.p99_s)
        facts = _facts(loads)
        name = f"job creation, {database}, rate against bare"
        found.append(Row(name, _LEAST_CREATE, rate, "×", 1.0, facts, at_least=True))
        name = f"job creation, {database}, p99 against bare"
        found.append(Row(name, _MOST_P99, slow, "×", 1.0, facts))
    return found


def reads(size: Size) -> list[Row]:
    """Status reads a second, of jobs picked in turns."""
    found: list[Row] = []
    for database, ours, bare in _pairs():
        ids = {
            served.url: [json.loads(body)["id"] for body in _create(served, 200).bodies]
            for served in (ours, bare)
        }

        def read(served: Served, count: int, known: dict[str, list[str]] = ids) -> Load:
            picked = known[served.url]
            asked = [("GET", f"/v1/jobs/{picked[n % len(picked)]}", None) for n in range(count)]
            return _load(served, asked)

        loads = _in_turns(size, max(160, round(6000 * size.share)), ours, bare, read)
        name = f"status reads, {database}, rate against bare"
        rate = _ratio(loads, lambda load: load.rate)
        found.append(Row(name, _LEAST_READ, rate, "×", 1.0, _facts(loads), at_least=True))
    return found


def idle_memory(size: Size) -> list[Row]:
    """API and worker in one process on SQLite, after a job and a pause."""
    folder = Path(tempfile.mkdtemp(prefix="reel-bench-idle-"))
    try:
        with _ours(folder, None, worker=True) as served:
            _create(served, 16)
            time.sleep(max(2.0, 20 * size.share))
            held = _resident_mib(served.pid)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return [Row("idle memory, API and worker", _IDLE_MIB, held, "MiB")]


def _spec(number: int) -> dict[str, Any]:
    operations = [
        {"id": "cut", "op": "trim", "input": "talk", "start": "10s", "duration": "00:05:00"},
        {"id": "small", "op": "scale", "input": "cut", "height": 720},
    ]
    outputs = [{"from": "small", "to": f"talk-{number}.mp4"}]
    return {"inputs": {"talk": f"/media/{number}.mp4"}, "operations": operations,
            "outputs": outputs}  # fmt: skip


def _create(served: Served, count: int) -> Load:
    return _load(served, [("POST", "/v1/jobs", _spec(number)) for number in range(count)])


def _load(served: Served, asked: list[Any]) -> Load:
    order = {
        "url": served.url,
        "headers": dict(served.headers),
        "clients": _CLIENTS,
        "requests": asked,
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        cwd=ROOT,
        input=json.dumps(order),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return Load(**json.loads(done.stdout))


def _in_turns(
    size: Size, count: int, ours: Served, bare: Served, load: Callable[[Served, int], Load]
) -> dict[str, list[Load]]:
    for served in (ours, bare):
        load(served, 160)  # warm
    loads: dict[str, list[Load]] = {"ours": [], "bare": []}
    for number in range(max(size.rounds, 1)):
        turns = [("ours", ours), ("bare", bare)]
        for name, served in turns if number % 2 == 0 else reversed(turns):
            loads[name].append(load(served, count))
    return loads


def _ratio(loads: Mapping[str, list[Load]], of: Callable[[Load], float]) -> float:
    """Ours over theirs, each at its best: noise only ever takes away."""
    return max(map(of, loads["ours"])) / max(map(of, loads["bare"]))


def _facts(loads: Mapping[str, list[Load]]) -> dict[str, Any]:
    return {
        f"{name}_{what}": [round(getattr(load, what), 5) for load in some]
        for name, some in loads.items()
        for what in ("rate", "p50_s", "p99_s")
    }


def _pairs() -> Iterator[tuple[str, Served, Served]]:
    for database in ("SQLite", "PostgreSQL"):
        folder = Path(tempfile.mkdtemp(prefix="reel-bench-api-"))
        try:
            with (
                _databases(database, folder) as (mine, theirs),
                _ours(folder, mine, worker=False) as ours,
                _bare(folder, theirs) as bare,
            ):
                yield database, ours, bare
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _databases(kind: str, folder: Path) -> Iterator[tuple[str | None, str]]:
    if kind == "SQLite":
        yield None, f"sqlite:///{folder / 'bare.db'}"
        return
    from tests.postgres import make_server

    place = Path(tempfile.mkdtemp(prefix="reel-pg-", dir="/tmp"))
    server = make_server(place, "-c listen_addresses= -c max_connections=100")
    try:
        yield server.create("ours"), server.create("bare")
    finally:
        server.stop()
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def server_database(kind: str) -> Iterator[str | None]:
    """The URL of a database of its own; None for SQLite in the home."""
    with _databases(kind, Path("/nowhere")) as (url, _):
        yield url


@contextmanager
def _ours(folder: Path, database: str | None, *, worker: bool) -> Iterator[Served]:
    env = {"REEL_HOME": str(folder / "home"), "REEL_SERVE__RATE": "1000000/second"}
    if database is not None:
        env["REEL_DATABASE"] = database
    words = ["serve", "--port", "0", "--json", *([] if worker else ["--no-worker"])]
    with (folder / "ours.log").open("w") as log:
        process = subprocess.Popen(
            reel(*words), env=environment(env), stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError((folder / "ours.log").read_text()[-2000:])
        ready = json.loads(line)
        headers = {"Authorization": f"Bearer {ready['token']}"}
        yield Served(ready["url"], headers, process.pid)
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def _bare(folder: Path, database: str) -> Iterator[Served]:
    port = _free_port()
    words = ["--factory", "benchmarks.bare:make", "--port", str(port), "--log-level", "warning"]
    words += ["--loop", "uvloop", "--http", "httptools", "--no-access-log"]
    with (folder / "bare.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", *words],
            cwd=ROOT,
            env=environment({"BARE_DATABASE": database}),
            stdout=log,
            stderr=log,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _until_it_answers(url, process, folder / "bare.log")
        yield Served(url, {}, process.pid)
    finally:
        process.terminate()
        process.wait(60)


def _until_it_answers(url: str, process: subprocess.Popen[Any], log: Path) -> None:
    until = time.monotonic() + _READY_S
    while time.monotonic() < until and process.poll() is None:
        try:
            urlopen(f"{url}/openapi.json", timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(log.read_text()[-2000:])


def _free_port() -> int:
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _resident_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    found = next(line for line in lines if line.startswith("VmRSS:"))
    return int(found.split()[1]) / 1024
