"""What a command costs, whoever of its descendants spent it, and how a value is judged.

CPU-seconds, not wall time: other programs on the machine delay a command, but spend little of its
CPU. They still cost it caches and half a core, so commands that are compared alternate, and the
cheapest of a few rounds counts for each: noise only ever adds.
"""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_PR_SET_CHILD_SUBREAPER = 36  # include/uapi/linux/prctl.h


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured: `share` of the full length of the media, `rounds` of each command."""

    name: str
    share: float
    rounds: int
    kills: int

    def seconds(self, full_s: float, least_s: float = 0.4) -> float:
        return max(least_s, full_s * self.share)


SIZES = {
    "full": Size("full", 1.0, 3, 200),
    "quick": Size("quick", 0.25, 2, 30),
    # Only shows that everything runs: its values mean nothing.
    "toy": Size("toy", 0.02, 1, 2),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One measure and its bar. `bar` and `value` in `unit`; `noise` is the largest of the rounds
    over the smallest, of the value's dearest part. `at_least`: more is better."""

    measure: str
    bar: float
    value: float
    unit: str
    noise: float = 1.0
    facts: Mapping[str, Any] = field(default_factory=dict)
    wrong: tuple[str, ...] = ()
    at_least: bool = False

    @property
    def passed(self) -> bool:
        holds = self.value >= self.bar if self.at_least else self.value <= self.bar
        return holds and not self.wrong

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "passed": self.passed}


def adopt_orphans() -> None:
    """What a killed child leaves behind becomes ours, so that its CPU counts (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Cost:
    cpu_s: float
    stdout: str


def run(argv: Sequence[str | Path], cwd: Path, env: Mapping[str, str] | None = None) -> Cost:
    """Runs to the end of all descendants. Raises RuntimeError with the last of what it said."""
    before = _children_s()
    done = subprocess.run(
        [str(a) for a in argv],
        cwd=cwd,
        env=environment(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
    if done.returncode:
        said = (done.stderr or done.stdout)[-2000:]
        raise RuntimeError(f"{argv[0]} {argv[1]} ended with {done.returncode}: {said}")
    return Cost(_children_s() - before, done.stdout)


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ours without what would change the measure: settings of Reelwright, and a Python that may not
    keep its compiled modules (it would compile them anew at each start)."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("REEL_")}
    for name in ("PYTHONDONTWRITEBYTECODE", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"):
        kept.pop(name, None)
    return {**kept, **(more or {})}


def reel(*words: str | Path) -> list[str]:
    """The installed command of this environment."""
    return [str(Path(sys.executable).with_name("reel")), *(str(w) for w in words)]


@dataclass(slots=True)
class Rounds:
    """CPU-seconds of commands that took turns."""

    costs: dict[str, list[float]] = field(default_factory=dict)

    def best(self, name: str) -> float:
        return min(self.costs[name])

    def noise(self) -> float:
        return max(max(c) / max(min(c), 1e-9) for c in self.costs.values())

    def facts(self) -> dict[str, Any]:
        return {f"{n}_cpu_s": [round(c, 3) for c in costs] for n, costs in self.costs.items()}


def alternate(rounds: int, commands: Mapping[str, Callable[[], float]]) -> Rounds:
    """Runs each command `rounds` times, in turns, every second round in reverse."""
    found = Rounds({name: [] for name in commands})
    for number in range(rounds):
        order = list(commands)
        for name in order if number % 2 == 0 else reversed(order):
            found.costs[name].append(commands[name]())
    return found


def repeat(rounds: int, command: Callable[[], float]) -> Rounds:
    return alternate(rounds, {"reel": command})
