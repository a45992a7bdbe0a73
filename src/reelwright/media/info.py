"""MediaInfo: everything that probing found about one input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from fractions import Fraction
from typing import Any

from reelwright.media.streams import (
    AudioStream,
    Color,
    DataStream,
    Stream,
    StreamKind,
    SubtitleStream,
    VideoStream,
)

_CLASSES: dict[str, type[Stream]] = {
    StreamKind.VIDEO: VideoStream,
    StreamKind.AUDIO: AudioStream,
    StreamKind.SUBTITLE: SubtitleStream,
    StreamKind.DATA: DataStream,
}
_TIMES = {"time_base", "start", "duration", "sar", "frame_rate", "end"}


@dataclass(frozen=True, slots=True)
class Chapter:
    start: Fraction
    end: Fraction
    title: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaInfo:
    """Facts of one input file. Times in seconds.

    `demuxer` is the name to pin with ``-f`` (never guessed again from the bytes); `format_names`
    are ffprobe's. `keyframes` are the times of random-access points of the first video stream,
    None where they were not listed. `damage` holds what probing complained about.
    """

    size_bytes: int
    sha256: str
    demuxer: str
    format_names: tuple[str, ...] = ()
    streams: tuple[Stream, ...] = ()
    start: Fraction | None = None
    duration: Fraction | None = None
    bitrate_bps: int | None = None
    chapters: tuple[Chapter, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    damage: tuple[str, ...] = ()
    is_image: bool = False

    def of_kind(self, kind: StreamKind) -> tuple[Stream, ...]:
        return tuple(s for s in self.streams if s.kind is kind)

    @property
    def video(self) -> VideoStream | None:
        """The main video stream; an attached picture only where there is no other."""
        videos = [s for s in self.streams if isinstance(s, VideoStream)]
        moving = [s for s in videos if not s.is_still]
        return next(iter(moving or videos), None)

    @property
    def audio(self) -> AudioStream | None:
        found = [s for s in self.streams if isinstance(s, AudioStream)]
        return next((s for s in found if s.is_default), found[0] if found else None)

    @property
    def opened(self) -> tuple[Stream, ...]:
        """The streams as FFmpeg shows them once the file is open: `start` counts from the file's
        own start, which becomes 0."""
        if not self.start:
            return self.streams
        shift = self.start
        return tuple(
            s if s.start is None else replace(s, start=s.start - shift) for s in self.streams
        )

    def to_json(self) -> dict[str, Any]:
        body = _plain(asdict(self))
        for entry, stream in zip(body["streams"], self.streams, strict=True):
            entry["kind"] = stream.kind.value
        assert isinstance(body, dict)
        return body

    @staticmethod
    def from_json(body: Mapping[str, Any]) -> MediaInfo:
        values = dict(body)
        values["streams"] = tuple(stream_from_json(s) for s in values["streams"])
        values["chapters"] = tuple(
            Chapter(Fraction(c["start"]), Fraction(c["end"]), c.get("title"))
            for c in values["chapters"]
        )
        for key in ("start", "duration"):
            values[key] = None if values[key] is None else Fraction(values[key])
        for key in ("format_names", "damage"):
            values[key] = tuple(values[key])
        return MediaInfo(**values)


def stream_to_json(stream: Stream) -> dict[str, Any]:
    body = _plain(asdict(stream))
    body["kind"] = stream.kind.value
    assert isinstance(body, dict)
    return body


def stream_from_json(body: Mapping[str, Any]) -> Stream:
    cls = _CLASSES[body["kind"]]
    known = {f.name for f in fields(cls)}
    values = {k: v for k, v in body.items() if k in known}
    for key in _TIMES & values.keys():
        values[key] = None if values[key] is None else Fraction(values[key])
    if "color" in values:
        values["color"] = Color(**values["color"])
    return cls(**values)


def _plain(value: Any) -> Any:
    """JSON-ready: fractions as exact text (``"30000/1001"``), tuples as lists."""
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value
