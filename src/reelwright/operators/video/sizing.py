"""Sizes and shapes that the picture operators share: pure arithmetic over a stream's facts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal

from reelwright.errors import Code, ReelError
from reelwright.media.geometry import Size
from reelwright.media.streams import VideoStream

Fit = Literal["contain", "cover", "stretch", "pad"]


def picture_size(video: VideoStream) -> Size:
    """The size of a decoded frame. Raises MEDIA_DAMAGED where probing could not tell it."""
    if not video.width_px or not video.height_px:
        raise ReelError(
            Code.MEDIA_DAMAGED,
            "the picture size of this video is not known: no frame of it decoded",
        )
    return Size(video.width_px, video.height_px)


def resized(video: VideoStream, size: Size, **changes: Any) -> VideoStream:
    """`video` with frames of `size`."""
    return replace(
        video,
        width_px=size.width_px,
        height_px=size.height_px,
        coded_width_px=None,
        coded_height_px=None,
        **changes,
    )


def floor_to(value: int | Fraction, step: int) -> int:
    """The largest multiple of `step` up to `value`, at least `step`."""
    return max(step, int(value // step) * step)


def nearest_to(value: int | Fraction, step: int) -> int:
    """The nearest multiple of `step` (a tie goes down), at least `step`."""
    return max(step, -int((Fraction(step, 2) - value) // step) * step)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants of the size. `width_px`, `height_px` None: what the aspect gives."""

    width_px: int | None = None
    height_px: int | None = None
    fit: Fit = "contain"
    step: int = 2
    upscale: bool = True


@dataclass(frozen=True, slots=True)
class Fitted:
    """`scaled`: what the picture is scaled to; `out`: what it is cropped or padded to then."""

    scaled: Size
    out: Size


def fit(source: tuple[Fraction, Fraction], wish: Wish) -> Fitted:
    """How a picture of width and height `source`, in the pixels that are wanted, gets to `wish`."""
    if wish.width_px is None or wish.height_px is None:
        size = _by_aspect(source, wish)
        return Fitted(size, size)
    box = Size(floor_to(wish.width_px, wish.step), floor_to(wish.height_px, wish.step))
    if wish.fit == "stretch":
        size = _stretch(source, box, wish)
        return Fitted(size, size)
    if wish.fit == "cover":
        return _cover(source, box, wish)
    inner = _contain(source, box, wish)
    return Fitted(inner, box if wish.fit == "pad" else inner)


def _by_aspect(source: tuple[Fraction, Fraction], wish: Wish) -> Size:
    width, height = source
    if wish.width_px is not None:
        asked = floor_to(wish.width_px, wish.step)
        factor = asked / width
        if factor <= 1 or wish.upscale:
            return Size(asked, nearest_to(height * factor, wish.step))
    elif wish.height_px is not None:
        asked = floor_to(wish.height_px, wish.step)
        factor = asked / height
        if factor <= 1 or wish.upscale:
            return Size(nearest_to(width * factor, wish.step), asked)
    return Size(nearest_to(width, wish.step), nearest_to(height, wish.step))


def _contain(source: tuple[Fraction, Fraction], box: Size, wish: Wish) -> Size:
    width, height = source
    factor = min(box.width_px / width, box.height_px / height)
    if not wish.upscale:
        factor = min(factor, Fraction(1))
    return Size(
        min(box.width_px, nearest_to(width * factor, wish.step)),
        min(box.height_px, nearest_to(height * factor, wish.step)),
    )


def _stretch(source: tuple[Fraction, Fraction], box: Size, wish: Wish) -> Size:
    if wish.upscale:
        return box
    return Size(
        min(box.width_px, floor_to(source[0], wish.step)),
        min(box.height_px, floor_to(source[1], wish.step)),
    )


def _cover(source: tuple[Fraction, Fraction], box: Size, wish: Wish) -> Fitted:
    width, height = source
    factor = max(box.width_px / width, box.height_px / height)
    if factor > 1 and not wish.upscale:
        # The largest part of the source that has the box's shape.
        shrink = 1 / factor
        box = Size(
            floor_to(box.width_px * shrink, wish.step), floor_to(box.height_px * shrink, wish.step)
        )
        factor = Fraction(1)
    scaled = Size(
        max(box.width_px, nearest_to(width * factor, wish.step)),
        max(box.height_px, nearest_to(height * factor, wish.step)),
    )
    return Fitted(scaled, box)


def centered(outer: Size, inner: Size, step: int) -> tuple[int, int]:
    """Where `inner` lies in the middle of `outer`, on multiples of `step` (chroma samples)."""
    return (
        (outer.width_px - inner.width_px) // 2 // step * step,
        (outer.height_px - inner.height_px) // 2 // step * step,
    )
