"""`drawtext`: words on the picture."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from reelwright.graph.builder import Builder
from reelwright.graph.operator import Bundle, Inputs, Operator, Params, Port, require_video
from reelwright.graph.params import (
    Boolean,
    Color,
    Duration,
    FilePath,
    Length,
    Number,
    Position,
    String,
    TimecodeText,
)
from reelwright.media import geometry
from reelwright.media.streams import StreamKind
from reelwright.media.timecode import Timecode
from reelwright.operators.compose.lettering import DEFAULT_SIZE, NOTHING, Lettering, draw
from reelwright.operators.times import in_seconds, rate_of, span_of


class DrawTextParams(Params):
    text: String = Field(
        "", description="What is drawn, letter by letter; no character is special."
    )
    position: Position = Field(
        geometry.Position("bottom"),
        description="Where: an anchor, or x and y of the top left corner.",
    )
    margin: Length = Field(
        geometry.Length(Fraction(4), "%"),
        description="Distance of anchored text from the edges.",
    )
    width: Length | None = Field(
        None,
        description="Lines break here, px or % of the width. Default: what the picture leaves.",
    )
    size: Length = Field(DEFAULT_SIZE, description="Height of the letters, px or % of the height.")
    font: FilePath | None = Field(
        None, description="A TrueType or OpenType file. Default: DejaVu Sans, which is bundled."
    )
    color: Color = Field("0xFFFFFFFF", description="Colour of the letters.")
    opacity: Number = Field(1.0, ge=0, le=1, description="0 (not to be seen) to 1.")
    align: Literal["left", "center", "right"] | None = Field(
        None, description="How lines stand to each other. Default: as the position says."
    )
    line_spacing: Length = Field(
        NOTHING, description="More room between lines, px or % of the height."
    )
    box: Boolean = Field(False, description="Draw a box behind the text.")
    box_color: Color = Field("0x00000080", description="Colour of the box.")
    box_padding: Length = Field(
        geometry.Length(Fraction(1), "%"), description="Room in the box, px or % of the height."
    )
    border: Length = Field(NOTHING, description="Outline of the letters, px or % of the height.")
    border_color: Color = Field("0x000000FF", description="Colour of the outline.")
    shadow: Length = Field(
        NOTHING, description="Offset of a shadow to the lower right, px or % of the height."
    )
    shadow_color: Color = Field("0x000000A0", description="Colour of the shadow.")
    start: Duration | None = Field(None, description="When it appears. Default: at once.")
    end: Duration | None = Field(
        None, description="When it is gone (not included). Default: at the end."
    )
    fade: Duration = Field(Fraction(0), description="Time in which it fades in, and out again.")
    timecode: Boolean | TimecodeText = Field(
        False, description="Burn in a running timecode after the text: true, or where it starts."
    )

    @model_validator(mode="after")
    def _says_something(self) -> DrawTextParams:
        if not self.text.strip() and self.timecode is False:
            raise ValueError("drawtext needs a text, or `timecode: true`")
        return self


class DrawText(Operator):
    name = "drawtext"
    summary = "Writes text on the picture: any text, wrapped, timed, faded."
    params = DrawTextParams
    ports: ClassVar[tuple[Port, ...]] = (
        Port("input", frozenset({StreamKind.VIDEO}), doc="the picture; its sound passes through"),
    )
    example = '{id: title, op: drawtext, input: talk, text: "It\'s 100% safe", start: 1s, end: 4s}'

    def build(self, params: DrawTextParams, inputs: Inputs, build: Builder) -> Bundle:
        bundle = inputs["input"][0]
        rate = rate_of(bundle)
        strand = require_video(bundle)
        span = span_of(params.start, params.end, rate)
        fade = in_seconds(params.fade, rate, "fade")
        return bundle.swap(strand, draw(build, strand, _lettering(params), span, fade))


def _lettering(params: DrawTextParams) -> Lettering:
    timecode = params.timecode
    if isinstance(timecode, bool):
        timecode = Timecode(0, 0, 0, 0) if timecode else None  # type: ignore[assignment]
    return Lettering(
        text=params.text,
        position=params.position,
        margin=params.margin,
        size=params.size,
        width=params.width,
        font=params.font,
        color=params.color,
        opacity=params.opacity,
        align=params.align,
        line_spacing=params.line_spacing,
        box_color=params.box_color if params.box else None,
        box_padding=params.box_padding,
        border=params.border,
        border_color=params.border_color,
        shadow=params.shadow,
        shadow_color=params.shadow_color,
        timecode=timecode,  # type: ignore[arg-type]
    )
