"""What a person may write for a codec, and FFmpeg's name for it, as probing reports it."""

from __future__ import annotations

VIDEO = {
    "h264": "h264",
    "hevc": "hevc",
    "h265": "hevc",
    "av1": "av1",
    "vp9": "vp9",
    "vp8": "vp8",
    "prores": "prores",
    "mjpeg": "mjpeg",
    "ffv1": "ffv1",
    "copy": "copy",
}
AUDIO = {
    "aac": "aac",
    "opus": "opus",
    "mp3": "mp3",
    "flac": "flac",
    "vorbis": "vorbis",
    "pcm": "pcm_s16le",
    "ac3": "ac3",
    "eac3": "eac3",
    "alac": "alac",
    "copy": "copy",
}
SUBTITLES = {
    "auto": "auto",
    "copy": "copy",
    "srt": "subrip",
    "webvtt": "webvtt",
    "ass": "ass",
    "mov_text": "mov_text",
}

# Encoders, file endings and older spellings that people write where a codec is meant, and codecs
# that only one container asks for.
VIDEO_ALIASES = {
    "x264": "h264",
    "libx264": "h264",
    "avc": "h264",
    "h.264": "h264",
    "x265": "hevc",
    "libx265": "hevc",
    "h.265": "hevc",
    "svtav1": "av1",
    "libsvtav1": "av1",
    "libaom-av1": "av1",
    "libvpx-vp9": "vp9",
    "libvpx": "vp8",
    "prores_ks": "prores",
    "jpeg": "mjpeg",
    "jpg": "mjpeg",
    "png": "png",
    "webp": "webp",
    "gif": "gif",
    "theora": "theora",
    "mpeg4": "mpeg4",
    "mpeg2video": "mpeg2video",
}
AUDIO_ALIASES = {
    "libopus": "opus",
    "libmp3lame": "mp3",
    "libvorbis": "vorbis",
    "pcm_s16le": "pcm_s16le",
    "pcm_s24le": "pcm_s24le",
    "pcm_s32le": "pcm_s32le",
    "pcm_f32le": "pcm_f32le",
    "wav": "pcm_s16le",
    "ac-3": "ac3",
    "e-ac-3": "eac3",
    "mp2": "mp2",
}
SUBTITLE_ALIASES = {"subrip": "subrip", "vtt": "webvtt", "ssa": "ass"}

# The highest constant rate factor of each encoder: x264 and x265 51, libvpx and SVT-AV1 63.
CRF_MAX = {"h264": 51, "hevc": 51, "av1": 63, "vp9": 63, "vp8": 63}
