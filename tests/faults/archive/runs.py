"""`reel archive` as a user runs it, in a home and a library of a test's own, and what it left."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.cli.reel import reel

T = TypeVar("T")

# Generous: a busy machine is slow, and a command that hangs is what the limit is for.
LIMIT_S = 240.0
_VIDEOS = frozenset({".mp4", ".webm", ".mkv", ".m4a", ".mp3"})
# Delays are what is waited for here, not what is tested.
_QUICK = {
    "REEL_RETRY__BACKOFF_S": "0.2",
    "REEL_RETRY__BACKOFF_MAX_S": "1",
    "REEL_ARCHIVE__KEEP_FREE_BYTES": "1MB",
    "REEL_ARCHIVE__NFO": "false",
}


def until(look: Callable[[], T | None], timeout_s: float = 60.0) -> T:
    """What `look` gives once it is true. Fails when it never is."""
    deadline = time.monotonic() + timeout_s
    while not (found := look()):
        if time.monotonic() > deadline:
            pytest.fail(f"nothing came of it in {timeout_s:g} s")
        time.sleep(0.02)
    return found


@dataclass(frozen=True)
class Ended:
    """A run that came to its end. `entries`: by the address."""

    code: int
    events: Sequence[Mapping[str, Any]]
    said: str

    @property
    def entries(self) -> dict[str, Mapping[str, Any]]:
        return {e["url"]: e for e in self.events if e["event"] == "entry"}

    @property
    def entry(self) -> Mapping[str, Any]:
        """The only one."""
        (found,) = self.entries.values()
        return found

    @property
    def job(self) -> Mapping[str, Any]:
        """The last line."""
        assert self.events, self.said
        assert self.events[-1]["event"] == "job", (self.events, self.said)
        return self.events[-1]


@dataclass(frozen=True)
class Running:
    process: subprocess.Popen[str]
    archive: Archive

    def kill(self) -> None:
        """-9, to the command alone; what it had started must end by itself."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.communicate()
        self.archive.expect_no_process()

    def end(self, timeout_s: float = LIMIT_S) -> Ended:
        out, err = self.process.communicate(timeout=timeout_s)
        lines = [json.loads(line) for line in out.splitlines()]
        return Ended(self.process.returncode, lines, err)


@dataclass(frozen=True)
class Archive:
    """`prefix`: words before the command, such as a way into another mount namespace. `seen`: how
    the tests see its files, where that is another path than the command's own."""

    home: Path
    library: Path
    more: Mapping[str, str] = field(default_factory=dict)
    prefix: Sequence[str] = ()
    seen: Callable[[Path], Path] = lambda path: path

    @property
    def environ(self) -> dict[str, str]:
        folders = {"REEL_HOME": str(self.home), "REEL_LIBRARY": str(self.library)}
        return {**os.environ, **_QUICK, **folders, **self.more}

    def start(self, *words: str) -> Running:
        command = [*self.prefix, str(Path(sys.executable).with_name("reel")), *words]
        process = subprocess.Popen(
            command,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        return Running(process, self)

    @contextmanager
    def archiving(self, *words: str) -> Iterator[Running]:
        """`reel archive WORDS --json`, which does not outlive the test."""
        running = self.start("archive", *words, "--json")
        try:
            yield running
        finally:
            if running.process.poll() is None:
                running.process.kill()
                running.process.communicate()

    def run(self, *words: str, limit_s: float = LIMIT_S) -> Ended:
        """`reel archive WORDS --json` to its end: in this process, which spares a start of each.
        What is to be killed, and what another disk is seen by, has a process of its own."""
        if self.prefix:
            with self.archiving(*words) as running:
                return running.end(limit_s)
        done = reel("archive", *words, "--json", cwd=Path.cwd(), **self.environ)
        return Ended(done.code, done.lines, done.err)

    def document(self, *words: str) -> Any:
        """What `reel WORDS --json` prints: one document."""
        if self.prefix:
            with_json = self.start(*words, "--json")
            out, err = with_json.process.communicate(timeout=LIMIT_S)
        else:
            done = reel(*words, "--json", cwd=Path.cwd(), **self.environ)
            out, err = done.out, done.err
        assert out, err
        return json.loads(out)

    def path(self, entry: Mapping[str, Any]) -> Path:
        """The file that an entry's line names."""
        return self.seen(Path(entry["path"]))

    def videos(self) -> list[Path]:
        """What stands in the library under a name of its own."""
        root = self.seen(self.library)
        found = [path for path in root.rglob("*") if path.suffix in _VIDEOS and path.is_file()]
        return sorted(path for path in found if not _is_hidden(path.relative_to(root)))

    def digests(self) -> list[str]:
        """SHA-256 of every video, sorted."""
        return sorted(sha256(path) for path in self.videos())

    def part_bytes(self) -> int:
        """What half downloads hold at the moment."""
        return sum(_size(path) for path in self.seen(self.home).rglob("*.part"))

    def leftovers(self) -> list[Path]:
        """Half downloads, workspaces and staged files that nobody needs after a good end."""
        found = list(self.seen(self.home).rglob("*.part"))
        workspaces = self.seen(self.home) / "workspaces"
        found += list(workspaces.glob("*")) if workspaces.is_dir() else []
        root = self.seen(self.library)
        hidden = (p for p in root.rglob("*") if p.is_file() and _is_hidden(p.relative_to(root)))
        return found + [path for path in hidden if path.suffix in (*_VIDEOS, ".part", ".tmp")]

    def processes(self) -> list[str]:
        """Those that work in the home or the library."""
        return processes_in(self.home, self.library)

    def expect_no_process(self) -> None:
        until(lambda: not self.processes())


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def processes_in(*folders: Path) -> list[str]:
    """Command lines of processes whose working folder, arguments or environment name one."""
    names = [str(folder).encode() for folder in folders]
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        if int(entry.name) == os.getpid():
            continue
        try:
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            line, environ = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
            place = str((entry / "cwd").readlink()).encode()
        except OSError:
            continue
        if state not in "ZX" and any(n in part for n in names for part in (line, environ, place)):
            found.append(f"{entry.name} {line.replace(bytes(1), b' ').decode(errors='replace')}")
    return found


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
