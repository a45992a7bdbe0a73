"""What taps that only look do to frames before they look: times and sizes, in one way for all."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reelwright.graph.actions import Value
    from reelwright.graph.builder import Builder
    from reelwright.graph.operator import Strand
    from reelwright.media.geometry import Size


def sampled(build: Builder, strand: Strand, every: Fraction) -> Strand:
    """The frame on screen at 0, `every`, 2·`every`… seconds; before the first frame, that one.

    ``round=up``: a frame that starts between two samples is seen by the later one, not before it
    is there.
    """
    return build.filter("fps", {"fps": 1 / every, "start_time": 0, "round": "up"}, strand)


def full_range(build: Builder, strand: Strand, size: Size, flags: str) -> Strand:
    """``yuv420p`` of an even `size` in the colors of JPEG: full range, the matrix of BT.601."""
    args: dict[str, Value] = {
        "w": size.width_px,
        "h": size.height_px,
        "flags": flags,
        "out_range": "pc",
        "out_color_matrix": "bt601",
    }
    small = build.filter("scale", args, strand)
    return build.filter("format", {"pix_fmts": "yuv420p"}, small)
