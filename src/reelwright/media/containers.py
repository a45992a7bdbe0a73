"""Which container holds which codec, and what it is given when nobody says.

Codec names are FFmpeg's decoder-side names (``h264``, not ``libx264``). Sources: the muxers' codec
tags of FFmpeg 9 (``libavformat/movenc.c``, ``matroskaenc.c``, ``mpegtsenc.c``), and RFC 9559.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reelwright.media.streams import StreamKind


class Role(StrEnum):
    """What a file of this container is for."""

    AV = "av"
    AUDIO = "audio"
    IMAGE = "image"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """`muxer` is FFmpeg's name; the first extension is the usual one. A default of None: the
    container does not hold that kind."""

    name: str
    muxer: str
    extensions: tuple[str, ...]
    role: Role = Role.AV
    video: frozenset[str] = frozenset()
    audio: frozenset[str] = frozenset()
    subtitle: frozenset[str] = frozenset()
    default_video: str | None = None
    default_audio: str | None = None
    default_subtitle: str | None = None
    edit_lists: bool = False  # trims to the sample without re-encoding
    rotates: bool = False  # a display matrix that players honour
    single: bool = False  # one stream only

    def codecs(self, kind: StreamKind) -> frozenset[str]:
        table = {
            StreamKind.VIDEO: self.video,
            StreamKind.AUDIO: self.audio,
            StreamKind.SUBTITLE: self.subtitle,
        }
        return table.get(kind, frozenset())

    def default(self, kind: StreamKind) -> str | None:
        table = {
            StreamKind.VIDEO: self.default_video,
            StreamKind.AUDIO: self.default_audio,
            StreamKind.SUBTITLE: self.default_subtitle,
        }
        return table.get(kind)


_PCM = frozenset(
    {"pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_u8", "pcm_s16be", "pcm_s24be"}
)
_MP4_VIDEO = frozenset({"h264", "hevc", "av1", "vp9", "mpeg4", "mjpeg"})
_MP4_AUDIO = frozenset({"aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"})
_MOV_VIDEO = _MP4_VIDEO | {"prores", "dnxhd", "png", "mpeg2video", "h263", "qtrle", "rawvideo"}
_MKV_VIDEO = _MOV_VIDEO | {"vp8", "theora", "ffv1", "mpeg1video", "msmpeg4v3", "gif", "huffyuv"}
_MKV_AUDIO = _MP4_AUDIO | _PCM | {"vorbis", "mp2", "dts", "truehd"}
_TEXT_SUBS = frozenset({"subrip", "ass", "webvtt", "mov_text"})


def _mp4(name: str, muxer: str, extensions: tuple[str, ...]) -> Container:
    return Container(
        name=name, muxer=muxer, extensions=extensions, video=_MP4_VIDEO, audio=_MP4_AUDIO,
        subtitle=frozenset({"mov_text"}), default_video="h264", default_audio="aac",
        default_subtitle="mov_text", edit_lists=True, rotates=True,
    )  # fmt: skip


def _audio(name: str, muxer: str, extensions: tuple[str, ...], codecs: set[str], default: str,
           *, single: bool = True, edit_lists: bool = False) -> Container:  # fmt: skip
    return Container(
        name=name, muxer=muxer, extensions=extensions, role=Role.AUDIO, audio=frozenset(codecs),
        default_audio=default, single=single, edit_lists=edit_lists,
    )  # fmt: skip


def _image(name: str, codec: str, extensions: tuple[str, ...]) -> Container:
    return Container(
        name=name, muxer="image2", extensions=extensions, role=Role.IMAGE,
        video=frozenset({codec}), default_video=codec,
    )  # fmt: skip


def _text(name: str, muxer: str, extensions: tuple[str, ...], subtitle: str | None) -> Container:
    return Container(
        name=name, muxer=muxer, extensions=extensions, role=Role.TEXT, single=True,
        subtitle=frozenset({subtitle}) if subtitle else frozenset(), default_subtitle=subtitle,
    )  # fmt: skip


_ALL = (
    _mp4("mp4", "mp4", ("mp4", "m4v")),
    Container(
        name="mov", muxer="mov", extensions=("mov", "qt"), video=_MOV_VIDEO,
        audio=_MP4_AUDIO - {"opus", "flac"} | _PCM, subtitle=frozenset({"mov_text"}),
        default_video="h264", default_audio="aac", default_subtitle="mov_text",
        edit_lists=True, rotates=True,
    ),
    Container(
        name="matroska", muxer="matroska", extensions=("mkv",), video=_MKV_VIDEO,
        audio=_MKV_AUDIO,
        subtitle=_TEXT_SUBS - {"mov_text"} | {"hdmv_pgs_subtitle", "dvd_subtitle"},
        default_video="h264", default_audio="aac", default_subtitle="subrip",
    ),
    Container(
        name="webm", muxer="webm", extensions=("webm",), video=frozenset({"vp8", "vp9", "av1"}),
        audio=frozenset({"opus", "vorbis"}), subtitle=frozenset({"webvtt"}),
        default_video="vp9", default_audio="opus", default_subtitle="webvtt",
    ),
    Container(
        name="mpegts", muxer="mpegts", extensions=("ts", "m2ts", "mts"),
        video=frozenset({"h264", "hevc", "mpeg2video"}),
        audio=frozenset({"aac", "mp3", "mp2", "ac3", "eac3", "opus"}),
        default_video="h264", default_audio="aac",
    ),
    Container(
        name="avi", muxer="avi", extensions=("avi",),
        video=frozenset({"mpeg4", "mjpeg", "h264", "rawvideo", "ffv1", "huffyuv", "msmpeg4v3"}),
        audio=frozenset({"mp3", "ac3", "pcm_s16le", "mp2"}),
        default_video="mpeg4", default_audio="mp3",
    ),
    Container(
        name="flv", muxer="flv", extensions=("flv",), video=frozenset({"h264"}),
        audio=frozenset({"aac", "mp3"}), default_video="h264", default_audio="aac",
    ),
    Container(
        name="ogg", muxer="ogg", extensions=("ogv", "ogg"), video=frozenset({"theora"}),
        audio=frozenset({"vorbis", "opus", "flac"}), default_video="theora",
        default_audio="vorbis",
    ),
    Container(
        name="gif", muxer="gif", extensions=("gif",), video=frozenset({"gif"}),
        default_video="gif", single=True,
    ),
    _audio("m4a", "ipod", ("m4a",), {"aac", "alac", "ac3"}, "aac", edit_lists=True),
    _audio("mp3", "mp3", ("mp3",), {"mp3"}, "mp3"),
    _audio("opus", "opus", ("opus",), {"opus"}, "opus"),
    _audio("oga", "ogg", ("oga",), {"vorbis", "opus", "flac"}, "vorbis"),
    _audio("flac", "flac", ("flac",), {"flac"}, "flac"),
    _audio("wav", "wav", ("wav",), set(_PCM), "pcm_s16le"),
    _audio("aac", "adts", ("aac",), {"aac"}, "aac"),
    _audio("ac3", "ac3", ("ac3",), {"ac3"}, "ac3"),
    _audio("mka", "matroska", ("mka",), set(_MKV_AUDIO), "aac", single=False),
    _image("jpeg", "mjpeg", ("jpg", "jpeg")),
    _image("png", "png", ("png",)),
    _image("webp", "webp", ("webp",)),
    _text("json", "json", ("json",), None),
    _text("text", "text", ("txt",), None),
    _text("zip", "zip", ("zip",), "zip"),  # pictures that stand beside a result
    _text("npy", "npy", ("npy",), "npy"),  # vectors that do
    _text("ffmetadata", "ffmetadata", ("ffmetadata",), None),
    _text("webvtt", "webvtt", ("vtt",), "webvtt"),
    _text("srt", "srt", ("srt",), "subrip"),
    _text("ass", "ass", ("ass",), "ass"),
)  # fmt: skip

CONTAINERS = {c.name: c for c in _ALL}
BY_EXTENSION = {e: c for c in _ALL for e in c.extensions}
# What people write for a container's name beside ours.
ALIASES = {"mkv": "matroska", "ts": "mpegts", "jpg": "jpeg", "vtt": "webvtt", "m4v": "mp4"}


def container(name: str) -> Container | None:
    """By our name, an alias or an extension; None where there is no such container."""
    plain = name.lower().lstrip(".")
    return CONTAINERS.get(ALIASES.get(plain, plain)) or BY_EXTENSION.get(plain)
