"""Who a worker is, and whether it still lives: host, process id and the process's start time.

A process id alone is used again; with the start time it is one process. The host's name alone may
be shared by containers; with boot and PID namespace it says whether a process id means anything
to us.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_SEPARATOR = "/"


@dataclass(frozen=True, slots=True)
class Presence:
    """A worker. `nonce` tells two executors of one process apart."""

    host: str
    pid: int
    started: str
    nonce: str

    def __str__(self) -> str:
        return _SEPARATOR.join((self.host, str(self.pid), self.started, self.nonce))

    @staticmethod
    def parse(text: str) -> Presence:
        host, pid, started, nonce = text.rsplit(_SEPARATOR, 3)
        return Presence(host, int(pid), started, nonce)

    @staticmethod
    def mine(host: str | None = None) -> Presence:
        """Of this process, on this machine or on what of it is called `host`."""
        pid = os.getpid()
        return Presence(host or this_host(), pid, start_time(pid) or "", secrets.token_hex(4))

    @property
    def is_gone(self) -> bool:
        """True only where it is certain: on this host, and no such process any more."""
        return self.host == this_host() and start_time(self.pid) != self.started


@cache
def this_host() -> str:
    parts = [os.uname().nodename]
    for path in (Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")):
        try:
            parts.append(str(path.readlink()) if path.is_symlink() else path.read_text().strip())
        except OSError:
            continue
    return f"{parts[0]}-{hashlib.sha256(' '.join(parts).encode()).hexdigest()[:8]}"


def start_time(pid: int) -> str | None:
    """When the process began, in the system's own words; None where there is none (or a zombie)."""
    if not sys.platform.startswith("linux"):
        return _start_time_by_ps(pid)
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name in parentheses may hold anything; state is field 3, start time field 22 (proc(5)).
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else fields[19]


def _start_time_by_ps(pid: int) -> str | None:
    found = subprocess.run(
        ["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return found.stdout.strip().replace(_SEPARATOR, "-") or None
