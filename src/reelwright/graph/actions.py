"""What a node of the media graph does: a closed set. Operators build with it, passes rewrite it.

`Cut`, `Turn` and `Join` are *open*: whether they become a copy of packets or filters on frames is
decided by a pass (``planning/copying.py``), never by the operator.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from reelwright.media.streams import StreamKind
from reelwright.media.time import TimeRange


@dataclass(frozen=True, slots=True)
class Text:
    """User text for a filter option. It travels in a file beside the command, not in the graph."""

    value: str
    suffix: str = ".txt"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that a filter reads (a font, a subtitle file); `path` is absolute, linked by name."""

    path: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Late:
    """A value that a measuring step finds: key `key` of the JSON result of node `node`."""

    node: str
    key: str


Value = str | int | float | Fraction | bool | Text | Asset | Late


@dataclass(frozen=True, slots=True)
class Demux:
    """Opens input `input`; one output pad per stream of its MediaInfo, in its order."""

    input: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """The file that fetching step node `fetch` will have brought, or that a task will have left
    beside its result; pads as Demux."""

    fetch: str


@dataclass(frozen=True, slots=True)
class Fetch:
    """Brings `part` of what is at a URL into the workspace. Output pad 0: DataStream, its result
    what was found of it. `options` are the part's own, `session` those of the asking: parts of one
    URL that are asked alike come by one extraction.

    Parts: ``video``; ``captions.vtt``, ``captions.srt``; ``thumbnail``; ``metadata``,
    ``metadata.info`` (the site's own), ``metadata.description``, ``metadata.comments``,
    ``metadata.live_chat``.
    """

    url: str
    options: tuple[tuple[str, Any], ...] = ()
    part: str = "video"
    session: tuple[tuple[str, Any], ...] = ()

    @property
    def kind(self) -> str:
        """What the options are about: ``captions`` of ``captions.srt``."""
        return self.part.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Keep:
    """Puts what its inputs, all of them Fetch nodes, bring into the library. Nothing flows out."""

    options: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Decode:
    """Packets to frames. `window` is the only part that anybody downstream needs (None: all);
    `frames` the number of them that are wanted from there (None: all): then it starts at the
    keyframe before, and what comes before the window has times below 0. Decodes of one file with
    the same window and `reading` share one opening of it."""

    window: TimeRange | None = None
    frames: int | None = None
    reading: int = 0


@dataclass(frozen=True, slots=True)
class Filter:
    """One FFmpeg filter. `args` in the order in which they are written. `cascade`: a scale that may
    start from a larger sibling's result."""

    name: str
    args: tuple[tuple[str, Value], ...] = ()
    cascade: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """The part `range` of a stream, in the times of its file; the range's start becomes 0.
    `exact`: to the frame and the sample; else from the keyframe at or before `range.start`."""

    range: TimeRange
    exact: bool = True
    mode: str = "auto"  # auto | smart | encode | keyframe


@dataclass(frozen=True, slots=True)
class Turn:
    """Clockwise by a right angle: by metadata where the container allows, else by transpose."""

    degrees: int
    lossless: str = "auto"  # auto | metadata | pixels


@dataclass(frozen=True, slots=True)
class Join:
    """Segments after each other. Inputs: segment by segment, `kinds` of each in this order."""

    segments: int
    kinds: tuple[StreamKind, ...]


@dataclass(frozen=True, slots=True)
class Packets:
    """Packets of `range`, copied: video from the keyframe at or before its start. `turned` is the
    rotation to write into the container, clockwise; None: as it is."""

    range: TimeRange = TimeRange()
    turned: int | None = None


@dataclass(frozen=True, slots=True)
class SmartCut:
    """A file of its own: whole GOPs copied, the edges of `range` re-encoded. Pad 0 is the file."""

    range: TimeRange
    container: str
    metadata: tuple[tuple[str, str], ...] = ()
    fallback: str = "libx264"


@dataclass(frozen=True, slots=True)
class JoinCopy:
    """Files of alike streams one after another, packets copied. Pads as its first file's. `exact`:
    they are shards of ours, whose frames have been counted. `lengths`: when each following file
    begins, in seconds after the one before; without them the containers say it."""

    files: int
    exact: bool = False
    lengths: tuple[Fraction, ...] = ()


@dataclass(frozen=True, slots=True)
class Reopen:
    """Reads an intermediate file again: its input is the file's pad, its outputs its streams."""


@dataclass(frozen=True, slots=True)
class Still:
    """Pictures of a stream at `times`, which increase: each the frame on screen then (the last that
    starts at or before it), as an image sequence.

    Open like `Cut`: a few pictures of a long file are cheaper by seeking (0.26 against 3.9 CPU
    seconds); where the same decode runs anyway, by selecting within it. `rate`: the frames come at
    this constant rate, and each time stands exactly on the start of its frame.
    """

    times: tuple[Fraction, ...]
    rate: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Encode:
    """Frames to packets by FFmpeg's encoder `codec` (``libx264``)."""

    codec: str
    options: tuple[tuple[str, Value], ...] = ()


@dataclass(frozen=True, slots=True)
class Search:
    """Finds the highest `key` (a CRF) with which `encode` keeps its input file at `target` VMAF or
    above. Its input is a file's pad, its output the result: ``{"crf": ..., "vmaf": ...}``."""

    encode: Encode
    target: float
    lowest: int
    highest: int


@dataclass(frozen=True, slots=True)
class Tap:
    """Feeds frames or samples to an analyser; output pad 0 is its result (DataStream, json).

    `analyser` is ``operator:name``; `raw` the raw format it is fed (``gray8``, ``s16le`` ...),
    `params` what it was asked. `source="log"` analysers read the command's log instead of frames.
    `pack` names a file that the analyser leaves beside its result (``frames.zip``): pad 1.
    """

    analyser: str
    raw: str
    params: tuple[tuple[str, Any], ...] = ()
    source: str = "frames"
    pack: str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """Work of our own, or of a model, on what its inputs have come to: whole files and results,
    never frames. Output pad 0 is its result (DataStream, json), pads 1… the `files` it leaves.

    `name` is a key of ``runners.tasks.TASKS``, `params` what it was asked, as JSON, `model` the
    kind of model that it asks (``tools.models.kinds``): its configured chain is in the identity.
    `cpu_seconds` and `memory_bytes` are an estimate.
    """

    name: str
    params: str = "{}"
    model: str | None = None
    files: tuple[str, ...] = ()
    cpu_seconds: float = field(default=1.0, compare=False)
    memory_bytes: int = field(default=200 << 20, compare=False)


@dataclass(frozen=True, slots=True)
class Index:
    """Puts what its inputs, results of Tap and Task nodes, say into the search index. Nothing flows
    out; the step's result is ``{"document": id, "passages": count}``. `options` are JSON."""

    options: str = "{}"


@dataclass(frozen=True, slots=True)
class Write:
    """A text artifact that planning already knows (WebVTT of a sprite sheet).

    A text about pictures has their strand as input and names them by ``{file:1}``, ``{file:2}``...:
    delivery puts in how file n of that strand is called, seen from the text's own place
    (`analysis.sprite.name_files`).
    """

    text: str
    suffix: str


@dataclass(frozen=True, slots=True)
class Mux:
    """A finished file in the workspace. `stills`: image sequence of that many files."""

    container: str
    name: str
    metadata: tuple[tuple[str, str], ...] = ()
    options: tuple[tuple[str, Value], ...] = ()
    stills: int | None = None


@dataclass(frozen=True, slots=True)
class Deliver:
    """An output of the job: the file of its input node goes to `to`."""

    output: int
    to: str
    settings: Any = field(default=None, compare=False)


Action = (
    Demux
    | Fetched
    | Fetch
    | Keep
    | Decode
    | Filter
    | Cut
    | Turn
    | Join
    | Packets
    | SmartCut
    | JoinCopy
    | Reopen
    | Still
    | Encode
    | Search
    | Tap
    | Task
    | Index
    | Write
    | Mux
    | Deliver
)
