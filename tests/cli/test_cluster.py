"""`reel cluster` where no Ray is needed: what is wrong is said first, what is known is shown."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from reelwright.app.cluster.members import kept, members, mine, stop
from reelwright.app.settings import load
from reelwright.app.wiring import App
from reelwright.cli.exits import exit_code
from reelwright.errors import Code, ReelError
from reelwright.store import attempts, jobs, nodes, steps, workers
from reelwright.store.attempts import Place
from reelwright.store.nodes import NewHead, NewNode
from reelwright.store.rows import NewJobRow, NewStep
from reelwright.store.states import JobState, StepState
from tests.cli.reel import REEL, reel

_GIB = 1 << 30
_ME = "here/1/2/n"
# A part of a cluster as far as others can tell: its state is kept until SIGTERM.
_PART = """
import signal, sys, threading
from pathlib import Path
from reelwright.app.cluster.members import kept, mine
asked = [threading.Event(), threading.Event()]
def hear(*_):
    asked[0 if not asked[0].is_set() else 1].set()
signal.signal(signal.SIGTERM, hear)
home, name, needs = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
with kept(home, mine(name, address="127.0.0.2:6379", host="127.0.0.2", log=home / "log")):
    print("up", flush=True)
    while not asked[needs - 1].wait(0.05):
        pass
"""


@pytest.fixture
def home(reel_home: Path) -> Path:
    """A home whose service has a cluster of two nodes; on the first runs a step, another waits."""
    with App(load({"home": reel_home}, environ={})) as app:
        app.store.transact(_fill)
    return reel_home


def _fill(tx: object) -> None:
    from reelwright.store.database import Tx

    assert isinstance(tx, Tx)
    one = NewNode(
        host="node:aa11",
        name="studio-1",
        address="10.0.0.1",
        cpus=4.0,
        memory_bytes=8 * _GIB,
        free_disk_bytes=50 * _GIB,
        versions={"ray": "2.60.0", "python": "3.11.9"},
    )
    refused = NewNode(
        host="node:bb22", name="studio-2", state="refused", problem="another store\x1b[2J: /a"
    )
    me = workers.NewWorker(id=_ME, host="here", pid=1, version="1", cpus=0.0, memory_bytes=0)
    workers.beat(tx, me, workers.WorkerState.ACTIVE)
    head = NewHead(namespace="reelwright", address=None, dispatcher=_ME)
    nodes.report(tx, head, [one, refused])
    job_id = jobs.insert(tx, NewJobRow({}, {}, "/"))
    keys = [("runs", 1.0), ("waits", 16.0)]
    new = [
        NewStep(
            key, n, key, "ffmpeg", StepState.WAITING, (), {"id": key}, cpus=cpus, memory_bytes=_GIB
        )
        for n, (key, cpus) in enumerate(keys)
    ]
    steps.insert(tx, job_id, new, max_attempts=3)
    jobs.move(tx, job_id, JobState.RUNNING)
    steps.wake(tx, job_id)
    from reelwright.store.candidates import candidates

    chosen = next(one for one in candidates(tx, job_id, 10) if one.key == "runs")
    place = Place(host="node:aa11", worker="w", workspace="/w/{n}", log="/l/{n}")
    assert attempts.start(tx, chosen, place, 600.0)


def test_the_status_is_for_people(home: Path, tmp_path: Path) -> None:
    done = reel("cluster", "status", cwd=tmp_path)
    assert done.code == 0
    lines = done.out.splitlines()
    row = next(line for line in lines if line.startswith("studio-1"))
    assert row.split()[:5] == ["studio-1", "aa11", "active", "1/4", "1.0/8.0"]
    assert "python 3.11.9, ray 2.60.0" in row
    assert any("another store" in line and "\x1b" not in line for line in lines)
    assert any("16 cores (a node has 4)" in line and "waits of job" in line for line in lines)


def test_the_status_is_for_programs(home: Path, tmp_path: Path) -> None:
    found = reel("cluster", "status", "--json", cwd=tmp_path).json
    assert [(n["name"], n["state"]) for n in found["nodes"]] == [
        ("studio-1", "active"),
        ("studio-2", "refused"),
    ]
    assert found["dispatcher"] == {**found["dispatcher"], "id": _ME, "is_silent": False}
    assert found["waiting"]["reasons"][0]["why"] == "too_large"
    assert found["here"] == []


def test_the_status_is_shown_again_until_ctrl_c(home: Path, tmp_path: Path) -> None:
    argv = [str(REEL), "cluster", "status", "--watch", "--json"]
    # What a shell starts behind itself ignores SIGINT, and so does all that is started below it.
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    watching = subprocess.Popen(
        argv, cwd=tmp_path, stdout=subprocess.PIPE, text=True, preexec_fn=heed
    )
    try:
        assert watching.stdout
        first = json.loads(watching.stdout.readline())
        assert [node["state"] for node in first["nodes"]] == ["active", "refused"]
        reel("cluster", "drain", "studio-1", cwd=tmp_path)
        states: list[str] = []
        while "draining" not in states:
            states = [node["state"] for node in json.loads(watching.stdout.readline())["nodes"]]
        watching.send_signal(signal.SIGINT)
        assert watching.wait(60) == exit_code(Code.CANCELLED)
    finally:
        watching.kill()
        watching.wait()


def test_a_home_without_a_cluster(tmp_path: Path) -> None:
    done = reel("cluster", "status", cwd=tmp_path)
    assert done.code == 0
    assert "`reel cluster join`" in done.out
    assert "Nothing waits." in done.out


def test_a_node_is_drained_and_takes_steps_again(home: Path, tmp_path: Path) -> None:
    assert "finishes 1 step." in reel("cluster", "drain", "studio-1", cwd=tmp_path).err
    state = reel("cluster", "status", "--json", cwd=tmp_path).json["nodes"][0]["state"]
    assert state == "draining"
    late = reel("cluster", "drain", "studio-1", "--wait", "--timeout", "1s", cwd=tmp_path)
    assert (late.code, "1 of its steps run" in late.err) == (6, True), late
    assert "[timeout]" in late.err
    back = reel("cluster", "drain", "studio-1", "--undo", "--json", cwd=tmp_path).json
    assert (back["state"], back["drain"]) == ("active", False)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("drain", "studio"), "may be studio-1 (aa11), studio-2 (bb22)"),
        (("drain", "nobody"), "there are: studio-1, studio-2"),
        (("drain",), "no node of this home runs here"),
        (("drain", "studio-1", "--undo", "--wait"), "nothing to wait for"),
        (("drain", "studio-1", "--timeout", "soon"), "is no span of time"),
        (("stop",), "no part of a cluster runs here"),
        (("stop", "head"), "no head runs here"),
        (("join", "10.0.0.7"), "REEL_CLUSTER__ARTIFACTS"),
        (("join", "http://10.0.0.7:6379"), "is no address"),
        (("join", "10.0.0.7:0"), "is no address"),
        (("join", "127.0.0.1", "--memory", "much"), "'much' is no size"),
        (("join", "127.0.0.1", "--labels", "disk"), "is no label"),
    ],
)
def test_what_is_wrong_is_said(
    words: tuple[str, ...], text: str, home: Path, tmp_path: Path
) -> None:
    done = reel("cluster", *words, cwd=tmp_path)
    assert done.code not in {0, 1}, done
    assert text in done.err


def test_a_node_needs_what_the_service_has(tmp_path: Path) -> None:
    known = {"REEL_CLUSTER__ARTIFACTS": str(tmp_path)}
    far = reel("cluster", "join", "10.0.0.7", cwd=tmp_path, **known)
    assert "PostgreSQL" in far.err
    database = {"REEL_DATABASE": "postgresql://reel@10.0.0.8/reel"}
    no_token = reel("cluster", "join", "10.0.0.7", cwd=tmp_path, **known, **database)
    assert "there is no token of the cluster" in no_token.err
    assert "--token-file" in no_token.err
    name = reel("cluster", "join", "127.0.0.1", "--name", "a b", cwd=tmp_path, **known)
    assert "is no name for a node" in name.err


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_service_without_its_cluster_does_not_start(command: str, tmp_path: Path) -> None:
    nowhere = reel(command, "--engine", "ray", cwd=tmp_path)
    assert "`reel cluster start` makes one" in nowhere.err
    lost = reel(command, "--address", "127.0.0.1", cwd=tmp_path)
    assert "cluster.artifacts" in lost.err
    known = {"REEL_CLUSTER__ARTIFACTS": str(tmp_path)}
    far = reel(command, "--address", "10.0.0.7:6379", cwd=tmp_path, **known)
    assert "PostgreSQL" in far.err
    token = reel(command, "--address", "127.0.0.1:6379", cwd=tmp_path, **known)
    assert "there is no token of the cluster" in token.err
    wrong = reel(command, "--address", "127.0.0.1:port", cwd=tmp_path, **known)
    assert "is no address" in wrong.err


def test_a_token_that_others_may_read_is_refused(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret")
    token.chmod(0o644)
    done = reel("cluster", "start", "--host", "127.0.0.1", "--token-file", str(token), cwd=tmp_path)
    assert "chmod 600" in done.err
    assert "secret" not in done.err + done.out


def test_a_part_is_known_while_it_lives(reel_home: Path) -> None:
    me = mine("node-a", address="127.0.0.2:6379", host="127.1.0.1", log=reel_home / "log")
    with kept(reel_home, me):
        assert members(reel_home) == [me]
        with pytest.raises(ReelError) as twice, kept(reel_home, me):
            pass
        assert twice.value.code is Code.TRANSITION_REFUSED
    assert members(reel_home) == []


def test_what_was_killed_is_not_taken_for_another(reel_home: Path) -> None:
    part = _part(reel_home, "head")
    (found,) = members(reel_home)
    assert (found.pid, found.is_head) == (part.pid, True)
    part.kill()
    part.wait()
    assert members(reel_home) == []
    with kept(reel_home, mine("head", address="a:1", host="a", log=reel_home / "log")):
        assert len(members(reel_home)) == 1


def test_what_runs_here_is_ended_gently_and_then_at_once(reel_home: Path, tmp_path: Path) -> None:
    """Nodes first; one that goes on working is told twice; other homes are left alone."""
    parts = [_part(reel_home, "head"), _part(reel_home, "node-a", signals=2)]
    other = _part(tmp_path / "other", "head")
    try:
        assert [part.name for part in stop(reel_home, None, 0.2)] == ["node-a", "head"]
        assert [part.wait(60) for part in parts] == [0, 0]
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_one_of_several_is_ended_by_its_name(reel_home: Path, tmp_path: Path) -> None:
    parts = [_part(reel_home, name) for name in ("node-a", "node-b")]
    done = reel("cluster", "stop", "a", "--json", cwd=tmp_path)
    assert done.json == {"stopped": ["node-a"]}
    assert parts[0].wait(60) == 0
    assert [member.name for member in members(reel_home)] == ["node-b"]
    assert "The node b at" in reel("cluster", "stop", cwd=tmp_path).err
    assert parts[1].wait(60) == 0


def _part(home: Path, name: str, signals: int = 1) -> subprocess.Popen[bytes]:
    """A process that ends after so many SIGTERM."""
    argv = [sys.executable, "-c", _PART, str(home), name, str(signals)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"up\n"
    return process


def test_the_doctor_looks_at_the_cluster(home: Path, tmp_path: Path) -> None:
    def checks(**environ: str) -> dict[str, dict[str, str]]:
        done = reel("doctor", "--json", cwd=tmp_path, **environ)
        return {one["name"]: one for one in done.json["checks"]}

    assert not [name for name in checks() if name.startswith("cluster")]
    shared = tmp_path / "shared"
    shared.mkdir()
    known = {"REEL_CLUSTER__ENGINE": "ray", "REEL_CLUSTER__ADDRESS": "127.0.0.1:1"}
    found = checks(**known)
    assert found["cluster: settings"]["state"] == "missing"
    found = checks(**known, REEL_CLUSTER__ARTIFACTS=str(shared))
    assert found["cluster: settings"]["state"] == "ok"
    assert found["cluster: head"]["state"] == "missing"
    assert "no token" in found["cluster: head"]["found"]
    (home / "cluster").mkdir()
    (home / "cluster" / "token").write_text("ab" * 32)
    found = checks(**known, REEL_CLUSTER__ARTIFACTS=str(shared))
    assert "nothing answers at 127.0.0." in found["cluster: head"]["found"]
    assert found["cluster: nodes"]["state"] == "warning"
    assert found["cluster: nodes"]["found"] == "1 active, 1 refused"
    assert "reel cluster status" in found["cluster: nodes"]["hint"]
