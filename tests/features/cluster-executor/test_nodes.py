"""Nodes that must not run steps say why; agents and connections that die cost nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from reelwright.store import nodes as asked
from reelwright.store import steps
from reelwright.store.rows import StepRow
from reelwright.store.store import open_store
from reelwright.tools.ray.settings import ray_env
from tests.cluster import Cluster, ClusterNode, active, settled, states
from tests.served import Served, until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800)]

# In every Python of a node, before anything of ours is loaded there.
OTHER_RELEASE = "import reelwright\nreelwright.__version__ = '0.0.7'\n"
OTHER_PYTHON = "import platform\nplatform.python_version = lambda: '3.10.2'\n"
NO_REELWRIGHT = """
import sys
class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "reelwright":
            raise ModuleNotFoundError("No module named 'reelwright'", name="reelwright")
sys.meta_path.insert(0, Nothing())
"""
# Takes all cores of a node for itself, and says when it has them.
OTHERS = """
import sys, time, ray
ray.init(address=sys.argv[1], namespace="others", log_to_driver=False, logging_level=40)
@ray.remote(num_cpus=2)
class Busy:
    def here(self):
        return True
busy = Busy.remote()
ray.get(busy.here.remote())
print("busy", flush=True)
time.sleep(3600)
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("cluster"), nodes=1, cpus=2) as made:
        yield made


@pytest.fixture(scope="module")
def service(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("home") / "home"
    with cluster.service(home, REEL_CLUSTER__SHORT_S="0") as running:
        active(running, 1)
        yield running


@pytest.fixture(scope="module")
def clip(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(ffmpeg, tmp_path_factory.mktemp("media") / "clip.mp4", 2)


@pytest.fixture(scope="module")
def film(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(ffmpeg, tmp_path_factory.mktemp("media") / "film.mp4", 40)


def made(ffmpeg: Path, path: Path, seconds: int) -> Path:
    source = ["-f", "lavfi", "-i", f"testsrc2=s=320x180:r=25:d={seconds}"]
    command = [str(ffmpeg), "-v", "error", *source, "-preset", "ultrafast", str(path)]
    subprocess.run(command, check=True)
    return path


def encode(clip: Path, target: Path, width: int, preset: str = "ultrafast") -> dict[str, Any]:
    return {
        "inputs": {"clip": str(clip)},
        "operations": [{"id": "small", "op": "scale", "input": "clip", "width": width}],
        "outputs": [
            {"from": "small", "to": str(target), "video": {"codec": "h264", "preset": preset}}
        ],
    }


def long(film: Path, target: Path, width: int) -> dict[str, Any]:
    """Takes ten seconds and more."""
    return encode(film, target, width, "veryslow")


def python_with(code: str, folder: Path) -> str:
    """A ``PYTHONPATH`` where Python runs `code` when it starts."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(code)
    return str(folder)


def rows(cluster: Cluster, job_id: str) -> dict[str, StepRow]:
    store = open_store(cluster.shared["REEL_DATABASE"])
    try:
        with store.read() as tx:
            return {row.kind: row for row in steps.of_job(tx, job_id)}
    finally:
        store.close()


def refused(cluster: Cluster, service: Served, name: str, **environ: str) -> str:
    """Why a node with that environment is."""
    cluster.add_node(name, environ=environ)
    try:
        node = settled(
            service,
            name,
            lambda one: one["state"] == "refused" and "being started" not in (one["problem"] or ""),
        )
        return str(node["problem"])
    finally:
        cluster.kill_node(name)


def test_a_node_of_another_service_or_build_is_refused_with_the_reason(
    cluster: Cluster, service: Served, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    found = {
        "release": refused(
            cluster, service, "release", PYTHONPATH=python_with(OTHER_RELEASE, tmp_path / "a")
        ),
        "python": refused(
            cluster, service, "python", PYTHONPATH=python_with(OTHER_PYTHON, tmp_path / "b")
        ),
        "database": refused(
            cluster, service, "database", REEL_DATABASE=f"sqlite:///{tmp_path / 'other.db'}"
        ),
        "nodb": refused(cluster, service, "nodb", REEL_DATABASE=""),
        "store": refused(cluster, service, "store", REEL_CLUSTER__ARTIFACTS=str(other)),
        "nostore": refused(cluster, service, "nostore", REEL_CLUSTER__ARTIFACTS=""),
        "tools": refused(cluster, service, "tools", REEL_FFMPEG="/bin/false"),
    }
    for name, words in {
        "release": ("Reelwright 0.0.7",),
        "python": ("Python 3.10.2",),
        "database": ("another database",),
        "nodb": ("no database", "REEL_DATABASE"),
        "store": ("another shared store", str(other)),
        "nostore": ("no shared store", "REEL_CLUSTER__ARTIFACTS"),
        "tools": ("ffmpeg",),
    }.items():
        for word in words:
            assert word.lower() in found[name].lower(), (name, found[name])
    active(service, 1)


def test_a_node_without_reelwright_says_so(
    cluster: Cluster, service: Served, tmp_path: Path
) -> None:
    path = python_with(NO_REELWRIGHT, tmp_path / "none")
    problem = refused(cluster, service, "bare", PYTHONPATH=path)
    assert "Reelwright cannot be loaded" in problem


def test_two_nodes_may_not_share_a_home(cluster: Cluster, service: Served) -> None:
    (first,) = cluster.running.values()
    problem = refused(cluster, service, "twin", REEL_HOME=str(first.home))
    assert "home" in problem


def test_a_step_is_held_to_what_it_was_reckoned_with_and_reserved(
    cluster: Cluster, service: Served, clip: Path, tmp_path: Path
) -> None:
    """Somebody else's actor has the cores: the step waits for them, and no try is counted."""
    environ = {**os.environ, **ray_env(cluster.token)}
    command = [sys.executable, "-P", "-c", OTHERS, cluster.address]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as others:
        try:
            assert others.stdout is not None
            assert others.stdout.readline() == "busy\n"
            job_id = service.submit(encode(clip, tmp_path / "out.mp4", 160))
            until(lambda: was_given_back(cluster, job_id), 300)
        finally:
            others.kill()
    assert service.ended(job_id, 300)["state"] == "succeeded"
    row = rows(cluster, job_id)["ffmpeg"]
    assert (row.failures, row.losses) == (0, 0)
    assert row.attempt > 1


def test_a_lost_connection_comes_back_and_costs_no_step(
    cluster: Cluster, service: Served, clip: Path, film: Path, tmp_path: Path
) -> None:
    job_id = service.submit(long(film, tmp_path / "long.mp4", 320))
    running(cluster, job_id)
    for pid in children(service.process.pid, "reelwright.tools.ray.child"):
        os.kill(pid, signal.SIGKILL)
    after = service.submit(encode(clip, tmp_path / "short.mp4", 162))
    for one in (job_id, after):
        assert service.ended(one, 600)["state"] == "succeeded"
    row = rows(cluster, job_id)["ffmpeg"]
    assert (row.attempt, row.losses) == (1, 0)


def test_a_dispatcher_that_died_left_its_steps_running_and_its_successor_adopts_them(
    cluster: Cluster, service: Served, film: Path, tmp_path: Path
) -> None:
    """The next service is another process with another worker: nothing is run twice."""
    with cluster.service(tmp_path / "first", REEL_CLUSTER__SHORT_S="0") as first:
        active(first, 1)
        job_id = first.submit(long(film, tmp_path / "long.mp4", 322))
        running(cluster, job_id)
        connections = children(first.process.pid, "reelwright.tools.ray.child")
        first.process.kill()
        first.process.wait(60)
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in connections))
    assert service.ended(job_id, 600)["state"] == "succeeded"
    row = rows(cluster, job_id)["ffmpeg"]
    assert (row.attempt, row.losses) == (1, 0)


def test_an_agent_that_died_is_started_again_and_its_steps_are_given_up_at_once(
    cluster: Cluster, service: Served, film: Path, tmp_path: Path
) -> None:
    (node,) = cluster.running.values()
    job_id = service.submit(long(film, tmp_path / "long.mp4", 324))
    before = running(cluster, job_id)
    for pid in agents(node):
        os.kill(pid, signal.SIGKILL)
    assert service.ended(job_id, 600)["state"] == "succeeded"
    row = rows(cluster, job_id)["ffmpeg"]
    # Once more than needed where it was leased anew before the dispatcher had seen the new agent.
    assert before.attempt < row.attempt <= before.attempt + 2
    assert row.failures == 0
    assert states(service)[node.name]["worker"] != before.lease_owner


def test_a_node_that_is_drained_finishes_and_takes_nothing_new(
    cluster: Cluster, service: Served, clip: Path, tmp_path: Path
) -> None:
    cluster.add_node("second", cpus=2)
    active(service, 2)
    host = f"node:{states(service)['second']['id']}"
    store = open_store(cluster.shared["REEL_DATABASE"])
    try:
        store.transact(lambda tx: asked.ask_drain(tx, host))
        settled(service, "second", lambda one: one["state"] == "draining")
        ids = [service.submit(encode(clip, tmp_path / f"{n}.mp4", 170 + 2 * n)) for n in range(3)]
        for one in ids:
            assert service.ended(one, 300)["state"] == "succeeded"
            assert rows(cluster, one)["ffmpeg"].host != host
        store.transact(lambda tx: asked.ask_drain(tx, host, drain=False))
        settled(service, "second", lambda one: one["state"] == "active")
    finally:
        store.close()
        cluster.kill_node("second")


def test_a_node_that_is_killed_is_lost_and_its_step_runs_elsewhere(
    cluster: Cluster, service: Served, film: Path, tmp_path: Path
) -> None:
    cluster.add_node("doomed", cpus=4)
    active(service, 2)
    host = f"node:{states(service)['doomed']['id']}"
    ids = [service.submit(long(film, tmp_path / f"{n}.mp4", 330 + 2 * n)) for n in range(2)]
    until(lambda: any(runs_on(cluster, one, host) for one in ids), 240)
    cluster.kill_node("doomed")
    settled(service, "doomed", lambda one: one["state"] == "lost")
    for one in ids:
        assert service.ended(one, 900)["state"] == "succeeded"
        assert rows(cluster, one)["ffmpeg"].host != host


def test_a_node_that_froze_loses_its_step_and_ends_it_when_it_thaws(
    cluster: Cluster, service: Served, film: Path, tmp_path: Path
) -> None:
    node = cluster.add_node("frozen", cpus=4)
    active(service, 2)
    host = f"node:{states(service)['frozen']['id']}"
    ids = [service.submit(long(film, tmp_path / f"{n}.mp4", 340 + 2 * n)) for n in range(2)]
    until(lambda: any(runs_on(cluster, one, host) for one in ids), 240)
    until(lambda: commands(node), 240)
    cluster.freeze_node("frozen")
    stopped = commands(node)
    try:
        for one in ids:
            assert service.ended(one, 900)["state"] == "succeeded"
            assert rows(cluster, one)["ffmpeg"].host != host
        assert stopped <= commands(node)
        cluster.thaw_node("frozen")
        until(lambda: not stopped & commands(node), 60)
    finally:
        cluster.kill_node("frozen")


def commands(node: ClusterNode) -> set[int]:
    """Its processes that are FFmpeg."""
    found = set()
    for pid in node.processes:
        with suppress(OSError):
            if Path(f"/proc/{pid}/comm").read_text().startswith("ffmpeg"):
                found.add(pid)
    return found


def was_given_back(cluster: Cluster, job_id: str) -> bool:
    row = rows(cluster, job_id).get("ffmpeg")
    return row is not None and row.attempt >= 1 and row.state.value == "ready"


def runs_on(cluster: Cluster, job_id: str, host: str) -> bool:
    row = rows(cluster, job_id).get("ffmpeg")
    return row is not None and row.state.value == "running" and row.host == host


def running(cluster: Cluster, job_id: str) -> StepRow:
    """The step on a node, once its command runs there."""

    def look() -> StepRow | None:
        row = rows(cluster, job_id).get("ffmpeg")
        return row if row is not None and row.state.value == "running" and row.progress else None

    return until(look, 300, 0.2)


def children(parent: int, word: str) -> list[int]:
    """Processes below `parent` with that word in their command."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            is_child = int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == parent
            if is_child and word in (folder / "cmdline").read_text():
                found.append(int(folder.name))
        except OSError:
            continue
    assert found
    return found


def agents(node: ClusterNode) -> list[int]:
    """The processes of Ray's workers there: the agent is one of them."""
    found = []
    for pid in node.processes:
        try:
            command = Path(f"/proc/{pid}/cmdline").read_text()
        except OSError:
            continue
        if command.startswith("ray::") and "Hosted" in command:
            found.append(pid)
    assert found
    return found
