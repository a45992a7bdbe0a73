"""One call of ffprobe: sandboxed, its demuxers and protocols pinned, its answer parsed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError
from reelwright.media.demuxers import file_url, input_options, probe_options
from reelwright.tools.process import Command, run_command
from reelwright.tools.sandbox import Confinement

if TYPE_CHECKING:
    from reelwright.tools.binaries import Tools

_TIMEOUT_S = 60.0
_ANSWER_BYTES = 64 << 20  # every packet of a 64 MiB file without an index, with room to spare
_COMPLAINTS = 200
_SIGKILL = -9


@dataclass(frozen=True, slots=True)
class Answer:
    """`document` is ffprobe's JSON, empty where it gave none."""

    document: Mapping[str, Any]
    complaints: tuple[str, ...]
    exit_code: int


async def ask(
    path: Path, arguments: Sequence[str], tools: Tools, *, sandbox: bool, demuxer: str | None = None
) -> Answer:
    """Runs ffprobe on `path`, all that it may read. Without `demuxer` it may guess the format,
    among those that open no other file.

    Raises TIMEOUT after `_TIMEOUT_S`, TOOL_FAILED for an answer of more than `_ANSWER_BYTES`,
    TOOL_CRASHED where it was killed, SANDBOX_*, TOOL_*.
    """
    pins = input_options(demuxer) if demuxer else probe_options()
    real = _real(path)
    return await _run((*pins, *arguments, file_url(real)), real, tools, sandbox=sandbox)


async def ask_stills(pattern: Path, tools: Tools, *, sandbox: bool) -> Answer:
    """Decodes a numbered sequence of pictures that we wrote ourselves (``still%06d.jpg``, from 1).
    For nobody else's: ``image2`` opens whatever its pattern fits. Raises as `ask`."""
    folder = _real(pattern.parent)
    arguments = (
        *("-protocol_whitelist", "file", "-f", "image2", "-start_number", "1"),
        *("-show_frames", "-show_entries", "frame=width,height"),
        file_url(folder / pattern.name),
    )
    return await _run(arguments, folder, tools, sandbox=sandbox)


async def _run(arguments: Sequence[str], readable: Path, tools: Tools, *, sandbox: bool) -> Answer:
    shown = ("-hide_banner", "-v", "level+warning", "-of", "json=c=1")
    limits = Confinement(read=(readable,), cpu_s=int(_TIMEOUT_S))
    command = Command(
        argv=(str(tools.ffprobe), *shown, *arguments),
        cwd=Path("/"),
        confinement=limits if sandbox else None,
        stdout_bytes=_ANSWER_BYTES,
        timeout_s=_TIMEOUT_S,
        lease_s=None,
    )
    complaints: list[str] = []
    done = await run_command(command, on_stderr_line=lambda line: _keep(complaints, line))
    if done.exit_code == _SIGKILL:  # half an answer, and none about the file
        raise ReelError(
            Code.TOOL_CRASHED,
            "ffprobe was killed from outside, perhaps because memory ran out",
            where=readable.name,
            evidence={"exit_code": done.exit_code, "stderr": complaints[-20:]},
        )
    return Answer(_parsed(done.stdout), tuple(complaints), done.exit_code)


def _real(path: Path) -> Path:
    return path.resolve()  # Landlock opens what a link points to, not the link


def _keep(complaints: list[str], line: str) -> None:
    """The first complaints name the cause; a damaged file can go on complaining for megabytes."""
    if len(complaints) < _COMPLAINTS:
        complaints.append(line)


def _parsed(text: bytes) -> Mapping[str, Any]:
    try:
        body = json.loads(text.decode("utf-8", "replace") or "{}")
    except ValueError:  # cut off, where ffprobe died
        return {}
    return body if isinstance(body, dict) else {}
