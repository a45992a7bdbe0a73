"""A node of Ray below this process: started, kept going, and ended without a trace."""

from __future__ import annotations

import hashlib
import os
import queue
import secrets
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from reelwright.errors import Code, ReelError
from reelwright.tools.ray.failures import check_installed, why_not_started
from reelwright.tools.ray.probe import ask_head
from reelwright.tools.ray.settings import FOLDER_BYTES, RayNode, node_argv, node_env

_KEEPER = Path(__file__).with_name("keep.py")
_STARTED = "Ray runtime started"
_GRACE_S = 10.0
_BACKOFF_S, _BACKOFF_MOST_S = 1.0, 15.0
# A node that lived so long was well: the next wait is the first one again.
_WELL_S = 60.0
_LOG_BYTES = 1 << 20


def make_token(path: Path) -> Path:
    """The file with the cluster's token, a new one where there is none; its user's alone.

    Raises PERMISSION_DENIED where others may read it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(32))
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ReelError(
            Code.PERMISSION_DENIED,
            f"others may read the token of the cluster: {path}",
            where=str(path),
            hint=f"chmod 600 {path}",
        )
    return path


def ray_folder(home: Path) -> Path:
    """A folder for Ray's sockets and logs, one for each home, with a path that is short enough.

    Raises PERMISSION_DENIED where somebody else has made it."""
    mark = hashlib.sha256(str(home.absolute()).encode()).hexdigest()[:10]
    folder = Path(tempfile.gettempdir()) / f"reel-ray-{os.getuid()}" / mark
    if len(os.fsencode(folder)) > FOLDER_BYTES:  # a TMPDIR of its own
        folder = Path("/tmp") / folder.parent.name / mark
    for part in (folder.parent, folder):
        part.mkdir(mode=0o700, exist_ok=True)
        found = part.lstat()
        if found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode):
            raise ReelError(Code.PERMISSION_DENIED, f"{part} belongs to somebody else")
    return folder


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """`is_up`: it has joined and lives. `problem`: why it does not, or ended last."""

    is_up: bool
    restarts: int
    problem: ReelError | None


class NodeProcess:
    """One node, as a child of this process: it dies with it.

    A node that ends by itself is started again, after 1 s, 2 s, … 15 s, until `stop`: a head that
    came back is joined anew. `on_change` is called in the thread that keeps it.
    """

    def __init__(
        self, node: RayNode, *, on_change: Callable[[NodeStatus], None] = lambda _status: None
    ) -> None:
        self.node = node
        self.log = node.folder / "node.log"
        self._on_change = on_change
        self._status = NodeStatus(is_up=False, restarts=0, problem=None)
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._is_stopped = threading.Event()
        self._ended = threading.Event()
        self._first: queue.SimpleQueue[ReelError | None] = queue.SimpleQueue()
        # The death signal of a child fires when the thread that started it ends.
        self._thread = threading.Thread(target=self._keep, name="ray node", daemon=True)

    def start(self, timeout_s: float = 120.0) -> str:
        """Returns the head's address, host:port, when the node has joined.

        Raises TOOL_MISSING (no Ray here), CONFIG_INVALID, CLUSTER_UNAVAILABLE (no head there, the
        wrong token, a port that is taken), NODE_REFUSED (another version of Ray or Python).
        """
        check_installed()
        if len(os.fsencode(self.node.folder)) > FOLDER_BYTES:
            raise ReelError(
                Code.CONFIG_INVALID,
                f"Ray's folder may have {FOLDER_BYTES} bytes: {self.node.folder}",
                hint="its sockets have 107 bytes for their whole path",
            )
        self.node.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._check_peers()
        self._thread.start()
        try:
            problem = self._first.get(timeout=timeout_s)
        except queue.Empty:
            problem = ReelError(
                Code.CLUSTER_UNAVAILABLE,
                f"the node did not start within {timeout_s:g} s",
                where=self.node.head,
                evidence={"log": str(self.log)},
            )
        if problem is not None:
            self.stop()
            raise problem
        return self.node.head

    @property
    def status(self) -> NodeStatus:
        return self._status

    @property
    def pid(self) -> int | None:
        """Of the process that keeps the node's others; it leads their session."""
        process = self._process
        return None if process is None else process.pid

    def wait(self, timeout_s: float | None = None) -> bool:
        """Until `stop` has ended it; whether it has."""
        return self._ended.wait(timeout_s)

    def stop(self) -> None:
        """On return nothing of the node is left. From any thread."""
        self._is_stopped.set()
        with self._lock:
            if self._process is not None:
                with suppress(OSError):
                    self._process.terminate()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join()

    def _check_peers(self) -> None:
        if not self.node.is_head:
            ask_head(self.node.head, self.node.token)
            return
        if _is_taken(self.node.port):
            raise ReelError(
                Code.CLUSTER_UNAVAILABLE,
                f"port {self.node.port} is taken",
                where=self.node.head,
                hint="another head may run on this machine; else name another port",
            )

    def _keep(self) -> None:
        wait_s = _BACKOFF_S
        try:
            while not self._is_stopped.is_set():
                began = time.monotonic()
                problem = self._run()
                if time.monotonic() - began > _WELL_S:
                    wait_s = _BACKOFF_S
                self._say(is_up=False, problem=problem)
                self._first.put(problem)
                if self._is_stopped.wait(wait_s):
                    return
                wait_s = min(wait_s * 2, _BACKOFF_MOST_S)
                self._status = NodeStatus(False, self._status.restarts + 1, problem)
        finally:
            self._ended.set()

    def _run(self) -> ReelError:
        """Starts it once and waits for its end; why it ended."""
        _clear(self.node.folder)
        argv = [sys.executable, "-I", "-S", str(_KEEPER), str(_GRACE_S), *node_argv(self.node)]
        try:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,  # the lifeline
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=node_env(self.node, os.environ),
                cwd=self.node.folder,
                start_new_session=True,  # Ctrl-C is ours to pass on
            )
        except OSError as error:
            return ReelError(Code.PROCESS_LIMIT, f"Ray could not be started: {error}")
        with self._lock:
            self._process = process
            if self._is_stopped.is_set():
                process.terminate()
        lines = self._listen(process)
        code = process.wait()
        _end_session(process.pid)
        return why_not_started(self.node.head, lines, code, self.log)

    def _listen(self, process: subprocess.Popen[bytes]) -> list[str]:
        """What it said at last; it is in the log too, so much of it."""
        assert process.stdout
        said: list[str] = []
        written = 0
        with self.log.open("wb") as log, process.stdout as output:
            for line in output:
                if written < _LOG_BYTES:
                    log.write(line)
                    log.flush()
                    written += len(line)
                text = line.decode(errors="replace").rstrip()
                said = [*said[-59:], text]
                if _STARTED in text:
                    self._say(is_up=True, problem=None)
                    self._first.put(None)
        return said

    def _say(self, *, is_up: bool, problem: ReelError | None) -> None:
        self._status = NodeStatus(is_up, self._status.restarts, problem)
        self._on_change(self._status)


def _is_taken(port: int) -> bool:
    """Ray listens on all addresses, whichever it is told."""
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("", port))
        except OSError:
            return True
    return False


def _clear(folder: Path) -> None:
    """What earlier lives of the node left: nothing of them runs any more."""
    for found in (*folder.glob("session_*"), *folder.glob("ray_current_cluster*")):
        if found.is_dir() and not found.is_symlink():
            shutil.rmtree(found, ignore_errors=True)
        else:
            found.unlink(missing_ok=True)


def _end_session(leader: int) -> None:
    """Where even the keeper was killed: whatever it left behind goes too."""
    from reelwright.tools.ray.keep import members

    until = time.monotonic() + 10
    while time.monotonic() < until and (left := members(leader, leader) - {leader}):
        for pid in left:
            with suppress(OSError):
                os.kill(pid, 9)
        time.sleep(0.05)
