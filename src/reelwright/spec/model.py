"""JobSpec: what was asked. Frozen; made by `spec.parse`, which does no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from reelwright.graph.operator import Params
from reelwright.media.streams import StreamKind


@dataclass(frozen=True, slots=True)
class Ref:
    """``cut``, ``cut.video``, ``talk.audio:1``, ``sprite.vtt``: a name, then a kind or a label."""

    name: str
    kind: StreamKind | None = None
    label: str | None = None
    index: int | None = None

    def __str__(self) -> str:
        part = self.kind.value if self.kind else self.label
        text = self.name if part is None else f"{self.name}.{part}"
        return text if self.index is None else f"{text}:{self.index}"


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSpec:
    """`uri` is an absolute path, or a URL with its scheme. `is_glob`: it matches several files,
    which then stand one after another as a list."""

    name: str
    uri: str
    is_glob: bool = False
    on_damage: str = "fail"  # fail | keep
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationSpec:
    """`inputs`: port -> references, in order. The place is for messages (``operations[2]``).
    `is_goal`: it is done though no output needs it."""

    id: str
    op: str
    inputs: Mapping[str, tuple[Ref, ...]]
    params: Params
    where: str
    is_goal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoSettings:
    """`codec` None: copy where legal, else the container's default. Exactly one of `crf`,
    `bitrate_bps` and `target_vmaf` at the most; `options` are private options of the encoder."""

    codec: str | None = None
    crf: float | None = None
    bitrate_bps: int | None = None
    max_bitrate_bps: int | None = None
    target_vmaf: float | None = None
    preset: str | None = None
    profile: str | None = None
    pix_fmt: str | None = None
    keyframe_interval: Fraction | None = None  # seconds
    tune: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def asks_quality(self) -> bool:
        """Anything that a copy of packets could not honour."""
        return any(
            v is not None
            for v in (
                self.crf,
                self.bitrate_bps,
                self.max_bitrate_bps,
                self.target_vmaf,
                self.preset,
                self.profile,
                self.pix_fmt,
                self.keyframe_interval,
                self.tune,
            )
        ) or bool(self.options)


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioSettings:
    codec: str | None = None
    bitrate_bps: int | None = None
    quality: float | None = None
    sample_rate_hz: int | None = None
    channels: int | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def asks_quality(self) -> bool:
        found = (self.bitrate_bps, self.quality, self.sample_rate_hz, self.channels)
        return any(v is not None for v in found) or bool(self.options)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSpec:
    """`video`, `audio`, `subtitles` False: leave the stream out. `to` is absolute or a URI; it may
    hold ``{index}``. `container` is FFmpeg's muxer name, from `to`'s ending where not given."""

    refs: tuple[Ref, ...]
    to: str
    container: str
    where: str
    video: VideoSettings | None = VideoSettings()
    audio: AudioSettings | None = AudioSettings()
    subtitles: str | None = "auto"  # auto | copy | a codec | None
    metadata: Mapping[str, str] = field(default_factory=dict)
    quality: int | None = None  # of stills: 1 (best) to 31 for JPEG, 0 to 100 for WebP
    shards: str = "auto"  # auto | off | a number


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    version: int = 1
    inputs: Mapping[str, InputSpec] = field(default_factory=dict)
    operations: tuple[OperationSpec, ...] = ()
    outputs: tuple[OutputSpec, ...] = ()
    priority: int = 0
    timeout: Fraction | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    webhook: str | None = None
    on_damage: str = "fail"
    source: Mapping[str, Any] = field(default_factory=dict)  # as written, variables filled
