"""One video of the web and what comes with it, by one extraction."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from reelwright.tools.download.lines import Ear
from reelwright.tools.ytdlp.request import VideoAnswer, VideoWish
from reelwright.tools.ytdlp.start import Running, run_child
from reelwright.tools.ytdlp.wire import answer_from_file


async def fetch_video(
    wish: VideoWish,
    *,
    log: Path,
    sandbox: bool = True,
    on_progress: Callable[[int, int | None], None],
    heartbeat: Callable[[], Awaitable[bool]] | None = None,
    grace_s: float = 5.0,
) -> tuple[VideoAnswer, float]:
    """What was wanted of the video, in `wish.folder`, and the CPU-seconds it took.

    `on_progress` gets the bytes there and, where known, of all, of the video alone. Cancelling
    stops the child: SIGINT, `grace_s`, SIGKILL. Raises VIDEO_*, FORMAT_UNAVAILABLE,
    EXTRACTOR_UNSUPPORTED, EXTRACTOR_BROKEN, HTTP_*, NETWORK_*, TLS_INVALID, REMOTE_CHANGED,
    MEDIA_TOO_LARGE, DISK_FULL, ADDRESS_REFUSED, TOOL_NO_OUTPUT, TIMEOUT, each with yt-dlp's words
    as evidence, and what `run_command` raises.
    """
    running = Running(log=log, sandbox=sandbox, heartbeat=heartbeat, grace_s=grace_s)
    ear = Ear(on_progress)
    programs, folders = (Path(wish.ffmpeg),), (Path(wish.parts),) if wish.parts else ()
    done = await run_child("video_child", wish, running, ear.hear, programs, folders)
    said = ear.result(done.exit_code, done.stderr_tail)
    answer = await asyncio.to_thread(answer_from_file, Path(wish.folder) / said["path"])
    return answer, done.cpu_seconds
