"""Which nodes may run steps: versions, database, store, home; and what an agent says of itself."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reelwright.app.cluster.agent import Agent
from reelwright.app.cluster.joining import Expected, expected, made_mark, other_versions, problems
from reelwright.app.settings import load
from reelwright.app.wiring import App
from reelwright.engine.presence import this_host
from reelwright.errors import Code, ReelError
from reelwright.store import workers
from reelwright.store.shared import open_shared
from reelwright.store.workers import NewWorker, WorkerState

OURS = {"reelwright": "1.2.0", "python": "3.11.7", "ray": "2.60.0", "ffmpeg": "abc"}
WORKER = "here-1/10/20/n"
RAY = {"resources": {"CPU": 3.0, "memory": 2e9, "scratch": 1024.0, "GPU": 1.0}, "labels": {}}


def test_what_a_node_runs_is_compared() -> None:
    assert other_versions(OURS, OURS) == []
    assert other_versions(OURS, {**OURS, "python": "3.11.9"}) == []
    assert other_versions(OURS, {**OURS, "python": "3.12.7"}) == [
        "Python 3.12.7 there, 3.11.7 here"
    ]
    found = other_versions(OURS, {"reelwright": "1.3.0", "python": "3.11.7", "ray": "2.60.0"})
    assert found == ["Reelwright 1.3.0 there, 1.2.0 here", "FFmpeg ? there, abc here"]


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """A dispatcher, known in its database."""
    (tmp_path / "shared").mkdir()
    monkeypatch.setenv("REEL_DATABASE", f"sqlite:///{tmp_path / 'shared.db'}")
    monkeypatch.setenv("REEL_CLUSTER__ARTIFACTS", str(tmp_path / "shared"))
    with App(load()) as app:
        me = NewWorker(id=WORKER, host="here", pid=1, version="1", cpus=0.0, memory_bytes=0)
        app.store.transact(lambda tx: workers.beat(tx, me, WorkerState.ACTIVE))
        yield app


@pytest.fixture
def wanted(service: App) -> Expected:
    return expected(service, WORKER)


def there(monkeypatch: pytest.MonkeyPatch, wanted: Expected, **environ: str | None) -> list[str]:
    """What a node with that environment finds amiss."""
    for name, value in environ.items():
        if value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value)
    with App(load()) as app:
        return problems(app, wanted.to_json())


def test_a_node_with_the_same_database_and_store_is_welcome(
    monkeypatch: pytest.MonkeyPatch, wanted: Expected
) -> None:
    assert there(monkeypatch, wanted) == []


def test_a_node_with_another_database_is_not(
    monkeypatch: pytest.MonkeyPatch, wanted: Expected, tmp_path: Path
) -> None:
    other = f"sqlite:///{tmp_path / 'other.db'}"
    (found,) = there(monkeypatch, wanted, REEL_DATABASE=other)
    assert "another database" in found
    (found,) = there(monkeypatch, wanted, REEL_DATABASE=None)
    assert "no database" in found


def test_sqlite_ends_at_the_machine(monkeypatch: pytest.MonkeyPatch, wanted: Expected) -> None:
    assert wanted.machine == this_host()
    (found,) = there(monkeypatch, replace(wanted, machine="another-machine"))
    assert "SQLite" in found


def test_a_node_with_another_store_is_not(
    monkeypatch: pytest.MonkeyPatch, wanted: Expected, tmp_path: Path
) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    (found,) = there(monkeypatch, wanted, REEL_CLUSTER__ARTIFACTS=str(other))
    assert str(other) in found
    assert wanted.artifacts in found
    made_mark(open_shared(str(other)))  # another service's
    (found,) = there(monkeypatch, wanted)
    assert "another shared store" in found
    (found,) = there(monkeypatch, wanted, REEL_CLUSTER__ARTIFACTS=None)
    assert "REEL_CLUSTER__ARTIFACTS" in found


def test_a_service_without_a_store_has_no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    with App(load()) as app, pytest.raises(ReelError) as raised:
        expected(app, WORKER)
    assert raised.value.code is Code.CONFIG_INVALID


def test_dispatchers_of_one_store_read_the_same_mark(service: App, wanted: Expected) -> None:
    assert expected(service, "another").mark == wanted.mark
    assert len(wanted.mark) >= 32


def look(agent: Agent, wanted: dict[str, Any]) -> dict[str, Any]:
    return asyncio.run(agent.look(wanted, RAY))


def test_an_agent_has_what_ray_says_that_the_node_has(service: App, wanted: Expected) -> None:
    agent = Agent("reelwright", "aa11")
    report = look(agent, wanted.to_json())
    assert report["problems"] == []
    assert report["worker"].startswith("node:aa11/")
    assert report["total"] == {
        "cpus": 3.0,
        "memory_bytes": 2_000_000_000,
        "disk_bytes": 1 << 30,
        "gpus": 1,
    }
    assert 0 < report["free_disk_bytes"] <= 1 << 30
    assert report["versions"] == dict(wanted.versions)
    with service.store.read() as tx:
        rows = {row.id: row for row in workers.listing(tx)}
    assert (rows[report["worker"]].host, rows[report["worker"]].cpus) == ("node:aa11", 3.0)
    asyncio.run(agent.close())
    with service.store.read() as tx:
        assert report["worker"] not in {row.id for row in workers.listing(tx)}


def test_an_agent_that_was_refused_is_welcome_when_it_was_mended(
    service: App, wanted: Expected
) -> None:
    agent = Agent("reelwright", "aa11")
    refused = look(agent, replace(wanted, worker="somebody-else/1/2/n").to_json())
    assert (refused["worker"], len(refused["problems"])) == (None, 1)
    assert look(agent, wanted.to_json())["worker"] is not None
    asyncio.run(agent.close())


def test_a_home_is_one_agents(service: App, wanted: Expected) -> None:
    first = Agent("reelwright", "aa11")
    assert look(first, wanted.to_json())["problems"] == []
    # In a process of its own, as on a machine with two nodes.
    pool = multiprocessing.get_context("spawn").Pool(1)
    try:
        report = pool.apply(_second, (wanted.to_json(),))
    finally:
        pool.terminate()
    assert report["worker"] is None
    assert "home" in report["problems"][0]
    asyncio.run(first.close())


def _second(wanted: dict[str, Any]) -> dict[str, Any]:
    return look(Agent("reelwright", "aa22"), wanted)
