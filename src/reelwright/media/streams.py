"""What is known of a stream, encoded or raw. `None` always says "unknown", never a default."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction


class StreamKind(StrEnum):
    VIDEO = "video"
    AUDIO = "audio"
    SUBTITLE = "subtitle"
    DATA = "data"


@dataclass(frozen=True, slots=True)
class Color:
    """FFmpeg's names: primaries ``bt709``, transfer ``smpte2084``, matrix ``bt2020nc``."""

    primaries: str | None = None
    transfer: str | None = None
    matrix: str | None = None
    range: str | None = None

    @property
    def is_hdr(self) -> bool:
        """PQ (HDR10, Dolby Vision) and HLG are the two HDR transfers of ITU-R BT.2100."""
        return self.transfer in {"smpte2084", "arib-std-b67"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stream:
    """Common to all kinds. Times in seconds; `start` is the first timestamp in the container."""

    index: int | None = None  # in its file; None once it has been made by a filter
    codec: str | None = None  # FFmpeg's codec name; None for raw (decoded) streams
    codec_tag: str | None = None
    profile: str | None = None
    time_base: Fraction | None = None
    start: Fraction | None = None
    duration: Fraction | None = None
    bitrate_bps: int | None = None
    language: str | None = None
    title: str | None = None
    is_default: bool = False
    extradata_sha256: str | None = None  # of codec parameters; equal for concat peers


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoStream(_Stream):
    """A video stream.

    `width_px` x `height_px` is the size of a decoded frame *after* rotation by `rotation_deg` has
    been applied, i.e. what a player shows before `sar` stretches it. `coded_width_px` x
    `coded_height_px` is before. `rotation_deg` is clockwise, 0/90/180/270 (None: not a right angle
    or unknown); `is_mirrored` marks a display matrix with a reflection.
    """

    width_px: int | None = None
    height_px: int | None = None
    coded_width_px: int | None = None
    coded_height_px: int | None = None
    sar: Fraction | None = None
    rotation_deg: int | None = 0
    is_mirrored: bool = False
    frame_rate: Fraction | None = None  # average
    is_vfr: bool | None = None
    frame_count: int | None = None
    pix_fmt: str | None = None
    color: Color = Color()
    hdr: str | None = None  # "hdr10", "hlg", "dolby-vision", "hdr10+"
    level: int | None = None
    has_b_frames: bool | None = None
    is_interlaced: bool | None = None
    is_still: bool = False  # attached picture, or an image
    has_alpha: bool | None = None

    kind = StreamKind.VIDEO

    @property
    def display_aspect(self) -> Fraction | None:
        """Width to height as shown: `sar` stretches the picture."""
        if not self.width_px or not self.height_px:
            return None
        return Fraction(self.width_px, self.height_px) * (self.sar or 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioStream(_Stream):
    sample_rate_hz: int | None = None
    channels: int | None = None
    channel_layout: str | None = None
    sample_fmt: str | None = None

    kind = StreamKind.AUDIO


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtitleStream(_Stream):
    is_bitmap: bool | None = None

    kind = StreamKind.SUBTITLE


@dataclass(frozen=True, slots=True, kw_only=True)
class DataStream(_Stream):
    """Timecode tracks, attachments (fonts), and results of analyses (`codec` is ``json``)."""

    filename: str | None = None

    kind = StreamKind.DATA


Stream = VideoStream | AudioStream | SubtitleStream | DataStream
