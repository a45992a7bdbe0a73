"""A service that is killed while it works: four workers, two hundred steps of real media.

One process serves the API, four are workers. Every ten seconds a worker is killed with -9 and
another takes its place; the API is killed twice; one worker is frozen for three lease lifetimes and
thawed. Counted are jobs that were lost, files delivered twice, processes that outlived the service,
and how long a dead worker's steps lay there.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchmarks.api import server_database
from benchmarks.kill9 import Findings, check_job
from benchmarks.measure import Row, Size, environment, reel
from benchmarks.media import clip
from reelwright.engine.presence import Presence
from reelwright.store import attempts, jobs, steps
from reelwright.store.rows import AttemptRow
from reelwright.store.states import AttemptState, JobState
from reelwright.store.store import Store, open_store

_WORKERS = 4
_EVERY_S, _FROZEN_S, _RECOVERY_S = 10.0, 45.0, 30.0
_LIMIT_S = 3600.0


@dataclass
class Found(Findings):
    """`recoveries_s` are times from a kill or a freeze to the release of a step."""

    recoveries_s: list[float] = field(default_factory=list)


def service_kills(size: Size) -> list[Row]:
    rows: list[Row] = []
    for database in ("PostgreSQL", "SQLite"):
        folder = Path(tempfile.mkdtemp(prefix="reel-bench-service-"))
        try:
            with server_database(database) as url:
                found = _Killing(folder, url, max(2, round(100 * size.share))).measure()
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        rows += _rows(database, found)
    return rows


def _rows(database: str, found: Found) -> Iterator[Row]:
    bad = [
        f"{kind}: {what}"
        for kind in ("lost", "duplicated", "orphans")
        for what in getattr(found, kind)
    ]
    facts = {"kills": found.kills, "steps_released": len(found.recoveries_s)}
    wrong = tuple(line[:400] for line in bad[:20])
    yield Row(f"workers killed, {database}: faults", 0, len(bad), "faults", 1.0, facts, wrong)
    slowest = max(found.recoveries_s, default=0.0)
    yield Row(f"workers killed, {database}: recovery", _RECOVERY_S, slowest, "s", 1.0, facts)


class _Killing:
    """One service in one home, disturbed until every job has come to its end."""

    def __init__(self, folder: Path, database: str | None, count: int) -> None:
        self.folder, self.count = folder, count
        self.home = folder / "home"
        env = {"REEL_HOME": str(self.home), "REEL_SERVE__RATE": "1000000/second"}
        if database is not None:
            env["REEL_DATABASE"] = database
        self.database = database or f"sqlite:///{self.home / 'reelwright.db'}"
        self.env = environment(env)
        self.found = Found()
        self.processes: list[subprocess.Popen[bytes]] = []
        self.workers: list[subprocess.Popen[bytes]] = []
        self.hurt: list[tuple[int, float]] = []  # process id, when
        self.port = 0
        self.token = ""

    def measure(self) -> Found:
        source = clip(max(2, round(20 * self.count / 100)), "640x360")
        try:
            self._serve()
            for _ in range(_WORKERS):
                self._work()
            ids = [self._submit(source, number) for number in range(self.count)]
            self._disturb(ids)
        finally:
            self._end()
        self._check(ids)
        self._look_for_orphans()
        return self.found

    def _start(self, *words: str, stdout: int | None = None) -> subprocess.Popen[bytes]:
        with (self.folder / f"{words[0]}-{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(reel(*words), env=self.env, stdout=stdout or log, stderr=log)
        self.processes.append(process)
        return process

    def _serve(self) -> None:
        words = ["serve", "--no-worker", "--json", "--port", str(self.port)]
        self.api = self._start(*words, stdout=subprocess.PIPE)
        assert self.api.stdout is not None
        line = self.api.stdout.readline()
        if not line:
            raise RuntimeError("reel serve did not begin to serve")
        ready = json.loads(line)
        self.port, self.token = httpx.URL(ready["url"]).port or 0, ready["token"]

    def _work(self) -> None:
        self.workers.append(self._start("worker", "--json"))

    def _submit(self, source: Path, number: int) -> str:
        """Two steps: what loudnorm measures decides what the second one does."""
        # Each job has an identity of its own: nothing comes from the cache.
        cut = {"id": "cut", "op": "trim", "input": "in", "start": f"{number * 0.04:.2f}s"}
        level = {"id": "level", "op": "loudnorm", "input": "cut", "target": -16}
        to = {"from": "level", "to": str(self._output(number)),
              "video": {"codec": "h264", "crf": 30}}  # fmt: skip
        spec = {"inputs": {"in": str(source)}, "operations": [cut, level], "outputs": [to]}
        answer = httpx.post(
            f"http://127.0.0.1:{self.port}/v1/jobs",
            json=spec,
            headers={
                "Authorization": f"Bearer {self.token}",
                "Idempotency-Key": secrets.token_hex(8),
            },
            timeout=60,
        )
        answer.raise_for_status()
        return str(answer.json()["id"])

    def _output(self, number: int) -> Path:
        return self.folder / "out" / f"{number}.mp4"

    def _disturb(self, ids: list[str]) -> None:
        """The frozen worker and the API have their turns in the first third."""
        begun = time.monotonic()
        thaw_at: float | None = None
        frozen: subprocess.Popen[bytes] | None = None
        while not self._done(ids):
            if time.monotonic() - begun > _LIMIT_S:
                self.found.lost.append(f"not done after {_LIMIT_S:g} s")
                return
            until = time.monotonic() + _EVERY_S
            while time.monotonic() < until and not self._done(ids):
                time.sleep(0.5)
            if frozen is not None and thaw_at is not None and time.monotonic() >= thaw_at:
                frozen.send_signal(signal.SIGCONT)
                self.workers.append(frozen)
                frozen, thaw_at = None, None
            self._kill_a_worker()
            if self.found.kills == 2 and frozen is None:
                frozen = self._busy_worker()
                frozen.send_signal(signal.SIGSTOP)
                self.hurt.append((frozen.pid, time.time()))
                thaw_at = time.monotonic() + _FROZEN_S
            if self.found.kills in {1, 3}:
                self.api.kill()
                self.api.wait()
                self._serve()
        if frozen is not None and thaw_at is not None:
            # It wakes up to jobs that others have ended.
            time.sleep(max(0.0, thaw_at - time.monotonic()))
            frozen.send_signal(signal.SIGCONT)
            time.sleep(5)

    def _kill_a_worker(self) -> None:
        victim = self._busy_worker()
        self.hurt.append((victim.pid, time.time()))
        victim.kill()
        victim.wait()
        self.found.kills += 1
        self._work()

    def _busy_worker(self) -> subprocess.Popen[bytes]:
        """One that runs a step, if any does within a while: else a kill would show nothing."""
        deadline = time.monotonic() + _EVERY_S
        while time.monotonic() < deadline:
            with self._store() as store, store.read() as tx:
                owners = {Presence.parse(held.owner).pid for held in attempts.running(tx)}
            busy = [worker for worker in self.workers if worker.pid in owners]
            if busy:
                self.workers.remove(chosen := random.choice(busy))
                return chosen
            time.sleep(0.05)
        return self.workers.pop(random.randrange(len(self.workers)))

    def _done(self, ids: list[str]) -> bool:
        with self._store() as store, store.read() as tx:
            open_states = (JobState.QUEUED, JobState.RUNNING)
            return not jobs.listing(tx, states=open_states, limit=1) and bool(ids)

    @contextmanager
    def _store(self) -> Iterator[Store]:
        store = open_store(self.database)
        try:
            yield store
        finally:
            store.close()

    def _end(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in self.processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(60)
            process.kill()

    def _check(self, ids: list[str]) -> None:
        with self._store() as store:
            for number, job_id in enumerate(ids):
                path = self._output(number)
                check_job(store, job_id, [path], self.found)
                if not path.is_file():
                    self.found.lost.append(f"{path} is not there")
                with store.read() as tx:
                    for step in steps.of_job(tx, job_id):
                        self._time_recoveries(attempts.of_step(tx, step.id))

    def _time_recoveries(self, tries: list[AttemptRow]) -> None:
        for one in tries:
            if one.state is not AttemptState.LOST or one.finished_at is None:
                continue
            pid = Presence.parse(one.worker).pid
            at = max((when for who, when in self.hurt if who == pid), default=None)
            if at is not None:
                self.found.recoveries_s.append(max(0.0, one.finished_at - at))

    def _look_for_orphans(self) -> None:
        """Commands have an empty environment, but work below this home."""
        deadline = time.monotonic() + 20
        while (left := self._left()) and time.monotonic() < deadline:
            time.sleep(0.5)
        self.found.orphans += left

    def _left(self) -> list[str]:
        found = []
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit() or int(folder.name) == os.getpid():
                continue
            with suppress(OSError):
                said = (
                    (folder / "cmdline")
                    .read_bytes()
                    .replace(b"\0", b" ")
                    .decode("utf-8", "replace")
                )
                where = str((folder / "cwd").readlink())
                if str(self.home) in said or where.startswith(str(self.home)):
                    found.append(f"{folder.name} {said}")
        return found
