"""A thousand event streams of one API process: is each event told once, and in how much memory.

The events are written by another process, straight into the store; the streams are read by a
third one (``python -m benchmarks.streams``), from raw sockets, since a client library would cost
more than the server. A tenth of the streams is cut off in between, and comes back with
`Last-Event-ID`.
"""

from __future__ import annotations

import asyncio
import json
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.api import Served, _databases, _ours
from benchmarks.measure import ROOT, Row, Size

_STREAMS, _JOBS, _EVENTS = 1000, 100, 60
_MOST_MIB = 400.0
_CUT_SHARE = 0.1
# A stream that ended in neither way by then lost something.
_PATIENCE_S = 300.0


def streams(size: Size) -> list[Row]:
    """Events that were lost or told twice, and the most memory that the API held meanwhile."""
    found: list[Row] = []
    for database in ("SQLite", "PostgreSQL"):
        folder = Path(tempfile.mkdtemp(prefix="reel-bench-streams-"))
        try:
            with (
                _databases(database, folder) as (mine, _),
                _ours(folder, mine, worker=False) as ours,
            ):
                found += _measure(
                    size, database, mine or str(folder / "home" / "reelwright.db"), ours
                )
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return found


def _measure(size: Size, database: str, place: str, ours: Served) -> list[Row]:
    count = max(20, round(_STREAMS * size.share)) if size.name == "toy" else _STREAMS
    jobs = max(4, count * _JOBS // _STREAMS)
    order = {"place": place, "jobs": jobs, "events": _EVENTS}
    with _writer(order) as (ids, begin), _watch(ours.pid) as peak:
        told = _read(ours, ids, count, begin)
    facts = {"streams": count, "jobs": jobs, "events": sum(told["seqs"]), **told["facts"]}
    facts["peak_MiB"] = round(peak.mib, 1)
    wrong = tuple(told["wrong"][:10])
    name = f"event streams, {database}, lost or doubled"
    memory = f"event streams, {database}, memory of the API"
    return [
        Row(name, 0.0, float(len(told["wrong"])), "streams", 1.0, facts, wrong),
        Row(memory, _MOST_MIB, peak.mib, "MiB", 1.0, facts),
    ]


@contextmanager
def _writer(order: Mapping[str, Any]) -> Iterator[tuple[list[str], subprocess.Popen[str]]]:
    """Gives the ids of the jobs; writes their events once it is told to."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.streams", "write"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        print(json.dumps(order), file=process.stdin, flush=True)
        yield json.loads(process.stdout.readline()), process
    finally:
        process.kill()
        process.wait()


def _read(
    ours: Served, ids: Sequence[str], count: int, writer: subprocess.Popen[str]
) -> dict[str, Any]:
    order = {"url": ours.url, "headers": dict(ours.headers), "ids": list(ids), "streams": count}
    reader = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.streams", "read"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert reader.stdin is not None
        assert reader.stdout is not None
        assert writer.stdin is not None
        print(json.dumps(order), file=reader.stdin, flush=True)
        if reader.stdout.readline().strip() != "open":
            raise RuntimeError("the streams could not be opened")
        print("begin", file=writer.stdin, flush=True)
        found: dict[str, Any] = json.loads(reader.stdout.readline())
        return found
    finally:
        reader.kill()
        reader.wait()


@dataclass(slots=True)
class _Peak:
    mib: float = 0.0


@contextmanager
def _watch(pid: int) -> Iterator[_Peak]:
    """The high water mark of a process's memory (VmHWM), as far as it grew until the end."""
    peak = _Peak()
    yield peak
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    peak.mib = next(int(x.split()[1]) for x in lines if x.startswith("VmHWM:")) / 1024


# The process that writes


def write() -> None:
    """Makes jobs, says their ids, and writes events to each until its end."""
    from reelwright.store import jobs
    from reelwright.store.database import Tx
    from reelwright.store.rows import NewJobRow
    from reelwright.store.states import JobState
    from reelwright.store.store import open_store

    order = json.loads(sys.stdin.readline())
    store = open_store(order["place"])
    step = ("step", {"key": "cut.video.1", "state": "running", "attempt": 1})

    def make(tx: Tx) -> str:
        job_id = jobs.insert(tx, NewJobRow(spec={}, plan={}, base="/"))
        jobs.record(tx, job_id, ("job", {"state": "queued", "error": None}))
        return job_id

    def end(tx: Tx, job_id: str) -> None:
        jobs.move(tx, job_id, JobState.CANCELLED)
        jobs.record(tx, job_id, ("job", {"state": "cancelled", "error": None}))

    ids = [store.transact(make) for _ in range(order["jobs"])]
    print(json.dumps(ids), flush=True)
    sys.stdin.readline()
    for _ in range(order["events"] - 2):
        for job_id in ids:
            store.transact(lambda tx, it=job_id: jobs.record(tx, it, step), durable=False)  # type: ignore[misc]
    for job_id in ids:
        store.transact(lambda tx, it=job_id: end(tx, it))  # type: ignore[misc]
    store.close()


# The process that reads


@dataclass(slots=True)
class _Stream:
    """One client; `seqs` is all that it was told, over all of its connections."""

    job_id: str
    is_cut: bool
    seqs: list[int] = field(default_factory=list)
    is_ended: bool = False
    connections: int = 0


def read() -> None:
    """Opens the streams, says so, and reads each to its end; says what was wrong with any."""
    order = json.loads(sys.stdin.readline())
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 10_000)), hard))
    print(json.dumps(asyncio.run(_read_all(order))), flush=True)


async def _read_all(order: Mapping[str, Any]) -> dict[str, Any]:
    drawn = random.Random(0)
    ids = order["ids"]
    some = [
        _Stream(ids[number % len(ids)], drawn.random() < _CUT_SHARE)
        for number in range(order["streams"])
    ]
    gate, opened = asyncio.Semaphore(100), asyncio.Semaphore(0)
    begun = time.monotonic()
    tasks = [asyncio.create_task(_follow(order, one, gate, opened)) for one in some]
    for _ in some:
        async with asyncio.timeout(_PATIENCE_S):
            await opened.acquire()
    opening_s = time.monotonic() - begun
    print("open", flush=True)
    begun = time.monotonic()
    await asyncio.wait(tasks, timeout=_PATIENCE_S)
    took_s = time.monotonic() - begun
    last = max(max(one.seqs, default=0) for one in some)
    wrong = [
        f"{one.job_id}: {len(one.seqs)} events, {len(set(one.seqs))} different, of {last}"
        for one in some
        if one.seqs != list(range(1, last + 1)) or not one.is_ended
    ]
    facts = {
        "opening_s": round(opening_s, 2),
        "reading_s": round(took_s, 2),
        "each_s": round(sum(len(one.seqs) for one in some) / took_s),
        "came_back": sum(one.connections > 1 for one in some),
    }
    return {"wrong": wrong, "seqs": [len(one.seqs) for one in some], "facts": facts}


async def _follow(
    order: Mapping[str, Any], one: _Stream, gate: asyncio.Semaphore, opened: asyncio.Semaphore
) -> None:
    parts = urlsplit(order["url"])
    while not one.is_ended:
        async with gate:
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            headers = {"Host": parts.netloc, **order["headers"]}
            if one.seqs:
                headers["Last-Event-ID"] = str(one.seqs[-1])
            head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            writer.write(f"GET /v1/jobs/{one.job_id}/events HTTP/1.1\r\n{head}\r\n".encode())
            answer = await reader.readuntil(b"\r\n\r\n")
            if not answer.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(answer.decode())
        one.connections += 1
        if one.connections == 1:
            opened.release()
        await _take(one, reader)
        writer.transport.abort()


async def _take(one: _Stream, reader: asyncio.StreamReader) -> None:
    """Reads until the end, or, once, until this stream is to be cut off."""
    # A part of the transfer encoding may begin and end anywhere, but ours hold whole messages.
    while line := await reader.readline():
        if line.startswith(b"id: "):
            one.seqs.append(int(line[4:]))
            if one.is_cut and one.connections == 1 and len(one.seqs) >= _EVENTS // 3:
                return
        elif line.startswith(b"event: end"):
            one.is_ended = True
            return


if __name__ == "__main__":
    {"write": write, "read": read}[sys.argv[1]]()
