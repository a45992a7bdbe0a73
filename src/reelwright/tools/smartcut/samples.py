"""Pictures remembered while cutting, so that the finished file can be held against its source."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Any

# Copied frames beside a seam that must come out bit for bit: more than any codec's picture buffer
# (16), so that whatever a wrong reference could spoil is looked at.
BESIDE_SEAM = 24
# Of the encoded frames every one in a short edge, else one in `_STRIDE`: scaling costs.
_SHORT, _STRIDE = 16, 8
_THUMB_PX = (64, 36)
# Mean difference of gray thumbnails (0..255) that an encoder at CRF 16 stays far below (measured
# 0.2); two neighboring frames of moving pictures differ by more.
THUMB_DIFFERENCE = 3.0


@dataclass(slots=True)
class References:
    """By presentation time: a checksum of copied frames, a thumbnail of encoded ones."""

    copied: dict[int, int] = field(default_factory=dict)
    encoded: dict[int, Any] = field(default_factory=dict)
    _seen: int = 0

    def remember_copied(self, frame: Any) -> None:
        self.copied[frame.pts] = checksum(frame)

    def remember_encoded(self, frame: Any) -> None:
        # Right after a short copied part comes the tail: the head's neighbors may lie in it.
        self.copied.pop(frame.pts, None)
        if self._seen < _SHORT or self._seen % _STRIDE == 0:
            self.encoded[frame.pts] = thumbnail(frame)
        self._seen += 1


def checksum(frame: Any) -> int:
    """Of what is shown; the padding at the end of each line holds anything."""
    value = 0
    for plane, rows in zip(frame.planes, _rows(frame), strict=True):
        value = zlib.crc32(rows, value)
        assert plane.height
    return value


def _rows(frame: Any) -> Any:
    import numpy as np

    sample_bytes = max((c.bits + 7) // 8 for c in frame.format.components)
    packed = len(frame.planes) < len(frame.format.components)
    for plane in frame.planes:
        lines = np.frombuffer(plane, np.uint8).reshape(-1, abs(plane.line_size))
        per_pixel = frame.format.padded_bits_per_pixel // 8 if packed else sample_bytes
        width = min(plane.width * per_pixel, lines.shape[1])
        yield np.ascontiguousarray(lines[: plane.height, :width])


def thumbnail(frame: Any) -> Any:
    width, height = _THUMB_PX
    small = frame.reformat(width=width, height=height, format="gray", interpolation="AREA")
    return small.to_ndarray().astype("int16")


def thumbnails_differ(one: Any, other: Any) -> float:
    """Mean absolute difference, 0..255."""
    return float(abs(one - other).mean())
