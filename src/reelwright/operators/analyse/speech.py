"""`speech`: when somebody speaks, and the sound as models want it."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar

from pydantic import Field

from reelwright.analysis.speech import RATE_HZ
from reelwright.graph.builder import Builder
from reelwright.graph.operator import (
    Bundle,
    Inputs,
    Operator,
    Params,
    Port,
    Strand,
    as_raw,
    require_audio,
)
from reelwright.graph.params import Duration, Number
from reelwright.media.streams import StreamKind
from reelwright.media.timecode import seconds

LABEL = "speech"
PACK_LABEL = "audio16k"


class SpeechParams(Params):
    threshold: Number = Field(
        0.5, ge=0.05, le=0.95, description="How likely speech must be; higher finds less."
    )
    min_speech: Duration = Field(
        Fraction(1, 5), description="Less speech than this in a row is none (a click, a laugh)."
    )
    min_silence: Duration = Field(
        Fraction(1, 10), description="A silence that is shorter than this is part of the speech."
    )
    pad: Duration = Field(
        Fraction(3, 100), description="What is added before and after, so that no sound is cut off."
    )


class Speech(Operator):
    name = "speech"
    summary = (
        "Finds when somebody speaks (Silero VAD): JSON under the label `speech`, and the sound as"
        " FLAC, mono, 16 kHz under `audio16k`."
    )
    params = SpeechParams
    ports: ClassVar[tuple[Port, ...]] = (
        Port("input", frozenset({StreamKind.AUDIO}), doc="Whose first sound is listened to."),
    )
    example = "{id: heard, op: speech, input: talk}"

    def build(self, params: SpeechParams, inputs: Inputs, build: Builder) -> Bundle:
        bundle = inputs["input"][0]
        result, pack = _tap(build, require_audio(bundle), params)
        others = tuple(s for s in bundle if s.label not in (LABEL, PACK_LABEL))
        return Bundle((*others, result, pack))


def audio16k(build: Builder, bundle: Bundle) -> tuple[Strand, Strand]:
    """When there is speech in the bundle's sound (JSON), and that sound as FLAC, mono, 16 kHz:
    those that a `speech` operation before has found, else they are made now.

    The times of both are those of the file: what begins later begins with silence.
    """
    result = next((s for s in bundle if s.label == LABEL), None)
    pack = next((s for s in bundle if s.label == PACK_LABEL), None)
    if result is not None and pack is not None:
        return result, pack
    return _tap(build, require_audio(bundle), SpeechParams())


def _tap(build: Builder, strand: Strand, params: SpeechParams) -> tuple[Strand, Strand]:
    # async=1 fills gaps and first_pts=0 a late start, so that sample n is at n / 16000 seconds.
    steady = build.filter(
        "aresample",
        {"osr": RATE_HZ, "async": 1, "first_pts": 0},
        strand,
        stream=as_raw(strand.stream, sample_rate_hz=RATE_HZ),
    )
    mono = build.filter(
        "aformat",
        {"sample_fmts": "s16", "channel_layouts": "mono", "sample_rates": RATE_HZ},
        steady,
        stream=as_raw(steady.stream, channels=1, channel_layout="mono", sample_fmt="s16"),
    )
    asked = {
        "threshold": params.threshold,
        "min_speech_s": float(seconds(params.min_speech)),
        "min_silence_s": float(seconds(params.min_silence)),
        "pad_s": float(seconds(params.pad)),
    }
    result = build.tap(LABEL, mono, raw="s16le", params=asked, operator="speech", pack="audio.flac")
    return result, build.beside(result, label=PACK_LABEL)
