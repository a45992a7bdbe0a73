"""Starts the yt-dlp child."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path

from reelwright.tools.download.lines import Ear
from reelwright.tools.process import Command, run_command
from reelwright.tools.python_child import python_argv, python_env, python_reads
from reelwright.tools.sandbox import Confinement
from reelwright.tools.ytdlp.request import PageAnswer, PageWish

_REQUEST = "page.json"
_MEMORY_BYTES = 1 << 30


async def fetch_page(
    wish: PageWish,
    *,
    log: Path,
    sandbox: bool = True,
    on_progress: Callable[[int, int | None], None],
    heartbeat: Callable[[], Awaitable[bool]] | None = None,
    grace_s: float = 5.0,
) -> tuple[PageAnswer, float]:
    """What the page shows, and the CPU-seconds it took.

    Raises EXTRACTOR_UNSUPPORTED, HTTP_*, NETWORK_*, TLS_INVALID, MEDIA_TOO_LARGE, TOOL_NO_OUTPUT,
    and what `run_command` raises.
    """
    folder = Path(wish.folder)
    (folder / _REQUEST).write_text(json.dumps(asdict(wish)), encoding="utf-8")
    confinement = Confinement(
        read=python_reads(network=True),
        write=(folder,),
        programs=(Path(wish.ffmpeg),),
        network=True,
        memory_bytes=_MEMORY_BYTES,
    )
    command = Command(
        argv=python_argv("reelwright.tools.ytdlp.child", _REQUEST),
        cwd=folder,
        confinement=confinement if sandbox else None,
        env=python_env(network=True, proxies=wish.allow_private)
        | {"HOME": str(folder), "XDG_CACHE_HOME": str(folder)},
        log=log,
        heartbeat=heartbeat,
        grace_s=grace_s,
    )
    ear = Ear(on_progress)
    done = await run_command(command, on_stdout_line=ear.hear)
    said = ear.result(done.exit_code, done.stderr_tail)
    del said["event"]
    return PageAnswer(**said), done.cpu_seconds
