"""Whether an exact cut of a stream may copy packets and encode only its edges.

Only what the facts say is judged here. What the bits themselves forbid (no random-access point in
the range, a damaged source, a seam that does not decode) the smart cut finds when it runs; it then
encodes the whole range instead.
"""

from __future__ import annotations

from reelwright.media.streams import Stream, VideoStream

# Every frame stands alone, so that a copy is exact and nothing needs an encoder.
_INTRA = frozenset({"prores", "dnxhd", "mjpeg", "huffyuv", "rawvideo", "png"})
_8_BIT = ("yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p")
_10_BIT = ("yuv420p10le", "yuv422p10le", "yuv444p10le")
# What the encoders of the edges take: libx264, libx265, libvpx, SVT-AV1 and FFmpeg's MPEG-2.
_PIXELS = {
    "h264": frozenset({*_8_BIT, *_10_BIT, "gray"}),
    "hevc": frozenset({*_8_BIT, *_10_BIT, "gray", "gray10le"}),
    "vp8": frozenset({"yuv420p"}),
    "vp9": frozenset({*_8_BIT, *_10_BIT}),
    "av1": frozenset({"yuv420p", "yuv420p10le"}),
    "mpeg2video": frozenset({"yuv420p", "yuv422p"}),
}
_H264_PROFILES = frozenset(
    {
        "Constrained Baseline",
        "Main",
        "High",
        "High 10",
        "High 4:2:2",
        "High 4:4:4 Predictive",
    }
)
# FLV and AVI keep one time for each packet (AVI none at all): reordered frames cannot be placed.
_CONTAINERS = frozenset({"mp4", "mov", "matroska", "webm", "mpegts"})
_DYNAMIC_HDR = frozenset({"dolby-vision", "hdr10+"})


def smart_cut_support(stream: Stream, container: str) -> str | None:
    """Why the video cannot be cut so into `container` (our name); None: it can be tried."""
    if not isinstance(stream, VideoStream):
        return f"a smart cut follows a video stream, not {stream.kind.value}"
    if stream.is_still:
        return "it is a still picture"
    if stream.codec in _INTRA:
        return None if container in _CONTAINERS | {"avi"} else _no_times(container)
    if container not in _CONTAINERS:
        return _no_times(container)
    return _edges(stream, container)


def _no_times(container: str) -> str:
    return f"{container} does not keep the time of each frame"


def _edges(stream: VideoStream, container: str) -> str | None:
    """Why the frames at the edges could not be encoded to fit between the copied packets."""
    codec = stream.codec or "an unknown codec"
    pixels = _PIXELS.get(codec)
    if pixels is None:
        return f"edges of {codec} are not encoded"
    if stream.pix_fmt not in pixels:
        return f"edges of {codec} in {stream.pix_fmt or 'an unknown pixel format'} are not encoded"
    if codec == "h264" and stream.profile not in _H264_PROFILES:
        return f"edges in profile {stream.profile or 'unknown'} are not encoded"
    if stream.is_interlaced:
        return "it is interlaced"
    if stream.hdr in _DYNAMIC_HDR:
        return f"encoded edges would lose the {stream.hdr} metadata of their frames"
    if codec == "hevc" and stream.codec_tag == "hvc1" and container in {"mp4", "mov"}:
        # x265 cannot number its parameter sets apart from the source's, so they travel in band;
        # hvc1 forbids that (ISO/IEC 14496-15, 8.4.1), and Apple's players take nothing else.
        return "the tag hvc1 allows no second set of parameters"
    return None
