"""`reel serve` as a process: how it begins, how it ends, and what stands in its way."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from reelwright.app.settings import load
from reelwright.app.wiring import App
from reelwright.store import attempts, steps
from tests.cli.reel import REEL
from tests.served import Served, serving, until


def attempt(home: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(REEL), "serve", "--json", *arguments],
        env={**os.environ, "REEL_HOME": str(home), **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_it_ends_cleanly_when_asked(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with serving(home) as served:
        assert served.client.get("/v1/jobs").status_code == 200
        token = home / "token"
        assert token.read_text().strip() == served.token
        assert stat.S_IMODE(token.stat().st_mode) == 0o600

        assert served.stop(signal.SIGTERM) == 0

        assert served.process.stdout is not None
        assert served.process.stdout.read() == ""

    with serving(home) as again:
        assert again.token == served.token
        assert again.stop(signal.SIGINT) == 0


def test_at_the_terminal_it_says_how_it_ends(tmp_path: Path) -> None:
    command = [str(REEL), "serve", "--port", "0"]
    process = subprocess.Popen(
        command,
        env={**os.environ, "REEL_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert "/login?token=" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0
    assert told.startswith("Reelwright serves at http://127.0.0.1:")
    assert "Ctrl-C again stops at once" in told


def test_a_second_signal_ends_it_without_a_trace(tmp_path: Path, talk: Path) -> None:
    with serving(tmp_path / "home", "--no-worker") as served:
        spec = {"inputs": {"t": str(talk)}, "outputs": [{"from": "t", "to": "a.mkv"}]}
        with served.client.stream("GET", f"/v1/jobs/{served.submit(spec)}/events"):
            served.process.send_signal(signal.SIGTERM)
            served.stop(signal.SIGTERM)
        assert "Traceback" not in "".join(served.said)


def test_a_second_signal_stops_what_runs(tmp_path: Path, talk: Path) -> None:
    """However long steps might be given; and the step is given back, not lost."""
    spec = {
        "inputs": {"t": str(talk)},
        "operations": [{"op": "scale", "id": "big", "input": "t", "width": 3840}],
        "outputs": [
            {"from": "big", "to": "o.mkv", "video": {"codec": "h264", "preset": "placebo"}}
        ],
    }
    home = tmp_path / "home"
    with serving(home, REEL_SERVE__DRAIN_S="86400") as served:
        job_id = served.submit(spec)
        until(lambda: "running" in [s["state"] for s in _steps(served, job_id)])
        served.process.send_signal(signal.SIGTERM)
        until(lambda: not _answers(served))  # two that come together are one signal
        served.process.send_signal(signal.SIGTERM)
        served.process.wait(120)
    with App(load({"home": home})) as app, app.store.read() as tx:
        (row,) = [r for r in steps.of_job(tx, job_id) if not steps.is_own(r.key)]
        tries = [one.state.value for one in attempts.of_step(tx, row.id)]
    assert (row.state.value, tries) == ("ready", ["released"])


def _steps(served: Served, job_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = served.client.get(f"/v1/jobs/{job_id}/steps").json()["steps"]
    return found


def _answers(served: Served) -> bool:
    try:
        return httpx.get(f"{served.url}/healthz").is_success
    except httpx.TransportError:
        return False


def test_what_streams_does_not_keep_it_from_ending(tmp_path: Path, talk: Path) -> None:
    with serving(tmp_path / "home", "--no-worker") as served:
        job_id = served.submit(
            {"inputs": {"t": str(talk)}, "outputs": [{"from": "t", "to": "a.mkv"}]}
        )
        with served.client.stream("GET", f"/v1/jobs/{job_id}/logs?follow=true") as stream:
            assert stream.status_code == 200
            assert served.stop() == 0


def test_without_a_worker_it_is_not_ready(tmp_path: Path) -> None:
    with serving(tmp_path / "home", "--no-worker") as served:
        answer = httpx.get(f"{served.url}/readyz")

    assert answer.status_code == 503
    assert answer.json()["code"] == "worker_unknown"
    assert "retry-after" in answer.headers


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        done = attempt(tmp_path / "home", "--port", port)

    assert done.returncode == 2, done.stderr
    problem = json.loads(done.stdout)["error"]
    assert (problem["code"], problem["where"]) == ("usage", "serve.port")
    assert port in problem["message"]


def test_a_database_that_does_not_answer_is_told(tmp_path: Path) -> None:
    url = "postgresql://nobody@127.0.0.1:1/none"
    done = attempt(tmp_path / "home", "--port", "0", REEL_DATABASE=url)

    assert done.returncode == 6, done.stderr
    assert json.loads(done.stdout)["error"]["code"] == "store_unavailable"


def test_it_does_not_listen_to_the_world_with_the_local_token_alone(tmp_path: Path) -> None:
    done = attempt(tmp_path / "home", "--host", "0.0.0.0", "--port", "0")

    assert done.returncode == 2
    problem = json.loads(done.stdout)["error"]
    assert problem["code"] == "config_invalid"
    assert "--allow-remote" in problem["hint"]
    with serving(tmp_path / "home", "--host", "0.0.0.0", "--allow-remote") as served:
        assert served.client.get("/healthz").status_code == 200


def test_its_memory_at_rest(tmp_path: Path) -> None:
    with serving(tmp_path / "home") as served:
        until(lambda: httpx.get(f"{served.url}/readyz").status_code == 200 or None)
        assert resident_mb(served) < 200


def resident_mb(served: Served) -> float:
    status = Path(f"/proc/{served.process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


@pytest.mark.parametrize(
    ("name", "value", "where"),
    [
        ("REEL_SERVE__RATE", "lots", "serve.rate"),
        ("REEL_SERVE__RATE_STORAGE", "shelf://x", "serve.rate_storage"),
        ("REEL_AUTH__ISSUER", "login.example", "REEL_AUTH__ISSUER"),
        ("REEL_OBSERVE__OTLP", "collector:4318", "REEL_OBSERVE__OTLP"),
    ],
)
def test_a_wrong_setting_is_told_and_nothing_else(
    tmp_path: Path, name: str, value: str, where: str
) -> None:
    ended = attempt(tmp_path / "home", "--port", "0", **{name: value})
    assert ended.returncode == 2, ended.stderr
    error = json.loads(ended.stdout)["error"]
    assert (error["code"], error["where"]) == ("config_invalid", where)
    assert "Traceback" not in ended.stderr


def test_a_home_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for home in (tmp_path / "file", tmp_path / "file" / "home"):
        ended = attempt(home, "--port", "0")
        assert ended.returncode == 2
        error = json.loads(ended.stdout)["error"]
        assert (error["code"], error["where"]) == ("config_invalid", "home")
        assert str(home) in error["message"]
        assert "REEL_HOME" in error["hint"]
