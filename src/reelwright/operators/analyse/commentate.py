"""`commentate`: a narrator in the gaps between speech, written, spoken and mixed."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any, ClassVar

from pydantic import Field, field_validator

from reelwright.errors import Code, ReelError
from reelwright.graph.builder import Builder
from reelwright.graph.operator import Bundle, Cost, Inputs, Operator, Params, Port, Strand
from reelwright.graph.params import Boolean, Duration, Level, Number, String
from reelwright.media.info import MediaInfo
from reelwright.media.time import seconds_text
from reelwright.media.timecode import Timecode, seconds
from reelwright.operators.analyse import results
from reelwright.operators.analyse.speech import audio16k
from reelwright.operators.audio.facts import after_filter, audio_of
from reelwright.operators.audio.mixing import Ducking, Voice, mixed
from reelwright.operators.times import rate_of

LABEL = "commentary"
VTT, SCRIPT = "commentary-vtt", "commentary-script"
FILES = ("narration.flac", "commentary.vtt", "commentary.json")
# The narrator speaks where nobody else does: what is lowered is music and noise. Any sound of the
# voice is far above it.
_DUCKING = Ducking(
    trigger=1,
    threshold_db=-40.0,
    ratio=6.0,
    attack_s=Fraction(1, 50),
    release_s=Fraction(2, 5),
)


class LineParams(Params):
    text: String = Field(min_length=1, max_length=2000, description="What is said.")
    at: Duration | None = Field(
        None, description="When, at the earliest (left out: in the next gap that is long enough)."
    )


class CommentateParams(Params):
    script: String | list[LineParams] | None = Field(
        None,
        description="What is said: a text, or lines with times (left out: written from what"
        " `describe` found, by a language model where there is one).",
    )
    voice: String | None = Field(
        None, description="A voice of the provider: en-us+f3 of eSpeak NG, nova of OpenAI."
    )
    language: String | None = Field(
        None, description="Language of the narration (left out: what is described in, else en)."
    )
    style: String = Field("calm and plain", description="How the narrator is to speak.")
    padding: Duration = Field(
        Fraction(1, 4), description="Silence between the narrator and anybody's speech."
    )
    shortest_gap: Duration = Field(
        Fraction(3, 2), description="In a shorter gap nothing is said, 0.5 s or longer."
    )
    fastest: Number = Field(
        1.25, ge=1, le=2, description="How much faster a line may be spoken that is too long."
    )
    gain: Level = Field(0.0, description="Gain of the narrator, who is at about -20 LUFS.")
    duck: Boolean = Field(True, description="Lower the other sound while the narrator speaks.")
    prompt: String = Field("commentate@1", description="Which prompt writes: name or name@version.")

    @field_validator("shortest_gap")
    @classmethod
    def _has_room(cls, length: Fraction | Timecode) -> Fraction | Timecode:
        if seconds(length, Fraction(25)) < Fraction(1, 2):
            raise ValueError("a gap is 0.5 s or longer")
        return length

    @field_validator("script")
    @classmethod
    def _says_something(cls, script: str | list[LineParams] | None) -> Any:
        if script is not None and not script:
            raise ValueError("a script has a line at least; leave it out to have one written")
        return script


class Commentate(Operator):
    name = "commentate"
    summary = (
        "Adds a narrator who speaks in the gaps between speech: from a script, or from what"
        " `describe` found. Labels: `commentary`, `commentary-vtt`, `commentary-script`."
    )
    params = CommentateParams
    ports: ClassVar[tuple[Port, ...]] = (
        Port("input", doc="What is narrated; its picture passes unchanged."),
        *results.ports(results.DESCRIPTIONS),
    )
    example = "{id: told, op: commentate, input: talk, script: [{at: 3s, text: A dog runs.}]}"

    def build(self, params: CommentateParams, inputs: Inputs, build: Builder) -> Bundle:
        """Raises Unknown until the narrator has spoken: before that nobody knows the sound."""
        bundle = inputs["input"][0]
        spoken = _spoken(params, inputs, build)
        told = build.result(spoken)
        beside = (build.beside(spoken, 2, VTT), build.beside(spoken, 3, SCRIPT))
        if told["lines"]:
            info = MediaInfo.from_json(told["media"])
            narration = build.fetched(build.beside(spoken, 1), info).audio
            assert narration is not None
            bundle = _with(build, bundle, narration, params)
        else:
            build.warn("no line fits into a gap between speech, so nothing is said")
        gone = {LABEL, *(strand.label for strand in beside)}
        passed = (s for s in bundle if s.label not in gone)
        return Bundle((*passed, spoken, *beside))

    def estimate(self, params: CommentateParams, inputs: Inputs) -> Cost | None:
        return Cost(cpu_seconds=2.0)


def _spoken(params: CommentateParams, inputs: Inputs, build: Builder) -> Strand:
    bundle = inputs["input"][0]
    length = results.duration_s(bundle)
    if length is None:
        raise ReelError(
            Code.TIMESTAMPS_INVALID,
            "it is not known how long this is, so there are no gaps to speak in",
            where="input",
        )
    sources = _sources(params, inputs, build)
    asked = {
        "sources": list(sources),
        "duration": length,
        "script": _script(params, bundle),
        "padding": float(seconds(params.padding, None)),
        "shortest_gap": float(seconds(params.shortest_gap, None)),
        "language": params.language,
        "style": params.style,
        "prompt": params.prompt,
    }
    written = build.task(
        "commentate.write",
        *sources.values(),
        params=asked,
        model="language" if params.script is None else None,
    )
    spoken = {"voice": params.voice, "language": params.language, "fastest": params.fastest}
    return build.task(
        "commentate.speak",
        written,
        params=spoken,
        model="voice",
        files=FILES,
        label=LABEL,
        cpu_seconds=5.0,
    )


def _sources(params: CommentateParams, inputs: Inputs, build: Builder) -> dict[str, Strand]:
    """What the lines are made from: the speech, and the descriptions where there is no script."""
    bundle = inputs["input"][0]
    found: dict[str, Strand] = {}
    if bundle.audio is not None:
        found["speech"] = audio16k(build, bundle)[0]
    if params.script is None:
        shown = results.found(inputs, results.DESCRIPTIONS)
        if shown is None:
            raise results.missing("commentate", ["script", results.DESCRIPTIONS], "`describe`")
        found[results.DESCRIPTIONS] = shown
    return found


def _script(params: CommentateParams, bundle: Bundle) -> list[dict[str, Any]] | None:
    """Entries with times in seconds; None for a script that is still to be written."""
    if params.script is None:
        return None
    if isinstance(params.script, str):
        return [{"at": None, "text": params.script}]
    rate = rate_of(bundle)
    return [
        {"at": None if line.at is None else float(seconds(line.at, rate)), "text": line.text}
        for line in params.script
    ]


def _with(build: Builder, bundle: Bundle, narration: Strand, params: CommentateParams) -> Bundle:
    """The narrator over the sound that is there; without any, alone, as long as the picture."""
    if bundle.audio is None:
        length = results.duration_s(bundle)
        assert length is not None
        whole = Fraction(length).limit_denominator(1_000_000)
        padded = build.filter(
            "apad",
            {"whole_dur": seconds_text(whole)},
            narration,
            stream=replace(narration.stream, duration=whole),
            because="as long as the picture",
        )
        return Bundle((*bundle, padded))
    voices = [Voice(_from_zero(build, bundle.audio)), Voice(narration, params.gain)]
    made = mixed(build, voices, duration="longest", ducking=_DUCKING if params.duck else None)
    return bundle.swap(bundle.audio, made)


def _from_zero(build: Builder, strand: Strand) -> Strand:
    """A sound that begins late begins with silence: both have the times of the file then."""
    stream = audio_of(strand)
    if not stream.start:
        return strand
    length = None if stream.duration is None else stream.start + stream.duration
    return build.filter(
        "aresample",
        {"async": 1, "first_pts": 0},
        strand,
        stream=after_filter(stream, duration=length, start=Fraction(0)),
        because="the sound begins later than the picture",
    )
