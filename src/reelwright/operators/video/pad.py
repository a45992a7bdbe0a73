"""`pad`: borders around the picture."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar

from pydantic import Field, model_validator

from reelwright.errors import Code, ReelError
from reelwright.graph.actions import Value
from reelwright.graph.builder import Builder
from reelwright.graph.operator import Bundle, Inputs, Operator, Params, Port, Strand, require_video
from reelwright.graph.params import Color, Integer, Position, Ratio
from reelwright.media import geometry
from reelwright.media.geometry import Size
from reelwright.media.streams import StreamKind, VideoStream
from reelwright.operators.pixels import with_alpha
from reelwright.operators.video.sizing import picture_size, resized


class PadParams(Params):
    width: Integer | None = Field(
        None, ge=1, le=65535, description="Width with the borders, in pixels; left out: as it is."
    )
    height: Integer | None = Field(
        None, ge=1, le=65535, description="Height with the borders, in pixels; left out: as it is."
    )
    aspect: Ratio | None = Field(
        None, description="Shape with the borders as it is shown, e.g. 16:9, in place of a size."
    )
    position: Position = Field(
        geometry.Position("center"), description="Where the picture lies between the borders."
    )
    color: Color = Field(
        "0x000000FF", description="Of the borders; one that lets light through adds an alpha plane."
    )
    divisible_by: Integer = Field(
        2, ge=1, le=64, description="Width and height grow to multiples of it; most codecs want 2."
    )

    @model_validator(mode="after")
    def _some_size(self) -> PadParams:
        sizes = (self.width, self.height)
        if self.aspect is None and sizes == (None, None):
            raise ValueError("pad needs a width, a height or an aspect")
        if self.aspect is not None and sizes != (None, None):
            raise ValueError("give either an aspect, or width and height")
        return self


class PadFrame(Operator):
    name = "pad"
    summary = "Puts borders around the picture, to a size or to a shape."
    params = PadParams
    ports: ClassVar[tuple[Port, ...]] = (
        Port("input", frozenset({StreamKind.VIDEO}), doc="What gets borders; its sound passes."),
    )
    example = "{id: wide, op: pad, input: talk, aspect: '16:9', color: black}"

    def build(self, params: PadParams, inputs: Inputs, build: Builder) -> Bundle:
        bundle = inputs["input"][0]
        strand = require_video(bundle)
        video = strand.stream
        assert isinstance(video, VideoStream)
        inner = picture_size(video)
        outer = _outer(params, video, inner)
        if outer == inner:
            return bundle
        x, y = _corner(params, outer, inner)
        args: dict[str, Value] = {
            "w": outer.width_px,
            "h": outer.height_px,
            "x": x,
            "y": y,
            "color": params.color,
        }
        base = lets_through(build, strand, params.color)
        assert isinstance(base.stream, VideoStream)
        made = build.filter("pad", args, base, stream=resized(base.stream, outer))
        return bundle.swap(strand, made)


def lets_through(build: Builder, strand: Strand, color: str) -> Strand:
    """`strand` with an alpha plane where `color` (``0xRRGGBBAA``) is not opaque."""
    if color.upper().endswith("FF"):
        return strand
    return with_alpha(build, strand, f"the colour {color} lets light through")


def _outer(params: PadParams, video: VideoStream, inner: Size) -> Size:
    if params.aspect is not None:
        stored = params.aspect / (video.sar or 1)
        width = max(Fraction(inner.width_px), inner.height_px * stored)
        height = max(Fraction(inner.height_px), inner.width_px / stored)
        return Size(_grown(width, params.divisible_by), _grown(height, params.divisible_by))
    for side, asked, have in (
        ("width", params.width, inner.width_px),
        ("height", params.height, inner.height_px),
    ):
        if asked is not None and asked < have:
            raise ReelError(
                Code.FIELD_INVALID,
                f"a picture of {inner} does not fit a {side} of {asked} pixels",
                where=side,
                hint=f"the {side} is at least {have} here; scale or crop the picture before",
            )
    return Size(
        _grown(Fraction(params.width or inner.width_px), params.divisible_by),
        _grown(Fraction(params.height or inner.height_px), params.divisible_by),
    )


def _grown(exact: Fraction, step: int) -> int:
    return -int(-exact // step) * step


def _corner(params: PadParams, outer: Size, inner: Size) -> tuple[int, int]:
    x, y = params.position.place(outer, inner)
    for at, size, whole in (
        (x, inner.width_px, outer.width_px),
        (y, inner.height_px, outer.height_px),
    ):
        if at < 0 or at + size > whole:
            raise ReelError(
                Code.FIELD_INVALID,
                f"a picture of {inner} at {params.position} reaches out of {outer}",
                where="position",
            )
    # On whole chroma samples: the filter would round by itself (vf_pad.c, config_input).
    return x // 2 * 2, y // 2 * 2
