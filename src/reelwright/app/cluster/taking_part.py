"""Being a head or a node: what Ray is started with, until somebody wants the end of it."""

from __future__ import annotations

import hashlib
import shutil
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.app.cluster.checks_settings import check_settings, is_here, token_file, with_port
from reelwright.app.cluster.members import (
    HEAD,
    Member,
    changed,
    kept,
    mine,
    node_name,
    this_address,
)
from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.nodes import NodeRow
    from reelwright.tools.ray.processes import NodeStatus
    from reelwright.tools.ray.settings import RayNode

# The dispatcher looks every few seconds: what it leased before it saw the drain is there by then.
_SEEN_S = 5.0
_LOOK_S = 1.0
_DRIVERS = Path("/proc/driver/nvidia/gpus")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was typed; None: what this machine has."""

    host: str | None = None
    port: int | None = None
    name: str | None = None
    cpus: int | None = None
    memory_bytes: int | None = None
    gpus: int | None = None
    scratch_bytes: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    home: Path | None = None


class Part:
    """One head or node. `run` keeps it; `ask_end` lets it finish what runs, `end` does not."""

    def __init__(self, app: App, node: RayNode, name: str) -> None:
        self.node = node
        self.name = name
        self._app = app
        self._asked = threading.Event()
        self._at_once = threading.Event()

    def ask_end(self) -> None:
        """The first time gently; the second time at once."""
        if self._asked.is_set():
            self._at_once.set()
        self._asked.set()

    def run(self, told: Callable[[Member], None]) -> bool:
        """Until it is ended, or was drained; whether it was drained. `told` hears each change of
        its state, the first when it is up. Raises what it cannot start for."""
        from reelwright.tools.ray.processes import NodeProcess

        me = mine(self.name, address=self.node.head, host=self.node.host, log=self._log)
        with kept(self._app.home, me) as write:

            def hear(status: NodeStatus) -> None:
                problem = str(status.problem.problem.message) if status.problem else None
                now = changed(me, is_up=status.is_up, problem=problem)
                write(now)
                if not self._asked.is_set():
                    told(now)

            process = NodeProcess(self.node, on_change=hear)
            try:
                process.start()
                was_drained = self._keep()
            finally:
                self._asked.set()
                process.stop()
            # What was well leaves nothing behind; else its log is asked for.
            shutil.rmtree(self.node.folder, ignore_errors=True)
            return was_drained

    @property
    def _log(self) -> Path:
        return self.node.folder / "node.log"

    def _keep(self) -> bool:
        if self.node.is_head and not self.node.cpus:
            self._asked.wait()
            return False
        while not self._asked.wait(_LOOK_S):
            row = self._row()
            if row is not None and row.drain and self._is_done(row):
                return True
        self._finish()
        return False

    def _finish(self) -> None:
        """Takes nothing new, and gives what runs `serve.drain_s` to end."""
        from reelwright.store import nodes

        row = self._row()
        if row is None:
            return
        host = row.host
        try:  # also where nothing runs: whoever asked for it leaves, and is not lost
            self._app.store.transact(lambda tx: nodes.ask_drain(tx, host))
        except ReelError:
            return  # the database is away, or it is lost already: its leases decide
        if not self._steps(row):
            return
        until = time.monotonic() + self._app.settings.serve.drain_s
        while time.monotonic() < until and not self._at_once.wait(_LOOK_S):
            row = self._row()
            if row is None or not self._steps(row):
                return

    def _row(self) -> NodeRow | None:
        """What the dispatcher says of it; None where it says nothing, or cannot be heard."""
        from reelwright.store import nodes

        try:
            with self._app.store.read() as tx:
                rows = nodes.listing(tx)
        except ReelError:
            return None
        here = [
            row
            for row in rows
            if (row.name, row.address) == (self.node.name, self.node.host) and row.state != "lost"
        ]
        return here[-1] if here else None

    def _steps(self, row: NodeRow) -> int:
        from reelwright.store import nodes

        try:
            with self._app.store.read() as tx:
                return nodes.steps_by_host(tx, {row.host}).get(row.host, (0, 0.0, 0))[0]
        except ReelError:
            return 1  # nobody knows: it waits

    def _is_done(self, row: NodeRow) -> bool:
        if self._steps(row):
            return False
        try:
            with self._app.store.read() as tx:
                return tx.now() - row.since > _SEEN_S
        except ReelError:
            return False


def head(app: App, wish: Wish) -> Part:
    """Raises CONFIG_INVALID, PERMISSION_DENIED (others may read the token)."""
    from reelwright.tools.ray.processes import make_token, ray_folder
    from reelwright.tools.ray.settings import DEFAULT_PORT, RayNode, loopback

    host = loopback(wish.host or this_address())
    made = RayNode(
        folder=ray_folder(app.home / "cluster" / HEAD),
        token=make_token(token_file(app)),
        host=host,
        port=wish.port or DEFAULT_PORT,
        name=wish.name or socket.gethostname(),
        cpus=wish.cpus or 0,
        memory_bytes=wish.memory_bytes,
        gpus=wish.gpus or 0,
        labels=dict(wish.labels),
    )
    return Part(app, made, HEAD)


def node(app: App, address: str, wish: Wish) -> Part:
    """A node for the head at `address`; its labels say which weights of models it has.

    Raises CONFIG_INVALID where its settings are not enough, PERMISSION_DENIED, CLUSTER_UNAVAILABLE
    where there is no token."""
    from reelwright.app.cluster.models import model_labels
    from reelwright.app.machine import cores, disk_bytes, memory_bytes
    from reelwright.tools.ray.processes import ray_folder
    from reelwright.tools.ray.settings import RayNode, loopback

    address = loopback(with_port(address))
    check_settings(app.settings, address, hint_for="a node")
    name = wish.name or socket.gethostname()
    own = node_name(name)
    limits = app.settings.limits
    home = wish.home or app.home / "cluster" / "nodes" / name
    made = RayNode(
        folder=ray_folder(app.home / "cluster" / own),
        token=_token(app),
        address=address,
        host=loopback(wish.host) if wish.host else _host(address, home),
        name=name,
        cpus=wish.cpus or max(1, int(limits.cpus or cores())),
        memory_bytes=wish.memory_bytes or limits.memory_bytes or memory_bytes(),
        gpus=devices() if wish.gpus is None else wish.gpus,
        scratch_bytes=wish.scratch_bytes or limits.disk_bytes or disk_bytes(home),
        labels={**model_labels(app.models), **wish.labels},
        home=home,
        env=_env(app),
    )
    return Part(app, made, own)


def devices() -> int:
    """GPUs of NVIDIA in this machine."""
    try:
        return sum(1 for _ in _DRIVERS.iterdir())
    except OSError:
        return 0


def _token(app: App) -> Path:
    path = token_file(app)
    if path.is_file():
        return path
    raise ReelError(
        Code.CLUSTER_UNAVAILABLE,
        f"there is no token of the cluster: {path}",
        where="--token-file",
        hint="`reel cluster start` said where it is on the head's machine: copy it, and name it",
    )


def _host(address: str, home: Path) -> str:
    """This machine's address as the head reaches it: that by which the head is reached. On
    loopback each node has one of its own."""
    if is_here(address):
        one, two = hashlib.sha256(str(home.absolute()).encode()).digest()[:2]
        return f"127.1.{one}.{max(1, min(two, 254))}"
    host, _, port = address.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect((host.strip("[]"), int(port)))
        except OSError as error:
            raise ReelError(
                Code.CLUSTER_UNAVAILABLE, f"{host} cannot be reached: {error}", where=address
            ) from error
        return str(asking.getsockname()[0])


def _env(app: App) -> dict[str, str]:
    """What a node with a home of its own takes from this one: the database of a service that has
    none but the file, and models."""
    settings = app.settings
    return {
        "REEL_DATABASE": settings.database or app.store.url,
        "REEL_MODELS__FOLDER": str(settings.models.folder or app.home / "models"),
    }
