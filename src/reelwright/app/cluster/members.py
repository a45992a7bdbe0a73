"""This machine's parts of a cluster: a head, nodes; what is kept of each, and how it is ended.

Each is a process that keeps Ray's own below it (`tools/ray/processes`). Its state stands in
``$REEL_HOME/cluster/NAME.json``, beside a lock that lives as long as the process: nobody else's
processes are ever ended.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.wiring import App

HEAD = "head"
_NODE = "node-"
_LOOK_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """`name`: head, or ``node-NAME``. `started`: of the process, in the system's own words: a
    process id alone is used again. `address` is the head's, `host` this machine's.
    `is_up`: it has joined; `problem`: why not. `log` is Ray's."""

    name: str
    pid: int
    started: str
    address: str
    host: str
    log: str
    is_up: bool = False
    problem: str | None = None
    since: float = 0.0

    @property
    def is_head(self) -> bool:
        return self.name == HEAD

    @property
    def is_alive(self) -> bool:
        from reelwright.engine.presence import start_time

        return start_time(self.pid) == self.started

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def node_name(name: str) -> str:
    """What the node of that name is called here. Raises CONFIG_INVALID for what is no name."""
    import re

    if not re.fullmatch(r"[\w.-]{1,64}", name):
        raise ReelError(
            Code.CONFIG_INVALID,
            f"'{name}' is no name for a node",
            where="--name",
            hint="letters, digits, points and hyphens, 64 at the most",
        )
    return _NODE + name


def members(home: Path) -> list[Member]:
    """Those of this home whose process lives, the head first."""
    found = [member for path in _folder(home).glob("*.json") if (member := _read(path))]
    alive = [member for member in found if member.is_alive]
    return sorted(alive, key=lambda member: (not member.is_head, member.name))


@contextmanager
def kept(home: Path, member: Member) -> Iterator[Callable[[Member], None]]:
    """Keeps `member`'s state while the body runs; gives what writes it anew.

    Raises TRANSITION_REFUSED where one of that name runs already."""
    from reelwright.app.wiring import make_folder, make_home

    make_home(home)
    make_folder(_folder(home), 0o700)
    path = _folder(home) / f"{member.name}.json"
    with (_folder(home) / f"{member.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            other = _read(path)
            who = f" (process {other.pid}, {other.address})" if other else ""
            raise ReelError(
                Code.TRANSITION_REFUSED,
                f"{shown(member.name)} of this home runs already{who}",
                where=str(path),
                hint="`reel cluster stop` ends it; another node of this machine needs a --name",
            ) from error
        try:
            _write(path, member)
            yield lambda changed: _write(path, changed)
        finally:
            path.unlink(missing_ok=True)


def stop(home: Path, name: str | None, grace_s: float) -> list[Member]:
    """Ends this home's members (or the one of that name), nodes first; on return they are gone.

    They get `grace_s` to finish what runs, then they are told to stop at once.
    Raises NODE_UNKNOWN where there is none; TIMEOUT where one did not end.
    """
    found = [one for one in members(home) if name in {None, one.name, one.name.removeprefix(_NODE)}]
    if not found:
        about = f"no {name}" if name else "no part of a cluster"
        raise ReelError(
            Code.NODE_UNKNOWN,
            f"{about} runs here",
            where=str(_folder(home)),
            hint="only what was started with this REEL_HOME is ended",
        )
    found.reverse()
    for member in found:
        _end(member, grace_s)
    return found


def shown(name: str) -> str:
    return "the head" if name == HEAD else f"the node {name.removeprefix(_NODE)}"


def mine(name: str, *, address: str, host: str, log: Path) -> Member:
    """A member that this process is about to be."""
    from reelwright.engine.presence import start_time

    pid = os.getpid()
    return Member(
        name=name,
        pid=pid,
        started=start_time(pid) or "",
        address=address,
        host=host,
        log=str(log),
        since=time.time(),
    )


def changed(member: Member, *, is_up: bool, problem: str | None) -> Member:
    return replace(member, is_up=is_up, problem=problem, since=time.time())


def state(home: Path, name: str) -> Member | None:
    """What is kept of it, if its process lives."""
    found = _read(_folder(home) / f"{name}.json")
    return found if found is not None and found.is_alive else None


def this_node(app: App) -> str:
    """The name of this home's one node, or the address of this machine where something else made
    it a node (KubeRay): for whoever means it without a word. Raises NODE_UNKNOWN."""
    from reelwright.store import nodes as rows

    nodes = [member for member in members(app.home) if not member.is_head]
    if not nodes:
        with app.store.read() as tx:
            here = {r.address for r in rows.listing(tx) if r.state != "lost"} & addresses()
        if len(here) == 1:
            return here.pop()
    if len(nodes) != 1:
        many = ", ".join(member.name.removeprefix(_NODE) for member in nodes)
        raise ReelError(
            Code.NODE_UNKNOWN,
            f"several nodes run here: {many}" if nodes else "no node of this home runs here",
            hint="name the node: `reel cluster status` lists them",
        )
    return nodes[0].name.removeprefix(_NODE)


def this_address() -> str:
    """This machine's address on its network, as the default route shows it; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("192.0.2.1", 9))  # of the documentation: nobody has it
        except OSError:
            return "127.0.0.1"
        return str(asking.getsockname()[0])


def addresses() -> set[str]:
    """Those by which others may know this machine."""
    try:
        named = socket.getaddrinfo(socket.gethostname(), None, type=socket.SOCK_STREAM)
    except OSError:
        named = []
    return {this_address(), *(str(one[4][0]) for one in named)}


def _end(member: Member, grace_s: float) -> None:
    until = time.monotonic() + grace_s
    _signal(member)
    if _gone(member, until):
        return
    _signal(member)  # the second does not wait
    if not _gone(member, time.monotonic() + 30.0):
        raise ReelError(
            Code.TIMEOUT,
            f"{shown(member.name)} did not end (process {member.pid})",
            where=member.log,
        )


def _signal(member: Member) -> None:
    if member.is_alive:
        with suppress(ProcessLookupError):
            os.kill(member.pid, signal.SIGTERM)


def _gone(member: Member, until: float) -> bool:
    while member.is_alive:
        if time.monotonic() > until:
            return False
        time.sleep(_LOOK_S)
    return True


def _folder(home: Path) -> Path:
    return home / "cluster"


def _read(path: Path) -> Member | None:
    try:
        return Member(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None  # it ended just now, or another release wrote it


def _write(path: Path, member: Member) -> None:
    half = path.with_suffix(".new")
    half.write_text(json.dumps(member.to_json()))
    half.replace(path)
