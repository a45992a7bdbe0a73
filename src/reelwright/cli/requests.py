"""From arguments to a request: the spec is read, options are checked."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from reelwright.app.request import Request
from reelwright.errors import Code, Problem, ReelError, SpecErrors


def read_request(
    limit_bytes: int,
    spec: str,
    sets: Iterable[str] | None,
    *,
    overwrite: bool = False,
    use_cache: bool = True,
    priority: int | None = None,
    timeout: str | None = None,
    labels: Iterable[str] | None = None,
    allow_outside: bool = False,
) -> Request:
    """A spec of at most `limit_bytes`. `spec` is a path, or ``-`` for standard input (paths are
    relative to the working folder).

    Raises INPUT_NOT_FOUND, INPUT_UNREADABLE, SPEC_TOO_LARGE, USAGE.
    """
    path = None if spec == "-" else Path(spec).absolute()
    text = _stdin(limit_bytes) if path is None else _file(path, limit_bytes)
    return Request(
        text=text,
        base=Path.cwd() if path is None else path.resolve().parent,
        name=None if path is None else path.name,
        variables=pairs(sets, "--set"),
        overwrite=overwrite,
        use_cache=use_cache,
        priority=priority,
        timeout_s=_seconds(timeout),
        labels=pairs(labels, "--label"),
        allow_outside=allow_outside,
    )


def _stdin(limit_bytes: int) -> str:
    return _text(sys.stdin.buffer.read(limit_bytes + 1), "standard input", limit_bytes)


def _file(path: Path, limit_bytes: int) -> str:
    from reelwright.app.inputs import existing

    existing(path)
    if path.is_dir():
        raise ReelError(Code.INPUT_IS_DIRECTORY, f"{path} is a folder, not a spec", where=str(path))
    try:
        with path.open("rb") as file:
            return _text(file.read(limit_bytes + 1), path.name, limit_bytes)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise ReelError(Code.INPUT_UNREADABLE, message, where=str(path)) from error


def _text(data: bytes, name: str, limit_bytes: int) -> str:
    if len(data) > limit_bytes:
        raise ReelError(
            Code.SPEC_TOO_LARGE, f"{name} is larger than {limit_bytes} bytes", where=name
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"{name} is not UTF-8 text (byte {error.start})"
        raise ReelError(Code.SPEC_SYNTAX, message, where=name) from error


def pairs(given: Iterable[str] | None, option: str) -> dict[str, str]:
    """``name=value`` of a repeated `option`; the last one of a name counts. Raises USAGE."""
    pairs: dict[str, str] = {}
    for entry in given or ():
        name, equals, value = entry.partition("=")
        if not equals or not name:
            raise SpecErrors(
                [
                    Problem(
                        Code.USAGE, f"'{entry}' is not name=value", option, f"{option} height=720"
                    )
                ]
            )
        pairs[name] = value
    return pairs


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    from reelwright.graph.params.times import parse_duration
    from reelwright.media.timecode import Timecode

    try:
        found = parse_duration(text)
    except ValueError as error:
        raise ReelError(
            Code.USAGE, f"'{text}' is no time limit: {error}", where="--timeout"
        ) from error
    if isinstance(found, Timecode) or found <= 0:
        message = f"'{text}' is no time limit"
        raise ReelError(Code.USAGE, message, where="--timeout", hint="write 90s, 10m or 2h30m")
    return float(found)
