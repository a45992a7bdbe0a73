"""What an output is against what the plan said it would be. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from reelwright.media.info import MediaInfo
from reelwright.media.streams import AudioStream, DataStream, Stream, VideoStream
from reelwright.planning.plan import Expectation
from reelwright.tools.ffmpeg.damage import is_joining

# Muxers keep display sizes in whole pixels (Matroska) or times in whole milliseconds.
_SAR_TOLERANCE = Fraction(1, 200)
_RATE_TOLERANCE = Fraction(1, 100)
# Where files were joined by their packets the picture waits for the sound, or is cut by it.
_SEAM_FRAMES = 5
# Pixel formats of these depend on the picture, or ffprobe reports what the decoder makes of it.
_LOOSE_FORMATS = frozenset({"gif", "png", "apng", "webp", "mjpeg", "tiff", "bmp", "prores"})


@dataclass(frozen=True, slots=True)
class Slack:
    """What damage in the input excuses. `lost_frames`: so many may be missing; `any_length`: the
    user said `on_damage: keep`, so the output may be as short as the input turned out to be."""

    lost_frames: int = 0
    any_length: bool = False


STRICT = Slack()


def mismatches(expect: Expectation, info: MediaInfo, slack: Slack = STRICT) -> Iterator[str]:
    """One line for each thing that is not as planned."""
    found = [s for s in info.streams if not isinstance(s, DataStream)]
    wanted = [s for s in expect.streams if not isinstance(s, DataStream)]
    if expect.streams and [s.kind for s in wanted] != [s.kind for s in found]:
        yield f"expected the streams {_kinds(wanted)}, got {_kinds(found)}"
    else:
        for want, got in zip(wanted, found, strict=bool(expect.streams)):
            yield from _stream(want, got, slack)
    yield from length_mismatches(expect, info, slack)
    if slack == STRICT:
        yield from damage_mismatches(info)


def damage_mismatches(info: MediaInfo) -> Iterator[str]:
    """What probing complained about; a copy may start in the middle of its input."""
    for complaint in info.damage:
        if not is_joining(complaint):
            yield f"expected an undamaged file, got: {complaint}"


def length_mismatches(expect: Expectation, info: MediaInfo, slack: Slack) -> Iterator[str]:
    """Duration and frames: what a truncated input makes too short."""
    want, got = expect.duration, info.duration
    if want is not None and got is not None and not info.is_image:
        rate = info.video.frame_rate if info.video else None
        allowed = expect.duration_tolerance + (slack.lost_frames / rate if rate else 0)
        if not (-allowed <= got - want or slack.any_length) or got - want > allowed:
            yield f"expected {_seconds(want)} (± {_seconds(allowed)}), got {_seconds(got)}"
    count = info.video.frame_count if info.video else None
    if expect.frame_count is not None and count is not None:
        missing = expect.frame_count - count
        if missing < 0 or (missing > slack.lost_frames and not slack.any_length):
            yield f"expected {expect.frame_count} frames, got {count}"


def _stream(want: Stream, got: Stream, slack: Slack) -> Iterator[str]:
    name = f"{got.kind.value} stream {got.index}"
    yield from _differ(name, "codec", want.codec, got.codec)
    if isinstance(want, VideoStream) and isinstance(got, VideoStream):
        yield from _video(name, want, got)
        yield from _rate(name, want, got, slack)
    elif isinstance(want, AudioStream) and isinstance(got, AudioStream):
        rate = want.sample_rate_hz, got.sample_rate_hz
        yield from _differ(name, "a sample rate of", *rate, unit=" Hz")
        yield from _differ(name, "channels", want.channels, got.channels)
        layouts = _layout(want.channel_layout), _layout(got.channel_layout)
        yield from _differ(name, "the channel layout", *layouts)


def _video(name: str, want: VideoStream, got: VideoStream) -> Iterator[str]:
    yield from _differ(name, "the size", _size(want), _size(got))
    yield from _differ(name, "a rotation of", want.rotation_deg, got.rotation_deg, unit="°")
    if want.sar and got.sar and abs(want.sar - got.sar) > want.sar * _SAR_TOLERANCE:
        yield f"{name}: expected a sample aspect ratio of {want.sar}, got {got.sar}"
    if want.codec not in _LOOSE_FORMATS:
        formats = _pix_fmt(want.pix_fmt), _pix_fmt(got.pix_fmt)
        yield from _differ(name, "the pixel format", *formats)


def _rate(name: str, want: VideoStream, got: VideoStream, slack: Slack) -> Iterator[str]:
    """The mean rate: frames lost to damage leave gaps that lower it, and so do seams where a source
    was joined, which its own mean hides."""
    rates = want.frame_rate, got.frame_rate
    if want.is_vfr is not False or want.is_still or not rates[0] or not rates[1]:
        return
    count = got.frame_count
    if slack.any_length or (count is not None and count < 3):
        return
    missing = slack.lost_frames + _SEAM_FRAMES
    lost = Fraction(missing, count + missing) if count else 0
    if abs(rates[0] - rates[1]) > rates[0] * (_RATE_TOLERANCE + lost):
        yield f"{name}: expected {rates[0]} frames a second, got {rates[1]}"


def _differ(name: str, what: str, want: Any, got: Any, unit: str = "") -> Iterator[str]:
    if want is not None and got is not None and want != got:
        yield f"{name}: expected {what} {want}{unit}, got {got}{unit}"


def _size(stream: VideoStream) -> str | None:
    known = stream.width_px and stream.height_px
    return f"{stream.width_px}x{stream.height_px}" if known else None


def _pix_fmt(name: str | None) -> str | None:
    """``yuvj420p`` is ``yuv420p`` in full range, which the color range says."""
    return name.replace("yuvj", "yuv") if name else name


def _layout(name: str | None) -> str | None:
    """Codecs without side channels say ``5.1`` where others say ``5.1(side)``."""
    return name.partition("(")[0] if name else name


def _kinds(streams: Sequence[Stream]) -> str:
    return " + ".join(s.kind.value for s in streams) or "none"


def _seconds(time: Fraction) -> str:
    return f"{float(time):.3f} s"
