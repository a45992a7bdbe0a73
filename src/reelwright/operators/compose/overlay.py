"""`overlay`: a picture, a video or a text on top of a video."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar

from pydantic import Field

from reelwright.errors import Code, ReelError
from reelwright.graph.builder import Builder
from reelwright.graph.operator import (
    Bundle,
    Cost,
    Inputs,
    Operator,
    Params,
    Port,
    Strand,
    require_video,
)
from reelwright.graph.params import (
    Boolean,
    Color,
    Duration,
    Length,
    Level,
    Number,
    Position,
    String,
)
from reelwright.media import geometry
from reelwright.media.streams import StreamKind, VideoStream
from reelwright.media.time import seconds_text
from reelwright.operators.audio.facts import after_filter, audio_of, fit_length
from reelwright.operators.audio.mixing import Voice, mixed
from reelwright.operators.compose.lettering import DEFAULT_SIZE, Lettering, draw
from reelwright.operators.compose.sticker import Sticker, stick
from reelwright.operators.times import Span, in_seconds, rate_of, span_of


class OverlayParams(Params):
    position: Position = Field(
        geometry.Position("bottom-right"),
        description="Where: an anchor, or x and y of the top left corner.",
    )
    margin: Length = Field(
        geometry.Length(Fraction(16)), description="Distance of an anchored overlay from the edges."
    )
    width: Length | None = Field(
        None, description="Width of the overlay, px or % of the base; with height alone: by aspect."
    )
    height: Length | None = Field(
        None, description="Height of the overlay, px or % of the base; with width alone: by aspect."
    )
    opacity: Number = Field(1.0, ge=0, le=1, description="0 (not to be seen) to 1.")
    start: Duration | None = Field(
        None, description="When it appears; a video overlay starts to play then. Default: at once."
    )
    end: Duration | None = Field(
        None, description="When it is gone (not included). Default: at the end."
    )
    fade: Duration = Field(Fraction(0), description="Time in which it fades in, and out again.")
    loop: Boolean = Field(
        False, description="Start a video overlay over when it ends before the base does."
    )
    text: String | None = Field(None, description="Draw this text, in place of an input `over`.")
    text_size: Length = Field(DEFAULT_SIZE, description="Height of the text's letters.")
    text_color: Color = Field("0xFFFFFFFF", description="Colour of the text.")
    mix_audio: Boolean = Field(False, description="Mix the overlay's sound into the base's.")
    audio_gain: Level = Field(0.0, description="Gain of the overlay's sound where it is mixed in.")


class Overlay(Operator):
    name = "overlay"
    summary = "Puts a picture, a video or a text on top of a video."
    params = OverlayParams
    ports: ClassVar[tuple[Port, ...]] = (
        Port("base", frozenset({StreamKind.VIDEO}), doc="what is below; it decides the length"),
        Port("over", frozenset({StreamKind.VIDEO}), required=False, doc="what lies on top"),
    )
    example = "{id: mark, op: overlay, inputs: {base: talk, over: logo}, position: top-left}"

    def build(self, params: OverlayParams, inputs: Inputs, build: Builder) -> Bundle:
        base = inputs["base"][0]
        over = inputs["over"][0] if inputs.get("over") else None
        if (over is None) == (params.text is None):
            raise ReelError(
                Code.PORT_MISSING, "overlay needs either its port 'over' connected, or a `text`"
            )
        rate = rate_of(base)
        span = span_of(params.start, params.end, rate)
        fade = in_seconds(params.fade, rate, "fade")
        strand = require_video(base)
        if over is None:
            assert params.text is not None
            return base.swap(strand, draw(build, strand, _lettering(params), span, fade))
        sticker = Sticker(
            position=params.position,
            margin=params.margin,
            width=params.width,
            height=params.height,
            opacity=params.opacity,
            loop=params.loop,
        )
        made = base.swap(strand, stick(build, strand, require_video(over), sticker, span, fade))
        return _with_sound(params, made, over, span, build) if params.mix_audio else made

    def estimate(self, params: OverlayParams, inputs: Inputs) -> Cost | None:
        """A video that starts over is kept in memory, with alpha."""
        over = inputs["over"][0].video if inputs.get("over") else None
        if over is None or not params.loop or over.stream.duration is None:
            return None
        video = over.stream
        assert isinstance(video, VideoStream)
        frames = video.duration * (video.frame_rate or 25) if video.duration else 0
        pixels = (video.width_px or 0) * (video.height_px or 0)
        return Cost(memory_bytes=int(frames * pixels * 4))


def _lettering(params: OverlayParams) -> Lettering:
    return Lettering(
        text=params.text or "",
        position=params.position,
        margin=params.margin,
        width=params.width,
        size=params.text_size,
        color=params.text_color,
        opacity=params.opacity,
    )


def _with_sound(
    params: OverlayParams, made: Bundle, over: Bundle, span: Span, build: Builder
) -> Bundle:
    sound = over.audio
    if sound is None:
        raise ReelError(
            Code.STREAM_MISSING, "mix_audio: the overlay has no sound", where="inputs.over"
        )
    if span.end is not None:
        sound = _ended(sound, span.end - span.start, build)
    voice = Voice(sound, params.audio_gain, span.start)
    own = made.audio
    if own is not None:
        return made.swap(own, mixed(build, [Voice(own), voice], duration="first"))
    alone = mixed(build, [voice])
    assert made.video is not None
    length = made.video.stream.duration
    if length is not None:
        alone = fit_length(build, alone, length, "as long as the picture")
    return Bundle((*made.strands, alone))


def _ended(sound: Strand, length: Fraction, build: Builder) -> Strand:
    stream = audio_of(sound)
    known = stream.duration
    out = after_filter(stream, duration=length if known is None else min(known, length))
    return build.filter(
        "atrim", {"end": seconds_text(length)}, sound, stream=out, because="as long as it shows"
    )
