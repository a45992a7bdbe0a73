"""Random-access points near a time, without reading the rest of a long file."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.media.info import MediaInfo
from reelwright.media.time import seconds_text
from reelwright.tools.probe.call import ask

if TYPE_CHECKING:
    from reelwright.tools.binaries import Tools

# x264 and x265 put a keyframe every 250 frames at most, 10 s at 25 frames a second; a file that
# goes longer is read further, and in the end whole.
_REACHES_S = (12, 60, 600)
# MP4 and Matroska seek to the keyframe before a time, so the first lead finds it; a transport
# stream is searched by time alone, and may be entered in the middle of a GOP.
_LEADS_S = (0, 3, 15, 60, 600)


async def keyframes(
    path: Path,
    tools: Tools,
    info: MediaInfo,
    stream: int,
    around: Fraction,
    *,
    sandbox: bool = True,
) -> tuple[Fraction, ...]:
    """Times of packets of stream `stream` that decoding can start at, ascending, in the file's own
    clock (as `Stream.start`).

    They include the last one at or before `around` and the first one after it, wherever there are
    such; `around` is in the same clock. Empty where the stream has no keyframe. Raises as `probe`.
    """
    origin = info.start or Fraction(0)
    length = info.duration or Fraction(0)
    found: set[Fraction] = set()
    for lead in (*_LEADS_S, None):
        start = origin if lead is None else around - lead
        found |= await _between(path, tools, info, stream, start, around + 1, sandbox=sandbox)
        if any(time <= around for time in found) or start <= origin:
            break
    for reach in (*_REACHES_S, None):
        if any(time > around for time in found):
            break
        end = None if reach is None else around + reach
        found |= await _between(path, tools, info, stream, around, end, sandbox=sandbox)
        if end is not None and length and end >= origin + length:
            break
    return tuple(sorted(found))


async def _between(
    path: Path,
    tools: Tools,
    info: MediaInfo,
    stream: int,
    start: Fraction,
    end: Fraction | None,
    *,
    sandbox: bool,
) -> set[Fraction]:
    """Keyframes from the seek point at or before `start` to `end` (None: the file's end)."""
    stop = "" if end is None else seconds_text(end)
    arguments = (
        *("-select_streams", str(stream)),
        *("-show_entries", "packet=pts,flags:stream=time_base"),
        *("-read_intervals", f"{seconds_text(max(start, Fraction(0)))}%{stop}"),
    )
    answer = await ask(path, arguments, tools, sandbox=sandbox, demuxer=info.demuxer)
    described = answer.document.get("streams", [])
    if not described:
        return set()
    base = Fraction(described[0]["time_base"])
    return {
        int(packet["pts"]) * base
        for packet in answer.document.get("packets", [])
        if "K" in packet.get("flags", "") and "D" not in packet["flags"] and "pts" in packet
    }
