"""What the child is asked and what it answers, as JSON files in the workspace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reelwright.tools.smartcut.source import Source

# Containers whose edit list starts and ends a track inside a packet.
EDIT_LISTS = frozenset({"mp4", "mov", "ipod", "3gp"})


class CannotCut(Exception):  # noqa: N818 - not an error: it says why the whole must be encoded
    """A smart cut of this is not legal, or did not prove right. `seam`: a check found damage."""

    def __init__(self, reason: str, *, seam: bool = False) -> None:
        super().__init__(reason)
        self.seam = seam


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Cut `[start, end)` out of `input`; times in seconds from the start of the file.

    `origin` is the file's own first timestamp (None: ask the demuxer). `streams` are indexes in
    the order in which they are written, `stream_tags` more tags by index.
    """

    input: str
    output: str
    container: str
    start: Fraction
    end: Fraction | None
    streams: tuple[int, ...]
    demuxer: str | None = None
    origin: Fraction | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    stream_tags: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    threads: int = 1

    @staticmethod
    def from_json(body: Mapping[str, Any]) -> Job:
        values = dict(body)
        for key in ("start", "end", "origin"):
            if values.get(key) is not None:
                values[key] = Fraction(values[key])
        values["streams"] = tuple(values["streams"])
        tags = values.get("stream_tags", {})
        values["stream_tags"] = {int(index): dict(t) for index, t in tags.items()}
        return Job(**values)

    def to_json(self) -> dict[str, Any]:
        body = asdict(self)
        for key in ("start", "end", "origin"):
            body[key] = None if body[key] is None else str(body[key])
        body["stream_tags"] = {str(index): t for index, t in self.stream_tags.items()}
        return body

    def source(self) -> Source:
        from reelwright.tools.smartcut.source import Source

        return Source(path=self.input, demuxer=self.demuxer, threads=self.threads)

    @property
    def has_edit_list(self) -> bool:
        return self.container in EDIT_LISTS


@dataclass(slots=True)
class Span:
    """`[start, end)` in ticks of one stream's time base; `end` None: to the end of the file."""

    start: int
    end: int | None

    @staticmethod
    def of(job: Job, origin: Fraction, time_base: Fraction) -> Span:
        # Timestamps in a file are rounded to its ticks: at 29.97 fps in Matroska (tick: 1 ms) the
        # frame of 33.37 ms says 33. So the bounds are rounded likewise, by half a millisecond
        # at most: a tick may be a whole frame (AVI).
        tolerance = min(Fraction(1, 2), Fraction(1, 2000) / time_base)

        def ticks(time: Fraction) -> int:
            return ceil((time + origin) / time_base - tolerance)

        return Span(ticks(job.start), None if job.end is None else ticks(job.end))

    def holds(self, pts: int) -> bool:
        return pts >= self.start and (self.end is None or pts < self.end)

    def is_past(self, time: int | None) -> bool:
        return self.end is not None and time is not None and time >= self.end
