"""From a codec's name and an output's settings to FFmpeg's encoder and its options."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from reelwright.graph.actions import Encode, Value
from reelwright.media.containers import Container
from reelwright.media.streams import AudioStream, Stream, StreamKind, VideoStream
from reelwright.spec.model import AudioSettings, OutputSpec, VideoSettings

# Codec (decoder-side name) -> encoder in the FFmpeg wheel.
ENCODERS = {
    "h264": "libx264", "hevc": "libx265", "av1": "libsvtav1", "vp9": "libvpx-vp9",
    "vp8": "libvpx", "prores": "prores_ks", "theora": "libtheora", "png": "png",
    "webp": "libwebp", "mjpeg": "mjpeg", "ffv1": "ffv1", "gif": "gif", "mpeg4": "mpeg4",
    "mpeg2video": "mpeg2video", "aac": "aac", "opus": "libopus", "mp3": "libmp3lame",
    "vorbis": "libvorbis", "flac": "flac", "alac": "alac", "ac3": "ac3", "eac3": "eac3",
    "mp2": "mp2", "mov_text": "mov_text", "subrip": "srt", "ass": "ass", "webvtt": "webvtt",
}  # fmt: skip
# What people write -> FFmpeg's decoder-side name.
CODEC_ALIASES = {
    "h265": "hevc", "x264": "h264", "x265": "hevc", "avc": "h264", "libx264": "h264",
    "libx265": "hevc", "libsvtav1": "av1", "libvpx-vp9": "vp9", "jpeg": "mjpeg", "jpg": "mjpeg",
    "libopus": "opus", "libmp3lame": "mp3", "pcm": "pcm_s16le", "wav": "pcm_s16le",
    "srt": "subrip", "vtt": "webvtt",
}  # fmt: skip
# CRF where nobody asks: each encoder's own default, or the value its guide calls comparable to
# x264's 23 (trac.ffmpeg.org/wiki/Encode/VP9, .../AV1).
_DEFAULT_CRF = {"h264": 23, "hevc": 28, "av1": 35, "vp9": 31, "vp8": 10}
_DEFAULT_AUDIO_BPS = {"aac": 128_000, "opus": 96_000, "mp3": 160_000, "ac3": 384_000,
                      "eac3": 256_000, "mp2": 256_000}  # fmt: skip
# Rates that the encoder takes; others are resampled visibly (RFC 6716; ISO 14496-3; ATSC A/52).
_RATES = {
    "opus": (48000, 24000, 16000, 12000, 8000),
    "mp3": (48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000),
    "ac3": (48000, 44100, 32000),
    "eac3": (48000, 44100, 32000),
    "mp2": (48000, 44100, 32000, 24000, 22050, 16000),
    "aac": (
        96000,
        88200,
        64000,
        48000,
        44100,
        32000,
        24000,
        22050,
        16000,
        12000,
        11025,
        8000,
        7350,
    ),
}
_MAX_CHANNELS = {"mp3": 2, "mp2": 2, "ac3": 6, "eac3": 6}
_PIX_FMTS = {
    "h264": ("yuv420p", "yuvj420p"),
    "hevc": ("yuv420p", "yuv420p10le"),
    "av1": ("yuv420p", "yuv420p10le"),
    "vp9": ("yuv420p", "yuv420p10le", "yuva420p"),
    "vp8": ("yuv420p", "yuva420p"),
    "theora": ("yuv420p",),
    "mpeg4": ("yuv420p",),
    "mpeg2video": ("yuv420p", "yuv422p"),
    "prores": ("yuv422p10le", "yuva444p10le"),
    "mjpeg": ("yuvj420p",),
    "png": ("rgb24", "rgba"),
    "webp": ("yuv420p", "yuva420p"),
}
_PRORES = {"proxy": "0", "lt": "1", "standard": "2", "hq": "3", "4444": "4"}


def codec_name(asked: str) -> str:
    return CODEC_ALIASES.get(asked.lower(), asked.lower())


def wanted_codec(kind: StreamKind, output: OutputSpec, container: Container) -> str | None:
    """The codec that the output asks for this kind, or None: as it comes."""
    if kind is StreamKind.VIDEO and output.video and output.video.codec:
        return codec_name(output.video.codec)
    if kind is StreamKind.AUDIO and output.audio and output.audio.codec:
        return codec_name(output.audio.codec)
    if kind is StreamKind.SUBTITLE and output.subtitles not in (None, "auto"):
        return codec_name(str(output.subtitles))
    return None


def encode_action(codec: str, output: OutputSpec, stream: Stream, threads: int) -> Encode:
    """The encoder with every option that decides its bytes, the thread count among them."""
    options: list[tuple[str, Value]] = []
    if isinstance(stream, VideoStream):
        options += _video(codec, output.video or VideoSettings(), stream, output)
        if codec in {"h264", "hevc", "vp9", "vp8", "ffv1", "mpeg4", "prores"}:
            options.append(("threads", threads))
    elif isinstance(stream, AudioStream):
        options += _audio(codec, output.audio or AudioSettings())
    return Encode(ENCODERS.get(codec, codec), tuple(options))


def encoded_stream(codec: str, raw: Stream, output: OutputSpec) -> Stream:
    """Facts of what the encoder gives."""
    return replace(raw, codec=codec, start=None)


def pix_fmt_for(codec: str, stream: VideoStream, output: OutputSpec) -> str | None:
    """The pixel format to convert to, or None where the encoder takes what there is."""
    asked = output.video.pix_fmt if output.video else None
    if asked:
        return None if stream.pix_fmt == asked else asked
    allowed = _PIX_FMTS.get(codec)
    if allowed is None or stream.pix_fmt in allowed:
        return None
    alpha = [f for f in allowed if "a" in f.removeprefix("yuv")[:1] or f == "rgba"]
    if stream.has_alpha and alpha:
        return alpha[0]
    deep = [f for f in allowed if "10" in f]
    return deep[0] if deep and "10" in (stream.pix_fmt or "") else allowed[0]


def sample_rate_for(codec: str, stream: AudioStream, output: OutputSpec) -> int | None:
    """The rate to resample to, or None."""
    asked = output.audio.sample_rate_hz if output.audio else None
    rate = asked or stream.sample_rate_hz
    allowed = _RATES.get(codec)
    if allowed and rate not in allowed:
        higher = [r for r in allowed if rate is not None and r >= rate]
        rate = min(higher) if higher else 48000
    return None if rate == stream.sample_rate_hz else rate


def channels_for(codec: str, stream: AudioStream, output: OutputSpec) -> int | None:
    asked = output.audio.channels if output.audio else None
    most = _MAX_CHANNELS.get(codec)
    wanted = asked or stream.channels
    if most and wanted and wanted > most:
        wanted = most
    return None if wanted == stream.channels else wanted


def _video(
    codec: str, settings: VideoSettings, stream: VideoStream, output: OutputSpec
) -> Iterator[tuple[str, Value]]:
    if codec in {"mjpeg", "webp", "png"}:
        yield from _still_quality(codec, output)
        return
    if settings.preset:
        name = {"vp9": "cpu-used", "vp8": "cpu-used"}.get(codec, "preset")
        yield name, settings.preset
    elif codec == "vp9":
        # libvpx's default speed 1 without row threads is 20 times slower than x264 medium.
        yield from (("cpu-used", 4), ("row-mt", 1))
    if settings.tune:
        yield "tune", settings.tune
    if settings.profile:
        yield "profile", _PRORES.get(settings.profile, settings.profile)
    yield from _rate_control(codec, settings)
    if settings.keyframe_interval and stream.frame_rate:
        yield "g", max(1, round(settings.keyframe_interval * stream.frame_rate))
    if codec == "hevc":
        # Without the tag QuickTime and Safari do not play it; x265 logs through its own channel.
        yield "x265-params", "log-level=error"
    yield from settings.options.items()


def _rate_control(codec: str, settings: VideoSettings) -> Iterator[tuple[str, Value]]:
    if settings.bitrate_bps:
        yield "b", settings.bitrate_bps
    elif codec in _DEFAULT_CRF:
        crf = settings.crf if settings.crf is not None else _DEFAULT_CRF[codec]
        yield "crf", int(crf) if float(crf).is_integer() else crf
        if codec in {"vp9", "vp8"}:
            # Constant quality needs the bit rate set to 0 (libvpx guide); vp8 wants a ceiling.
            yield "b", 0 if codec == "vp9" else 2_000_000
    elif codec in {"mpeg4", "mpeg2video", "theora"}:
        yield (
            "q",
            int(settings.crf) if settings.crf is not None else (7 if codec == "theora" else 4),
        )
    if settings.max_bitrate_bps:
        yield "maxrate", settings.max_bitrate_bps
        yield "bufsize", settings.max_bitrate_bps * 2


def _still_quality(codec: str, output: OutputSpec) -> Iterator[tuple[str, Value]]:
    if codec == "mjpeg":
        yield "q", output.quality if output.quality is not None else 3
        # JPEG is full range: without it the encoder refuses limited-range pixels.
        yield "strict", "unofficial"
    elif codec == "webp":
        yield "quality", output.quality if output.quality is not None else 85


def _audio(codec: str, settings: AudioSettings) -> Iterator[tuple[str, Value]]:
    if settings.quality is not None:
        yield "q", Fraction(settings.quality).limit_denominator(100)
    elif codec in _DEFAULT_AUDIO_BPS:
        yield "b", settings.bitrate_bps or _DEFAULT_AUDIO_BPS[codec]
    yield from settings.options.items()
