"""Starts a plain download as a child process."""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from reelwright.tools.download.lines import Ear
from reelwright.tools.download.wish import Downloaded, NotAFile, Wish
from reelwright.tools.process import Command, run_command
from reelwright.tools.python_child import python_argv, python_env, python_reads
from reelwright.tools.sandbox import Confinement

_JOB = "download.json"
_MEMORY_BYTES = 512 << 20


async def fetch_file(
    wish: Wish,
    target: Path,
    parts: Path,
    *,
    log: Path,
    sandbox: bool = True,
    on_progress: Callable[[int, int | None], None],
    heartbeat: Callable[[], Awaitable[bool]] | None = None,
    grace_s: float = 5.0,
) -> tuple[Downloaded, float]:
    """Brings `wish.url` to `target`; the file and the CPU-seconds it took.

    `parts`, a folder, outlives the attempt: what is there of an earlier one is gone on from. Raises
    NotAFile, and ReelError as `download` and `run_command` do.
    """
    workspace = target.parent
    job: dict[str, Any] = {
        "wish": asdict(wish),
        "target": str(target),
        "parts": str(parts),
        "own_parts": str(workspace / "own-parts"),
    }
    (workspace / _JOB).write_text(json.dumps(job), encoding="utf-8")
    command = Command(
        argv=python_argv("reelwright.tools.download", _JOB),
        cwd=workspace,
        confinement=_walls(wish, workspace, parts) if sandbox else None,
        env=python_env(network=True, proxies=wish.allow_private),
        log=log,
        heartbeat=heartbeat,
        grace_s=grace_s,
    )
    ear = Ear(on_progress)
    done = await run_command(command, on_stdout_line=ear.hear)
    said = ear.result(done.exit_code, done.stderr_tail)
    if said.pop("event") == "page":
        raise NotAFile(said["url"], said["content_type"])
    return Downloaded(**said), done.cpu_seconds


def _walls(wish: Wish, workspace: Path, parts: Path) -> Confinement:
    cookies = (wish.cookies,) if wish.cookies else ()
    return Confinement(
        # What is not there is the child's to report.
        read=(*python_reads(network=True), *map(Path, filter(os.path.exists, cookies))),
        write=(workspace, parts),
        network=True,
        memory_bytes=_MEMORY_BYTES,
    )
