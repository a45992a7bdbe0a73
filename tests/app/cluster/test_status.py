"""The state of a cluster, as it is read from what the dispatcher wrote."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from reelwright.app.cluster import drain
from reelwright.app.cluster.status import status, status_for
from reelwright.app.cluster.status_reports import StatusReports
from reelwright.app.principal import LOCAL, Principal
from reelwright.app.settings import load
from reelwright.app.wiring import App
from reelwright.engine.executor import Attempt, Need
from reelwright.engine.nodes import Node, NodeState
from reelwright.errors import Code, ReelError
from reelwright.store import attempts, candidates, jobs, steps, workers
from reelwright.store.attempts import Place
from reelwright.store.rows import NewJobRow, NewStep
from reelwright.store.states import JobState, StepState
from reelwright.store.tables_service import cluster_heads

_GIB = 1 << 30
_ONE = Node(
    host="node:aa11",
    worker="node:aa11/1/2/n",
    total=Need(cpus=4.0, memory_bytes=8 * _GIB, disk_bytes=100 * _GIB),
    workspaces=Path("/w"),
    logs=Path("/l"),
    free_disk_bytes=50 * _GIB,
    labels={"rack": "2"},
    name="studio-1",
    address="127.0.0.2",
    versions={"ray": "2.60.0"},
)
_TWO = replace(_ONE, host="node:aa22", worker="node:aa22/1/2/n", name="studio-2")


class Seen:
    """A cluster whose nodes are what a test says; the contract `Nodes`."""

    def __init__(self, *found: Node) -> None:
        self.found = list(found)
        self.problem: str | None = None

    def view(self) -> list[Node]:
        return self.found

    async def start(self, host: str, attempts: Sequence[Attempt]) -> None:
        raise AssertionError("nobody starts anything here")

    async def stop(self, host: str, attempt: Attempt, grace_s: float) -> bool:
        return False

    async def deaths(self) -> AsyncIterator[str]:
        return
        yield

    async def demand(self, needs: Sequence[Need]) -> None:
        return

    async def close(self) -> None:
        return


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with App(load({"home": tmp_path / "home", "cluster.engine": "ray"}, environ={})) as made:
        yield made


@pytest.fixture
def dispatcher(app: App) -> str:
    one = workers.NewWorker(
        id="here/1/2/n", host="here", pid=1, version="1", cpus=0.0, memory_bytes=0
    )
    app.store.transact(lambda tx: workers.beat(tx, one, workers.WorkerState.ACTIVE))
    return one.id


def _write(app: App, seen: Seen, dispatcher: str, models: Any = None) -> dict[str, Any]:
    reports = StatusReports(app, seen, dispatcher, models=models)
    asyncio.run(reports.write())
    return status(app)


def _running(app: App, host: str, cpus: float = 1.5) -> None:
    with app.store.write() as tx:
        job_id = jobs.insert(tx, NewJobRow({}, {}, "/"))
        new = NewStep("a", 0, "aaa", "ffmpeg", StepState.WAITING, (), {"id": "a"}, cpus, _GIB)
        steps.insert(tx, job_id, [new], max_attempts=3)
        jobs.move(tx, job_id, JobState.RUNNING)
        steps.wake(tx, job_id)
        if host:
            (chosen,) = candidates.candidates(tx, job_id, 10)
            place = Place(host=host, worker="w", workspace="/w/{n}", log="/l/{n}")
            assert attempts.start(tx, chosen, place, 60.0)


def test_a_home_without_a_cluster_says_so(app: App) -> None:
    found = status(app)
    assert found["nodes"] == []
    assert found["dispatcher"] is None
    assert found["head"] == {"address": None, "is_reachable": None, "problem": None, "since": None}
    assert found["waiting"] == {"steps": 0, "reasons": []}


def test_nodes_are_shown_with_what_they_run(app: App, dispatcher: str) -> None:
    _running(app, "node:aa11")
    _running(app, "node:aa11", cpus=0.5)
    _running(app, "elsewhere")
    refused = replace(_TWO, state=NodeState.REFUSED, problem="its FFmpeg is another")
    found = _write(app, Seen(_ONE, refused), dispatcher)
    one, two = found["nodes"]
    assert (one["id"], one["name"], one["state"], one["steps"]) == ("aa11", "studio-1", "active", 2)
    assert one["cpus"] == {"used": 2.0, "total": 4.0}
    assert one["memory_bytes"] == {"used": 2 * _GIB, "total": 8 * _GIB}
    assert one["disk_bytes"] == {"free": 50 * _GIB, "total": 100 * _GIB}
    assert (one["labels"], one["versions"]) == ({"rack": "2"}, {"ray": "2.60.0"})
    assert (two["state"], two["problem"], two["steps"]) == ("refused", "its FFmpeg is another", 0)
    assert found["dispatcher"]["id"] == dispatcher
    assert not found["dispatcher"]["is_silent"]


def test_what_waits_says_why(app: App, dispatcher: str) -> None:
    _running(app, "", cpus=64.0)
    found = _write(app, Seen(_ONE), dispatcher)
    (reason,) = found["waiting"]["reasons"]
    assert (found["waiting"]["steps"], reason["why"], reason["step"]) == (1, "too_large", "a")
    assert "64 cores (a node has 4)" in reason["text"]


def test_a_dispatcher_that_is_not_there_any_more_is_silent(app: App, dispatcher: str) -> None:
    _running(app, "")
    assert not _write(app, Seen(_ONE), dispatcher)["dispatcher"]["is_silent"]
    app.store.transact(lambda tx: workers.remove(tx, dispatcher))
    found = status(app)
    assert found["dispatcher"]["is_silent"]
    assert found["nodes"][0]["state"] == "active", "as it was said last"


def test_of_two_dispatchers_one_writes_until_it_cannot(app: App, dispatcher: str) -> None:
    _write(app, Seen(_ONE), dispatcher)
    other = _write(app, Seen(_ONE, _TWO), "there/1/2/n")
    assert (other["dispatcher"]["id"], len(other["nodes"])) == (dispatcher, 1)
    blind = Seen()
    blind.problem = "no answer"
    _write(app, blind, dispatcher)
    other = _write(app, Seen(_ONE, _TWO), "there/1/2/n")
    assert (other["dispatcher"]["id"], len(other["nodes"])) == ("there/1/2/n", 2)
    with app.store.write() as tx:
        tx.run(sa.update(cluster_heads).values(seen_at=tx.now() - 60))
    assert _write(app, Seen(_ONE), dispatcher)["dispatcher"]["id"] == dispatcher


def test_a_head_that_is_away_is_told_with_what_was_known(app: App, dispatcher: str) -> None:
    seen = Seen(_ONE)

    async def models() -> list[dict[str, Any]]:
        return [{"model": "minilm", "actors": 1}]

    _write(app, seen, dispatcher, models)
    seen.problem, seen.found = "no answer from the head", []
    found = _write(app, seen, dispatcher, models)
    assert found["head"]["problem"] == "no answer from the head"
    assert [node["state"] for node in found["nodes"]] == ["active"]
    assert found["models"] == [{"model": "minilm", "actors": 1}]


def test_the_head_and_the_shared_store_are_asked_now(app: App, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        flags = {"home": app.home, "cluster.address": address, "cluster.artifacts": str(tmp_path)}
        with App(load(flags, environ={})) as other:
            found = status(other)
            assert found["head"]["is_reachable"] is True
            assert found["artifacts"]["is_reachable"] is True, found["artifacts"]
            listening.close()
            found = status(other)
    assert found["head"]["is_reachable"] is False
    assert address in found["head"]["problem"]


def test_it_is_for_those_who_may_see_metrics(app: App) -> None:
    assert status_for(app, LOCAL)["nodes"] == []
    nobody = Principal(actor="key:x", owner="ann", scopes=frozenset({"read"}))
    with pytest.raises(ReelError) as refused:
        status_for(app, nobody)
    assert refused.value.code is Code.FORBIDDEN


def test_a_drain_is_asked_by_what_people_know_of_a_node(app: App, dispatcher: str) -> None:
    seen = Seen(_ONE, _TWO)
    _write(app, seen, dispatcher)
    assert drain.drain(app, "studio-2")["state"] == "draining"
    found = _write(app, seen, dispatcher)
    assert [(n["name"], n["state"]) for n in found["nodes"]] == [
        ("studio-1", "active"),
        ("studio-2", "draining"),
    ]
    assert drain.drain(app, "aa22", undo=True)["state"] == "active"
    for given, hint in (("aa", "more of the id"), ("studio-9", "studio-1, studio-2"), ("", "")):
        with pytest.raises(ReelError) as unknown:
            drain.drain(app, given)
        assert unknown.value.code is Code.NODE_UNKNOWN
        assert hint in str(unknown.value.problem.hint)


def test_a_drain_is_waited_for_until_nothing_runs(app: App, dispatcher: str) -> None:
    _running(app, "node:aa11")
    _write(app, Seen(_ONE), dispatcher)
    node = drain.drain(app, "studio-1")
    told: list[int] = []
    with pytest.raises(ReelError) as late:
        drain.wait(app, node["id"], 0.0, told.append)
    assert late.value.code is Code.TIMEOUT
    assert told == [1]

    def finish(_steps: int) -> None:
        with app.store.write() as tx:
            (running,) = attempts.running(tx)
            tx.lock_job(running.job_id)
            steps.move(tx, running.step_id, StepState.CANCELLED, finished_at=tx.now())

    assert drain.wait(app, node["id"], None, finish)["steps"] == 0


def test_a_node_that_leaves_ends_the_wait(app: App, dispatcher: str) -> None:
    _running(app, "node:aa11")
    _write(app, Seen(_ONE), dispatcher)
    drain.drain(app, "studio-1")

    def leave(_steps: int) -> None:
        _write(app, Seen(), dispatcher)

    assert drain.wait(app, "aa11", None, leave)["state"] == "lost"
    assert status(app)["nodes"] == []
