"""`crop`: a part of the picture."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar

from pydantic import Field, model_validator

from reelwright.errors import Code, ReelError
from reelwright.graph.builder import Builder
from reelwright.graph.operator import Bundle, Inputs, Operator, Params, Port, require_video
from reelwright.graph.params import Integer, Length, Position, Ratio
from reelwright.media import geometry
from reelwright.media.geometry import Size
from reelwright.media.streams import StreamKind, VideoStream
from reelwright.operators.video.sizing import floor_to, picture_size, resized


class CropParams(Params):
    width: Length | None = Field(
        None, description="Width of the part, in pixels or percent of the picture's."
    )
    height: Length | None = Field(
        None, description="Height of the part, in pixels or percent of the picture's."
    )
    aspect: Ratio | None = Field(
        None,
        description=(
            "Shape of the part as it is shown, e.g. 9:16: the largest that fits, or what one of"
            " width and height leaves open."
        ),
    )
    position: Position = Field(
        geometry.Position("center"),
        description="Where the part lies: an anchor, or its top-left corner.",
    )
    x: Length | None = Field(None, description="Left edge, in place of the position's.")
    y: Length | None = Field(None, description="Top edge, in place of the position's.")
    divisible_by: Integer = Field(
        2,
        ge=1,
        le=64,
        description="Width and height become multiples of it (rounded down); most codecs want 2.",
    )

    @model_validator(mode="after")
    def _some_size(self) -> CropParams:
        if self.width is None and self.height is None and self.aspect is None:
            raise ValueError("crop needs a width, a height or an aspect")
        if None not in (self.width, self.height, self.aspect):
            raise ValueError("width and height give the aspect already; leave one of the three out")
        return self


class Crop(Operator):
    name = "crop"
    summary = "Cuts a part out of the picture."
    params = CropParams
    ports: ClassVar[tuple[Port, ...]] = (
        Port("input", frozenset({StreamKind.VIDEO}), doc="What is cropped; its sound passes."),
    )
    example = "{id: tall, op: crop, input: talk, aspect: '9:16', position: center}"

    def build(self, params: CropParams, inputs: Inputs, build: Builder) -> Bundle:
        bundle = inputs["input"][0]
        strand = require_video(bundle)
        video = strand.stream
        assert isinstance(video, VideoStream)
        source = picture_size(video)
        part = _part(params, video, source)
        if part == source:
            return bundle
        x, y = _corner(params, source, part)
        args = {
            "w": part.width_px,
            "h": part.height_px,
            "x": x,
            "y": y,
            # Else the filter rounds all four to whole chroma samples (vf_crop.c, config_input).
            "exact": params.divisible_by % 2,
        }
        made = build.filter("crop", args, strand, stream=resized(video, part))
        return bundle.swap(strand, made)


def _part(params: CropParams, video: VideoStream, source: Size) -> Size:
    """Size of the part in stored pixels. Raises FIELD_INVALID where the picture is smaller."""
    width = None if params.width is None else params.width.of(source.width_px)
    height = None if params.height is None else params.height.of(source.height_px)
    if params.aspect is not None:
        stored = params.aspect / (video.sar or 1)
        exact_w, exact_h = _shape(stored, width, height, source)
    else:
        exact_w = Fraction(source.width_px if width is None else width)
        exact_h = Fraction(source.height_px if height is None else height)
    for side, asked, whole in (
        ("width", exact_w, source.width_px),
        ("height", exact_h, source.height_px),
    ):
        if not 1 <= asked <= whole:
            raise ReelError(
                Code.FIELD_INVALID,
                f"a part {float(asked):g} pixels in {side} does not fit a picture of {source}",
                where=side,
                hint=f"the {side} goes from 1 to {whole} pixels here",
            )
    return Size(_side(exact_w, params), _side(exact_h, params))


def _side(exact: Fraction, params: CropParams) -> int:
    return min(floor_to(exact, params.divisible_by), int(exact)) or 1


def _shape(
    stored: Fraction, width: int | None, height: int | None, source: Size
) -> tuple[Fraction, Fraction]:
    if width is not None:
        return Fraction(width), width / stored
    if height is not None:
        return height * stored, Fraction(height)
    across = min(Fraction(source.width_px), source.height_px * stored)
    return across, across / stored


def _corner(params: CropParams, source: Size, part: Size) -> tuple[int, int]:
    x, y = params.position.place(source, part)
    x = x if params.x is None else params.x.of(source.width_px)
    y = y if params.y is None else params.y.of(source.height_px)
    for side, at, size, whole in (
        ("x", x, part.width_px, source.width_px),
        ("y", y, part.height_px, source.height_px),
    ):
        if at < 0 or at + size > whole:
            raise ReelError(
                Code.FIELD_INVALID,
                f"a part of {part} at {side} {at} reaches out of a picture of {source}",
                where=side,
                hint=f"{side} goes from 0 to {whole - size} here",
            )
    if params.divisible_by % 2:
        return x, y
    return x // 2 * 2, y // 2 * 2
