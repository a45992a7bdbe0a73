"""Starting commands and looking at processes: what the tests of the guard share."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reelwright.tools.process import Command, Completed, run_command

PYTHON = str(Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}"))
ROOT = Path(__file__).resolve().parents[2]


def run(command: Command, *args: Any, **kwargs: Any) -> Completed:
    return asyncio.run(run_command(command, *args, **kwargs))


def python(code: str, cwd: Path, **fields: Any) -> Command:
    return Command(argv=(PYTHON, "-I", "-S", "-c", code), cwd=cwd, **fields)


def until(condition: Callable[[], Any], within_s: float = 20.0) -> Any:
    """What `condition` gives once it is true; the bound is only for a test that fails."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("it did not come about")


def is_alive(pid: int) -> bool:
    """Whether it runs: a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def children(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text()
        except OSError:
            continue
        if int(stat.rpartition(")")[2].split()[1]) == pid:
            found.append(int(entry.name))
    return found


DRIVER = """
import asyncio, sys
from pathlib import Path
from reelwright.errors import ReelError
from reelwright.tools.process import Command, run_command
from reelwright.tools.sandbox import Confinement
folder = Path(sys.argv[1])
lease_s = float(sys.argv[2]) or None
command = Command(
    argv=tuple(sys.argv[3:]), cwd=folder, lease_s=lease_s, confinement=Confinement(write=(folder,))
)
try:
    print("ended", asyncio.run(run_command(command)).exit_code)
except ReelError as error:
    print("error", error.code.text)
"""


class Driven:
    """A process that runs a command, as `reel` does; with the pids below it."""

    def __init__(self, folder: Path, *argv: str, lease_s: float = 0.0) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", DRIVER, str(folder), str(lease_s), *argv],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        )
        self.guard: int = until(lambda: children(self.process.pid))[0]
        self.command: int = until(lambda: self._running(argv[0]))

    def _running(self, program: str) -> int | None:
        """The guard's child, once it has become the command."""
        for pid in children(self.guard):
            try:
                if Path(f"/proc/{pid}/exe").samefile(program):
                    return pid
            except OSError:
                continue
        return None

    def said(self) -> str:
        return self.process.communicate(timeout=30)[0].strip()

    def end(self) -> None:
        for pid in (self.command, self.guard):
            if is_alive(pid):
                os.kill(pid, 9)
        self.process.kill()
        self.process.wait()
