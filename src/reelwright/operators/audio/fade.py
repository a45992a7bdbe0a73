"""`fade`: in from, and out to, a colour and silence."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar, Literal

from pydantic import ConfigDict, Field

from reelwright.errors import Code, ReelError
from reelwright.graph.actions import Value
from reelwright.graph.builder import Builder
from reelwright.graph.operator import Bundle, Inputs, Operator, Params, Port, Strand, as_raw
from reelwright.graph.params import Boolean, Color, Duration
from reelwright.media.streams import Stream, StreamKind, VideoStream
from reelwright.media.time import seconds_text
from reelwright.operators.audio.facts import after_filter, audio_of, video_of
from reelwright.operators.pixels import with_alpha
from reelwright.operators.times import in_seconds, rate_of

BLACK = "0x000000FF"
# What FFmpeg's fade leaves as it is where it fades to black or see-through.
_PLANAR = ("yuv", "gbr")
_PACKED = {"rgb24", "bgr24", "rgba", "bgra", "argb", "abgr"}
Curve = Literal[
    "tri", "qsin", "hsin", "esin", "log", "ipar", "qua", "cub", "squ", "cbr", "par", "exp",
    "iqsin", "ihsin", "dese", "desi", "losi", "sinc", "isinc", "quat", "quatr", "qsin2", "hsin2",
    "nofade",
]  # fmt: skip


class FadeParams(Params):
    model_config = ConfigDict(populate_by_name=True)

    fade_in: Duration | None = Field(
        None,
        alias="in",
        description="Length of the fade in. With neither `in` nor `out`: 1 s each.",
    )
    fade_out: Duration | None = Field(None, alias="out", description="Length of the fade out.")
    end: Duration | None = Field(
        None, description="Where the fade out ends, in seconds. Default: the end of each stream."
    )
    video: Boolean = Field(True, description="Fade the picture.")
    audio: Boolean = Field(True, description="Fade the sound.")
    color: Color = Field(BLACK, description="Colour that the picture comes from and goes to.")
    alpha: Boolean = Field(
        False, description="Fade the picture's opacity instead, for use in an overlay."
    )
    curve: Curve = Field(
        "tri",
        description="Shape of the sound's fade; `tri` is a straight line, `qsin` equal power.",
    )


class Fade(Operator):
    name = "fade"
    summary = "Fades picture and sound in and out."
    params = FadeParams
    ports: ClassVar[tuple[Port, ...]] = (
        Port("input", doc="picture, sound or both; subtitles pass through"),
    )
    example = "{id: soft, op: fade, input: talk, in: 1s, out: 2s, color: white}"

    def build(self, params: FadeParams, inputs: Inputs, build: Builder) -> Bundle:
        bundle = inputs["input"][0]
        plan = _lengths(params, rate_of(bundle))
        for strand in bundle:
            made = strand
            if isinstance(strand.stream, VideoStream):
                if params.video and not strand.stream.is_still:
                    made = _picture(params, plan, strand, build)
            elif strand.kind is StreamKind.AUDIO and params.audio:
                made = _sound(params, plan, strand, build)
            bundle = bundle.swap(strand, made)
        if all(new is old for new, old in zip(bundle, inputs["input"][0], strict=True)):
            raise ReelError(Code.STREAM_MISSING, "fade has neither picture nor sound to work on")
        return bundle


_Lengths = tuple[Fraction, Fraction, Fraction | None]


def _lengths(params: FadeParams, rate: Fraction | None) -> _Lengths:
    """Seconds of the fade in, of the fade out, and where it ends."""
    if params.fade_in is None and params.fade_out is None:
        first = last = Fraction(1)
    else:
        first = Fraction(0) if params.fade_in is None else in_seconds(params.fade_in, rate, "in")
        last = Fraction(0) if params.fade_out is None else in_seconds(params.fade_out, rate, "out")
    end = None if params.end is None else in_seconds(params.end, rate, "end")
    if first == 0 and last == 0:
        raise ReelError(Code.FIELD_INVALID, "in and out are both 0: nothing would fade")
    return first, last, end


def _out_start(stream: Stream, length: Fraction, end: Fraction | None) -> Fraction:
    """Where the fade out begins. Raises FIELD_INVALID where no end is known, or it is too near."""
    end = stream.duration if end is None else end
    if end is None:
        raise ReelError(
            Code.FIELD_INVALID,
            f"out: the length of the {stream.kind.value} is not known, so where to fade is not",
            hint="say where it ends (`end: 1m30s`), or cut it first with `trim` and a duration",
        )
    if length > end:
        raise ReelError(
            Code.FIELD_INVALID,
            f"out: a fade of {seconds_text(length)} s does not fit into the"
            f" {seconds_text(end)} s of {stream.kind.value}",
        )
    return end - length


def _picture(params: FadeParams, plan: _Lengths, strand: Strand, build: Builder) -> Strand:
    made = with_alpha(build, strand, "the opacity is faded") if params.alpha else strand
    before = video_of(made)
    look: dict[str, Value] = {"alpha": 1} if params.alpha else {"color": params.color}
    fade_in, fade_out, end = plan
    if fade_in:
        times = {"t": "in", "st": "0", "d": seconds_text(fade_in)}
        made = build.filter("fade", {**times, **look}, made)
    if fade_out:
        start = _out_start(strand.stream, fade_out, end)
        times = {"t": "out", "st": seconds_text(start), "d": seconds_text(fade_out)}
        made = build.filter("fade", {**times, **look}, made)
    is_black = params.alpha or params.color[:8] == BLACK[:8]
    found = before.pix_fmt
    if found and not (is_black and (found.startswith(_PLANAR) or found in _PACKED)):
        # For every other color, and in every other format, it works in RGB.
        because = f"the color is blended in another format; back to {found}"
        stream = as_raw(before)
        made = build.filter("format", {"pix_fmts": found}, made, stream=stream, because=because)
    return made


def _sound(params: FadeParams, plan: _Lengths, strand: Strand, build: Builder) -> Strand:
    fade_in, fade_out, end = plan
    made = strand
    stream = after_filter(audio_of(strand))
    curve: dict[str, Value] = {"curve": params.curve}
    if fade_in:
        times = {"t": "in", "st": "0", "d": seconds_text(fade_in)}
        made = build.filter("afade", {**times, **curve}, made, stream=stream)
    if fade_out:
        start = _out_start(strand.stream, fade_out, end)
        times = {"t": "out", "st": seconds_text(start), "d": seconds_text(fade_out)}
        made = build.filter("afade", {**times, **curve}, made, stream=stream)
    return made
