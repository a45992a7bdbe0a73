"""The boxes of ISO media (MP4, MOV): what they promise, and whether the samples are encrypted.

FFmpeg opens a file whose end is missing without a word, and hides that samples are encrypted; both
stand in the headers, a few reads away.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_CONTAINERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl"})
_ENCRYPTED = frozenset({b"encv", b"enca", b"encs", b"enct", b"drms", b"drmi"})
_MAX_BOXES = 10_000


@dataclass(frozen=True, slots=True)
class BoxFacts:
    """`missing_bytes`: how far the last box runs beyond the file's end."""

    missing_bytes: int = 0
    cut_box: str | None = None
    is_encrypted: bool = False


def read_boxes(path: Path, size_bytes: int) -> BoxFacts:
    """Raises OSError. Nonsense in the boxes ends the walk; judging it is ffprobe's part."""
    missing, cut, encrypted = 0, None, False
    with path.open("rb") as file:
        for name, start, end in _boxes(file, 0, size_bytes):
            if end > size_bytes:
                missing, cut = end - size_bytes, name.decode("latin-1")
            if name == b"moov":
                encrypted = _has_encrypted_entry(file, start, min(end, size_bytes))
    return BoxFacts(missing, cut, encrypted)


def _has_encrypted_entry(file: BinaryIO, start: int, end: int) -> bool:
    for name, inner, stop in _boxes(file, start, end):
        if name in _CONTAINERS and _has_encrypted_entry(file, inner, min(stop, end)):
            return True
        if name == b"stsd":  # version, flags and the number of entries, then the entries
            entries = _boxes(file, inner + 8, min(stop, end))
            if any(entry in _ENCRYPTED for entry, _, _ in entries):
                return True
    return False


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, first byte of the content and end of each box in a range of the file."""
    for _ in range(_MAX_BOXES):
        if start + 8 > end:
            return
        file.seek(start)
        head = file.read(16)
        if len(head) < 8:
            return
        size, name = struct.unpack_from(">I4s", head)
        content = start + 8
        if size == 1 and len(head) == 16:
            (size,) = struct.unpack_from(">Q", head, 8)
            content = start + 16
        stop = end if size == 0 else start + size
        if stop < content:
            return
        yield name, content, stop
        start = stop
