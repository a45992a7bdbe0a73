"""Whether a PNG is whole: its structure, its checksums, and that its data inflates to a picture.

The ffprobe of the wheel is built without zlib, and starting FFmpeg to decode one picture costs ten
times as much.
"""

from __future__ import annotations

import zlib
from pathlib import Path

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # samples a pixel, by color type (PNG, table 11.1)


def check_png(path: Path) -> tuple[int, int]:
    """Width and height in pixels. Raises OSError, and ValueError saying what is wrong."""
    data = path.read_bytes()
    if not data.startswith(_SIGNATURE):
        raise ValueError("it is no PNG")
    parts = _parts(data)
    if not parts or parts[0][0] != b"IHDR" or len(parts[0][1]) != 13:
        raise ValueError("its header is missing")
    header = parts[0][1]
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    depth, kind, interlaced = header[8], header[9], header[12]
    if parts[-1][0] != b"IEND":
        raise ValueError("its end is missing")
    try:
        pixels = zlib.decompress(b"".join(body for name, body in parts if name == b"IDAT"))
    except zlib.error as error:
        raise ValueError(f"its picture does not inflate: {error}") from error
    row_bytes = (width * _SAMPLES.get(kind, 1) * depth + 7) // 8 + 1
    if not interlaced and len(pixels) != row_bytes * height:
        raise ValueError(f"its picture has {len(pixels)} bytes, not {row_bytes * height}")
    return width, height


def _parts(data: bytes) -> list[tuple[bytes, bytes]]:
    found, offset = [], 8
    while offset + 12 <= len(data):
        size = int.from_bytes(data[offset : offset + 4], "big")
        name, end = data[offset + 4 : offset + 8], offset + 8 + size
        if end + 4 > len(data):
            raise ValueError("it is cut off")
        if zlib.crc32(data[offset + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            raise ValueError(f"its part {name!r} has a wrong checksum")
        found.append((name, data[offset + 8 : end]))
        offset = end + 4
    return found
