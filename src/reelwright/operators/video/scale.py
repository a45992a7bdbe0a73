"""`scale`: another picture size."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from reelwright.graph.actions import Value
from reelwright.graph.builder import Builder
from reelwright.graph.operator import Bundle, Inputs, Operator, Params, Port, Strand, require_video
from reelwright.graph.params import Boolean, Color, Integer, Resolution
from reelwright.media.geometry import Size
from reelwright.media.streams import StreamKind, VideoStream
from reelwright.operators.video.sizing import Fit, Wish, centered, fit, picture_size, resized

Algorithm = Literal[
    "bicubic", "lanczos", "bilinear", "fast_bilinear", "area", "spline", "gauss", "sinc", "neighbor"
]


class ScaleParams(Params):
    width: Integer | None = Field(
        None, ge=1, le=65535, description="Width in pixels; alone, the height follows the aspect."
    )
    height: Integer | None = Field(
        None, ge=1, le=65535, description="Height in pixels; alone, the width follows the aspect."
    )
    size: Resolution | None = Field(
        None, description="Width and height in one: 1280x720, 720p, hd, 4k. In place of the two."
    )
    fit: Fit = Field(
        "contain",
        description=(
            "With both width and height: contain (as large as fits, aspect kept), cover (fills the"
            " size, the rest is cropped), pad (contain, then borders), stretch (aspect lost)."
        ),
    )
    algorithm: Algorithm = Field(
        "bicubic",
        description="bicubic suits most, lanczos is sharper, area is best for very small pictures.",
    )
    upscale: Boolean = Field(
        True, description="false: a smaller picture keeps its size (never enlarged)."
    )
    divisible_by: Integer = Field(
        2, ge=1, le=64, description="Width and height become multiples of it; most codecs want 2."
    )
    square_pixels: Boolean = Field(
        True,
        description=(
            "true: pixels become square, a source with others gets the size at which it is shown."
            " false: the aspect of its pixels is adjusted instead."
        ),
    )
    color: Color = Field("0x000000FF", description="Of the borders of `fit: pad`.")
    cascade: Boolean = Field(
        False,
        description=(
            "true: may be scaled from the result of a larger `cascade` sibling of the same input"
            " in place of the input itself: cheaper for a ladder, a little less sharp."
        ),
    )

    @model_validator(mode="after")
    def _one_size(self) -> ScaleParams:
        if self.size is None and self.width is None and self.height is None:
            raise ValueError("scale needs a width, a height or a size")
        if self.size is not None and (self.width is not None or self.height is not None):
            raise ValueError("give either size, or width and height")
        return self

    @property
    def wish(self) -> Wish:
        width, height = self.width, self.height
        if self.size is not None:
            width, height = self.size.width_px, self.size.height_px
        return Wish(width, height, self.fit, self.divisible_by, self.upscale)


class Scale(Operator):
    name = "scale"
    summary = "Scales the picture; keeps the aspect unless told otherwise."
    params = ScaleParams
    ports: ClassVar[tuple[Port, ...]] = (
        Port("input", frozenset({StreamKind.VIDEO}), doc="What is scaled; its sound passes."),
    )
    example = "{id: small, op: scale, input: talk, height: 720}"

    def build(self, params: ScaleParams, inputs: Inputs, build: Builder) -> Bundle:
        bundle = inputs["input"][0]
        video = require_video(bundle)
        made = scaled(
            build,
            video,
            params.wish,
            algorithm=params.algorithm,
            square=params.square_pixels,
            color=params.color,
            cascade=params.cascade,
        )
        return bundle.swap(video, made)


def scaled(
    build: Builder,
    strand: Strand,
    wish: Wish,
    *,
    algorithm: str = "bicubic",
    square: bool = True,
    color: str = "0x000000FF",
    cascade: bool = False,
) -> Strand:
    """`strand` at the size `wish`; itself, still encoded, where nothing has to change."""
    video = strand.stream
    assert isinstance(video, VideoStream)
    source = picture_size(video)
    shown = Fraction(source.width_px) * ((video.sar or 1) if square else 1)
    fitted = fit((shown, Fraction(source.height_px)), wish)
    made = _scaled_to(build, strand, fitted.scaled, algorithm, square=square, cascade=cascade)
    if fitted.out == fitted.scaled:
        return made
    return _reframed(build, made, fitted.scaled, fitted.out, wish.step, color)


def _scaled_to(
    build: Builder, strand: Strand, size: Size, algorithm: str, *, square: bool, cascade: bool
) -> Strand:
    video = strand.stream
    assert isinstance(video, VideoStream)
    source = picture_size(video)
    if size != source:
        # The filter keeps the display aspect by changing the pixels' (vf_scale.c, config_props).
        stretched = Fraction(source.width_px * size.height_px, source.height_px * size.width_px)
        after = None if video.sar is None else video.sar * stretched
        args: dict[str, Value] = {"w": size.width_px, "h": size.height_px, "flags": algorithm}
        if video.is_interlaced:
            args["interl"] = -1  # fields apart, where the frame says it has them
        made = resized(video, size, sar=after)
        strand = build.filter("scale", args, strand, stream=made, cascade=cascade)
    return square_pixels(build, strand) if square else strand


def square_pixels(build: Builder, strand: Strand) -> Strand:
    """`strand` with its pixels called square; nothing is scaled."""
    video = strand.stream
    assert isinstance(video, VideoStream)
    if video.sar == 1 or (video.sar is None and strand.encoded):
        return strand
    size = picture_size(video)
    return build.filter("setsar", {"sar": 1}, strand, stream=resized(video, size, sar=Fraction(1)))


def _reframed(
    build: Builder, strand: Strand, inner: Size, out: Size, step: int, color: str
) -> Strand:
    """Cropped or padded to `out`, in the middle."""
    video = strand.stream
    assert isinstance(video, VideoStream)
    cover = out.width_px <= inner.width_px and out.height_px <= inner.height_px
    x, y = centered(inner, out, 2) if cover else centered(out, inner, 2)
    args: dict[str, Value] = {"w": out.width_px, "h": out.height_px, "x": x, "y": y}
    if cover:
        args["exact"] = int(step % 2)
    else:
        args["color"] = color
    name = "crop" if cover else "pad"
    return build.filter(name, args, strand, stream=resized(video, out))
