"""Animated WebP, read by itself: ffprobe 8 knows only still ones, though FFmpeg 9 decodes both.

Container format: developers.google.com/speed/webp/docs/riff_container.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from reelwright.media.streams import VideoStream

_ANIMATED, _ALPHA = 0x02, 0x10
_MAX_PARTS = 1_000_000


@dataclass(frozen=True, slots=True)
class Animation:
    width_px: int
    height_px: int
    has_alpha: bool
    durations_ms: tuple[int, ...]

    @property
    def duration(self) -> Fraction:
        """Seconds."""
        return Fraction(sum(self.durations_ms), 1000)

    def stream(self) -> VideoStream:
        """As ffprobe would describe it."""
        count, usual = len(self.durations_ms), Counter(self.durations_ms).most_common(1)[0]
        return VideoStream(
            index=0,
            codec="webp_anim",
            time_base=Fraction(1, 1000),
            start=Fraction(0),
            duration=self.duration,
            width_px=self.width_px,
            height_px=self.height_px,
            coded_width_px=self.width_px,
            coded_height_px=self.height_px,
            frame_rate=count / self.duration if self.duration else None,
            is_vfr=usual[1] < count,
            frame_count=count,
            has_b_frames=False,
            has_alpha=self.has_alpha,
        )


def read_animation(path: Path) -> Animation | None:
    """None where the file is no animated WebP, or holds no frame. Raises OSError."""
    durations: list[int] = []
    with path.open("rb") as file:
        head = file.read(30)
        if len(head) < 30 or head[12:16] != b"VP8X" or not head[20] & _ANIMATED:
            return None
        width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
        for _ in range(_MAX_PARTS):
            part = file.read(8)
            if len(part) < 8:
                break
            size = int.from_bytes(part[4:], "little")
            body = file.read(16) if part[:4] == b"ANMF" and size >= 16 else b""
            if len(body) == 16:
                durations.append(int.from_bytes(body[12:15], "little"))
            file.seek(size + size % 2 - len(body), 1)
    if not durations:
        return None
    return Animation(width, height, bool(head[20] & _ALPHA), tuple(durations))
