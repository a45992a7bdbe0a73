"""Keeps a node of Ray, and ends all of it: ``python -I -S keep.py GRACE_S COMMAND …``.

A stand-alone script. Standard input is a lifeline: its end means that whoever wanted the node is
gone. Ray's own processes outlive their parents in more than one way (its agents were seen minutes
after everything else had been killed), so what it starts is taken in by the kernel (subreaper) and
found by its session.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pathlib
import select
import signal
import subprocess
import sys
import time

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def main() -> None:
    grace_s, command = float(sys.argv[1]), sys.argv[2:]
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    wakeup, signalled = os.pipe()
    os.set_blocking(signalled, False)
    signal.set_wakeup_fd(signalled)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    keeper = os.getpid()

    def tie() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != keeper:
            os._exit(127)

    node = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=tie)
    try:
        _watch(node, wakeup)
        if node.poll() is None:
            node.terminate()
            _wait(node, grace_s)
    finally:
        _end_all(os.getsid(0))
    sys.exit(node.returncode if node.returncode and node.returncode > 0 else 0)


def _watch(node: subprocess.Popen[bytes], wakeup: int) -> None:
    """Until the node has ended, or its end is wanted."""
    while node.poll() is None:
        ready = select.select([0, wakeup], [], [])[0]
        if 0 in ready and not os.read(0, 4096):
            return
        if wakeup in ready:
            if set(os.read(wakeup, 4096)) & {signal.SIGTERM, signal.SIGINT}:
                return
            _reap(node)


def _wait(node: subprocess.Popen[bytes], grace_s: float) -> None:
    try:
        node.wait(timeout=grace_s)
    except subprocess.TimeoutExpired:
        node.kill()
        node.wait()


def _reap(node: subprocess.Popen[bytes]) -> None:
    """What was taken in and has ended; the node itself is `node`'s to reap."""
    while True:
        try:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if found is None or found.si_pid == node.pid:
            return
        os.waitpid(found.si_pid, 0)


def _end_all(session: int) -> None:
    """Kills what is left, until nothing is: whoever is killed may have left children of its own."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        left = members(session, os.getpid()) - {os.getpid()}
        if not left:
            return
        for pid in left:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.02)


def members(session: int, root: int) -> set[int]:
    """Living processes of this session, and whatever descends from `root`."""
    parents: dict[int, int] = {}
    found = set()
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] in "ZX":
            continue
        pid = int(folder.name)
        parents[pid] = int(fields[1])
        if int(fields[3]) == session:
            found.add(pid)
    return found | {pid for pid in parents if _descends(pid, root, parents)}


def _descends(pid: int, root: int, parents: dict[int, int]) -> bool:
    while pid in parents:
        pid = parents[pid]
        if pid == root:
            return True
    return False


if __name__ == "__main__":
    main()
