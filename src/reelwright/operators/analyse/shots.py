"""`shots`: where the hard cuts are, by one small decode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from reelwright.errors import Code, ReelError
from reelwright.graph.builder import Builder
from reelwright.graph.operator import (
    Analyser,
    Bundle,
    Inputs,
    Operator,
    Params,
    Port,
    Strand,
    require_video,
)
from reelwright.graph.params import Duration, Number
from reelwright.media.streams import Stream, StreamKind, VideoStream
from reelwright.media.time import TimeRange
from reelwright.media.timecode import seconds

if TYPE_CHECKING:
    from reelwright.analysis.shots import ShotDetector

LABEL = "shots"


class ShotsParams(Params):
    detector: Literal["adaptive", "content"] = Field(
        "adaptive",
        description=(
            "adaptive: a change that stands out from those around it (fast motion is no cut)."
            " content: any change above the threshold."
        ),
    )
    threshold: Number | None = Field(
        None,
        gt=0,
        le=765,
        description=(
            "adaptive: how many times the change of its neighbours (left out: 3). content: mean"
            " difference of two frames, 0 to 765 (left out: 30). Higher finds fewer."
        ),
    )
    min_difference: Number = Field(
        15.0, ge=0, le=765, description="No smaller mean difference of two frames is a cut."
    )
    min_shot_length: Duration = Field(
        Fraction(3, 5), description="A cut that comes sooner after the one before is none."
    )


@dataclass(frozen=True, slots=True)
class Shot:
    """One shot: its place in the list (from 0) and its half-open time."""

    index: int
    range: TimeRange

    @property
    def middle(self) -> Fraction:
        assert self.range.end is not None
        return (self.range.start + self.range.end) / 2


class Shots(Operator):
    name = "shots"
    summary = "Finds the hard cuts of a video: its shots, as JSON under the label `shots`."
    params = ShotsParams
    ports: ClassVar[tuple[Port, ...]] = (
        Port("input", frozenset({StreamKind.VIDEO}), doc="What is looked at; it passes unchanged."),
    )
    example = "{id: found, op: shots, input: talk}"

    def build(self, params: ShotsParams, inputs: Inputs, build: Builder) -> Bundle:
        bundle = inputs["input"][0]
        tapped = _tap(build, require_video(bundle), params)
        others = tuple(s for s in bundle if s.label != LABEL)
        return Bundle((*others, tapped))

    def analyser(self, name: str, params: Mapping[str, Any], stream: Stream) -> Analyser:
        return ShotsAnalyser(detector_of(params), Fraction(params["rate"]))


class ShotsAnalyser(Analyser):
    """Counts frames at the tap's constant rate: frame n is shown at n / rate seconds."""

    def __init__(self, detector: ShotDetector, rate: Fraction) -> None:
        from reelwright.analysis.shots import FRAME_BYTES

        self.frame_bytes = FRAME_BYTES
        self._rate = rate
        self._detector = detector

    def feed(self, data: memoryview) -> None:
        for at in range(0, len(data), self.frame_bytes):
            self._detector.feed(data[at : at + self.frame_bytes])

    def finish(self) -> dict[str, Any]:
        from reelwright.analysis.shots import shots_json

        return shots_json(self._detector.finish(), self._rate, self._detector.count)


def detector_of(params: Mapping[str, Any]) -> ShotDetector:
    """The detector of a tap that was asked `params`."""
    from reelwright.analysis.shots import ShotDetector

    return ShotDetector(
        Fraction(params["rate"]),
        detector=params["detector"],
        threshold=params["threshold"],
        min_difference=params["min_difference"],
        min_shot=Fraction(params["min_shot"]),
    )


def shots_of(build: Builder, bundle: Bundle) -> tuple[Shot, ...]:
    """The shots of the bundle's video: those that a `shots` operation before has found, else they
    are looked for now. Raises `builder.Unknown` until they have been found."""
    shots = tuple(
        Shot(
            entry["index"],
            TimeRange(Fraction(entry["start_exact"]), Fraction(entry["end_exact"])),
        )
        for entry in build.result(tapped(build, bundle))["shots"]
    )
    if not shots:
        raise ReelError(Code.DECODE_FAILED, "no frame of the video decoded, so it has no shots")
    return shots


def tapped(build: Builder, bundle: Bundle) -> Strand:
    """The result of a `shots` operation before, else of one without parameters."""
    found = next((s for s in bundle if s.label == LABEL), None)
    return found or _tap(build, require_video(bundle), ShotsParams())


def asked_of(build: Builder, bundle: Bundle) -> dict[str, Any]:
    """What the detector of the bundle's shots is asked: by the `shots` operation before, else by
    one without parameters."""
    found = next((s for s in bundle if s.label == LABEL), None)
    if found is not None:
        return build.asked_of(found)
    return _asked(require_video(bundle), ShotsParams())


def steady(build: Builder, strand: Strand) -> Strand:
    """Every frame, at a constant rate from time 0.

    The rate is the stream's own, so its frames pass one to one; where it varies, and before a late
    first frame, some come twice, which is no change and so no cut. Frame n is at n / rate. Raises
    TIMESTAMPS_INVALID where the rate is not known.
    """
    return build.filter("fps", {"fps": _rate(strand), "start_time": 0}, strand)


def _rate(strand: Strand) -> Fraction:
    video = strand.stream
    assert isinstance(video, VideoStream)
    if not video.frame_rate:
        raise ReelError(
            Code.TIMESTAMPS_INVALID,
            "the frame rate of this video is not known, so its shots have no times",
            hint="put an `fps` operation before it",
        )
    return video.frame_rate


def _asked(strand: Strand, params: ShotsParams) -> dict[str, Any]:
    rate = _rate(strand)
    return {
        "rate": str(rate),
        "detector": params.detector,
        "threshold": params.threshold,
        "min_difference": params.min_difference,
        "min_shot": str(seconds(params.min_shot_length, rate)),
    }


def _tap(build: Builder, strand: Strand, params: ShotsParams) -> Strand:
    """A small copy of every frame."""
    from reelwright.analysis.shots import HEIGHT_PX, WIDTH_PX

    asked = _asked(strand, params)
    small = build.filter(
        "scale",
        {"w": WIDTH_PX, "h": HEIGHT_PX, "flags": "area", "out_range": "pc"},
        steady(build, strand),
    )
    gray = build.filter("format", {"pix_fmts": "yuv420p"}, small)
    return build.tap(LABEL, gray, raw="yuv420p", operator="shots", params=asked)
