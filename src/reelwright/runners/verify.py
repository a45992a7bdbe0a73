"""Every output is checked against what the plan said it would be, before it becomes an artifact.

An exit code is no evidence: the file is opened again, by ffprobe in the sandbox, and compared.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError
from reelwright.media.containers import Container, Role, container
from reelwright.media.info import MediaInfo
from reelwright.media.streams import VideoStream
from reelwright.runners.mismatch import (
    STRICT,
    Slack,
    damage_mismatches,
    length_mismatches,
    mismatches,
)
from reelwright.tools.probe import check_png, count_frames, probe, still_sizes

if TYPE_CHECKING:
    from reelwright.planning.plan import Expectation, StepOutput
    from reelwright.runners.context import StepContext

_NUMBER = "%06d"


@dataclass(frozen=True, slots=True)
class Verified:
    """An output that is what it should be. `facts`: its MediaInfo as JSON (of the first file; empty
    for texts); `notes`: what `Slack` excused."""

    name: str
    files: tuple[Path, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


async def verify(output: StepOutput, context: StepContext, slack: Slack = STRICT) -> Verified:
    """Raises OUTPUT_MISSING, and OUTPUT_MISMATCH with all that differs at once; as they are, errors
    of looking that say nothing of the file (a killed ffprobe)."""
    files = _files(output, context.workspace)
    kind = container(output.container)
    role = _role(output, kind)
    if output.container in _CHECKS:
        _CHECKS[output.container](output, files[0])
        return Verified(output.name, files)
    if kind is not None and role is Role.TEXT:
        _check_text(output, files[0], kind.name)
        return Verified(output.name, files)
    try:
        info = await probe(files[0], context.tools, sha256="", sandbox=context.sandbox)
    except ReelError as error:
        if error.code.retryable:
            raise
        raise _mismatch(output, [f"expected a media file, got: {error}"], error) from error
    expect = output.expect
    wrong: list[str] = []
    excused: list[str] = []
    if role is Role.IMAGE and expect.decodable:
        wrong += await _broken_pictures(output, files, info, context)
    if expect.stills is not None and len(files) != expect.stills:
        short = f"expected {expect.stills} pictures, got {len(files)}"
        (excused if slack.any_length else wrong).append(short)
    if role is not Role.IMAGE:
        info = await _with_frame_count(files[0], expect, info, context)
    wrong += mismatches(expect, info, slack)
    wrong += await _wrong_loudness(files[0], expect, info, context)
    if wrong:
        raise _mismatch(output, wrong)
    if slack != STRICT:
        excused += [*length_mismatches(expect, info, STRICT), *damage_mismatches(info)]
    return Verified(output.name, files, info.to_json(), tuple(excused))


def _role(output: StepOutput, kind: Container | None) -> Role:
    """Steps name a container or FFmpeg's muxer for it: ``image2`` writes all pictures."""
    if _NUMBER in output.name or output.container == "image2":
        return Role.IMAGE
    return kind.role if kind else Role.AV


def _files(output: StepOutput, workspace: Path) -> tuple[Path, ...]:
    """The file, or the numbered files from 1 without a gap."""
    found = [workspace / output.name]
    if _NUMBER in output.name:
        count = len(list(workspace.glob(output.name.replace(_NUMBER, "[0-9]" * 6))))
        found = [workspace / output.name.replace(_NUMBER, f"{n:06d}") for n in range(1, count + 1)]
    for path in found:
        # A link would lead whoever publishes the file outside the workspace.
        if path.is_symlink() or not path.is_file():
            raise ReelError(Code.OUTPUT_MISSING, f"{path.name} was not written", where=output.name)
        if path.stat().st_size == 0:
            raise ReelError(Code.OUTPUT_MISSING, f"{path.name} is empty", where=output.name)
    if not found:
        raise ReelError(Code.OUTPUT_MISSING, f"no {output.name} was written", where=output.name)
    return tuple(found)


def _check_text(output: StepOutput, path: Path, kind: str) -> None:
    try:
        text = path.read_text(encoding="utf-8")
        if kind == "json":
            json.loads(text)
    except ValueError as error:  # neither UTF-8 nor JSON
        raise _mismatch(output, [f"expected {kind}, got: {error}"]) from error
    if kind == "webvtt" and not text.startswith("WEBVTT"):
        raise _mismatch(output, ["expected WebVTT, got a file that does not start with WEBVTT"])


def _check_pack(output: StepOutput, path: Path) -> None:
    import zipfile

    try:
        with zipfile.ZipFile(path) as pack:
            pack.infolist()
    except zipfile.BadZipFile as error:
        raise _mismatch(output, [f"expected a pack of pictures, got: {error}"]) from error


def _check_vectors(output: StepOutput, path: Path) -> None:
    with path.open("rb") as file:
        if file.read(6) != b"\x93NUMPY":
            raise _mismatch(output, ["expected a NumPy array, got a file that is none"])


# Files that stand beside results: pictures, and vectors.
_CHECKS = {"zip": _check_pack, "npy": _check_vectors}


async def _broken_pictures(
    output: StepOutput, files: Sequence[Path], info: MediaInfo, context: StepContext
) -> list[str]:
    """Pictures that do not decode, or are not all of one size. The first was decoded by probing."""
    try:
        if info.demuxer == "png_pipe":
            sizes = {await asyncio.to_thread(check_png, path) for path in files}
        elif len(files) > 1:
            pattern = context.workspace / output.name
            found, said = await still_sizes(pattern, context.tools, sandbox=context.sandbox)
            if len(found) != len(files) or said:
                return [f"{len(found)} of {len(files)} pictures decode", *said[:5]]
            sizes = set(found)
        else:
            return []
    except ValueError as error:
        return [f"a picture is damaged: {error}"]
    return [] if len(sizes) == 1 else [f"the pictures differ in size: {sorted(sizes)}"]


async def _with_frame_count(
    path: Path, expect: Expectation, info: MediaInfo, context: StepContext
) -> MediaInfo:
    """The exact number of frames, where it matters and the headers do not tell."""
    video = info.video
    if expect.frame_count is None or video is None or video.index is None:
        return info
    if video.frame_count is not None:
        return info
    tools, sandbox = context.tools, context.sandbox
    count = await count_frames(path, tools, info, video.index, sandbox=sandbox)
    streams = tuple(
        replace(s, frame_count=count) if isinstance(s, VideoStream) and s is video else s
        for s in info.streams
    )
    return replace(info, streams=streams)


async def _wrong_loudness(
    path: Path, expect: Expectation, info: MediaInfo, context: StepContext
) -> list[str]:
    if expect.loudness_lufs is None:
        return []
    from reelwright.runners.loudness import integrated_lufs

    heard = await integrated_lufs(path, info, context)
    if abs(heard - expect.loudness_lufs) <= expect.loudness_tolerance_lu:
        return []
    tolerance = expect.loudness_tolerance_lu
    return [f"expected {expect.loudness_lufs:g} LUFS (± {tolerance:g} LU), got {heard:.1f} LUFS"]


def _mismatch(
    output: StepOutput, wrong: Sequence[str], cause: ReelError | None = None
) -> ReelError:
    evidence: dict[str, Any] = {"output": output.name, "mismatches": list(wrong)}
    if cause is not None:
        evidence["cause"] = cause.problem.to_json()
    return ReelError(
        Code.OUTPUT_MISMATCH,
        f"{output.name} is not what was planned: {'; '.join(wrong)}",
        where=output.name,
        evidence=evidence,
    )
