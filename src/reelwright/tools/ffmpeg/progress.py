"""FFmpeg's ``-progress`` blocks: ``key=value`` lines, each block ended by ``progress=…``."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

# What stands before the inputs of a command whose standard output is read by `ProgressParser`.
# Twice a second: a person sees it move, and the parser's cost does not show.
OPTIONS = ("-hide_banner", "-nostdin", "-nostats", "-stats_period", "0.5", "-progress", "pipe:1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far one FFmpeg process is. None: FFmpeg says N/A, or has no such stream.

    `time` in seconds of the output that is furthest behind; `speed` in seconds of output per second
    (0 while it stands); `size_bytes` and `bitrate_bps` of the outputs together. `done` on the last.
    """

    frame: int | None = None
    fps: float | None = None
    time: Fraction | None = None
    speed: float | None = None
    bitrate_bps: int | None = None
    size_bytes: int | None = None
    dropped_frames: int | None = None
    duplicated_frames: int | None = None
    done: bool = False


class ProgressParser:
    """Feed it lines; it gives a `Progress` at the end of each block and None otherwise."""

    def __init__(self) -> None:
        self._block: dict[str, str] = {}

    def feed(self, line: str) -> Progress | None:
        key, equals, value = line.partition("=")
        if not equals:
            return None
        self._block[key.strip()] = value.strip()
        if key.strip() != "progress":
            return None
        block, self._block = self._block, {}
        return _progress(block)


def _progress(block: dict[str, str]) -> Progress:
    microseconds = _integer(block.get("out_time_us"))
    kilobits = _number(block.get("bitrate"), "kbits/s")
    return Progress(
        frame=_integer(block.get("frame")),
        fps=_number(block.get("fps")),
        # Below zero for the first packets of a stream with a priming delay.
        time=None if microseconds is None else Fraction(max(microseconds, 0), 1_000_000),
        speed=_number(block.get("speed"), "x"),
        bitrate_bps=None if kilobits is None else round(kilobits * 1000),
        size_bytes=_integer(block.get("total_size")),
        dropped_frames=_integer(block.get("drop_frames")),
        duplicated_frames=_integer(block.get("dup_frames")),
        done=block["progress"] == "end",
    )


def _integer(text: str | None) -> int | None:
    # N/A, and INT64_MIN for "no time yet" in some releases.
    try:
        value = int(text or "")
    except ValueError:
        return None
    return value if abs(value) < 1 << 62 else None


def _number(text: str | None, unit: str = "") -> float | None:
    try:
        value = float((text or "").removesuffix(unit))
    except ValueError:
        return None
    return value if value == value and abs(value) != float("inf") else None
