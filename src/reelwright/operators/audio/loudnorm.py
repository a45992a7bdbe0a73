"""`loudnorm`: to a loudness target by EBU R128, in two passes.

The first pass measures with FFmpeg's ebur128. The second applies the gain that follows; where the
peaks would exceed the true-peak target, they alone are limited, at 192 kHz, where they show. So the
common case is exactly linear (bit for bit a gain), and the other one keeps the dynamics, where
FFmpeg's loudnorm would turn into a compressor (measured on six recordings: within 0.6 LU of the
target against 1.6 LU). That compressor is `linear: dynamic`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from reelwright.analysis import loudness
from reelwright.errors import Code, ReelError
from reelwright.graph.actions import Value
from reelwright.graph.builder import Builder
from reelwright.graph.operator import Analyser, Bundle, Inputs, Operator, Params, Port, Strand
from reelwright.graph.params import Boolean, Level, Loudness, Number
from reelwright.media.streams import AudioStream, Stream, StreamKind
from reelwright.operators.audio.facts import after_filter, audio_of, factor
from reelwright.operators.audio.loudness_log import LoudnessLog


class LoudnormParams(Params):
    target: Loudness = Field(
        -16.0, ge=-70, le=-5, description="Integrated loudness of the result in LUFS, -70 to -5."
    )
    true_peak: Level = Field(
        -1.5, description="Highest true peak of the result in dBTP, -9 to 0; write it with dB."
    )
    range: Number | None = Field(
        None,
        ge=1,
        le=50,
        description="Loudness range in LU, 1 to 50, that `linear: dynamic` compresses to (11 if"
        " left out). The other modes keep the range and report whether it lies inside.",
    )
    linear: Literal["prefer", "require", "dynamic"] = Field(
        "prefer",
        description="prefer: one gain for all, and only peaks above `true_peak` are limited;"
        " require: fail where peaks are in the way; dynamic: FFmpeg's loudnorm compressor.",
    )
    dual_mono: Boolean = Field(
        False, description="Measure mono as if both loudspeakers played it (3 LU louder)."
    )


class Loudnorm(Operator):
    name = "loudnorm"
    summary = "Brings sound to a loudness target (EBU R128), measured first, and says what it did."
    params = LoudnormParams
    ports: ClassVar[tuple[Port, ...]] = (
        Port("input", frozenset({StreamKind.AUDIO}), doc="each sound on its own; others pass"),
    )
    example = "{id: level, op: loudnorm, input: talk, target: -16, true_peak: -1.5dB}"

    def build(self, params: LoudnormParams, inputs: Inputs, build: Builder) -> Bundle:
        if not -9 <= params.true_peak <= 0:
            raise ReelError(Code.FIELD_INVALID, "true_peak lies between -9 dB and 0 dB")
        bundle = inputs["input"][0]
        for strand in bundle.of_kind(StreamKind.AUDIO):
            change = _dynamic if params.linear == "dynamic" else _linear
            bundle = bundle.swap(strand, change(params, strand, build))
        return bundle

    def analyser(self, name: str, params: Mapping[str, Any], stream: Stream) -> Analyser:
        return LoudnessLog(name, params)


def _meter(params: LoudnormParams, strand: Strand, build: Builder, because: str) -> Strand:
    """ebur128 passes the samples through and prints its summary into the log at the end."""
    args: dict[str, Value] = {"peak": "true", "framelog": "quiet"}
    if params.dual_mono and audio_of(strand).channels == 1:
        args["dualmono"] = 1
    stream = after_filter(audio_of(strand))
    return build.filter("ebur128", args, strand, stream=stream, because=because)


def _tap(params: LoudnormParams, name: str, strand: Strand, rate_hz: int, build: Builder) -> Strand:
    asked = {
        "target": params.target,
        "true_peak": params.true_peak,
        "range": params.range,
        "linear": params.linear,
        "rate": rate_hz,
    }
    return build.tap(name, strand, raw="", params=asked, operator="loudnorm", source="log")


def _linear(params: LoudnormParams, strand: Strand, build: Builder) -> Strand:
    rate_hz = _rate(strand)
    metered = _meter(params, strand, build, "first pass: measure")
    heard = _tap(params, "measure", metered, rate_hz, build)
    stream = after_filter(audio_of(strand))
    because = "second pass: the gain that was found"
    gain: dict[str, Value] = {"volume": build.late(heard, "gain"), "precision": "double"}
    made = build.filter("volume", gain, strand, stream=stream, because=because)
    if params.linear == "prefer":
        unknown = after_filter(stream, sample_rate_hz=None)
        because = "192 kHz where true peaks are limited, else the rate stays"
        rate: dict[str, Value] = {"sample_rate": build.late(heard, "rate")}
        made = build.filter("aresample", rate, made, stream=unknown, because=because)
        # `level=0`: no make-up gain; `latency=1`: the look-ahead is taken out of the timestamps.
        ceiling = round(factor(params.true_peak), 6)
        args: dict[str, Value] = {"limit": ceiling, "level": 0, "latency": 1}
        made = build.filter(
            "alimiter", args, made, stream=unknown, because="peaks above the target alone"
        )
        made = _restored(build, made, stream, rate_hz)
    return _reported(params, made, rate_hz, build)


def _dynamic(params: LoudnormParams, strand: Strand, build: Builder) -> Strand:
    rate_hz = _rate(strand)
    asked: dict[str, Value] = {
        "I": params.target,
        "TP": params.true_peak,
        "LRA": params.range or 11.0,
        "dual_mono": int(params.dual_mono),
        "print_format": "json",
    }
    fast = after_filter(audio_of(strand), sample_rate_hz=loudness.TRUE_PEAK_RATE_HZ)
    first = build.filter("loudnorm", asked, strand, stream=fast, because="first pass: measure")
    heard = _tap(params, "measure", first, rate_hz, build)
    measured: dict[str, Value] = {
        f"measured_{name}": build.late(heard, name.lower()) for name in ("I", "TP", "LRA", "thresh")
    }
    measured["offset"] = build.late(heard, "offset")
    measured["linear"] = build.late(heard, "linear_option")
    unknown = after_filter(audio_of(strand), sample_rate_hz=None)
    made = build.filter(
        "loudnorm", asked | measured, strand, stream=unknown, because="second pass: compress"
    )
    made = _restored(build, made, after_filter(audio_of(strand)), rate_hz)
    return _reported(params, made, rate_hz, build)


def _reported(params: LoudnormParams, strand: Strand, rate_hz: int, build: Builder) -> Strand:
    """The result, with a meter on it whose reading goes into the job's report."""
    metered = _meter(params, strand, build, "reports what was reached")
    _tap(params, "reached", metered, rate_hz, build)
    return metered


def _restored(build: Builder, strand: Strand, stream: AudioStream, rate_hz: int) -> Strand:
    because = f"back to the source's {rate_hz} Hz"
    return build.filter(
        "aresample", {"sample_rate": rate_hz}, strand, stream=stream, because=because
    )


def _rate(strand: Strand) -> int:
    rate_hz = audio_of(strand).sample_rate_hz
    if rate_hz is None:
        raise ReelError(
            Code.FIELD_INVALID, "the sample rate of the sound is not known, so it cannot be kept"
        )
    return rate_hz
