"""A real `reel serve` in a process of its own, for tests that speak HTTP with it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

T = TypeVar("T")

# Generous: a busy machine is slow, and a server that hangs is what the limit is for.
START_S = 60.0
END_S = 60.0
FINAL = frozenset({"succeeded", "failed", "cancelled"})


@dataclass
class Served:
    """A running service: its address, token and home, and a client that sends the token."""

    url: str
    token: str
    home: Path
    process: subprocess.Popen[str]
    client: httpx.Client
    said: list[str] = field(default_factory=list)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def submit(self, spec: Mapping[str, Any] | str, **options: Any) -> str:
        """Submits a job; gives its id."""
        kind = "application/yaml" if isinstance(spec, str) else "application/json"
        body = spec if isinstance(spec, str) else json.dumps(spec)
        answer = self.client.post(
            "/v1/jobs", content=body, headers={"Content-Type": kind}, params=options
        )
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def job(self, job_id: str) -> dict[str, Any]:
        answer = self.client.get(f"/v1/jobs/{job_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def ended(self, job_id: str, timeout_s: float = 120.0) -> dict[str, Any]:
        """The job when it has come to its end."""
        return until(lambda: _final(self.job(job_id)), timeout_s)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Asks for the end and gives the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(END_S)


def until(look: Callable[[], T | None], timeout_s: float = 60.0, pause_s: float = 0.05) -> T:
    """What `look` gives once it is true. Fails when it never is."""
    deadline = time.monotonic() + timeout_s
    while not (found := look()):
        if time.monotonic() > deadline:
            pytest.fail(f"nothing came of it in {timeout_s:g} s")
        time.sleep(pause_s)
    return found


@contextmanager
def serving(home: Path, *arguments: str, **environ: str) -> Iterator[Served]:
    """`reel serve` with `arguments`, on a free port, with `environ` beside what is there."""
    command = [str(Path(sys.executable).with_name("reel")), "serve", "--port", "0", "--json"]
    process = subprocess.Popen(
        [*command, *arguments],
        env={**os.environ, "REEL_HOME": str(home), **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    said: list[str] = []
    threading.Thread(target=_drain, args=(process, said), daemon=True).start()
    try:
        ready = _ready(process, said)
        with httpx.Client(
            base_url=ready["url"],
            headers={"Authorization": f"Bearer {ready['token']}"},
            timeout=60.0,
        ) as client:
            yield Served(ready["url"], ready["token"], home, process, client, said)
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One for the whole session: an API and a worker in one process, on SQLite."""
    with serving(tmp_path_factory.mktemp("served") / "home") as running:
        yield running


def _final(job: dict[str, Any]) -> dict[str, Any] | None:
    return job if job["state"] in FINAL else None


def _drain(process: subprocess.Popen[str], said: list[str]) -> None:
    """What it logs: a full pipe would stop it."""
    assert process.stderr is not None
    said.extend(process.stderr)


def _ready(process: subprocess.Popen[str], said: list[str]) -> dict[str, Any]:
    assert process.stdout is not None
    timer = threading.Timer(START_S, process.kill)
    timer.start()
    try:
        line = process.stdout.readline()
    finally:
        timer.cancel()
    if not line:
        process.wait()
        raise RuntimeError(f"reel serve ended with {process.returncode}: {''.join(said)[-4000:]}")
    found: dict[str, Any] = json.loads(line)
    if found.get("event") != "ready":
        process.wait()
        raise RuntimeError(f"reel serve ended with {process.returncode}: {line}")
    return found
