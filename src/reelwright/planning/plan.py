"""The plan: a DAG of steps, each what one worker executes, and what must come out of it.

Everything here is JSON-ready and says nothing of databases or processes. Names inside a step's
workspace are generated; no path of a user stands in an argv or a filter graph.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from fractions import Fraction
from typing import Any

from reelwright.media.info import stream_from_json, stream_to_json
from reelwright.media.streams import Stream


class StepKind(StrEnum):
    FFMPEG = "ffmpeg"  # one FFmpeg process (its commands run in order)
    LOOK = "look"  # pictures that are only looked at; its FFmpeg command where that cannot be
    SMART_CUT = "smart-cut"  # copies whole GOPs, re-encodes the edges, checks each seam
    FETCH = "fetch"  # a URL into the workspace
    KEEP = "keep"  # what was fetched into the library
    QUALITY = "quality"  # encodes a sample until the quality that was asked for is met
    TASK = "task"  # work of our own or of a model on what earlier steps found
    INDEX = "index"  # what was found into the search index
    WRITE = "write"  # a text that planning already knows
    UNRESOLVED = "unresolved"  # becomes steps when the results it waits for are there


@dataclass(frozen=True, slots=True, kw_only=True)
class StepInput:
    """A file that the step reads, linked into its workspace as `name`.

    Either a job input (`uri` and `sha256`) or output `output` of step `step`. `demuxer` is pinned
    with ``-f``; None for files that FFmpeg does not open.
    """

    name: str
    uri: str | None = None
    sha256: str | None = None
    step: str | None = None
    output: str | None = None
    demuxer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What an output must be before it becomes an artifact. None: not known, so not checked.

    `duration_tolerance` in seconds; `frame_count` of the first video stream, exact where given;
    `stills` files of an image sequence; `loudness_lufs` within `loudness_tolerance_lu`.
    """

    streams: tuple[Stream, ...] = ()
    duration: Fraction | None = None
    duration_tolerance: Fraction = Fraction(1, 10)
    frame_count: int | None = None
    stills: int | None = None
    loudness_lufs: float | None = None
    loudness_tolerance_lu: float = 1.0
    decodable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOutput:
    """A file, or with `stills` a numbered sequence (`name` holds ``%06d``, from 1).

    `identity` is SHA-256 over everything upstream of this one output: the cache is asked for it, so
    a changed rung of a ladder does not spoil the others that were made by the same command.
    """

    name: str
    container: str
    identity: str = ""
    expect: Expectation = Expectation()


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTap:
    """An analyser that eats what the command writes to the FIFO `pipe`, or (source "log") its log.

    Its result is stored under `node` and, as JSON, in the output `output`; `pack` is the output of
    the file that it leaves beside it.
    """

    node: str
    analyser: str
    params: Mapping[str, Any]
    pipe: str
    output: str
    source: str = "frames"
    stream: Stream | None = None
    pack: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """`wall_seconds` is a low and a high bound at the given threads."""

    cpu_seconds: float = 0.0
    memory_bytes: int = 0
    disk_bytes: int = 0
    wall_seconds: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one worker executes.

    `commands`: argvs to run in order in the workspace; ``{node.key}`` in an argument is a measured
    value, filled in before the start from the results of `needs`. `texts` are files (name -> text)
    that are written beside the command: filter graphs, user text. `links` are names -> absolute
    paths (fonts). `payload` is what a step that is not FFmpeg needs. `identity` is SHA-256 over
    all that can change the outcome. `threads` is what the commands were written for.
    """

    id: str
    kind: StepKind
    identity: str
    operations: tuple[str, ...] = ()
    inputs: tuple[StepInput, ...] = ()
    commands: tuple[tuple[str, ...], ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    outputs: tuple[StepOutput, ...] = ()
    taps: tuple[StepTap, ...] = ()
    payload: Mapping[str, Any] = field(default_factory=dict)
    because: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    threads: int = 1
    on_damage: str = "fail"
    duration: Fraction | None = None  # of the longest output: progress is a share of it
    estimate: Estimate = Estimate()

    def to_json(self) -> dict[str, Any]:
        body = _plain({f.name: getattr(self, f.name) for f in fields(self)})
        assert isinstance(body, dict)
        return body

    @staticmethod
    def from_json(body: Mapping[str, Any]) -> Step:
        values = dict(body)
        values["kind"] = StepKind(values["kind"])
        values["inputs"] = tuple(StepInput(**i) for i in values["inputs"])
        values["outputs"] = tuple(_output(o) for o in values["outputs"])
        values["taps"] = tuple(_tap(t) for t in values["taps"])
        values["commands"] = tuple(tuple(c) for c in values["commands"])
        for key in ("operations", "because", "needs"):
            values[key] = tuple(values[key])
        estimate = dict(values["estimate"])
        estimate["wall_seconds"] = tuple(estimate["wall_seconds"])
        values["estimate"] = Estimate(**estimate)
        if values["duration"] is not None:
            values["duration"] = Fraction(values["duration"])
        return Step(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Output `index` of the job: file `output` of step `step` goes to `to` (absolute path or URI).

    With stills or a fan, `to` holds ``{index}``, counted from 1; `first` is where it starts.
    """

    index: int
    step: str
    output: str
    to: str
    first: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Revision 1 is what is known before anything ran; `planning.expand` gives the next one.

    Steps stand in topological order. `unresolved` says which operations wait for which nodes.
    """

    revision: int = 1
    steps: tuple[Step, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    warnings: tuple[str, ...] = ()
    unresolved: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "revision": self.revision,
            "steps": [step.to_json() for step in self.steps],
            "deliveries": [asdict(d) for d in self.deliveries],
            "warnings": list(self.warnings),
            "unresolved": {k: list(v) for k, v in self.unresolved.items()},
        }

    @staticmethod
    def from_json(body: Mapping[str, Any]) -> Plan:
        return Plan(
            revision=body["revision"],
            steps=tuple(Step.from_json(s) for s in body["steps"]),
            deliveries=tuple(Delivery(**d) for d in body["deliveries"]),
            warnings=tuple(body["warnings"]),
            unresolved={k: tuple(v) for k, v in body["unresolved"].items()},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What planning may know of the machine. `tools` are versions: they are part of identities.

    In a cluster `cpus` are those of the smallest of its `nodes`, since each step runs on one of
    them. `threads` of a command: None for those of `cpus`. `shards`: how many parts of a long
    encode run at once, and so how many it is cut into at the most; None: as many as `cpus` hold.

    `max_pixels`: the largest picture that a command may decode; None: whatever memory allows.
    `models` are the configured chains of models, by kind: part of the identity of what asks them.
    `rates` are learned CPU-seconds per unit of the cost model, with their spread (see estimate.py).
    """

    cpus: int = 1
    memory_bytes: int = 4 << 30
    disk_bytes: int = 50 << 30
    tools: Mapping[str, str] = field(default_factory=dict)
    rates: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    encoders: frozenset[str] = frozenset()
    max_pixels: int | None = None
    models: Mapping[str, str] = field(default_factory=dict)
    nodes: int = 1
    threads: int | None = None
    shards: int | None = None


def _plain(value: Any) -> Any:
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, StrEnum):
        return value.value
    if hasattr(value, "kind") and hasattr(value, "codec"):
        return stream_to_json(value)
    if hasattr(value, "__dataclass_fields__"):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value


def _output(body: Mapping[str, Any]) -> StepOutput:
    expect = dict(body["expect"])
    expect["streams"] = tuple(stream_from_json(s) for s in expect["streams"])
    for key in ("duration", "duration_tolerance"):
        expect[key] = None if expect[key] is None else Fraction(expect[key])
    return StepOutput(
        name=body["name"],
        container=body["container"],
        identity=body["identity"],
        expect=Expectation(**expect),
    )


def _tap(body: Mapping[str, Any]) -> StepTap:
    values = dict(body)
    values["stream"] = None if values["stream"] is None else stream_from_json(values["stream"])
    return StepTap(**values)
