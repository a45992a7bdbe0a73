"""`reel cluster` with real parts of Ray: they come up, say what is wrong, leave nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from reelwright.app.cluster.members import Member, members
from tests.cli.reel import REEL, Done, reel, reel_process
from tests.cluster import START_S
from tests.served import Served, serving, until


class Home:
    """A machine: its REEL_HOME, and what all of the cluster have in common."""

    def __init__(self, path: Path, port: int) -> None:
        self.path = path
        self.port = port
        self.shared = path.parent / "shared"
        self.shared.mkdir(exist_ok=True)
        self.environ = {"REEL_HOME": str(path), "REEL_CLUSTER__ARTIFACTS": str(self.shared)}
        self.address = f"127.0.0.1:{port}"

    def reel(self, *words: str, **environ: str) -> Done:
        return reel(*words, cwd=self.path.parent, **{**self.environ, **environ})

    def behind(self, *words: str) -> dict[str, Any]:
        """A part of the cluster in the background."""
        done = reel_process(
            "cluster", *words, "--background", "--json", cwd=self.path.parent, **self.environ
        )
        assert done.code == 0, done
        return done.json

    def start(self) -> dict[str, Any]:
        return self.behind("start", "--host", "127.0.0.1", "--port", str(self.port))

    def join(self, name: str, *words: str) -> dict[str, Any]:
        return self.behind("join", self.address, "--name", name, "--cpus", "1", *words)

    def part(self, name: str) -> Member:
        return next(one for one in members(self.path) if one.name == name)

    def node(self, name: str) -> dict[str, Any] | None:
        """As the service sees it; None where it does not."""
        found = self.reel("cluster", "status", "--json").json["nodes"]
        return next((node for node in found if node["name"] == name), None)

    def is_active(self, name: str) -> bool:
        node = self.node(name)
        return node is not None and node["state"] == "active"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path / "home", _free_port())
    yield made
    with suppress(AssertionError):
        made.reel("cluster", "stop")
    assert processes(made.path) == set()


def processes(home: Path) -> set[int]:
    """All that were started for that home: what they inherit says so."""
    found = set()
    mark = str(home).encode()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            with suppress(OSError):
                if mark in (folder / "environ").read_bytes():
                    found.add(int(folder.name))
    return found


def _free_port() -> int:
    for port in range(29_000 + os.getpid() % 1000, 31_000):
        with socket.socket() as one, suppress(OSError):
            one.bind(("", port))
            return port
    raise RuntimeError("no port is free")


@pytest.mark.timeout(600)
def test_a_head_comes_up_says_what_to_type_and_goes(home: Home, tmp_path: Path) -> None:
    said = home.start()
    assert said["event"] == "ready"
    assert said["join"] == ["reel", "cluster", "join", said["address"]]
    token = Path(said["token_file"])
    assert (token.stat().st_mode & 0o777, len(token.read_text())) == (0o600, 64)
    assert token.read_text() not in json.dumps(said)

    again = home.reel("cluster", "start", "--host", "127.0.0.1", "--port", str(home.port))
    assert "[transition_refused]" in again.err
    taken = home.reel(
        "cluster", "start", "--host", "127.0.0.1", "--port", str(home.port),
        REEL_HOME=str(tmp_path / "other"),
    )  # fmt: skip
    assert f"port {home.port} is taken" in taken.err
    wrong = tmp_path / "wrong"
    wrong.write_text("ab" * 32)
    wrong.chmod(0o600)
    refused = home.reel("cluster", "join", home.address, "--name", "a", "--token-file", str(wrong))
    assert (refused.code, "does not take this token" in refused.err) == (3, True), refused
    seen = home.reel("cluster", "status", "--json").json
    assert [part["name"] for part in seen["here"]] == ["head"]
    assert seen["head"]["is_reachable"] is True

    assert home.reel("cluster", "stop", "--json").json == {"stopped": ["head"]}
    assert processes(home.path) == set()
    assert home.reel("cluster", "status", "--json").json["here"] == []


@pytest.mark.cluster
@pytest.mark.timeout(900)
def test_nodes_show_before_there_is_a_service(home: Home) -> None:
    home.start()
    home.join("one", "--labels", "disk=ssd")
    found = home.reel("cluster", "status", "--json").json
    assert [(node["name"], node["cpus"]) for node in found["joined"]] == [("one", 1.0)]
    assert "one (" in home.reel("cluster", "status").out
    twice = home.reel("cluster", "join", home.address, "--name", "one")
    assert "the node one of this home runs already" in twice.err


@pytest.mark.cluster
@pytest.mark.timeout(900)
def test_a_supervisor_that_is_killed_leaves_no_orphans(home: Home) -> None:
    home.start()
    home.join("one")
    os.kill(home.part("node-one").pid, signal.SIGKILL)
    os.kill(home.part("head").pid, signal.SIGKILL)
    until(lambda: processes(home.path) == set(), 120)
    assert members(home.path) == []
    home.start()


@pytest.mark.cluster
@pytest.mark.timeout(1500)
def test_nodes_take_part_are_drained_and_leave(home: Home) -> None:
    home.start()
    home.join("one", "--labels", "disk=ssd")
    home.join("two")
    with serving(home.path, "--address", home.address, **_plain(home)) as service:
        until(lambda: home.is_active("one") and home.is_active("two"), START_S, 0.5)
        one = home.node("one")
        assert one is not None
        assert one["labels"]["disk"] == "ssd"
        assert one["versions"]["ray"]
        assert service.client.get("/v1/cluster").json()["nodes"]

        drained = home.reel("cluster", "drain", "one", "--wait")
        assert "takes nothing new" in drained.err
        until(lambda: "node-one" not in {m.name for m in members(home.path)}, START_S, 0.5)
        until(lambda: home.node("one") is None, START_S, 0.5)
        assert home.is_active("two")

        home.join("one")
        until(lambda: home.is_active("one"), START_S, 0.5)
        assert home.reel("cluster", "drain", "two").code == 0
        assert home.reel("cluster", "drain", "two", "--undo").code == 0
        until(lambda: home.is_active("two"), START_S, 0.5)


@pytest.mark.cluster
@pytest.mark.timeout(1500)
def test_ctrl_c_lets_a_node_finish_what_it_runs(home: Home, ffmpeg: Path) -> None:
    """In front: the first signal waits for the step, and takes nothing new."""
    home.start()
    argv = [str(REEL), "cluster", "join", home.address, "--name", "one", "--cpus", "1", "--json"]
    front = subprocess.Popen(
        argv, env={**os.environ, **home.environ}, stdout=subprocess.PIPE, text=True
    )
    assert front.stdout
    try:
        assert json.loads(front.stdout.readline())["event"] == "ready"
        with serving(home.path, "--address", home.address, **_plain(home)) as service:
            until(lambda: home.is_active("one"), START_S, 0.5)
            job = _slow_job(service, home, ffmpeg)
            until(lambda: (home.node("one") or {}).get("steps"), START_S, 0.2)
            front.send_signal(signal.SIGINT)
            until(lambda: (home.node("one") or {}).get("state") == "draining", START_S, 0.2)
            assert front.wait(300) == 0
            said = [json.loads(line) for line in front.stdout]
            assert said[-1] == {"event": "ended", "name": "node-one", "was_drained": False}
            step = service.client.get(f"/v1/jobs/{job}").json()
            until(lambda: service.client.get(f"/v1/jobs/{job}").json()["state"] == "succeeded", 120)
            assert step["state"] in {"running", "succeeded"}
            attempts = service.client.get(f"/v1/jobs/{job}/steps").json()["steps"]
            assert [one["attempt"] for one in attempts if one["kind"] == "ffmpeg"] == [1]
            until(lambda: home.node("one") is None, START_S, 0.5)
    finally:
        front.kill()
        front.wait()


@pytest.mark.cluster
@pytest.mark.timeout(1500)
def test_a_second_ctrl_c_does_not_wait(home: Home, ffmpeg: Path) -> None:
    """What ran is started anew, and is no failed try."""
    home.start()
    argv = [str(REEL), "cluster", "join", home.address, "--name", "one", "--cpus", "1", "--json"]
    # It would wait for ever.
    environ = {**os.environ, **home.environ, "REEL_SERVE__DRAIN_S": "86400"}
    front = subprocess.Popen(argv, env=environ, stdout=subprocess.PIPE, text=True)
    assert front.stdout
    try:
        assert json.loads(front.stdout.readline())["event"] == "ready"
        with serving(home.path, "--address", home.address, **_plain(home)) as service:
            until(lambda: home.is_active("one"), START_S, 0.5)
            job = _slow_job(service, home, ffmpeg, seconds=60)
            until(lambda: (home.node("one") or {}).get("steps"), START_S, 0.2)
            front.send_signal(signal.SIGTERM)
            until(lambda: (home.node("one") or {}).get("state") == "draining", START_S, 0.2)
            front.send_signal(signal.SIGTERM)
            assert front.wait(60) == 0
            assert service.client.get(f"/v1/jobs/{job}").json()["state"] == "running"
            home.join("one")
            until(lambda: (home.node("one") or {}).get("steps"), START_S, 0.2)
            (step,) = [
                one
                for one in service.client.get(f"/v1/jobs/{job}/steps").json()["steps"]
                if one["kind"] == "ffmpeg"
            ]
            assert (step["attempt"], step["state"]) == (2, "running")
            assert service.client.delete(f"/v1/jobs/{job}").status_code == 202
            until(lambda: service.client.get(f"/v1/jobs/{job}").json()["state"] == "cancelled", 120)
    finally:
        front.kill()
        front.wait()


@pytest.mark.cluster
@pytest.mark.timeout(1500)
def test_a_head_that_went_away_is_joined_again(home: Home) -> None:
    home.start()
    home.join("one")
    with serving(home.path, "--address", home.address, **_plain(home)):
        until(lambda: home.is_active("one"), START_S, 0.5)
        first = home.node("one")
        assert first is not None
        home.reel("cluster", "stop", "head")

        def is_told() -> bool:
            return bool(home.reel("cluster", "status", "--json").json["head"]["problem"])

        until(is_told, START_S, 0.5)
        home.start()

        def is_back() -> bool:
            node = home.node("one")
            return node is not None and node["state"] == "active" and node["id"] != first["id"]

        until(is_back, START_S, 0.5)
        assert not is_told()


def _plain(home: Home) -> dict[str, str]:
    """For `serving`, which has the home by itself."""
    return {"REEL_CLUSTER__ARTIFACTS": str(home.shared)}


def _slow_job(service: Served, home: Home, ffmpeg: Path, seconds: int = 8) -> str:
    """A job whose one step takes as long on one core, or longer."""
    clip = home.path.parent / "clip.mp4"
    made = [
        str(ffmpeg),
        "-v",
        "error",
        "-y",
        "-f",
        "lavfi",
        "-i",
        f"testsrc2=s=1280x720:r=25:d={seconds}",
    ]
    subprocess.run([*made, "-c:v", "libx264", "-preset", "ultrafast", str(clip)], check=True)
    spec = {
        "inputs": {"clip": str(clip)},
        "operations": [{"id": "small", "op": "scale", "input": "clip", "height": 480}],
        "outputs": [
            {"from": "small", "to": "small.mp4", "video": {"codec": "h264", "preset": "slow"}}
        ],
    }
    answer = service.client.post("/v1/jobs", json=spec)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])
