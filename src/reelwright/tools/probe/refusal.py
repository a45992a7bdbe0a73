"""Why ffprobe could not make sense of a file: its complaints to one error, with the evidence."""

from __future__ import annotations

import re
import stat
from collections.abc import Sequence
from pathlib import Path

from reelwright.errors import Code, ReelError

_LINE = re.compile(
    r"^(?:\[(?P<who>[^\]@]+?)(?: @ 0x[0-9a-f]+)?\] )?\[(?P<level>\w+)\] (?P<text>.*)$"
)
_MISSED = "detected only with low score"

# First match wins: the most telling complaint, not the last.
_CAUSES: tuple[tuple[str, Code, str], ...] = (
    (
        "not on whitelist",
        Code.MEDIA_NOT_ALLOWED,
        "its format is not read: it is no plain media file, or could open other files",
    ),
    (_MISSED, Code.MEDIA_UNRECOGNISED, "it is not a media file"),
    (
        "moov atom not found",
        Code.MOOV_MISSING,
        "its index (the moov box) is missing: the file was never finished, or its end is lost",
    ),
    ("Picture size", Code.MEDIA_TOO_LARGE, "its picture is absurdly large"),
    ("dimensions", Code.MEDIA_TOO_LARGE, "its picture is absurdly large"),
    ("encrypt", Code.MEDIA_ENCRYPTED, "it is encrypted"),
    ("error reading header", Code.MEDIA_DAMAGED, "its header contradicts itself"),
    ("contradictionary", Code.MEDIA_DAMAGED, "its header contradicts itself"),
    ("End of file", Code.MEDIA_TRUNCATED, "it ends within its header"),
    ("Permission denied", Code.INPUT_UNREADABLE, "it cannot be read"),
    ("No such file", Code.INPUT_NOT_FOUND, "it is not there"),
    ("Invalid data found", Code.MEDIA_UNRECOGNISED, "it is not a media file"),
)

# ffprobe's own limits, not the file's damage: the wheel's build has no zlib and no AV1 decoder.
_LACKS = (
    "Unsupported encoding type",
    "hardware accelerated AV1",
    "Failed to get pixel format",
    "Get current frame error",
)


def checked_file(path: Path) -> int:
    """The size of a regular, readable file in bytes. Raises the INPUT_ errors; never blocks on a
    FIFO or a device."""
    try:
        state = path.stat()
    except FileNotFoundError as error:
        raise ReelError(Code.INPUT_NOT_FOUND, f"{path} is not there", where=str(path)) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise ReelError(
            Code.INPUT_UNREADABLE, f"{path} cannot be read: {error}", where=str(path)
        ) from error
    if stat.S_ISDIR(state.st_mode):
        raise ReelError(Code.INPUT_IS_DIRECTORY, f"{path} is a directory", where=str(path))
    if not stat.S_ISREG(state.st_mode):
        raise ReelError(Code.INPUT_UNREADABLE, f"{path} is not a regular file", where=str(path))
    if state.st_size == 0:
        raise ReelError(Code.INPUT_EMPTY, f"{path} is empty", where=str(path))
    return state.st_size


def refusal(path: Path, complaints: Sequence[str], exit_code: int) -> ReelError:
    """The error for a file that ffprobe gave up on."""
    evidence = {"exit_code": exit_code, "stderr": list(complaints[-20:])}
    if exit_code < 0:
        return ReelError(
            Code.TOOL_CRASHED,
            f"ffprobe died of signal {-exit_code} on {path.name}",
            where=str(path),
            evidence=evidence,
        )
    said = "\n".join(complaints)
    for sign, code, meaning in _CAUSES:
        if sign in said:
            return ReelError(code, f"{path.name}: {meaning}", where=str(path), evidence=evidence)
    return ReelError(
        Code.MEDIA_UNRECOGNISED,
        f"{path.name}: FFmpeg makes nothing of it",
        where=str(path),
        evidence=evidence,
    )


def damage_in(complaints: Sequence[str]) -> tuple[str, ...]:
    """What ffprobe said of the file's damage, each once, without addresses."""
    found: dict[str, None] = {}
    for line in complaints:
        match = _LINE.match(line)
        if match is None:
            continue
        text = match["text"].strip()
        is_damage = match["level"] in ("error", "fatal", "panic") or "corrupt" in text
        if is_damage and not any(sign in text for sign in _LACKS):
            found[f"{match['who']}: {text}" if match["who"] else text] = None
    return tuple(found)[:50]


def says_estimate(complaints: Sequence[str]) -> bool:
    """Whether the duration is a guess from the bit rate."""
    return any("Estimating duration from bitrate" in line for line in complaints)
