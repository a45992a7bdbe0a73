"""Clusters for tests that hurt them, on a PostgreSQL of their own.

What is started is what a person starts: `reel cluster start` and `join`, `reel serve`, `reel
worker`. The steps ask a model behind HTTP that answers after some seconds: time enough to hurt.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from benchmarks.kill9 import Findings, check_job
from benchmarks.loopback import Loopback, Machine, tree
from benchmarks.understand_kills import Counting, make_video, provider
from reelwright.engine.presence import Presence
from reelwright.store import attempts, jobs, steps
from reelwright.store.rows import AttemptRow, Running
from reelwright.store.states import JobState
from tests.postgres import Server, make_server

T = TypeVar("T")
_SHOTS = 4
_ANSWER_S = 12.0
_PATIENCE_S = 400.0


class Case:
    """One cluster on a PostgreSQL of its own, and what its jobs have come to."""

    def __init__(self, cluster: Loopback, server: Server, counting: Counting) -> None:
        self.cluster, self.server, self.counting = cluster, server, counting
        self._films = 0

    def submit(self) -> tuple[str, Path]:
        """A job of `_SHOTS` steps that wait for the model; its id, and what it delivers."""
        self._films += 1
        film = self.cluster.folder / f"film{self._films}.mp4"
        to = self.cluster.folder / "out" / f"{self._films}.json"
        make_video(film, _SHOTS, seed=self._films)
        seen = {"id": "seen", "op": "describe", "input": "film", "segment": "20s", "pictures": 1}
        spec = {
            "inputs": {"film": str(film)},
            "operations": [seen],
            "outputs": [{"from": "seen.descriptions", "to": str(to)}],
        }
        answer = self.cluster.http("POST", "/v1/jobs", spec)
        assert answer.status_code == 202, answer.text
        return answer.json()["id"], to

    def running(self, job_id: str) -> list[Running]:
        """The job's steps that wait for the model."""
        with self.cluster.store() as store, store.read() as tx:
            kinds = {step.id: step.kind for step in steps.of_job(tx, job_id)}
            found = attempts.running(tx, job_id=job_id)
            return [held for held in found if kinds[held.step_id] == "task"]

    def until_running(self, job_id: str, count: int = 1) -> list[Running]:
        return until(lambda: found if len(found := self.running(job_id)) >= count else None)

    def node_of(self, held: Running) -> Machine:
        pid = Presence.parse(held.owner).pid
        return next(n for n in self.cluster.nodes if pid in tree(n.process.pid))

    def done(self, job_id: str, to: Path) -> list[AttemptRow]:
        """Waits for the end: nothing lost, delivered or paid for twice; the steps' attempts."""

        def state() -> JobState | None:
            with self.cluster.store() as store, store.read() as tx:
                found = jobs.get(tx, job_id).state
            return found if found.is_final else None

        assert until(state) is JobState.SUCCEEDED, self.told(job_id)
        found = Findings()
        with self.cluster.store() as store:
            check_job(store, job_id, [to], found)
            with store.read() as tx:
                tasks = [step for step in steps.of_job(tx, job_id) if step.kind == "task"]
                tries = [one for step in tasks for one in attempts.of_step(tx, step.id)]
        assert not found.lost + found.duplicated, (found.lost, found.duplicated)
        body = json.loads(to.read_text())
        assert len({entry["description"] for entry in body["descriptions"]}) == _SHOTS
        assert set(self.counting.paid.values()) == {1}
        return tries

    def told(self, job_id: str) -> str:
        return self.cluster.http("GET", f"/v1/jobs/{job_id}").text


def until(look: Callable[[], T | None]) -> T:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if (found := look()) is not None:
            return found
        time.sleep(0.1)
    raise AssertionError("it did not come")


@contextmanager
def hurtable(nodes: int, env: dict[str, str] | None = None) -> Iterator[Case]:
    """A cluster of so many nodes of four cores; nothing of it is left afterwards."""
    # Not below pytest's own folder: paths of sockets are short.
    folder = Path(tempfile.mkdtemp(prefix="reel-hurt-", dir="/tmp"))
    folder.chmod(0o755)
    server = make_server(folder / "postgres")
    try:
        with provider(_ANSWER_S) as (counting, model):
            models = {
                "REEL_CLUSTER__SHORT_S": "0",
                "REEL_MODELS__VISION": "openai:counting",
                "REEL_MODELS__OPENAI_URL": model,
                "REEL_MODELS__OPENAI_KEY": "none",
                "REEL_MODELS__AT_ONCE": "100",
            }
            url = server.create("reel")
            cluster = Loopback(folder, url, cpus=4, env={**models, **(env or {})})
            try:
                cluster.begin(nodes)
                yield Case(cluster, server, counting)
            finally:
                cluster.end()
            until(lambda: None if [p for p in cluster.left() if "postgres" not in p] else True)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
