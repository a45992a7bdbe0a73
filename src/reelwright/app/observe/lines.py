"""Log files of JSON lines that several processes write, rotate and remove.

Every line is one `write` to a file opened with O_APPEND, so lines of two processes do not mix. Who
finds the file too long takes a lock beside it, looks again, and renames; a process that still
has the old one open writes its line there, and nothing is lost.
"""

from __future__ import annotations

import errno
import fcntl
import os
import queue
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from reelwright.app.observe import redact

# One name for all of it, whoever writes: the command line's failures and the service's events.
NAME = "reel.jsonl"
_LOCK = ".reel.jsonl.lock"
# When the disk is slower than what is said, the newest lines are dropped and counted.
_MOST_WAITING = 20_000
_BATCH = 512
# Lines of so long are written together: to be woken for each would cost more than to write it.
_GATHER_S = 0.02

_FRONT = frozenset({"timestamp", "level", "event"})

Line = Mapping[str, Any]


def encoded(line: Line) -> bytes:
    """One line of JSON, without secrets; `at` is seconds since 1970 and becomes `timestamp`."""
    return _json(_clean(line))


def readable(line: Line) -> str:
    """For a person at a terminal: time, level, what happened, and the fields."""
    return _text(_clean(line))


def _clean(line: Line) -> dict[str, Any]:
    body = redact.fields(line)
    at = body.pop("at", None)
    body["timestamp"] = _stamp(time.time() if at is None else at)
    return body


def _json(body: Line) -> bytes:
    """What JSON cannot say (a lone surrogate, a number beyond 64 bits) is said as text."""
    import orjson

    try:
        return orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE)
    except (TypeError, ValueError):
        plain = {ascii(k)[1:-1]: v if v is None else ascii(v) for k, v in body.items()}
        kept = {name: body[name] for name in ("level", "timestamp") if name in body}
        return orjson.dumps({**plain, **kept}, option=orjson.OPT_APPEND_NEWLINE)


def _text(body: Line) -> str:
    rest = {k: v for k, v in body.items() if k not in _FRONT and v is not None}
    shown = " ".join(f"{k}={_shown(v)}" for k, v in rest.items())
    level, event = body.get("level", "info"), body.get("event", "")
    said = f"{body['timestamp']} {level:<7} {event}{'  ' if shown else ''}{shown}\n"
    return said.encode("utf-8", "backslashreplace").decode()


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _shown(found: Any) -> str:
    said = str(found)
    if isinstance(found, str) and (not said or not said.isprintable() or " " in said):
        return repr(found)
    return said if said.isprintable() else repr(said)


@dataclass(slots=True)
class LogFile:
    """``folder/reel.jsonl``, and ``.1`` (the newest) to ``.files`` of before.

    Raises OSError; the next line begins anew.
    """

    folder: Path
    most_bytes: int = 5_000_000
    files: int = 1
    _fd: int | None = None
    _is_torn: bool = False  # the disk was full in the middle of a line

    @property
    def path(self) -> Path:
        return self.folder / NAME

    def write(self, data: bytes) -> None:
        """Whole lines."""
        try:
            fd = self._open()
            if os.fstat(fd).st_size >= self.most_bytes:
                self._rotate()
                fd = self._open()
            if self._is_torn:
                data = b"\n" + data
            written = os.write(fd, data)
            self._is_torn = written < len(data)
            if self._is_torn:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)

    def _open(self) -> int:
        """The file that stands under the name now: another process may have rotated."""
        if self._fd is not None:
            try:
                if os.path.samestat(os.fstat(self._fd), self.path.stat()):
                    return self._fd
            except FileNotFoundError:
                pass
            self.close()
        self.folder.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._fd = os.open(self.path, flags, 0o600)
        return self._fd

    def _rotate(self) -> None:
        with _alone(self.folder):
            try:
                if self.path.stat().st_size < self.most_bytes:
                    return  # another process was faster
            except FileNotFoundError:
                return
            for number in range(self.files, 1, -1):
                with suppress(FileNotFoundError):
                    self._old(number - 1).replace(self._old(number))
            self.path.replace(self._old(1))

    def _old(self, number: int) -> Path:
        return self.folder / f"{NAME}.{number}"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    fd = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


class Writer:
    """Takes lines of any thread in less than a microsecond, and writes them in one of its own.

    `stream` gets them too, as text for people or as JSON. A disk that is full, or a terminal that
    is gone, ends nothing: lines are dropped then, and the next that gets through says how many.
    """

    def __init__(
        self, file: LogFile, stream: TextIO | None = None, *, is_json: bool = False
    ) -> None:
        self._file = file
        self._stream = stream
        self._is_json = is_json
        self._lines: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._dropped = 0
        self._thread = threading.Thread(target=self._work, name="logs", daemon=True)
        self._thread.start()

    def put(self, line: dict[str, Any]) -> None:
        """`line` is the writer's from here on."""
        if self._lines.qsize() >= _MOST_WAITING:
            self._dropped += 1
            return
        line.setdefault("at", time.time())
        self._lines.put(line)

    def close(self) -> None:
        """Writes what was said; gives up after five seconds."""
        self._lines.put(None)
        self._thread.join(5.0)

    def _work(self) -> None:
        is_open = True
        while is_open:
            batch = [self._lines.get()]
            if batch[0] is not None:
                time.sleep(_GATHER_S)
            with suppress(queue.Empty):
                while len(batch) < _BATCH:
                    batch.append(self._lines.get_nowait())
            is_open = None not in batch
            self._write([line for line in batch if line is not None])
        self._file.close()

    def _write(self, lines: list[dict[str, Any]]) -> None:
        if not lines:
            return
        if self._dropped:
            count, self._dropped = self._dropped, 0
            lines.append({"level": "warning", "event": "log lines dropped", "count": count})
        clean = [_clean(line) for line in lines]
        rendered = [_json(body) for body in clean]
        try:
            self._file.write(b"".join(rendered))
        except OSError:
            self._dropped += len(lines)
        if self._stream is not None:
            texts = (
                (one.decode() for one in rendered)
                if self._is_json
                else (_text(body) for body in clean)
            )
            with suppress(OSError, ValueError):
                self._stream.write("".join(texts))
                self._stream.flush()
