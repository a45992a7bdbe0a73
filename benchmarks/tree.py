"""What a command and everything it starts take together: CPU, and memory at its highest."""

from __future__ import annotations

import os
import resource
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import environment

_LOOK_S = 0.05
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Observed:
    """`peak_mib`: the most that all processes held at one time, what they share counted once."""

    code: int
    cpu_s: float
    peak_mib: float
    stdout: str
    stderr: str


def observe(
    argv: Sequence[str | Path],
    cwd: Path,
    env: Mapping[str, str] | None = None,
    *,
    codes: Sequence[int] = (0,),
) -> Observed:
    """Runs to the end of all descendants (`adopt_orphans` was called). Raises RuntimeError where
    it ends with another exit code than `codes`."""
    others, before = set(descendants(os.getpid())), _children_s()
    process = subprocess.Popen(
        [str(a) for a in argv],
        cwd=cwd,
        env=environment(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    watch = Watch(process.pid)
    out, err = process.communicate()
    # What it left behind is ours now; a server of the benchmark's own is not waited for.
    while left := set(descendants(os.getpid())) - others:
        for pid in left:
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)
    peak_mib = watch.end()
    if process.returncode not in codes:
        said = (err or out)[-2000:]
        raise RuntimeError(f"{' '.join(map(str, argv))} ended with {process.returncode}: {said}")
    return Observed(process.returncode, _children_s() - before, peak_mib, out, err)


class Watch:
    """Looks at a process and its descendants twenty times a second (Linux; elsewhere it sees 0)."""

    def __init__(self, pid: int) -> None:
        self._pid, self._peak_mib = pid, 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def end(self) -> float:
        """The peak, MiB."""
        self._over.set()
        self._thread.join()
        return self._peak_mib

    def _look(self) -> None:
        while not self._over.wait(_LOOK_S):
            self._peak_mib = max(self._peak_mib, tree_mib(self._pid))


def tree_mib(pid: int) -> float:
    """What the process and its descendants hold now; a page that n of them share counts 1/n."""
    return sum(_pss_bytes(one) for one in descendants(pid)) / _MIB


def descendants(pid: int) -> list[int]:
    """With the process itself."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError, ValueError):
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.name))
    found, left = [], [pid]
    while left:
        one = left.pop()
        found.append(one)
        left += children.get(one, [])
    return found


def _pss_bytes(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
