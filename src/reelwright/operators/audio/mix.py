"""`mix`: several sounds at once, with gains, delays and ducking."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar, Literal

from pydantic import Field

from reelwright.errors import Code, ReelError
from reelwright.graph.builder import Builder
from reelwright.graph.operator import Bundle, Inputs, Operator, Params, Port, require_audio
from reelwright.graph.params import Boolean, Duration, Integer, Level, Number
from reelwright.media.streams import StreamKind
from reelwright.operators.audio.mixing import Ducking, Voice, mixed
from reelwright.operators.times import in_seconds, rate_of


class DuckParams(Params):
    trigger: Integer = Field(
        1,
        ge=0,
        description="Which input lowers the others, counted from 0 (a voice over music: 1).",
    )
    threshold: Level = Field(
        -30.0, description="Level of the trigger from which on the others are lowered, -60 to 0 dB."
    )
    ratio: Number = Field(
        8.0, ge=1, le=20, description="How much they are lowered: 1 (not at all) to 20."
    )
    attack: Duration = Field(
        Fraction(1, 50), description="Time until they are lowered, 10 us to 2 s."
    )
    release: Duration = Field(Fraction(1, 2), description="Time until they are back, 10 us to 9 s.")


class MixParams(Params):
    gain: Level | list[Level] = Field(
        0.0, description="Gain of the inputs: one for all, or a list with one for each."
    )
    at: list[Duration] = Field(
        [], description="When each input begins, in seconds of the mix. Default: all at 0."
    )
    duration: Literal["longest", "first", "shortest"] = Field(
        "longest", description="Which input decides how long the mix is."
    )
    normalize: Boolean = Field(
        False,
        description="Scale each input down by their number. Without it they are summed, and a"
        " limiter catches what would clip.",
    )
    duck: DuckParams | Boolean = Field(
        False, description="Lower the others while one input is heard; `true` for the defaults."
    )


class Mix(Operator):
    name = "mix"
    summary = "Mixes several sounds, and ducks them under one another; the first keeps its picture."
    params = MixParams
    ports: ClassVar[tuple[Port, ...]] = (
        Port("inputs", frozenset({StreamKind.AUDIO}), many=True, doc="the sounds, two or more"),
    )
    example = "{id: bed, op: mix, inputs: [music, voice], gain: [-6dB, 0dB], duck: {trigger: 1}}"

    def build(self, params: MixParams, inputs: Inputs, build: Builder) -> Bundle:
        bundles = inputs["inputs"]
        count = len(bundles)
        if count < 2:
            raise ReelError(Code.PORT_MISSING, f"mix needs two inputs or more, and has {count}")
        gains = params.gain if isinstance(params.gain, list) else [params.gain] * count
        starts = [
            in_seconds(at, rate_of(b), "at") for at, b in zip(params.at, bundles, strict=False)
        ]
        _check_count("gain", len(gains), count)
        if params.at:
            _check_count("at", len(params.at), count)
        voices = [
            Voice(require_audio(bundle), gains[i], starts[i] if starts else Fraction(0))
            for i, bundle in enumerate(bundles)
        ]
        made = mixed(
            build,
            voices,
            duration=params.duration,
            normalize=params.normalize,
            ducking=_ducking(params, count),
        )
        first = bundles[0]
        return first.swap(require_audio(first), made)


def _check_count(field: str, given: int, count: int) -> None:
    if given != count:
        raise ReelError(
            Code.FIELD_INVALID, f"{field} has {given} values for {count} inputs; give one for each"
        )


def _ducking(params: MixParams, count: int) -> Ducking | None:
    if params.duck is False:
        return None
    duck = DuckParams() if params.duck is True else params.duck
    assert isinstance(duck, DuckParams)
    if duck.trigger >= count:
        raise ReelError(
            Code.FIELD_INVALID,
            f"duck.trigger: there is no input {duck.trigger}; they count from 0 to {count - 1}",
        )
    if not -60 <= duck.threshold <= 0:
        raise ReelError(Code.FIELD_INVALID, "duck.threshold lies between -60 dB and 0 dB")
    attack = in_seconds(duck.attack, None, "duck.attack")
    release = in_seconds(duck.release, None, "duck.release")
    if not Fraction(1, 100_000) <= attack <= 2:
        raise ReelError(Code.FIELD_INVALID, "duck.attack lies between 10 us and 2 s")
    if not Fraction(1, 100_000) <= release <= 9:
        raise ReelError(Code.FIELD_INVALID, "duck.release lies between 10 us and 9 s")
    return Ducking(duck.trigger, duck.threshold, duck.ratio, attack, release)
