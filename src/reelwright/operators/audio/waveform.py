"""`waveform`: a picture of the sound, and its peaks as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, ClassVar, Literal

from pydantic import Field

from reelwright.analysis.peaks import Peaks
from reelwright.errors import Code, ReelError
from reelwright.graph.actions import Value
from reelwright.graph.builder import Builder
from reelwright.graph.operator import (
    Analyser,
    Bundle,
    Cost,
    Inputs,
    Operator,
    Params,
    Port,
    Strand,
    require_audio,
)
from reelwright.graph.params import Boolean, Color, Integer, Resolution
from reelwright.media.geometry import Size
from reelwright.media.streams import AudioStream, Stream, StreamKind, VideoStream
from reelwright.operators.audio.facts import audio_of, resample

# showwavespic keeps the whole sound, 2 bytes a sample: at most 64 MB of it.
_MOST_SAMPLES = 32_000_000
_SLOWEST_HZ = 500


class WaveformParams(Params):
    size: Resolution = Field(
        Size(1200, 240), description="Width and height of the picture, pixels."
    )
    color: Color = Field("0x2563EBFF", description="Colour of the wave.")
    colors: list[Color] = Field(
        [], description="Colours of the channels, in their order; in place of `color`."
    )
    background: Color = Field(
        "0x00000000", description="Colour behind the wave; see-through if left."
    )
    split_channels: Boolean = Field(
        False, description="Each channel for itself, in the picture and in the peaks."
    )
    scale: Literal["lin", "log", "sqrt", "cbrt"] = Field(
        "lin", description="How amplitude becomes height; all but lin raise what is quiet."
    )
    samples_per_pixel: Integer = Field(
        512, ge=2, le=1_000_000, description="Samples that one pair of the JSON's peaks stands for."
    )
    bits: Literal[8, 16] = Field(16, description="Resolution of the JSON's peaks: 8 or 16 bits.")


class Waveform(Operator):
    name = "waveform"
    summary = "Draws the sound as a PNG, and gives its peaks as JSON (audiowaveform's format)."
    params = WaveformParams
    ports: ClassVar[tuple[Port, ...]] = (
        Port("input", frozenset({StreamKind.AUDIO}), doc="the first sound is drawn"),
    )
    example = "{id: wave, op: waveform, input: talk, size: 1200x240}"

    def build(self, params: WaveformParams, inputs: Inputs, build: Builder) -> Bundle:
        strand = require_audio(inputs["input"][0])
        stream = audio_of(strand)
        if stream.sample_rate_hz is None or stream.channels is None:
            raise ReelError(Code.FIELD_INVALID, "the sound's sample rate or channels are not known")
        return Bundle((_picture(params, strand, build), _peaks(params, strand, build)))

    def estimate(self, params: WaveformParams, inputs: Inputs) -> Cost | None:
        """The picture's filter keeps the whole sound; drawing it costs next to nothing."""
        stream = audio_of(require_audio(inputs["input"][0]))
        if stream.duration is None or not stream.sample_rate_hz:
            return Cost(memory_bytes=2 * _MOST_SAMPLES)
        samples = int(stream.duration * stream.sample_rate_hz * (stream.channels or 1))
        return Cost(memory_bytes=2 * min(samples, _MOST_SAMPLES))

    def analyser(self, name: str, params: Mapping[str, Any], stream: Stream) -> Analyser:
        assert name == "peaks"
        assert isinstance(stream, AudioStream)
        return PeaksOf(params, stream)


class PeaksOf(Analyser):
    """Samples of a stream into `Peaks`."""

    def __init__(self, params: Mapping[str, Any], stream: AudioStream) -> None:
        assert stream.channels is not None
        assert stream.sample_rate_hz is not None
        self.frame_bytes = 2 * stream.channels
        self._peaks = Peaks(
            sample_rate_hz=stream.sample_rate_hz,
            channels=stream.channels,
            samples_per_pixel=params["samples_per_pixel"],
            split=params["split"],
            bits=params["bits"],
        )

    def feed(self, data: memoryview) -> None:
        self._peaks.feed(data)

    def finish(self) -> dict[str, Any]:
        return self._peaks.result()


def _peaks(params: WaveformParams, strand: Strand, build: Builder) -> Strand:
    asked = {
        "samples_per_pixel": params.samples_per_pixel,
        "split": params.split_channels,
        "bits": params.bits,
    }
    return build.tap("peaks", strand, raw="s16le", params=asked, operator="waveform")


def _picture(params: WaveformParams, strand: Strand, build: Builder) -> Strand:
    sound = _light_enough(strand, build)
    channels = audio_of(sound).channels or 1
    size = params.size
    out = VideoStream(
        width_px=size.width_px,
        height_px=size.height_px,
        sar=Fraction(1),
        rotation_deg=0,
        frame_count=1,
        pix_fmt="rgba",
        is_still=True,
        has_alpha=True,
    )
    colors = params.colors or [params.color]
    args: dict[str, Value] = {
        "size": f"{size.width_px}x{size.height_px}",
        "split_channels": int(params.split_channels),
        # Past the end of the list the filter would take its own colours.
        "colors": "|".join(colors[i % len(colors)] for i in range(channels)),
        "scale": params.scale,
    }
    drawn = build.filter("showwavespic", args, sound, stream=out)
    if not params.background.endswith("00"):
        drawn = _on_background(params, drawn, out, build)
    return drawn


def _on_background(
    params: WaveformParams, drawn: Strand, out: VideoStream, build: Builder
) -> Strand:
    args: dict[str, Value] = {"color": params.background, "size": str(params.size), "rate": 1}
    plain = build.source("color", args, out)
    plain = build.filter("format", {"pix_fmts": "rgba"}, plain, stream=out)
    over: dict[str, Value] = {"format": "rgb", "shortest": 1, "eof_action": "endall"}
    return build.filter("overlay", over, plain, drawn, stream=out, because="the background")


def _light_enough(strand: Strand, build: Builder) -> Strand:
    """The sound at a rate at which all of it fits into the filter's memory."""
    stream = audio_of(strand)
    assert stream.sample_rate_hz is not None
    # Six hours where the length is not known.
    length = stream.duration if stream.duration is not None else Fraction(6 * 3600)
    samples = length * stream.sample_rate_hz * (stream.channels or 1)
    if samples <= _MOST_SAMPLES:
        return strand
    rate_hz = max(_SLOWEST_HZ, int(stream.sample_rate_hz * _MOST_SAMPLES / samples))
    return resample(build, strand, rate_hz, "the picture's filter keeps the whole sound in memory")
