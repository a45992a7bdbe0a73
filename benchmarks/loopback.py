"""A cluster on addresses of loopback, started by the commands that a person would type."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchmarks.kill9 import children
from benchmarks.measure import environment, reel
from reelwright.store.store import Store, open_store

_READY_S = 300.0


@dataclass
class Machine:
    """A node: `reel cluster join` and all that is below it. `thaw_at`: it is frozen until then."""

    number: int
    process: subprocess.Popen[bytes]
    thaw_at: float | None = None
    frozen: list[int] = field(default_factory=list)


class Loopback:
    """A head, nodes, a dispatcher and an API in one folder, on one database. Below `folder` there
    are `home` (of head, dispatcher and API), `shared`, and `nodeN`."""

    def __init__(self, folder: Path, database: str, *, cpus: int, env: dict[str, str]) -> None:
        self.folder, self.database, self.cpus = folder, database, cpus
        self.home = folder / "home"
        self.address = f"127.0.0.2:{free_port()}"
        self.env = environment(
            {
                "REEL_HOME": str(self.home),
                "REEL_DATABASE": database,
                "REEL_CLUSTER__ARTIFACTS": str(folder / "shared"),
                "REEL_CLUSTER__ADDRESS": self.address,
                "REEL_SERVE__RATE": "1000000/second",
                **env,
            }
        )
        (folder / "shared").mkdir()
        self.processes: list[subprocess.Popen[bytes]] = []
        self._told: dict[int, Path] = {}
        self.nodes: list[Machine] = []
        self.api = ("", "")

    def begin(self, nodes: int) -> None:
        """Returns when all nodes may run steps."""
        self.start_head()
        for number in range(nodes):
            self.join(number)
        for node in self.nodes:
            self.first_line(node.process)
        api = self.start("serve", "--no-worker", "--json", "--port", "0")
        ready = json.loads(self.first_line(api))
        self.api = (ready["url"], ready["token"])
        self.dispatch()
        self.wait_for_nodes(nodes)

    def start_head(self) -> None:
        host, _, port = self.address.partition(":")
        self.head = self.start("cluster", "start", "--host", host, "--port", port, "--json")
        self.first_line(self.head)

    def start(self, *words: str, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        log = self.folder / f"{words[0]}-{len(self.processes)}.log"
        told = log.with_suffix(".jsonl")
        with log.open("wb") as errors, told.open("wb") as output:  # a pipe that nobody reads blocks
            process = subprocess.Popen(
                reel(*words), env=env or self.env, stdout=output, stderr=errors
            )
        self.processes.append(process)
        self._told[process.pid] = told
        return process

    def first_line(self, process: subprocess.Popen[bytes]) -> str:
        """What it says when it is ready."""
        told = self._told[process.pid]
        while True:
            is_over = process.poll() is not None
            line, end, _ = told.read_text().partition("\n")
            if end:
                return line
            if is_over:
                said = told.with_suffix(".log").read_text()[-2000:]
                raise RuntimeError(f"{told.stem} ended with {process.returncode}: {said}")
            time.sleep(0.05)

    def join(self, number: int) -> None:
        words = ["cluster", "join", self.address, "--host", f"127.0.0.{number + 3}"]
        words += ["--home", str(self.folder / f"node{number}"), "--cpus", str(self.cpus)]
        words += ["--token-file", str(self.home / "cluster" / "token"), "--json"]
        words += ["--name", f"node{number}"]
        self.nodes.append(Machine(number, self.start(*words)))

    def dispatch(self) -> None:
        env = {**self.env, "REEL_CLUSTER__ENGINE": "ray"}
        self.dispatcher = self.start("worker", "--json", env=env)
        self.first_line(self.dispatcher)

    def wait_for_nodes(self, count: int) -> None:
        until = time.monotonic() + _READY_S
        while time.monotonic() < until:
            answer = self.http("GET", "/v1/cluster")
            nodes = answer.json().get("nodes", []) if answer.status_code == 200 else []
            if sum(node.get("state") == "active" for node in nodes) >= count:
                return
            time.sleep(0.5)
        raise RuntimeError(f"the nodes did not come: {answer.text[:2000]}")

    def http(self, method: str, path: str, body: object = None) -> httpx.Response:
        url, token = self.api
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": secrets.token_hex(8)}
        return httpx.request(method, url.rstrip("/") + path, json=body, headers=headers, timeout=60)

    @contextmanager
    def store(self) -> Iterator[Store]:
        store = open_store(self.database)
        try:
            yield store
        finally:
            store.close()

    def freeze(self, node: Machine, seconds: float) -> None:
        """All of its processes, until `thaw` is called after so long."""
        node.frozen, node.thaw_at = tree(node.process.pid), time.monotonic() + seconds
        signal_all(node.frozen, signal.SIGSTOP)

    def thaw(self) -> None:
        """Those whose time has come."""
        for node in self.nodes:
            if node.thaw_at is not None and time.monotonic() >= node.thaw_at:
                signal_all(node.frozen, signal.SIGCONT)
                node.frozen, node.thaw_at = [], None

    def end(self) -> None:
        for node in self.nodes:
            signal_all(node.frozen, signal.SIGCONT)
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(60)
            process.kill()
            process.wait()

    def left(self) -> list[str]:
        """Processes of it that live. Commands have an empty environment, but work below it."""
        found = []
        mark = str(self.folder)
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            with suppress(OSError):
                said = (
                    (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                )
                where = str((entry / "cwd").readlink())
                variables = (entry / "environ").read_bytes().decode("utf-8", "replace")
                if mark in said or where.startswith(mark) or f"={mark}" in variables:
                    found.append(f"{entry.name} {said}")
        return found


def tree(pid: int) -> list[int]:
    """A process and all that are below it."""
    found = [pid]
    for one in found:
        found += children(one)
    return found


def named(pids: Iterable[int], mark: str) -> list[int]:
    """Those with `mark` in their command line."""
    found = []
    for pid in pids:
        with suppress(OSError):
            if mark.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def signal_all(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.2", 0))
        return int(found.getsockname()[1])
