"""The bytes of a download, from the socket to the disk: read once, hashed while they are at hand.

A gigabyte passes through Python here, so the number of its calls and copies is what it costs.
"""

from __future__ import annotations

import hashlib
import http.client
import time
from pathlib import Path
from typing import IO

from reelwright.tools.download.parts import disk_errors, write_all

# A server that sends a byte now and then never times out: below 1 KiB/s over a minute it does.
WINDOW_S = 60.0
SLOWEST_BYTES = 60 << 10
# It stays in a core's second-level cache between socket, hash and disk.
_BLOCK_BYTES = 1 << 18
# What comes in such small pieces comes slowly: it is written at once, since a kill loses what is
# not. A fast line gives more at a time.
_PIECE_BYTES = 1 << 16


class Receiver:
    """Fills memory with an answer's body: no bytes object is made for each piece."""

    def __init__(self, body: http.client.HTTPResponse) -> None:
        self._body = body
        # What came with the headers is taken first: readinto1 would lose it to a break after it.
        self._is_begun = False

    def fill(self, room: memoryview) -> int:
        """What is there, at most all of `room`; 0 at the end. Raises OSError, HTTPException."""
        body = self._body
        if not self._is_begun or body.length is None or body.fp is None:
            self._is_begun = True
            data = body.read1(len(room))
            room[: len(data)] = data
            return len(data)
        if not body.length:
            return 0
        # As HTTPResponse.read1 does it, but into memory that is there already.
        count = body.fp.readinto1(room[: body.length])
        body.length -= count
        return count


class Sink:
    """The file that is written, and the digest of all of it. Raises DISK_FULL.

    `room` is where the next bytes go; `filled` says how many came.
    """

    def __init__(self, file: IO[bytes], folder: Path) -> None:
        self.size_bytes = 0
        self._file = file
        self._folder = folder
        self._hash = hashlib.sha256()
        self._block = memoryview(bytearray(_BLOCK_BYTES))
        self._held = 0

    @property
    def room(self) -> memoryview:
        return self._block[self._held :]

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def take_over(self, path: Path) -> None:
        """The bytes that are in the file already."""
        with path.open("rb", buffering=0) as there:
            while count := there.readinto(self._block):
                self._hash.update(self._block[:count])
                self.size_bytes += count

    def add(self, data: bytes) -> None:
        """At most as much as there is room for."""
        self.room[: len(data)] = data
        self.filled(len(data))

    def filled(self, count: int) -> None:
        self._held += count
        self.size_bytes += count
        if self._held == _BLOCK_BYTES or count < _PIECE_BYTES:
            self.flush()

    def flush(self) -> None:
        block, self._held = self._block[: self._held], 0
        self._hash.update(block)
        with disk_errors(self._folder):
            write_all(self._file, block)


class Pace:
    """Neither too slow, nor faster than was asked for."""

    def __init__(self, have_bytes: int, most_bytes_s: int | None) -> None:
        now_s = time.monotonic()
        self._begun_s = now_s
        self._begun_bytes = have_bytes
        self._most = most_bytes_s
        self._until_s, self._wanted = now_s + WINDOW_S, have_bytes + SLOWEST_BYTES

    def keep(self, got: int) -> bool:
        """Waits where that is wanted; False: too little came in the last minute."""
        now_s = time.monotonic()
        if self._most is not None:
            ahead_s = (got - self._begun_bytes) / self._most - (now_s - self._begun_s)
            if ahead_s > 0:
                time.sleep(ahead_s)
            return True
        if now_s > self._until_s:
            if got < self._wanted:
                return False
            self._until_s, self._wanted = now_s + WINDOW_S, got + SLOWEST_BYTES
        return True
