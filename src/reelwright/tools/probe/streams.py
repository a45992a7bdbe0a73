"""ffprobe's description of a stream to ours. Nothing is guessed: what it does not say is None."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from reelwright.media.streams import (
    AudioStream,
    Color,
    DataStream,
    Stream,
    SubtitleStream,
    VideoStream,
)
from reelwright.tools.probe.timing import FrameTiming, PacketSample, frame_timing

Described = Mapping[str, Any]

_ALPHA = re.compile(r"^(yuva|rgba|bgra|argb|abgr|gbrap|ya8|ya16|vuya|ayuv|yaf)")
_MATRIX = re.compile(r"-?\d+(?=\s|$)")
_BITMAP_SUBTITLES = frozenset({"hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle", "xsub"})
_FIELD_ORDERS = {"progressive": False, "tt": True, "bb": True, "tb": True, "bt": True}
_MAX_TAG = 1000


def stream_of(
    described: Described,
    sample: PacketSample | None,
    *,
    is_image: bool = False,
    frame: Described | None = None,
) -> Stream:
    """`frame`: a decoded frame of the stream, if there is one."""
    shared = _shared(described, sample)
    kind = described.get("codec_type")
    if kind == "video":
        return _video(described, shared, sample, is_image=is_image, frame=frame)
    if kind == "audio":
        return AudioStream(
            **shared,
            sample_rate_hz=_integer(described.get("sample_rate")),
            channels=_integer(described.get("channels")),
            channel_layout=_known(described.get("channel_layout")),
            sample_fmt=_known(described.get("sample_fmt")),
        )
    if kind == "subtitle":
        return SubtitleStream(**shared, is_bitmap=described.get("codec_name") in _BITMAP_SUBTITLES)
    return DataStream(**shared, filename=_tag(described, "filename"))


def duration_of(described: Described, sample: PacketSample | None) -> Fraction | None:
    """Seconds; from the header, else from the packets where all of them were read."""
    base = sample.time_base if sample else None
    ticks = _integer(described.get("duration_ts"))
    if ticks is not None and base:
        said = (ticks - _priming_ticks(described, sample)) * base
        return max(said, _shown(described, sample) or said)
    if sample and sample.is_complete and sample.span:
        return sample.span
    return _written_by_lavf(described, sample)


def _shown(described: Described, sample: PacketSample | None) -> Fraction | None:
    """MP4 adds up durations in decoding order: where frames are reordered at a varying rate, the
    header ends before the last one is shown."""
    if described.get("codec_type") != "video" or not described.get("has_b_frames"):
        return None
    return sample.span if sample and sample.is_complete else None


def _priming_ticks(described: Described, sample: PacketSample | None) -> int:
    """An M4A without an edit list counts the encoder's priming into its duration, though it is not
    played; MP3's Xing header does not."""
    start, tag = _integer(described.get("start_pts")), str(described.get("codec_tag_string", ""))
    is_mov_audio = described.get("codec_type") == "audio" and tag and "[0]" not in tag
    if not is_mov_audio or start is None or sample is None or not sample.times:
        return 0
    return max(start - sample.times[0][0], 0)


def is_attached_picture(described: Described) -> bool:
    flags = described.get("disposition", {})
    return bool(flags.get("attached_pic") or flags.get("timed_thumbnails"))


def tags_of(described: Described) -> dict[str, str]:
    """A hundred tags at most, each cut at a thousand characters: they come from strangers."""
    items = list(described.get("tags", {}).items())[:100]
    return {str(key): str(value)[:_MAX_TAG] for key, value in items}


def side_data(described: Described, kind: str) -> Described | None:
    """The first entry whose type contains `kind`."""
    entries = described.get("side_data_list", [])
    return next((e for e in entries if kind in e.get("side_data_type", "")), None)


def turn_of(described: Described) -> tuple[int | None, bool]:
    """Clockwise degrees (None: no right angle) and reflection, of a stream's or frame's matrix.

    FFmpeg's `rotation` is counterclockwise; with a reflection the picture is mirrored top to bottom
    before it is turned, as FFmpeg's own ``-autorotate`` does it.
    """
    entry = side_data(described, "isplay")  # "Display Matrix", "3x3 displaymatrix"
    if entry is None or "rotation" not in entry:
        return 0, False
    degrees = -float(entry["rotation"]) % 360
    right = round(degrees / 90) * 90
    a, b, c, d = _matrix(str(entry.get("displaymatrix", "")))
    return (right % 360 if abs(degrees - right) < 1 else None), a * d - b * c < 0


def _matrix(dump: str) -> tuple[int, int, int, int]:
    """The upper left 2x2 of the matrix as ffprobe prints it: ``00000000: 0 65536 0`` and so on."""
    rows = [line.partition(":")[2] for line in dump.splitlines() if ":" in line]
    numbers = [[int(n) for n in _MATRIX.findall(row)] for row in rows[:2]]
    if len(numbers) < 2 or any(len(row) < 2 for row in numbers):
        return 1, 0, 0, 1
    return numbers[0][0], numbers[0][1], numbers[1][0], numbers[1][1]


def _shared(described: Described, sample: PacketSample | None) -> dict[str, Any]:
    base = sample.time_base if sample else None
    ticks = _integer(described.get("start_pts"))
    digest = str(described.get("extradata_hash", "")).partition(":")[2]
    language = _tag(described, "language")
    tag = str(described.get("codec_tag_string", ""))
    is_moving = not is_attached_picture(described)
    start = ticks * base if ticks is not None and base else (sample.start if sample else None)
    return {
        "index": _integer(described.get("index")),
        "codec": _known(described.get("codec_name")),
        "codec_tag": tag if tag and "[0]" not in tag else None,
        "profile": _known(described.get("profile")),
        "time_base": base,
        "start": start if is_moving else None,
        "duration": duration_of(described, sample) if is_moving else None,
        "bitrate_bps": _integer(described.get("bit_rate")),
        "language": None if language in (None, "und", "") else language,
        "title": _tag(described, "title"),
        "is_default": bool(described.get("disposition", {}).get("default")),
        "extradata_sha256": digest or None,
    }


def _video(
    described: Described,
    shared: dict[str, Any],
    sample: PacketSample | None,
    *,
    is_image: bool,
    frame: Described | None,
) -> VideoStream:
    still = is_image or is_attached_picture(described)
    turn, mirrored = turn_of(described)
    if (turn, mirrored) == (0, False) and frame is not None:
        turn, mirrored = turn_of(frame)
    coded = _integer(described.get("width")) or None, _integer(described.get("height")) or None
    shown = coded[::-1] if turn in (90, 270) else coded
    sar = _sample_aspect(described.get("sample_aspect_ratio"))
    timing = FrameTiming() if still else frame_timing(described, sample, shared["duration"])
    if is_image:
        shared = {**shared, "start": None, "duration": None}
    b_frames = _integer(described.get("has_b_frames"))
    return VideoStream(
        **shared,
        width_px=shown[0],
        height_px=shown[1],
        coded_width_px=coded[0],
        coded_height_px=coded[1],
        sar=1 / sar if sar and turn in (90, 270) else sar,
        rotation_deg=turn,
        is_mirrored=mirrored,
        frame_rate=timing.frame_rate,
        is_vfr=timing.is_vfr,
        frame_count=1 if is_image else timing.frame_count,
        pix_fmt=_pix_fmt(described),
        color=_color(described),
        hdr=hdr_of(described, frame),
        level=_level(described),
        has_b_frames=None if b_frames is None else b_frames > 0,
        is_interlaced=_FIELD_ORDERS.get(str(described.get("field_order"))),
        is_still=still,
        has_alpha=_has_alpha(described),
    )


def _level(described: Described) -> int | None:
    """-99 is FFmpeg's "unknown"."""
    level = _integer(described.get("level"))
    return level if level is not None and level >= 0 else None


def hdr_of(described: Described, frame: Described | None) -> str | None:
    """The richest HDR that the header, or a decoded frame, shows."""
    if side_data(described, "DOVI"):
        return "dolby-vision"
    for place in (described, frame or {}):
        if side_data(place, "HDR10+") or side_data(place, "2094-40"):
            return "hdr10+"
    return {"smpte2084": "hdr10", "arib-std-b67": "hlg"}.get(str(described.get("color_transfer")))


def _color(described: Described) -> Color:
    return Color(
        primaries=_known(described.get("color_primaries")),
        transfer=_known(described.get("color_transfer")),
        matrix=_known(described.get("color_space")),
        range=_known(described.get("color_range")),
    )


def _pix_fmt(described: Described) -> str | None:
    """As it is with the alpha that VP8 and VP9 carry beside the stream."""
    found = _known(described.get("pix_fmt"))
    beside = found == "yuv420p" and _tag(described, "alpha_mode") == "1"
    return "yuva420p" if beside else found


def _has_alpha(described: Described) -> bool | None:
    # VP8 and VP9 carry alpha beside the stream; the pixel format does not show it.
    if _tag(described, "alpha_mode") == "1":
        return True
    pix_fmt = _known(described.get("pix_fmt"))
    if pix_fmt is None or pix_fmt == "pal8":
        return None
    return bool(_ALPHA.match(pix_fmt))


def _sample_aspect(text: Any) -> Fraction | None:
    width, _, height = str(text or "").partition(":")
    if not (width.isdigit() and height.isdigit()) or int(width) == 0 or int(height) == 0:
        return None
    return Fraction(int(width), int(height))


def _written_by_lavf(described: Described, sample: PacketSample | None) -> Fraction | None:
    """Matroska's DURATION tag is the end of the stream where libavformat wrote it. Other writers
    count differently (mkvmerge leaves out the last frame), so theirs is not taken."""
    text, start = _tag(described, "DURATION"), sample.start if sample else None
    writer = _tag(described, "ENCODER") or ""
    if text is None or start is None or not writer.startswith("Lavc"):
        return None
    parts = text.split(":")
    try:
        hours, minutes, seconds = int(parts[0]), int(parts[1]), Fraction(parts[2])
    except (ValueError, IndexError):
        return None
    return max(hours * 3600 + minutes * 60 + seconds - start, Fraction(0)) or None


def _tag(described: Described, name: str) -> str | None:
    """Containers disagree on the case of a tag's name."""
    for key, value in described.get("tags", {}).items():
        if str(key).lower() == name.lower():
            return str(value)[:_MAX_TAG]
    return None


def _known(value: Any) -> str | None:
    return None if value in (None, "", "unknown", "reserved") else str(value)


def _integer(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None
