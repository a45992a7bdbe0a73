"""The base of every operator, its ports, and what an operation's value is.

An operator is a declaration: parameters, ports, and `build`, which adds nodes to the media graph
and says what flows out of them. `infer` runs the same `build` against a scratch graph, so what an
operator promises and what it does cannot drift apart.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict

from reelwright.graph.dag import Pad
from reelwright.media.streams import AudioStream, Stream, StreamKind, VideoStream

if TYPE_CHECKING:
    from pathlib import Path

    from reelwright.graph.builder import Builder


class Params(BaseModel):
    """Parameters of an operation. Field descriptions become help, reference and JSON Schema."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


@dataclass(frozen=True, slots=True)
class Port:
    """An input: its name, what it takes, and whether it must be connected.

    `needs` are the kinds of stream that at least must be there; other streams pass through.
    `many` ports take several references, in order. `fetched` ports take files as a fetch brings
    them, before anybody knows what is in them.
    """

    name: str
    needs: frozenset[StreamKind] = frozenset()
    required: bool = True
    many: bool = False
    doc: str = ""
    fetched: bool = False


@dataclass(frozen=True, slots=True)
class Strand:
    """One stream on its way through the operations. `label` names a result (``vtt``, ``peaks``)."""

    pad: Pad
    stream: Stream
    encoded: bool
    label: str | None = None

    @property
    def kind(self) -> StreamKind:
        return self.stream.kind


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a reference carries: the streams that belong together."""

    strands: tuple[Strand, ...]

    def __iter__(self) -> Iterator[Strand]:
        return iter(self.strands)

    def of_kind(self, kind: StreamKind) -> tuple[Strand, ...]:
        return tuple(s for s in self.strands if s.kind is kind)

    @property
    def video(self) -> Strand | None:
        """The main video: a moving stream before an attached picture."""
        found = self.of_kind(StreamKind.VIDEO)
        moving = [s for s in found if isinstance(s.stream, VideoStream) and not s.stream.is_still]
        return next(iter(moving or found), None)

    @property
    def audio(self) -> Strand | None:
        found = self.of_kind(StreamKind.AUDIO)
        return next((s for s in found if s.stream.is_default), found[0] if found else None)

    def swap(self, old: Strand, new: Strand) -> Bundle:
        return Bundle(tuple(new if s is old else s for s in self.strands))


@dataclass(frozen=True, slots=True)
class Fan:
    """Several bundles of one operation (one a shot). What follows runs once for each."""

    lanes: tuple[Bundle, ...]


Inputs = Mapping[str, tuple[Bundle, ...]]


@dataclass(frozen=True, slots=True)
class Cost:
    """An operator's own estimate. CPU-seconds on one core of a 2020 desktop; bytes at the peak."""

    cpu_seconds: float = 0.0
    memory_bytes: int = 0
    disk_bytes: int = 0


class Operator(ABC):
    """A named, typed verb. Subclass it, register it under the entry point ``reelwright.operators``.

    `version` is part of a step's identity: raise it when the same parameters give another result.
    `instead` names a parameter that takes the place of all ports where it is given. `is_goal`: it
    is done for its own sake, whether or not an output needs it. `model`: the kind of model that it
    cannot do without (``vision``).
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    summary: ClassVar[str]
    params: ClassVar[type[Params]]
    ports: ClassVar[tuple[Port, ...]] = (Port("input"),)
    instead: ClassVar[str | None] = None
    is_goal: ClassVar[bool] = False
    model: ClassVar[str | None] = None
    example: ClassVar[str] = ""

    @abstractmethod
    def build(self, params: Any, inputs: Inputs, build: Builder) -> Bundle | Fan:
        """Adds this operation's nodes. Raises ReelError for inputs that cannot work, and
        `builder.Unknown` where a result that does not exist yet decides the graph."""

    def infer(
        self, params: Any, inputs: Inputs, results: Mapping[str, Any] | None = None
    ) -> Bundle:
        """What flows out, without a graph being kept (a fan gives its first lane)."""
        from reelwright.graph.builder import Builder

        made = self.build(params, inputs, Builder.scratch(self.name, inputs, results or {}))
        return made.lanes[0] if isinstance(made, Fan) else made

    def estimate(self, params: Any, inputs: Inputs) -> Cost | None:
        """Cost beyond what the planner's table of filters and codecs knows; None: that suffices."""
        return None

    def ports_beside(self, given: Mapping[str, Any]) -> tuple[Port, ...]:
        """The ports of an operation with these parameters, as written or as they were read."""
        is_replaced = self.instead is not None and given.get(self.instead) is not None
        return () if is_replaced else self.ports

    def analyser(self, name: str, params: Mapping[str, Any], stream: Stream) -> Analyser:
        """The consumer of a `Tap` that this operator built."""
        raise NotImplementedError(f"{self.name} has no analyser {name!r}")


class Analyser(ABC):
    """Eats raw frames or samples as they are decoded, in constant memory, then gives a result."""

    frame_bytes: int = 1

    def open(self, pack: Path) -> None:
        """Before the first data, where the tap has a `pack`: the file to leave there. Its bytes
        may depend on the data and the parameters only."""
        raise NotImplementedError(f"{type(self).__name__} leaves no file")

    @abstractmethod
    def feed(self, data: memoryview) -> None:
        """Whole frames or samples, a multiple of `frame_bytes`."""

    @abstractmethod
    def finish(self) -> dict[str, Any]:
        """The JSON result. What stands under ``report`` (topic -> values) is shown to a person."""


def as_raw(stream: Stream, **changes: Any) -> Stream:
    """The stream once decoded: no codec, no bit rate, no place in a file."""
    gone: dict[str, Any] = {
        "index": None,
        "codec": None,
        "codec_tag": None,
        "profile": None,
        "bitrate_bps": None,
        "extradata_sha256": None,
    }
    if isinstance(stream, VideoStream):
        # FFmpeg's decoder applies the display matrix before the first filter (-autorotate).
        gone |= {"rotation_deg": 0, "is_mirrored": False, "level": None, "has_b_frames": None}
    return replace(stream, **(gone | changes))


def require_video(bundle: Bundle) -> Strand:
    """The bundle's video strand. Planning has refused a bundle without one (`Port.needs`)."""
    strand = bundle.video
    if strand is None:
        raise LookupError("no video")
    return strand


def require_audio(bundle: Bundle) -> Strand:
    strand = bundle.audio
    if strand is None:
        raise LookupError("no audio")
    return strand


__all__ = [
    "Analyser",
    "AudioStream",
    "Bundle",
    "Cost",
    "Fan",
    "Inputs",
    "Operator",
    "Params",
    "Port",
    "Strand",
    "as_raw",
    "require_audio",
    "require_video",
]
