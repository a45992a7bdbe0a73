"""A picture file of any form as PNG, decoded behind walls: models are handed nothing else."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.errors import ReelError
from reelwright.media.demuxers import file_url, input_options
from reelwright.tools.ffmpeg.failures import classify, clean
from reelwright.tools.process import Command, run_command
from reelwright.tools.sandbox import Confinement

if TYPE_CHECKING:
    from reelwright.media.info import MediaInfo
    from reelwright.tools.binaries import Tools

_TIMEOUT_S = 120.0


async def png_of(
    path: Path, info: MediaInfo, tools: Tools, *, sandbox: bool, max_pixels: int | None = None
) -> tuple[bytes, tuple[str, ...]]:
    """The picture in `path`, which `info` is about, upright and with its transparency, and what
    was wrong with it though it decodes. Raises DECODE_FAILED and what else FFmpeg can say of a
    damaged file, TIMEOUT, TOOL_*."""
    source = _real(path)
    with tempfile.TemporaryDirectory(prefix="reel-picture-") as made:
        workspace = Path(made)
        argv = (
            *(str(tools.ffmpeg), "-nostdin", "-hide_banner", "-loglevel", "level+warning"),
            *("-threads", "1", *input_options(info.demuxer, max_pixels=max_pixels)),
            *("-i", file_url(source), "-map", "0:v:0", "-frames:v", "1", "-an", "-sn"),
            *("-vf", "format=rgba", "-c:v", "png", "-compression_level", "1"),
            *("-f", "image2", "-update", "1", "picture.png"),
        )
        done = await run_command(
            Command(
                argv=argv,
                cwd=workspace,
                confinement=Confinement(read=(source,), write=(workspace,)) if sandbox else None,
                timeout_s=_TIMEOUT_S,
            )
        )
        target = workspace / "picture.png"
        if done.exit_code != 0 or not target.is_file():
            raise ReelError.of(classify(done.stderr_tail, done.exit_code, argv))
        damage = (clean(line, argv) for line in done.stderr_tail if "[error]" in line)
        return target.read_bytes(), tuple(damage)


def _real(path: Path) -> Path:
    return path.resolve()  # Landlock opens what a link points to, not the link
