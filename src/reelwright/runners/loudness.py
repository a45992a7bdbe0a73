"""The loudness of an output, measured once more where the plan promises one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelwright.analysis.loudness import parse_summary
from reelwright.errors import Code, ReelError
from reelwright.media.demuxers import file_url, input_options
from reelwright.tools.process import Command, run_command
from reelwright.tools.sandbox import Confinement

if TYPE_CHECKING:
    from pathlib import Path

    from reelwright.media.info import MediaInfo
    from reelwright.runners.context import StepContext

_TAIL_LINES = 200


async def integrated_lufs(path: Path, info: MediaInfo, context: StepContext) -> float:
    """Integrated loudness of the first sound after ITU-R BS.1770, in LUFS. Raises TOOL_FAILED;
    TOOL_CRASHED where FFmpeg was killed."""
    argv = (
        str(context.tools.ffmpeg),
        *("-hide_banner", "-nostdin", "-nostats", "-v", "info"),
        *(*input_options(info.demuxer), "-i", file_url(path.resolve())),  # noqa: ASYNC240
        *("-map", "0:a:0", "-af", "ebur128=framelog=quiet", "-f", "null", "-"),
    )
    confinement = Confinement(read=(path,)) if context.sandbox else None
    said: list[str] = []
    command = Command(
        argv=argv, cwd=context.workspace, confinement=confinement, grace_s=context.grace_s
    )
    done = await run_command(command, on_stderr_line=said.append)
    try:
        return parse_summary("\n".join(said[-_TAIL_LINES:])).integrated_lufs
    except LookupError as error:
        raise ReelError(
            Code.TOOL_CRASHED if done.exit_code < 0 else Code.TOOL_FAILED,
            f"the loudness of {path.name} was not measured",
            evidence={"exit_code": done.exit_code, "stderr": list(done.stderr_tail)},
        ) from error
