"""A picture or a video on top of another, as `overlay` puts it there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from reelwright.errors import Code, ReelError
from reelwright.graph.actions import Value
from reelwright.graph.operator import Strand
from reelwright.media.geometry import Length, Position, Size
from reelwright.media.streams import VideoStream
from reelwright.media.time import seconds_text
from reelwright.operators.pixels import converted
from reelwright.operators.times import Span, fade_end
from reelwright.operators.video.sizing import picture_size, resized

if TYPE_CHECKING:
    from reelwright.graph.builder import Builder

# Base format -> (overlay's mode, format of what lies on top). The modes are those of FFmpeg's
# overlay; in `auto` it would turn any base into RGBA under an RGBA logo.
_MODES = {
    "yuv420p": ("yuv420", "yuva420p"),
    "yuvj420p": ("yuv420", "yuva420p"),
    "yuva420p": ("yuv420", "yuva420p"),
    "yuv422p": ("yuv422", "yuva422p"),
    "yuvj422p": ("yuv422", "yuva422p"),
    "yuva422p": ("yuv422", "yuva422p"),
    "yuv444p": ("yuv444", "yuva444p"),
    "yuvj444p": ("yuv444", "yuva444p"),
    "yuva444p": ("yuv444", "yuva444p"),
    "yuv420p10le": ("yuv420p10", "yuva420p10le"),
    "yuva420p10le": ("yuv420p10", "yuva420p10le"),
    "yuv422p10le": ("yuv422p10", "yuva422p10le"),
    "yuva422p10le": ("yuv422p10", "yuva422p10le"),
    "yuv444p10le": ("yuv444p10", "yuva444p10le"),
    "yuva444p10le": ("yuv444p10", "yuva444p10le"),
    "gbrp": ("gbrp", "gbrap"),
    "gbrap": ("gbrp", "gbrap"),
    "rgb24": ("rgb", "rgba"),
    "rgba": ("rgb", "rgba"),
}
_RGB = {"bgr24", "bgr0", "rgb0", "0rgb", "0bgr", "pal8", "gray", "ya8", "monob", "monow"}
_RGBA = {"bgra", "argb", "abgr", "rgba64be", "rgba64le", "ya16be", "ya16le"}
# `loop` keeps every frame that it repeats.
_MOST_LOOP_BYTES = 512 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Sticker:
    """Where and how something lies on top. Lengths in percent are of the base."""

    position: Position
    margin: Length
    width: Length | None = None
    height: Length | None = None
    opacity: float = 1.0
    loop: bool = False


def stick(
    build: Builder, base: Strand, over: Strand, sticker: Sticker, span: Span, fade: Fraction
) -> Strand:
    """`base` with `over` on it during `span`; as long as the base."""
    below = _plain(build, base)
    stream = below.stream
    assert isinstance(stream, VideoStream)
    mode, pix_fmt = _MODES[stream.pix_fmt or ""]
    outer = picture_size(stream)
    on_top = _sized(build, over, stream, sticker)
    if sticker.opacity < 1:
        on_top = converted(build, on_top, "rgba", "the opacity is changed there")
        on_top = build.filter("colorchannelmixer", {"aa": round(sticker.opacity, 4)}, on_top)
    on_top = converted(build, on_top, pix_fmt, f"with an alpha plane, beside {stream.pix_fmt}")
    on_top, endless = _timed(build, on_top, sticker, span, fade, stream)
    top = on_top.stream
    assert isinstance(top, VideoStream)
    x, y = sticker.position.place(outer, picture_size(top), sticker.margin)
    args: dict[str, Value] = {
        "x": x,
        "y": y,
        "format": mode,
        # A still shows to the end of the base; a video that is over shows no more.
        "eof_action": "repeat" if top.is_still else "pass",
        # Only an endless overlay must not outlive the base.
        **({"shortest": 1} if endless else {}),
        **span.enable(),
    }
    return build.filter("overlay", args, below, on_top, stream=stream)


def _plain(build: Builder, base: Strand) -> Strand:
    """The base in a format that the overlay filter can work in."""
    video = base.stream
    assert isinstance(video, VideoStream)
    found = video.pix_fmt
    if found in _MODES:
        return base
    because = f"overlay does not work in {found or 'an unknown format'}"
    if found in _RGB or found in _RGBA:
        return converted(build, base, "rgb24" if found in _RGB else "rgba", because)
    # Formats of more than 8 bits name their byte order.
    deep = (found or "").endswith(("le", "be"))
    return converted(build, base, "yuv420p10le" if deep else "yuv420p", because)


def _sized(build: Builder, over: Strand, base: VideoStream, sticker: Sticker) -> Strand:
    """The overlay in the base's pixels, which need not be square."""
    video = over.stream
    assert isinstance(video, VideoStream)
    found = picture_size(video)
    stretch = (video.sar or 1) / Fraction(base.sar or 1)
    natural = (found.width_px * Fraction(stretch), Fraction(found.height_px))
    size = _size(natural, picture_size(base), sticker)
    if size == found:
        return over
    out = resized(video, size, sar=base.sar)
    args: dict[str, Value] = {"w": size.width_px, "h": size.height_px, "flags": "lanczos"}
    because = f"the overlay is {size} in the base's pixels"
    return build.filter("scale", args, over, stream=out, because=because)


def _size(natural: tuple[Fraction, Fraction], outer: Size, sticker: Sticker) -> Size:
    width, height = natural
    if sticker.width is not None and sticker.height is not None:
        width = Fraction(sticker.width.of(outer.width_px))
        height = Fraction(sticker.height.of(outer.height_px))
    elif sticker.width is not None:
        asked = sticker.width.of(outer.width_px)
        width, height = Fraction(asked), height * asked / width
    elif sticker.height is not None:
        asked = sticker.height.of(outer.height_px)
        width, height = width * asked / height, Fraction(asked)
    return Size(max(1, round(width)), max(1, round(height)))


def _timed(
    build: Builder,
    over: Strand,
    sticker: Sticker,
    span: Span,
    fade: Fraction,
    base: VideoStream,
) -> tuple[Strand, bool]:
    """The overlay when it is due, and whether it never ends by itself."""
    video = over.stream
    assert isinstance(video, VideoStream)
    made, endless = over, False
    if video.is_still and fade:
        made, endless = _repeated(build, made, 1, "a still is faded frame by frame"), True
        if base.frame_rate:
            out = replace(video, frame_rate=base.frame_rate, is_still=False)
            made = build.filter("fps", {"fps": base.frame_rate}, made, stream=out)
    elif not video.is_still and sticker.loop:
        made, endless = _looped(build, made), True
    if span.start and not video.is_still:
        later = f"PTS-STARTPTS+{seconds_text(span.start)}/TB"
        made = build.filter("setpts", {"expr": later}, made, because="it starts to play then")
    if fade:
        made = _faded(build, made, span, fade, base)
    return made, endless


def _faded(build: Builder, over: Strand, span: Span, fade: Fraction, base: VideoStream) -> Strand:
    length = seconds_text(fade)
    end = fade_end(span, base.duration)
    times: dict[str, Value] = {"t": "in", "st": seconds_text(span.start), "d": length, "alpha": 1}
    made = build.filter("fade", times, over)
    times = {"t": "out", "st": seconds_text(max(end - fade, span.start)), "d": length, "alpha": 1}
    return build.filter("fade", times, made)


def _looped(build: Builder, over: Strand) -> Strand:
    video = over.stream
    assert isinstance(video, VideoStream)
    frames = video.frame_count
    if frames is None and video.duration is not None and video.frame_rate is not None:
        frames = round(video.duration * video.frame_rate) + 1
    if frames is None:
        raise ReelError(Code.FIELD_INVALID, "loop: the length of the overlay is not known")
    needed = frames * picture_size(video).pixels * 4
    if needed > _MOST_LOOP_BYTES:
        raise ReelError(
            Code.NEEDS_TOO_MUCH,
            f"loop: {frames} frames would have to be kept in memory ({needed >> 20} MB, at most"
            f" {_MOST_LOOP_BYTES >> 20} MB)",
            hint="cut the overlay shorter or make it smaller",
        )
    return _repeated(build, over, frames, "it starts over until the base ends")


def _repeated(build: Builder, over: Strand, frames: int, because: str) -> Strand:
    video = over.stream
    assert isinstance(video, VideoStream)
    out = replace(video, duration=None, frame_count=None)
    args: dict[str, Value] = {"loop": -1, "size": frames, "start": 0}
    return build.filter("loop", args, over, stream=out, because=because)
