"""A real Ray cluster on loopback: a head without cores, and nodes that can be killed and frozen.

One for a whole session (`ray_cluster`), or a `Cluster` of a test's own. Each node has a home of its
own; all of them share a database and a folder for artifacts, as a service does that is started with
`Cluster.environ`. Nodes take 7 s and 300 MB each: tests that start them are marked `cluster`, but
for a few short ones.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from reelwright.tools.ray.keep import members
from reelwright.tools.ray.processes import NodeProcess, make_token
from reelwright.tools.ray.settings import LOOPBACK, RayNode
from tests.served import Served, serving, until

START_S = 240.0
_GIB = 1 << 30


@dataclass
class ClusterNode:
    """A node: its name, home, and what keeps it."""

    name: str
    home: Path
    process: NodeProcess
    number: int = 0

    @property
    def processes(self) -> set[int]:
        """All of it, agent and steps included."""
        pid = self.process.pid
        return set() if pid is None else members(pid, pid)


@dataclass
class Cluster:
    """Use it as a context manager. `database`: what all share; None: a file in `folder`."""

    folder: Path
    nodes: int = 1
    cpus: int = 1
    database: str | None = None
    namespace: str = "reelwright"
    environ_of_nodes: Mapping[str, str] = field(default_factory=dict)
    running: dict[str, ClusterNode] = field(default_factory=dict)
    head: NodeProcess | None = None
    port: int = 0
    _short: Path = Path()
    _count: int = 0

    def __enter__(self) -> Cluster:
        # Ray's sockets have 107 bytes for their whole path.
        self._short = Path(tempfile.mkdtemp(prefix="rc-", dir="/tmp"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.artifacts.mkdir(exist_ok=True)
        self.port = free_port()
        try:
            self.start_head()
            adding = [threading.Thread(target=self._add_quietly) for _ in range(self.nodes)]
            for thread in adding:
                thread.start()
            for thread in adding:
                thread.join()
            assert len(self.running) == self.nodes, "not all nodes have started"
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def token(self) -> Path:
        return self.folder / "token"

    @property
    def artifacts(self) -> Path:
        return self.folder / "shared"

    @property
    def shared(self) -> dict[str, str]:
        """What service and nodes have in common."""
        return {
            "REEL_DATABASE": self.database or f"sqlite:///{self.folder / 'shared.db'}",
            "REEL_CLUSTER__ARTIFACTS": str(self.artifacts),
            "REEL_CLUSTER__NAMESPACE": self.namespace,
        }

    @property
    def environ(self) -> dict[str, str]:
        """Of a service that hands its steps to this cluster."""
        return {
            **self.shared,
            "REEL_CLUSTER__ENGINE": "ray",
            "REEL_CLUSTER__ADDRESS": self.address,
            "REEL_CLUSTER__TOKEN_FILE": str(self.token),
        }

    def start_head(self) -> None:
        folder = self._short / "h"
        node = RayNode(
            folder=folder, token=make_token(self.token), port=self.port, object_store_bytes=80 << 20
        )
        self.head = NodeProcess(node)
        self.head.start(START_S)

    def add_node(
        self,
        name: str | None = None,
        *,
        cpus: int | None = None,
        memory_bytes: int = 4 * _GIB,
        scratch_bytes: int = 8 * _GIB,
        gpus: int = 0,
        labels: Mapping[str, str] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> ClusterNode:
        """Returns when Ray has it; its agent comes when a service looks."""
        self._count += 1
        number = self._count
        name = name or f"n{number}"
        more = dict(environ or {})
        home = Path(more.pop("REEL_HOME", self.folder / f"home-{name}"))
        node = RayNode(
            folder=self._short / f"n{number}",
            token=self.token,
            address=self.address,
            host=f"127.0.1.{number}",
            name=name,
            cpus=self.cpus if cpus is None else cpus,
            memory_bytes=memory_bytes,
            scratch_bytes=scratch_bytes,
            gpus=gpus,
            labels=labels or {},
            object_store_bytes=80 << 20,
            home=home,
            env={**self.shared, **self.environ_of_nodes, **more},
        )
        made = ClusterNode(name, home, NodeProcess(node), number)
        made.process.start(START_S)
        self.running[name] = made
        return made

    def kill_node(self, name: str) -> None:
        """As a power cut does: all of it at once, nobody is told, and it stays dead."""
        node = self.running.pop(name)
        _signal(node.processes, signal.SIGKILL)
        node.process.stop()

    def freeze_node(self, name: str) -> None:
        """All of it stops, and can be thawed."""
        node = self.running[name]
        for _ in range(2):  # what was forked meanwhile too
            _signal(node.processes, signal.SIGSTOP)

    def thaw_node(self, name: str) -> None:
        _signal(self.running[name].processes, signal.SIGCONT)

    def kill_head(self) -> None:
        """At once; `start_head` makes another one of the same address."""
        assert self.head is not None
        assert self.head.pid is not None
        _signal(members(self.head.pid, self.head.pid), signal.SIGKILL)
        self.head.stop()
        self.head = None

    @contextmanager
    def service(self, home: Path, *arguments: str, **environ: str) -> Iterator[Served]:
        """`reel serve` that hands its steps to the cluster."""
        with serving(home, *arguments, **self.environ, **environ) as running:
            yield running

    def close(self) -> None:
        for name in list(self.running):
            with suppress(Exception):
                self.thaw_node(name)
        for node in self.running.values():
            node.process.stop()
        self.running.clear()
        if self.head is not None:
            self.head.stop()
            self.head = None
        shutil.rmtree(self._short, ignore_errors=True)

    def _add_quietly(self) -> None:
        with suppress(Exception):  # `__enter__` says so
            self.add_node()


def states(service: Served) -> dict[str, dict[str, Any]]:
    """The nodes by their names, as the service sees them."""
    found = service.client.get("/v1/cluster").json()["nodes"]
    return {node["name"]: node for node in found}


def active(service: Served, count: int, timeout_s: float = START_S) -> dict[str, dict[str, Any]]:
    """Waits until so many nodes take steps."""

    def look() -> dict[str, dict[str, Any]] | None:
        found = {n: node for n, node in states(service).items() if node["state"] == "active"}
        return found if len(found) >= count else None

    return until(look, timeout_s, 0.2)


def settled(
    service: Served,
    name: str,
    is_so: Callable[[dict[str, Any]], bool],
    timeout_s: float = START_S,
) -> dict[str, Any]:
    """Waits until what is said of that node is so."""

    def look() -> dict[str, Any] | None:
        node = states(service).get(name)
        return node if node is not None and is_so(node) else None

    return until(look, timeout_s, 0.2)


@pytest.fixture(scope="session")
def ray_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A head and one node of two cores, on SQLite. One service at a time."""
    with Cluster(tmp_path_factory.mktemp("ray"), nodes=1, cpus=2) as made:
        yield made


def _signal(pids: set[int], number: int) -> None:
    for pid in pids:
        with suppress(OSError):
            os.kill(pid, number)


def free_port() -> int:
    """Ray's head wants to know it beforehand; below what the kernel gives to others by itself."""
    for port in range(21_000 + os.getpid() % 5000, 31_000):
        with socket.socket() as one:
            try:
                one.bind(("", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port is free")
