"""`sepia`: the brown of old photographs."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from reelwright.graph.builder import Builder
from reelwright.graph.operator import Bundle, Inputs, Operator, Params, Port, require_video
from reelwright.graph.params import Number
from reelwright.media.streams import StreamKind, VideoStream
from reelwright.operators.pixels import converted

# Red, green and blue of the result, each from red, green and blue: the matrix that photo editors
# have used since Microsoft's documentation of ColorMatrix.
_SEPIA = {
    "rr": 0.393, "rg": 0.769, "rb": 0.189,
    "gr": 0.349, "gg": 0.686, "gb": 0.168,
    "br": 0.272, "bg": 0.534, "bb": 0.131,
}  # fmt: skip


class SepiaParams(Params):
    strength: Number = Field(1.0, ge=0, le=1, description="0 leaves the picture as it is.")


class Sepia(Operator):
    name = "sepia"
    version = 1
    summary = "Gives the picture the brown of old photographs."
    params = SepiaParams
    ports: ClassVar[tuple[Port, ...]] = (
        Port("input", frozenset({StreamKind.VIDEO}), doc="What is coloured; its sound passes."),
    )
    example = "{id: old, op: sepia, input: talk, strength: 0.8}"

    def build(self, params: SepiaParams, inputs: Inputs, build: Builder) -> Bundle:
        bundle = inputs["input"][0]
        if params.strength == 0:
            return bundle
        video = require_video(bundle)
        assert isinstance(video.stream, VideoStream)
        mixed = converted(build, video, "gbrp", "colours are mixed as red, green and blue")
        mixed = build.filter("colorchannelmixer", _mixed(params.strength), mixed)
        # What follows gets the format that it would have got without this operation.
        before = video.stream.pix_fmt or "yuv420p"
        return bundle.swap(video, converted(build, mixed, before, f"back to {before}"))


def _mixed(strength: float) -> dict[str, float]:
    """The matrix, drawn towards one that changes nothing."""
    same = {"rr": 1.0, "gg": 1.0, "bb": 1.0}
    return {
        name: round(strength * value + (1 - strength) * same.get(name, 0.0), 6)
        for name, value in _SEPIA.items()
    }
