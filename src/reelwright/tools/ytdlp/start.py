"""Starts a yt-dlp child, confined, in a process group of its own."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

from reelwright.tools.process import Command, Completed, run_command
from reelwright.tools.python_child import python_argv, python_env, python_reads
from reelwright.tools.sandbox import Confinement
from reelwright.tools.ytdlp.options import js_runtime
from reelwright.tools.ytdlp.request import CheckWish, ListWish, VideoWish
from reelwright.tools.ytdlp.sites import extractors_of
from reelwright.tools.ytdlp.wire import REQUEST, wish_to_file

_MEMORY_BYTES = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """How a child is run, whatever it does: where its words go, and what keeps it alive.

    `heartbeat`, `grace_s`: as `Command` has them.
    """

    log: Path
    sandbox: bool = True
    heartbeat: Callable[[], Awaitable[bool]] | None = None
    grace_s: float = 5.0


async def run_child(
    module: str,
    wish: VideoWish | ListWish | CheckWish,
    running: Running,
    hear: Callable[[str], None],
    programs: tuple[Path, ...] = (),
    folders: tuple[Path, ...] = (),
) -> Completed:
    """`folders`: what it writes to beside the wish's. Raises what `run_command` raises; what the
    child reports comes by `hear`."""
    folder = Path(wish.folder)
    options = wish.options
    if options.js_runtime is None and "youtube.*" in extractors_of(wish.url):
        options = replace(options, js_runtime=js_runtime())
    wish_to_file(replace(wish, options=options), folder / REQUEST)
    cookies = (Path(options.cookies),) if options.cookies else ()
    runtime = (Path(options.js_runtime),) if options.js_runtime else ()
    confinement = Confinement(
        # What is not there is the child's to report: it says whose option it was.
        read=(*python_reads(network=True), *filter(os.path.exists, cookies)),
        write=(folder, *folders),
        programs=(*programs, *runtime),
        network=True,
        memory_bytes=_MEMORY_BYTES,
    )
    command = Command(
        argv=python_argv(f"reelwright.tools.ytdlp.{module}", REQUEST),
        cwd=folder,
        confinement=confinement if running.sandbox else None,
        # What is found below a home folder is code to yt-dlp: plugins and configuration.
        env=python_env(network=True, proxies=wish.allow_private)
        | {"HOME": str(folder), "XDG_CACHE_HOME": str(folder), "YTDLP_NO_PLUGINS": "1"},
        log=running.log,
        heartbeat=running.heartbeat,
        grace_s=running.grace_s,
    )
    return await run_command(command, on_stdout_line=hear)
