"""What a process prints, in bounded memory and bounded files."""

from __future__ import annotations

import asyncio
import errno
import os
import re
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, TypeVar

from reelwright.errors import Code, ReelError

_T = TypeVar("_T")
_LINE_BYTES = 64 << 10
_CODES = {
    errno.ENOSPC: Code.DISK_FULL,
    errno.EDQUOT: Code.DISK_FULL,
    errno.EFBIG: Code.DISK_FULL,
    errno.EMFILE: Code.PROCESS_LIMIT,
    errno.ENFILE: Code.PROCESS_LIMIT,
}
_LINE_END = re.compile(rb"[\r\n]")


class BoundedLog:
    """A file of at most `limit_bytes`: when full, its middle gives way to what is newest.

    It can be read at any time, also while it grows, and after a kill -9.
    """

    def __init__(self, path: Path | None, limit_bytes: int) -> None:
        self._path = path
        self._limit_bytes = limit_bytes
        self._size_bytes = 0
        self._left_out_bytes = 0
        self._file: BinaryIO | None = None

    def open(self) -> None:
        if self._path is not None:
            self._file = self._attempt(lambda path: path.open("w+b", buffering=0))

    def write(self, data: bytes) -> None:
        if self._file is None:
            return
        most = max(self._limit_bytes // 4, 1)  # a larger piece would not fit beside what is kept
        for start in range(0, len(data), most):
            self._add(data[start : start + most])

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _add(self, piece: bytes) -> None:
        if self._size_bytes + len(piece) > self._limit_bytes:
            self._shorten()
        self._attempt(lambda _: self._put(piece))

    def _put(self, data: bytes) -> None:
        assert self._file
        view = memoryview(data)
        while view:
            written = self._file.write(view)
            self._size_bytes += written
            view = view[written:]

    def _shorten(self) -> None:
        """Keeps a quarter of the limit at the head and a quarter at the tail."""
        assert self._file
        quarter = self._limit_bytes // 4
        if self._size_bytes < 3 * quarter:
            return  # one huge piece: the next one shortens
        self._file.seek(self._size_bytes - quarter)
        tail = self._file.read(quarter)
        self._left_out_bytes += self._size_bytes - 2 * quarter
        self._file.seek(quarter)
        self._file.truncate()
        self._size_bytes = quarter
        self._put(b"\n[... %d bytes left out ...]\n" % self._left_out_bytes)
        self._put(tail)

    def _attempt(self, action: Callable[[Path], _T]) -> _T:
        assert self._path
        try:
            return action(self._path)
        except OSError as error:
            raise ReelError(
                _CODES.get(error.errno or 0, Code.PERMISSION_DENIED),
                f"the log cannot be written: {os.strerror(error.errno or 0)}",
                where=str(self._path),
            ) from error


class Pipe(asyncio.Protocol):
    """Reads one end of a pipe: whole lines to `on_line`, raw bytes to `log`, a tail, a copy."""

    def __init__(
        self,
        fail: Callable[[BaseException], None],
        on_line: Callable[[str], None] | None = None,
        log: BoundedLog | None = None,
        *,
        tail_lines: int = 0,
        keep: int = 0,
    ) -> None:
        self.closed = asyncio.Event()
        self.tail: deque[str] = deque(maxlen=tail_lines)
        self.kept = bytearray()
        self._keep = keep
        self._fail = fail
        self._on_line = on_line
        self._log = log
        self._begun = b""
        self._broken = False

    def data_received(self, data: bytes) -> None:
        if self._broken:
            return  # the process is being stopped; it must not block on a full pipe meanwhile
        try:
            self._take(data)
        except Exception as error:  # noqa: BLE001 - handed on to whoever awaits the process
            self._broken = True
            self._fail(error)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._begun and not self._broken:
            self.data_received(b"\n")
        self.closed.set()

    def _take(self, data: bytes) -> None:
        if self._log is not None:
            self._log.write(data)
        if self._keep:
            self._copy(data)
        if self._on_line is None and not self.tail.maxlen:
            return
        *lines, rest = _LINE_END.split(self._begun + data)
        while len(rest) > _LINE_BYTES:
            lines.append(rest[:_LINE_BYTES])
            rest = rest[_LINE_BYTES:]
        self._begun = rest
        for line in lines:
            self._line(line)

    def _line(self, line: bytes) -> None:
        if not line:
            return
        text = line[:_LINE_BYTES].decode("utf-8", "replace")
        self.tail.append(text)
        if self._on_line is not None:
            self._on_line(text)

    def _copy(self, data: bytes) -> None:
        if len(self.kept) + len(data) > self._keep:
            raise ReelError(Code.TOOL_FAILED, f"the tool printed more than {self._keep} bytes")
        self.kept += data
