"""`shots`: where the hard cuts are, by one small decode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, Literal

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
        return ShotsAnalyser(
            rate=Fraction(params["rate"]),
            detector=params["detector"],
            threshold=params["threshold"],
            min_difference=params["min_difference"],
            min_shot=Fraction(params["min_shot"]),
        )


class ShotsAnalyser(Analyser):
    """Counts frames at the tap's constant rate: frame n is shown at n / rate seconds.

    Times come twice: rounded for people, exact as text ("1001/30000") for what cuts by them.
    """

    def __init__(
        self,
        *,
        rate: Fraction,
        detector: Literal["adaptive", "content"],
        threshold: float | None,
        min_difference: float,
        min_shot: Fraction,
    ) -> None:
        from reelwright.analysis.shots import FRAME_BYTES, ShotDetector

        self.frame_bytes = FRAME_BYTES
        self._rate = rate
        self._detector = ShotDetector(
            rate,
            detector=detector,
            threshold=threshold,
            min_difference=min_difference,
            min_shot=min_shot,
        )

    def feed(self, data: memoryview) -> None:
        for at in range(0, len(data), self.frame_bytes):
            self._detector.feed(data[at : at + self.frame_bytes])

    def finish(self) -> dict[str, Any]:
        return {
            "shots": [
                {
                    "index": index,
                    "start": round(float(first / self._rate), 6),
                    "end": round(float(last / self._rate), 6),
                    "start_exact": str(first / self._rate),
                    "end_exact": str(last / self._rate),
                    "start_frame": first,
                    "end_frame": last,
                }
                for index, (first, last) in enumerate(self._detector.finish())
            ],
            "frame_rate": str(self._rate),
            "frames": self._detector.count,
        }


def shots_of(build: Builder, bundle: Bundle) -> tuple[Shot, ...]:
    """The shots of the bundle's video: those that a `shots` operation before has found, else they
    are looked for now. Raises `builder.Unknown` until they have been found."""
    found = next((s for s in bundle if s.label == LABEL), None)
    tapped = found or _tap(build, require_video(bundle), ShotsParams())
    shots = tuple(
        Shot(
            entry["index"],
            TimeRange(Fraction(entry["start_exact"]), Fraction(entry["end_exact"])),
        )
        for entry in build.result(tapped)["shots"]
    )
    if not shots:
        raise ReelError(Code.DECODE_FAILED, "no frame of the video decoded, so it has no shots")
    return shots


def _tap(build: Builder, strand: Strand, params: ShotsParams) -> Strand:
    """A small copy of every frame, at a constant rate from time 0.

    The rate is the stream's own, so its frames pass one to one; where it varies, and before a late
    first frame, some come twice, which is no change and so no cut. Frame n is at n / rate.
    """
    from reelwright.analysis.shots import HEIGHT_PX, WIDTH_PX

    video = strand.stream
    assert isinstance(video, VideoStream)
    if not video.frame_rate:
        raise ReelError(
            Code.TIMESTAMPS_INVALID,
            "the frame rate of this video is not known, so its shots have no times",
            hint="put an `fps` operation before it",
        )
    rate = video.frame_rate
    steady = build.filter("fps", {"fps": rate, "start_time": 0}, strand)
    small = build.filter(
        "scale", {"w": WIDTH_PX, "h": HEIGHT_PX, "flags": "area", "out_range": "pc"}, steady
    )
    gray = build.filter("format", {"pix_fmts": "yuv420p"}, small)
    return build.tap(
        LABEL,
        gray,
        raw="yuv420p",
        operator="shots",
        params={
            "rate": str(rate),
            "detector": params.detector,
            "threshold": params.threshold,
            "min_difference": params.min_difference,
            "min_shot": str(seconds(params.min_shot_length, rate)),
        },
    )
