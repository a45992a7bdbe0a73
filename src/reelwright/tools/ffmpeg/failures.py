"""From FFmpeg's last words to a problem that a person can act on."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Any

from reelwright.errors import Code, Problem
from reelwright.tools.ffmpeg.patterns import PATTERNS, Pattern

_Match = tuple[Pattern, str, dict[str, str]]  # with the line that told, and what it named
_EVIDENCE_LINES = 12
_ADDRESS = re.compile(r" @ 0x[0-9a-f]+")
_URL = re.compile(
    r"\b([a-z][a-z0-9+.-]*://)([^\s/'\"]*@)?([^\s?'\"]*)(\?[^\s'\"]*)?", re.IGNORECASE
)
_PATH = re.compile(r"(?<![\w:/.])(?:file:)?/(?:[^\s/'\":]+/)+")
# What FFmpeg prints after the cause, and what it prints of the media: tags and names are other
# people's words, and a title "No space left on device" is no full disk.
_NOISE = re.compile(
    r"^\s|\[(?:info|verbose|debug|trace)\] |^(?:In|Out)put #|^(?:frame|size)=|before EOF$|"
    r"Task finished with error code|Terminating thread with return code"
)
# FFmpeg exits with the low byte of its (negative) error, that is 256 - errno.
_ERRNO = {
    errno.ENOSPC: Code.DISK_FULL,
    errno.EFBIG: Code.DISK_FULL,
    errno.ENOMEM: Code.MEMORY_EXHAUSTED,
    errno.EACCES: Code.SANDBOX_DENIED,
    errno.ENOENT: Code.INPUT_NOT_FOUND,
    errno.EISDIR: Code.INPUT_IS_DIRECTORY,
    errno.EMFILE: Code.PROCESS_LIMIT,
}
_SIGNALS = {
    9: (Code.TOOL_CRASHED, "FFmpeg was killed from outside, perhaps because memory ran out"),
    24: (Code.TIMEOUT, "FFmpeg used up its CPU time"),
    25: (Code.DISK_FULL, "an output grew beyond the space that was reserved for it"),
    31: (Code.SANDBOX_DENIED, "FFmpeg made a system call that is not allowed"),
}


def classify(stderr_tail: Sequence[str], exit_code: int, argv: Sequence[str]) -> Problem:
    """The problem behind a failed FFmpeg or ffprobe, with its evidence.

    `exit_code` -N is signal N. Evidence: ``told_by`` (a line), ``log`` (the last lines), ``argv``,
    ``exit_code``, ``pattern``; without absolute paths, credentials and query strings.
    """
    log = [clean(line, argv) for line in _telling(stderr_tail)[-_EVIDENCE_LINES:]]
    evidence: dict[str, Any] = {
        "argv": [_plain(argument) for argument in argv],
        "exit_code": exit_code,
        "log": log,
    }
    found = _match(_telling(stderr_tail))
    if found is None or exit_code in (-9, -24, -25):
        code, cause = _by_exit(exit_code, log)
        return Problem(code, cause, evidence=evidence)
    pattern, line, groups = found
    evidence |= {"told_by": clean(line, argv), "pattern": pattern.name}
    cause = clean(pattern.cause.format_map(groups), argv)
    return Problem(pattern.code, cause, hint=pattern.hint, evidence=evidence)


def clean(line: str, argv: Sequence[str] = ()) -> str:
    """`line` without memory addresses, folders, and the secrets that an address may hold."""
    for argument in argv:
        path = argument.removeprefix("file:")
        if path.startswith("/") and len(path) > 1:
            line = line.replace(argument, PurePath(path).name).replace(path, PurePath(path).name)
    line = _ADDRESS.sub("", line)
    line = _URL.sub(lambda m: f"{m[1]}{m[3]}{'?…' if m[4] else ''}", line)
    return _PATH.sub("", line)


def _plain(argument: str) -> str:
    path = argument.removeprefix("file:")
    return PurePath(path).name if path.startswith("/") else clean(argument)


def _telling(lines: Sequence[str]) -> list[str]:
    return [line for line in lines if not _NOISE.search(line)]


def _match(lines: Sequence[str]) -> _Match | None:
    first = next(_matches(lines), None)
    if first is None or first[0].name != "header":
        return first
    # No header can be written either where the input ends before its streams are known.
    return next((found for found in _matches(lines) if found[0].name == "truncated"), first)


def _matches(lines: Sequence[str]) -> Iterator[_Match]:
    for pattern in PATTERNS:
        for line in lines:
            found = pattern.line.search(line)
            if found:
                yield pattern, line, {k: v or "" for k, v in found.groupdict().items()}


def _by_exit(exit_code: int, log: Sequence[str]) -> tuple[Code, str]:
    if exit_code < 0:
        signal = -exit_code
        default = (Code.TOOL_CRASHED, f"FFmpeg was ended by signal {signal}")
        return _SIGNALS.get(signal, default)
    last = log[-1] if log else f"it exited with {exit_code} and said nothing"
    return _ERRNO.get(256 - exit_code, Code.TOOL_FAILED), f"FFmpeg failed: {last}"
