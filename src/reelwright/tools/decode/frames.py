"""Decoding a choice of packets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from reelwright.tools.decode.job import CannotLook, Job
from reelwright.tools.decode.listing import Listing, opened

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DROP, LEADING, LIGHT, WHOLE = 0, 1, 2, 3
"""What happens to a packet: nothing; nothing, and nobody misses it; it is decoded if others need
it; it gives its frame."""

# Decoders that can do without B frames that others are predicted from: they stand in what is
# nearest, and a picture of 128x72 hardly shows it. Others (HEVC) put gray where one is missing.
_FORGIVING = frozenset({"h264", "mpeg4", "mpeg2video", "mpeg1video"})


def decoded(
    job: Job, listing: Listing, fates: NDArray[np.uint8], *, rough: bool
) -> Iterator[tuple[int, Any]]:
    """Frames with their numbers, in the order in which they are shown.

    `fates`: what happens to each packet. `rough`: pictures are only compared in small, so the
    loop filter and B frames marked LIGHT are left out where the decoder can. Raises CannotLook
    where a WHOLE packet gives no frame.
    """
    import av

    expected = int((fates == WHOLE).sum())
    with opened(job) as (container, stream):
        context = stream.codec_context
        context.thread_count = job.threads
        if rough:
            context.options = {"skip_loop_filter": "all"}
        light = "BIDIR" if rough and stream.codec_context.name in _FORGIVING else "NONREF"
        try:
            for frame in _sent(container, stream, fates, light):
                number = None if frame.pts is None else listing.frame_of(frame.pts)
                if number is None or frame.is_corrupt:
                    raise CannotLook("a frame came out at a time at which none is shown")
                if fates[listing.shown[number]] == WHOLE:
                    expected -= 1
                yield number, frame
        except av.error.FFmpegError as error:
            raise CannotLook(f"it does not decode cleanly: {error}") from error
    if expected > 0:
        raise CannotLook(f"{expected} packets gave no frame")


def _sent(container: Any, stream: Any, fates: NDArray[np.uint8], light: str) -> Iterator[Any]:
    context = stream.codec_context
    is_cut_off = False
    at = -1
    for packet in container.demux(stream):
        if packet.size == 0:
            continue
        at += 1
        if fates[at] in (DROP, LEADING):
            is_cut_off |= fates[at] == DROP
            continue
        if is_cut_off and packet.is_keyframe:
            yield from context.decode(None)
            context.flush_buffers()
            is_cut_off = False
        context.skip_frame = "DEFAULT" if fates[at] == WHOLE else light
        yield from context.decode(packet)
    yield from context.decode(None)
