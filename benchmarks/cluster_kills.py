"""A cluster whose nodes are killed and frozen while it works: two hundred steps of ten seconds.

Everything is started by the commands that a person would type: a head, four nodes and a dispatcher
on addresses of loopback, an API beside them, PostgreSQL. The steps ask a model behind HTTP that
takes ten seconds to answer; each job also encodes its film and delivers it. Every ten seconds one
node is hurt: its agent, its raylet or the command that keeps it is killed with -9, or all of its
processes are frozen, for longer than leases live, and thawed. The dispatcher is killed twice.
Counted are jobs that were lost, files delivered twice, segments that were paid for twice, processes
that outlived the cluster, and how long the steps of a node that was hurt lay there.
"""

from __future__ import annotations

import json
import random
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.api import server_database
from benchmarks.kill9 import Findings, check_job
from benchmarks.loopback import Loopback, Machine, named, signal_all, tree
from benchmarks.measure import Row, Size
from benchmarks.understand_kills import Counting, make_video, provider
from reelwright.engine.presence import Presence
from reelwright.store import attempts, jobs, steps
from reelwright.store.rows import AttemptRow
from reelwright.store.states import AttemptState, JobState

_NODES, _CPUS, _SHOTS = 4, 4, 20
_EVERY_S, _FROZEN_S, _RECOVERY_S = 10.0, 35.0, 30.0
_ANSWER_S = 10.0
_LIMIT_S = 2400.0
_HURTS = ("agent", "raylet", "node", "freeze")


@dataclass
class Found(Findings):
    """`recoveries_s` are times from a hurt to the release of a step that it cost."""

    recoveries_s: list[float] = field(default_factory=list)
    hurts: Counter[str] = field(default_factory=Counter)
    twice: list[str] = field(default_factory=list)
    adopted: int = 0
    steps: int = 0
    took_s: float = 0.0


def cluster_kills(size: Size) -> list[Row]:
    """200 steps at the full size."""
    folder = Path(tempfile.mkdtemp(prefix="reel-ck-"))
    films, shots = (1, 4) if size.name == "toy" else (max(1, round(10 * size.share)), _SHOTS)
    try:
        with server_database("PostgreSQL") as url, provider(_ANSWER_S) as (counting, model):
            assert url is not None
            found = Killing(folder, url, model, films=films, shots=shots).measure(counting)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return list(_rows(found))


def _rows(found: Found) -> Iterator[Row]:
    bad = [
        f"{kind}: {what}"
        for kind in ("lost", "duplicated", "orphans", "twice")
        for what in getattr(found, kind)
    ]
    facts = {
        "hurts": dict(found.hurts),
        "steps": found.steps,
        "steps_released": len(found.recoveries_s),
        "adopted_by_the_next_dispatcher": found.adopted,
        "took_s": round(found.took_s, 1),
        "recoveries_s": [round(one, 1) for one in sorted(found.recoveries_s)],
    }
    wrong = tuple(line[:400] for line in bad[:20])
    yield Row("nodes killed and frozen: faults", 0, len(bad), "faults", 1.0, facts, wrong)
    slowest = max(found.recoveries_s, default=0.0)
    yield Row("nodes killed and frozen: recovery", _RECOVERY_S, slowest, "s", 1.0, facts)


class Killing:
    """One cluster in one folder, disturbed until every job has come to its end."""

    def __init__(
        self, folder: Path, database: str, model: str, *, films: int, shots: int = _SHOTS
    ) -> None:
        self.folder, self.films, self.shots = folder, films, shots
        models = {
            "REEL_CLUSTER__SHORT_S": "0",
            "REEL_MODELS__VISION": "openai:counting",
            "REEL_MODELS__OPENAI_URL": model,
            "REEL_MODELS__OPENAI_KEY": "none",
            "REEL_MODELS__AT_ONCE": "100",
            "REEL_MODELS__PER_MINUTE": "100000",
        }
        self.cluster = Loopback(folder, database, cpus=_CPUS, env=models)
        self.found = Found()
        self.hurt: list[tuple[set[int], float]] = []  # process ids, when

    def measure(self, counting: Counting) -> Found:
        try:
            self.cluster.begin(_NODES)
            begun = time.monotonic()
            ids = [self._submit(number) for number in range(self.films)]
            self._disturb(ids)
            self.found.took_s = time.monotonic() - begun
            self._check(ids)
        finally:
            self.cluster.end()
        deadline = time.monotonic() + 30
        while (left := self.cluster.left()) and time.monotonic() < deadline:
            time.sleep(0.5)
        self.found.orphans += left
        self.found.twice += [f"{k[:8]} {n} times" for k, n in counting.paid.items() if n > 1]
        return self.found

    def _submit(self, number: int) -> str:
        film = self.folder / f"film{number}.mp4"
        make_video(film, self.shots, seed=number)
        spec = {
            "inputs": {"film": str(film)},
            "operations": [
                {"id": "seen", "op": "describe", "input": "film", "segment": "20s", "pictures": 1}
            ],
            "outputs": [
                {"from": "seen.descriptions", "to": str(self._outputs(number)[0])},
                {"from": "film", "to": str(self._outputs(number)[1]),
                 "video": {"codec": "h264", "preset": "medium"}},
            ],
        }  # fmt: skip
        answer = self.cluster.http("POST", "/v1/jobs", spec)
        if answer.status_code >= 300:
            raise RuntimeError(answer.text)
        return str(answer.json()["id"])

    def _outputs(self, number: int) -> list[Path]:
        return [self.folder / "out" / f"{number}.json", self.folder / "out" / f"{number}.mp4"]

    def _disturb(self, ids: list[str]) -> None:
        begun = time.monotonic()
        kills = 0
        while not self._done(ids):
            if time.monotonic() - begun > _LIMIT_S:
                self.found.lost.append(f"not done after {_LIMIT_S:g} s")
                return
            self._wait(ids, _EVERY_S)
            self.cluster.thaw()
            if self._done(ids):
                break
            self._hurt_a_node()
            kills += 1
            if kills in {3, 6}:
                self._kill_the_dispatcher()
        for node in self.cluster.nodes:  # they wake up to jobs that others have ended
            if node.thaw_at is not None:
                time.sleep(max(0.0, node.thaw_at - time.monotonic()))
        self.cluster.thaw()
        time.sleep(2)

    def _wait(self, ids: list[str], seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._done(ids):
            time.sleep(0.5)

    def _hurt_a_node(self) -> None:
        node = self._busy_node()
        if node is None:
            return
        how = _HURTS[sum(self.found.hurts.values()) % len(_HURTS)]
        below = tree(node.process.pid)
        self.hurt.append((set(below), time.time()))
        self.found.hurts[how] += 1
        self.found.kills += 1
        if how == "freeze":
            self.cluster.freeze(node, _FROZEN_S)
        elif how == "node":
            node.process.kill()
            node.process.wait()
            self.cluster.nodes.remove(node)
            self.cluster.join(node.number)
        else:
            signal_all(
                named(below, "raylet/raylet" if how == "raylet" else "ray::Hosted"), signal.SIGKILL
            )

    def _kill_the_dispatcher(self) -> None:
        before = self._running()
        self.cluster.dispatcher.kill()
        self.cluster.dispatcher.wait()
        self.found.hurts["dispatcher"] += 1
        self.cluster.dispatch()
        self.found.adopted += len(before & self._running())

    def _running(self) -> set[tuple[str, int]]:
        with self.cluster.store() as store, store.read() as tx:
            return {(held.step_id, held.attempt) for held in attempts.running(tx)}

    def _busy_node(self) -> Machine | None:
        """One that runs a step, if any does: else a kill would show nothing."""
        with self.cluster.store() as store, store.read() as tx:
            owners = {Presence.parse(held.owner).pid for held in attempts.running(tx)}
        busy = [
            node
            for node in self.cluster.nodes
            if node.thaw_at is None and owners & set(tree(node.process.pid))
        ]
        return random.choice(busy) if busy else None

    def _done(self, ids: list[str]) -> bool:
        with self.cluster.store() as store, store.read() as tx:
            open_states = (JobState.QUEUED, JobState.RUNNING)
            return not jobs.listing(tx, states=open_states, limit=1) and bool(ids)

    def _check(self, ids: list[str]) -> None:
        with self.cluster.store() as store:
            for number, job_id in enumerate(ids):
                paths = self._outputs(number)
                check_job(store, job_id, paths, self.found)
                self.found.lost += [f"{path} is not there" for path in paths if not path.is_file()]
                if paths[0].is_file():
                    self._check_descriptions(paths[0])
                with store.read() as tx:
                    for step in steps.of_job(tx, job_id):
                        self.found.steps += step.kind == "task"
                        self._time_recoveries(attempts.of_step(tx, step.id))

    def _check_descriptions(self, path: Path) -> None:
        body = json.loads(path.read_text())
        entries = body if isinstance(body, list) else body["descriptions"]
        told = {entry["description"] for entry in entries}
        if len(told) != self.shots:
            self.found.lost.append(f"{path.name}: {len(told)} of {self.shots} segments")

    def _time_recoveries(self, tries: Iterable[AttemptRow]) -> None:
        for one in tries:
            if one.state is not AttemptState.LOST or one.finished_at is None:
                continue
            pid = Presence.parse(one.worker).pid
            since = [
                when
                for pids, when in self.hurt
                if pid in pids and one.started_at <= when <= one.finished_at
            ]
            if since:
                self.found.recoveries_s.append(one.finished_at - max(since))
