"""Whom a command asks: this machine, or a service (`--server`, `REEL_SERVER`, setting `server`)."""

from __future__ import annotations

import os
from contextvars import ContextVar
from dataclasses import dataclass

from reelwright.errors import Code, ReelError

# Those that a service can be asked for; the others are about this machine.
REMOTE = (
    "run", "plan", "probe", "operators", "archive", "follow", "library", "workplan", "metadata",
    "jobs", "status", "logs", "watch", "cancel", "retry",
    "search", "ask", "understand", "transcribe", "read-text",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """A service. The token is in no text of it."""

    url: str
    token: str | None = None

    def __repr__(self) -> str:
        return f"Target({self.url})"


_flags: ContextVar[tuple[str | None, str | None]] = ContextVar("flags", default=(None, None))


def choose(server: str | None, token: str | None, *, for_command: str | None = None) -> None:
    """What was typed. Raises USAGE for a command that no service is asked for."""
    if server is not None and for_command is not None and for_command not in REMOTE:
        raise ReelError(
            Code.USAGE,
            f"`reel {for_command}` is about this machine",
            where="--server",
            hint=f"--server goes with {', '.join(REMOTE)}",
        )
    _flags.set((server, token))


def target() -> Target | None:
    """The service to ask; None: this machine. Raises CONFIG_INVALID."""
    from reelwright.app.settings import load

    server, token = _flags.get()
    url = server if server is not None else load().settings.server
    if not url:
        return None
    return Target(url, token or os.environ.get("REEL_TOKEN") or None)


def here_only(command: str) -> None:
    """Raises USAGE where a service was chosen: `command` (``library rename``) is about this
    machine."""
    if target() is not None:
        raise ReelError(
            Code.USAGE, f"`reel {command}` is about this machine", where="--server",
            hint="run it where the service runs, without --server (and REEL_SERVER)",
        )  # fmt: skip


def spelled() -> str:
    """How the command that is being run begins, for hints: with the server that was typed."""
    server, _ = _flags.get()
    return f"reel --server {server}" if server else "reel"
