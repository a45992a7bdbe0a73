"""A registry of small operators, so that the tests of the spec do not move with the real ones."""

from fractions import Fraction
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from reelwright.graph.builder import Builder
from reelwright.graph.operator import Bundle, Inputs, Operator, Params, Port
from reelwright.graph.params import (
    Boolean,
    Duration,
    FilePath,
    Integer,
    Length,
    Loudness,
    Moment,
    Position,
    String,
)
from reelwright.graph.registry import Registry
from reelwright.media import geometry


class Sample(Operator):
    def build(self, params: Any, inputs: Inputs, build: Builder) -> Bundle:
        return next(iter(inputs.values()))[0]


class TrimParams(Params):
    start: Duration = Field(Fraction(0), description="where it begins")
    duration: Duration | None = None
    end: Duration | None = None
    mode: Literal["smart", "encode", "keyframe"] = "smart"

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if self.end is not None and self.duration is not None:
            raise ValueError("'end' and 'duration' say the same; give one of them")
        return self


class Trim(Sample):
    name = "trim"
    summary = "Cuts a part out."
    params = TrimParams


class ScaleParams(Params):
    height: Integer = Field(gt=0, le=16384, description="height in pixels")
    upscale: Boolean = False


class Scale(Sample):
    name = "scale"
    summary = "Scales the picture."
    params = ScaleParams


class OverlayParams(Params):
    position: Position = geometry.Position("center")
    margin: Length = geometry.Length(Fraction(0))


class Overlay(Sample):
    name = "overlay"
    summary = "Puts one picture over another."
    params = OverlayParams
    ports: ClassVar[tuple[Port, ...]] = (Port("base"), Port("over"))


class LoudnormParams(Params):
    target: Loudness = -16.0


class Loudnorm(Sample):
    name = "loudnorm"
    summary = "Normalises loudness."
    params = LoudnormParams


class Tile(Params):
    columns: int = Field(5, ge=1)


class ThumbnailParams(Params):
    at: list[Moment] | Literal["each-shot", "best"] | None = None
    count: int | None = Field(None, ge=1)
    tile: Tile | None = None


class Thumbnail(Sample):
    name = "thumbnail"
    summary = "Takes still pictures."
    params = ThumbnailParams


class DrawTextParams(Params):
    text: String
    font: FilePath | None = None


class DrawText(Sample):
    name = "drawtext"
    summary = "Writes text on the picture."
    params = DrawTextParams


class Concat(Sample):
    name = "concat"
    summary = "Puts several after each other."
    params = Params
    ports: ClassVar[tuple[Port, ...]] = (Port("inputs", many=True),)


class MixParams(Params):
    pass


class Mix(Sample):
    name = "mix"
    summary = "Mixes sounds."
    params = MixParams
    ports: ClassVar[tuple[Port, ...]] = (Port("main"), Port("others", many=True, required=False))


class FetchParams(Params):
    url: String


class Fetch(Sample):
    name = "fetch"
    summary = "Downloads."
    params = FetchParams
    ports: ClassVar[tuple[Port, ...]] = ()


REGISTRY = Registry({})
for _operator in (Trim, Scale, Overlay, Loudnorm, Thumbnail, DrawText, Concat, Mix, Fetch):
    REGISTRY.add(_operator())

WHOLE = """\
inputs:
  talk: talk.mp4
  logo: {path: logo.png}
operations:
  - {id: cut,   op: trim,    input: talk, start: 10s, duration: "00:05:00"}
  - {id: small, op: scale,   input: cut,  height: 720}
  - {id: mark,  op: overlay, inputs: {base: small, over: logo}, position: bottom-right, margin: 16}
  - {id: level, op: loudnorm, input: mark, target: -16}
  - {id: still, op: thumbnail, input: cut, at: [5s]}
outputs:
  - from: level
    to: out/talk-720p.mp4
    video: {codec: h264, crf: 20}
    audio: {codec: aac, bitrate: 128k}
  - {from: still, to: out/still.jpg}
"""
