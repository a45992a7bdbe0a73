"""`rotate`: right angles, any angle, and mirroring."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from reelwright.graph.actions import Value
from reelwright.graph.builder import Builder
from reelwright.graph.operator import Bundle, Inputs, Operator, Params, Port, Strand, require_video
from reelwright.graph.params import Boolean, Color, Number
from reelwright.media.geometry import Size
from reelwright.media.streams import StreamKind, VideoStream
from reelwright.operators.video.pad import lets_through
from reelwright.operators.video.scale import scaled
from reelwright.operators.video.sizing import Wish, picture_size, resized


class RotateParams(Params):
    degrees: Number = Field(
        0.0,
        ge=-360,
        le=360,
        description="Clockwise, -360 to 360. 90, 180 and 270 lose nothing where the output allows.",
    )
    flip: Literal["none", "horizontal", "vertical", "both"] = Field(
        "none",
        description="Mirrors after turning: horizontal swaps left and right, vertical up and down.",
    )
    expand: Boolean = Field(
        True, description="For other angles: true grows the frame to show all of the picture."
    )
    fill: Color = Field("0x000000FF", description="Of the corners that other angles leave empty.")
    lossless: Literal["auto", "metadata", "pixels"] = Field(
        "auto",
        description=(
            "How a right angle is done: auto (by metadata if nothing else touches the picture and"
            " the container has it), metadata (or an error), pixels (turned and encoded)."
        ),
    )

    @model_validator(mode="after")
    def _does_something(self) -> RotateParams:
        if self.degrees % 360 == 0 and self.flip == "none":
            raise ValueError("rotate needs degrees other than 0, or a flip")
        return self


class Rotate(Operator):
    name = "rotate"
    summary = "Turns the picture clockwise, and mirrors it."
    params = RotateParams
    ports: ClassVar[tuple[Port, ...]] = (
        Port("input", frozenset({StreamKind.VIDEO}), doc="What is turned; its sound passes."),
    )
    example = "{id: upright, op: rotate, input: phone, degrees: 90}"

    def build(self, params: RotateParams, inputs: Inputs, build: Builder) -> Bundle:
        bundle = inputs["input"][0]
        video = require_video(bundle)
        degrees, flip = params.degrees % 360, params.flip
        if flip == "both":
            degrees, flip = (degrees + 180) % 360, "none"
        made = video
        if degrees in (90, 180, 270):
            made = build.turn(video, int(degrees), lossless=params.lossless)
        elif degrees:
            made = _tilted(build, video, degrees, params)
        if flip != "none":
            made = build.filter("hflip" if flip == "horizontal" else "vflip", {}, made)
        return bundle.swap(video, made)


def _tilted(build: Builder, strand: Strand, degrees: float, params: RotateParams) -> Strand:
    """Any angle. Pixels are made square before: a circle has to stay one."""
    size = _shown(strand)
    strand = scaled(build, strand, Wish(size.width_px, size.height_px, "stretch", 1))
    strand = lets_through(build, strand, params.fill)
    video = strand.stream
    assert isinstance(video, VideoStream)
    out = _around(size, degrees) if params.expand else size
    args: dict[str, Value] = {
        "a": f"{degrees!r}*PI/180",
        "ow": out.width_px,
        "oh": out.height_px,
        "c": params.fill,
    }
    return build.filter("rotate", args, strand, stream=resized(video, out))


def _shown(strand: Strand) -> Size:
    """The size at which a player shows the picture."""
    video = strand.stream
    assert isinstance(video, VideoStream)
    stored = picture_size(video)
    width = stored.width_px * (video.sar or Fraction(1))
    return Size(max(1, int(width + Fraction(1, 2))), stored.height_px)


def _around(size: Size, degrees: float) -> Size:
    """The smallest even frame that holds the whole of a picture turned by `degrees`."""
    angle = math.radians(degrees)
    sine, cosine = abs(math.sin(angle)), abs(math.cos(angle))
    width = size.width_px * cosine + size.height_px * sine
    height = size.width_px * sine + size.height_px * cosine
    return Size(math.ceil(width / 2) * 2, math.ceil(height / 2) * 2)
