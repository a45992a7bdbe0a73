"""The process that keeps a node ends all of it, however it comes to its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from reelwright.tools.ray import keep
from tests.served import until

# Leaves a child in a session of its own, one whose parent has ended, and one in its group.
TREE = """
import os, subprocess, sys, time
SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
def note(name, pid):
    with open(os.path.join(sys.argv[1], name), "w") as file:
        file.write(str(pid))
note("far", subprocess.Popen(SLEEP, start_new_session=True).pid)
if os.fork() == 0:
    note("orphan", subprocess.Popen(SLEEP, start_new_session=True).pid)
    os._exit(0)
os.wait()
note("node", os.getpid())
if len(sys.argv) > 2:
    sys.exit(3)
time.sleep(600)
"""
NAMES = ("far", "orphan", "node")


def started(folder: Path, *more: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", TREE, str(folder), *more]
    return subprocess.Popen(
        [sys.executable, "-I", "-S", keep.__file__, "5", *command],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )


def pids(folder: Path) -> list[int]:
    def look() -> list[int] | None:
        texts = [(folder / name).read_text() for name in NAMES if (folder / name).exists()]
        return [int(text) for text in texts] if len(texts) == len(NAMES) and all(texts) else None

    return until(look)


def living(found: list[int]) -> list[int]:
    alive = []
    for pid in found:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state not in "ZX":
            alive.append(pid)
    return alive


def test_the_end_of_the_lifeline_ends_all_of_it(tmp_path: Path) -> None:
    kept = started(tmp_path)
    found = pids(tmp_path)
    assert len(living(found)) == 3
    assert kept.stdin is not None
    kept.stdin.close()
    kept.wait(30)
    assert living(found) == []


def test_a_signal_ends_all_of_it(tmp_path: Path) -> None:
    kept = started(tmp_path)
    found = pids(tmp_path)
    kept.send_signal(signal.SIGTERM)
    kept.wait(30)
    assert living(found) == []


def test_what_a_node_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    kept = started(tmp_path, "and end")
    found = pids(tmp_path)
    assert kept.wait(30) == 3
    assert living(found) == []


def test_its_own_death_takes_the_node_along(tmp_path: Path) -> None:
    kept = started(tmp_path)
    found = pids(tmp_path)
    kept.kill()
    kept.wait(30)
    until(lambda: not living(found[2:]))
    for pid in living(found):  # what hid in sessions of its own: nothing could know of it any more
        os.kill(pid, signal.SIGKILL)


def test_members_are_those_of_the_session_and_all_that_descend(tmp_path: Path) -> None:
    kept = started(tmp_path)
    found = pids(tmp_path)
    assert keep.members(kept.pid, kept.pid) >= {kept.pid, *found}
    assert os.getpid() not in keep.members(kept.pid, kept.pid)
    kept.terminate()
    kept.wait(30)
