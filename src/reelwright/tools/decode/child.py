"""Starts the look as a confined child process and understands how it ended."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError
from reelwright.tools.decode.exits import CANNOT, DISK_FULL, LOOKED
from reelwright.tools.ffmpeg.progress import Progress, ProgressParser
from reelwright.tools.process import Command, Completed, run_command
from reelwright.tools.python_child import python_argv, python_env, python_reads
from reelwright.tools.sandbox import Confinement

if TYPE_CHECKING:
    from reelwright.tools.decode.job import Job

_JOB, _RESULT = "look.json", "look-result.json"
# Frames of one 8K decoder and a few pictures; what a hostile file asks for beyond it fails.
_MEMORY_BYTES = 4 << 30
# SIGHUP, SIGINT, SIGKILL, SIGTERM: sent by a person or the kernel, whatever is in the file.
_FROM_OUTSIDE = frozenset({1, 2, 9, 15})
# One thread each: the planes are small, and a pool of threads costs more than it gives.
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`reason`: why FFmpeg has to decode instead; None: `results` has one entry a wish."""

    results: tuple[Mapping[str, Any], ...]
    report: Mapping[str, Any]
    reason: str | None
    cpu_seconds: float
    max_rss_bytes: int


async def look(
    job: Job,
    workspace: Path,
    *,
    log: Path,
    sandbox: bool = True,
    memory_bytes: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    heartbeat: Callable[[], Awaitable[bool]] | None = None,
    grace_s: float = 5.0,
) -> Outcome:
    """Looks at `job.input`; packs are left in `workspace`.

    A crash is a reason too: the file may well decode in FFmpeg's own process. Being killed from
    outside is none. Raises DISK_FULL, TOOL_CRASHED and what `run_command` raises.
    """
    (workspace / _JOB).write_text(json.dumps(job.to_json()), encoding="utf-8")
    (workspace / _RESULT).unlink(missing_ok=True)
    parser = ProgressParser()

    def hear(line: str) -> None:
        progress = parser.feed(line)
        if progress is not None and on_progress is not None:
            on_progress(progress)

    command = _command(job, workspace, log, memory_bytes, sandbox=sandbox)
    command = replace(command, heartbeat=heartbeat, grace_s=grace_s)
    done = await run_command(command, on_stdout_line=hear)
    if done.exit_code == DISK_FULL:
        raise ReelError(Code.DISK_FULL, "the disk is full", where=str(workspace))
    if -done.exit_code in _FROM_OUTSIDE:
        raise ReelError(
            Code.TOOL_CRASHED,
            f"the decoder was killed by signal {-done.exit_code}, perhaps memory ran out",
            evidence={"exit_code": done.exit_code, "log": list(done.stderr_tail[-5:])},
        )
    return _outcome(done, workspace)


def _command(
    job: Job, workspace: Path, log: Path, memory_bytes: int | None, *, sandbox: bool
) -> Command:
    walls = Confinement(
        read=(Path(job.input), *python_reads()),
        write=(workspace,),
        memory_bytes=min(memory_bytes or _MEMORY_BYTES, _MEMORY_BYTES),
    )
    return Command(
        argv=python_argv("reelwright.tools.decode", _JOB, _RESULT),
        cwd=workspace,
        confinement=walls if sandbox else None,
        env=python_env() | _ONE_THREAD,
        log=log,
    )


def _outcome(done: Completed, workspace: Path) -> Outcome:
    reason: str | None = None
    body: Mapping[str, Any] = {}
    if done.exit_code in (LOOKED, CANNOT):
        body = json.loads((workspace / _RESULT).read_text(encoding="utf-8"))
        reason = body.get("reason")
    else:
        last = f": {done.stderr_tail[-1]}" if done.stderr_tail else ""
        reason = f"the decoder crashed with exit code {done.exit_code}{last}"
    return Outcome(
        results=tuple(body.get("results", ())),
        report=body.get("report", {}),
        reason=reason,
        cpu_seconds=done.cpu_seconds,
        max_rss_bytes=done.max_rss_bytes,
    )
