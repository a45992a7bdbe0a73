"""A stream in one line."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from reelwright.media.streams import AudioStream, VideoStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reelwright.media.streams import Stream


def stream_line(stream: Stream) -> str:
    """``video h264 1920x1080, 25 fps, yuv420p``."""
    return f"{stream.kind.value} {stream.codec or '?'} " + ", ".join(_facts(stream))


def _facts(stream: Stream) -> Iterator[str]:
    if isinstance(stream, VideoStream):
        yield from _video(stream)
    elif isinstance(stream, AudioStream):
        if stream.sample_rate_hz:
            yield f"{stream.sample_rate_hz} Hz"
        if stream.channel_layout or stream.channels:
            yield stream.channel_layout or f"{stream.channels} channels"
    if stream.bitrate_bps:
        yield f"{stream.bitrate_bps / 1000:.0f} kb/s"
    if stream.language:
        yield stream.language


def _video(stream: VideoStream) -> Iterator[str]:
    if stream.width_px and stream.height_px:
        yield f"{stream.width_px}x{stream.height_px}"
    if stream.rotation_deg:
        yield f"turned by {stream.rotation_deg}°"
    if stream.sar and stream.sar != 1:
        yield f"pixels {stream.sar}"
    if stream.frame_rate:
        yield f"{rate(stream.frame_rate)} fps{' (varies)' if stream.is_vfr else ''}"
    if stream.pix_fmt:
        yield stream.pix_fmt
    if stream.hdr:
        yield stream.hdr
    if stream.is_still:
        yield "still"


def rate(value: Fraction) -> str:
    return f"{float(value):.3f}".rstrip("0").rstrip(".")
