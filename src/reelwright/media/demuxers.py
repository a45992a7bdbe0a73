"""Which demuxers read untrusted input, and how FFmpeg is kept to them.

FFmpeg guesses a format from a file's bytes, whatever its name is. A guessed HLS or DASH manifest or
an ffconcat script opens *other* files and copies them into the output, and ``-protocol_whitelist
file`` does not stop that. So the demuxer is chosen here, from a list of those that read one file
and nothing else, and pinned with ``-f`` and ``-format_whitelist`` wherever the file is opened.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from reelwright.errors import Code, ReelError

# No `data`: nothing that we write needs it, and it would let a manifest carry its own segments.
PROTOCOLS = "file,pipe"

# Each reads the one file it is given. Left out on purpose: hls, dash, imf, concat, sdp, rtsp, rtp,
# lavfi, image2 (name patterns), vobsub (opens its .sub), svg_pipe (references), tty, avisynth and
# vapoursynth (scripts), dvdvideo and bluray, libgme and libopenmpt (players with parsers of their
# own), and what can only be read with parameters that no file states (rawvideo, s16le).
_CONTAINERS = (
    "asf avi caf dv flv gxf ivf live_flv m4v matroska mov mpeg mpegts mxf nsv nut obu ogg rm wtv "
    "yuv4mpegpipe"
)
_VIDEO = "av1 avs2 avs3 cavsvideo dirac dnxhd h261 h263 h264 hevc mjpeg mpegvideo vc1 vvc"
_AUDIO = (
    "aac ac3 ac4 aiff amr amrnb amrwb ape au dsf dts dtshd eac3 flac gsm iff loas mlp mp3 mpc mpc8 "
    "oma osq qcp qoa rso shn sln sox tak truehd tta voc w64 wav wv xa"
)
_IMAGES = (
    "apng bmp_pipe dds_pipe dpx_pipe exr_pipe gif gif_pipe hdr_pipe ico j2k_pipe jpeg_pipe "
    "jpegls_pipe jpegxl_anim jpegxl_pipe pam_pipe pbm_pipe pcx_pipe pfm_pipe pgm_pipe pgmyuv_pipe "
    "png_pipe ppm_pipe psd_pipe qoi_pipe sgi_pipe sunrast_pipe tiff_pipe webp_anim webp_pipe "
    "xbm_pipe xpm_pipe"
)
_SUBTITLES = (
    "ass jacosub lrc microdvd mpl2 mpsub pjs realtext sami scc srt stl subviewer sup webvtt"
)

_OPENS_OTHERS = (
    "hls dash webm_dash_manifest imf concat sdp rtsp rtp lavfi image2 vobsub svg_pipe avisynth "
    "vapoursynth dvdvideo"
)

ALLOWED = frozenset(f"{_CONTAINERS} {_VIDEO} {_AUDIO} {_IMAGES} {_SUBTITLES}".split())

# ffprobe's names that are not the one to pin. `image2` is what a lone JPEG is taken for, by name.
_PREFERRED = {"webm": "matroska", "mp4": "mov", "m4a": "mov", "3gp": "mov", "asf_o": "asf"}

# Off by default today; stated, because what they turn on is reading other files by reference.
_OPTIONS = {"mov": ("-enable_drefs", "0", "-use_absolute_path", "0")}


def pinned(format_name: str) -> str:
    """The demuxer to pin for ffprobe's `format_name` (``mov,mp4,m4a,3gp,3g2,mj2`` → ``mov``).

    Raises MEDIA_NOT_ALLOWED for one that may open anything but its own file.
    """
    names = [_PREFERRED.get(name, name) for name in format_name.split(",")]
    for name in names:
        if name in ALLOWED:
            return name
    raise ReelError(
        Code.MEDIA_NOT_ALLOWED,
        f"the format '{format_name}' is not read: it can open other files or addresses"
        if names[0] in _OPENS_OTHERS.split()
        else f"the format '{format_name}' is not on the list of those that are read",
        evidence={"format_name": format_name},
    )


def whitelist(demuxers: Iterable[str] = ALLOWED) -> str:
    """The value of ``-format_whitelist`` while the format is still to be found out."""
    return ",".join(sorted(demuxers))


def input_options(demuxer: str, *, max_pixels: int | None = None) -> tuple[str, ...]:
    """What stands before ``-i`` of an untrusted file, for ffmpeg and ffprobe alike.

    `max_pixels` bounds the area of a decoded picture: a file that claims more fails at once rather
    than take gigabytes. FFmpeg counts a decoder's padding with it (MPEG-4's 64x48 is 192x280), so
    it is no exact limit for small pictures. Raises MEDIA_NOT_ALLOWED for a demuxer that is not in
    `ALLOWED`.
    """
    if demuxer not in ALLOWED:
        pinned(demuxer)
    limit = () if max_pixels is None else ("-max_pixels", str(max_pixels))
    return (
        *("-protocol_whitelist", PROTOCOLS),
        *("-format_whitelist", demuxer),
        *limit,
        *_OPTIONS.get(demuxer, ()),
        *("-f", demuxer),
    )


def probe_options(*, max_pixels: int | None = None) -> tuple[str, ...]:
    """The same while the format is unknown: FFmpeg may guess, within `ALLOWED` only."""
    limit = () if max_pixels is None else ("-max_pixels", str(max_pixels))
    return ("-protocol_whitelist", PROTOCOLS, "-format_whitelist", whitelist(), *limit)


def file_url(path: Path) -> str:
    """`path` so that FFmpeg takes it for nothing else: not an option, not a protocol (``a:b``)."""
    return f"file:{path}"
