"""Counting what a file really holds, where headers do not tell."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.media.info import MediaInfo
from reelwright.media.time import seconds_text
from reelwright.tools.probe.call import ask, ask_stills

if TYPE_CHECKING:
    from reelwright.tools.binaries import Tools


async def count_frames(
    path: Path, tools: Tools, info: MediaInfo, stream: int, *, sandbox: bool = True
) -> int:
    """Packets of stream `stream` that are shown, by reading the file once. VP8 hides frames in
    packets of their own, so there the frames are decoded."""
    only = ("-select_streams", str(stream))
    if any(s.index == stream and s.codec == "vp8" for s in info.streams):
        counted = (*only, "-count_frames", "-show_entries", "stream=nb_read_frames")
        answer = await ask(path, counted, tools, sandbox=sandbox, demuxer=info.demuxer)
        described = answer.document.get("streams", [])
        return int(described[0].get("nb_read_frames", 0)) if described else 0
    listed = (*only, "-show_entries", "packet=flags")
    answer = await ask(path, listed, tools, sandbox=sandbox, demuxer=info.demuxer)
    packets = answer.document.get("packets", [])
    return sum("D" not in packet.get("flags", "") for packet in packets)


async def real_end(
    path: Path, tools: Tools, info: MediaInfo, *, sandbox: bool = True
) -> Fraction | None:
    """Where the packets near the end that the header promises really end, in seconds of the file's
    clock; None where none are there."""
    if info.duration is None:
        return None
    promised = (info.start or Fraction(0)) + info.duration
    near = max(promised - 10, Fraction(0))
    arguments = (
        *("-show_entries", "packet=pts_time,duration_time"),
        *("-read_intervals", f"{seconds_text(near)}%"),
    )
    answer = await ask(path, arguments, tools, sandbox=sandbox, demuxer=info.demuxer)
    ends = [
        Fraction(packet["pts_time"]) + Fraction(packet.get("duration_time", "0"))
        for packet in answer.document.get("packets", [])
        if "pts_time" in packet
    ]
    return max(ends, default=None)


async def still_sizes(
    first: Path, tools: Tools, *, sandbox: bool = True
) -> tuple[Sequence[tuple[int, int]], tuple[str, ...]]:
    """Sizes of the pictures of a numbered sequence (``%06d``, from 1), each decoded, by one process
    for all; and what the decoder complained about. `first` is the pattern itself."""
    answer = await ask_stills(first, tools, sandbox=sandbox)
    frames = answer.document.get("frames", [])
    sizes = [(int(f["width"]), int(f["height"])) for f in frames if "width" in f]
    return sizes, answer.complaints
