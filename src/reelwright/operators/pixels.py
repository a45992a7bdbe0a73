"""Pixel formats that operators convert between, and the conversions as visible nodes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reelwright.graph.operator import Strand
from reelwright.media.streams import VideoStream

if TYPE_CHECKING:
    from reelwright.graph.builder import Builder

# Format -> the same with an alpha plane (libavutil/pixdesc.c).
_ALPHA = {
    "yuv420p": "yuva420p",
    "yuvj420p": "yuva420p",
    "nv12": "yuva420p",
    "yuv422p": "yuva422p",
    "yuvj422p": "yuva422p",
    "yuv444p": "yuva444p",
    "yuvj444p": "yuva444p",
    "yuv420p10le": "yuva420p10le",
    "yuv422p10le": "yuva422p10le",
    "yuv444p10le": "yuva444p10le",
    "gbrp": "gbrap",
    "gbrp10le": "gbrap10le",
    "rgb24": "rgba",
    "bgr24": "bgra",
    "rgb0": "rgba",
    "gray": "ya8",
    "pal8": "rgba",
    "monob": "rgba",
    "monow": "rgba",
}
_WITH_ALPHA = {*_ALPHA.values(), "argb", "abgr", "rgba64le", "rgba64be", "ya16le", "ya16be"}


def alpha_format(pix_fmt: str | None) -> str:
    """The nearest format with an alpha plane; ``rgba`` where the format is not known."""
    if pix_fmt in _WITH_ALPHA:
        return str(pix_fmt)
    return _ALPHA.get(pix_fmt or "", "rgba")


def has_alpha(stream: VideoStream) -> bool:
    return bool(stream.has_alpha) or stream.pix_fmt in _WITH_ALPHA


def converted(build: Builder, strand: Strand, pix_fmt: str, because: str) -> Strand:
    """`strand` in `pix_fmt`; itself where it is raw and in it already."""
    video = strand.stream
    assert isinstance(video, VideoStream)
    if video.pix_fmt == pix_fmt:
        return strand
    out = replace(video, pix_fmt=pix_fmt, has_alpha=pix_fmt in _WITH_ALPHA)
    return build.filter("format", {"pix_fmts": pix_fmt}, strand, stream=out, because=because)


def with_alpha(build: Builder, strand: Strand, because: str) -> Strand:
    """`strand` with an alpha plane, opaque where it had none."""
    video = strand.stream
    assert isinstance(video, VideoStream)
    return converted(build, strand, alpha_format(video.pix_fmt), because)
