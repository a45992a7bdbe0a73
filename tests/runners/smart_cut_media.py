"""Small videos of every kind that a smart cut meets, and a judge that does not share its code."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

LENGTH_S = 10
_PICTURE = f"testsrc2=s=320x180:r=25:d={LENGTH_S}"
_SOUND = f"aevalsrc=sin(440*2*PI*t)+0.3*sin(t*t*300):s=48000:d={LENGTH_S}"
_X265 = "keyint=50:min-keyint=50:scenecut=0:log-level=error"
_AAC, _OPUS, _PCM = ("-c:a", "aac"), ("-c:a", "libopus"), ("-c:a", "pcm_s16le")
_X264 = ("-c:v", "libx264", "-g", "50", "-preset", "fast")
_MAIN_BT601 = (
    "-profile:v main -color_range pc -aspect 4:3 "
    "-colorspace smpte170m -color_primaries smpte170m -color_trc smpte170m"
)
_VP8 = "-c:v libvpx -g 50 -b:v 500k -deadline realtime -cpu-used 8"
_VP9 = "-c:v libvpx-vp9 -g 50 -deadline good -cpu-used 6 -lag-in-frames 16 -b:v 500k"

# File name: encoder options, sound options. A keyframe every 2 s (50 frames) unless said.
RECIPES: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "h264.mp4": (_X264, _AAC),
    "h264.mkv": (_X264, _OPUS),
    "h264.ts": (_X264, _AAC),
    "h264-main-bt601.mp4": (
        (*_X264, *_MAIN_BT601.split()),
        (),
    ),
    "h264-10bit.mp4": ((*_X264, "-pix_fmt", "yuv420p10le"), ()),
    "h264-open.mp4": ((*_X264, "-x264-params", "open-gop=1:scenecut=0"), ()),
    "h264-vfr.mp4": (
        (*_X264, "-vf", "select=mod(n\\,5)*mod(n\\,7)", "-fps_mode", "vfr"),
        (),
    ),
    "h264-long.mp4": (("-c:v", "libx264", "-g", "100", "-preset", "fast"), _AAC),
    "hevc.mp4": (("-c:v", "libx265", "-x265-params", f"{_X265}:open-gop=0"), _AAC),
    "hevc-open.mp4": (("-c:v", "libx265", "-x265-params", f"{_X265}:open-gop=1"), ()),
    "hevc-open.ts": (("-c:v", "libx265", "-x265-params", f"{_X265}:open-gop=1"), ()),
    "vp9.webm": (
        _VP9.split(),
        _OPUS,
    ),
    "vp8.webm": (_VP8.split(), ()),
    "av1.mp4": (("-c:v", "libsvtav1", "-preset", "10", "-g", "50"), ()),
    "mpeg2.ts": (("-c:v", "mpeg2video", "-g", "15", "-bf", "2", "-q:v", "3"), ()),
    "prores.mov": (("-c:v", "prores_ks"), _PCM),
    "mjpeg.avi": (("-c:v", "mjpeg", "-q:v", "3"), ()),
    "rotated.mp4": (_X264, ()),
}
MUXERS = {
    "mp4": "mp4",
    "mov": "mov",
    "mkv": "matroska",
    "ts": "mpegts",
    "webm": "webm",
    "avi": "avi",
}


def make(ffmpeg: Path, folder: Path, name: str) -> Path:
    """The file `name` of RECIPES, made once per folder."""
    path = folder / name
    if not path.exists():
        video, audio = RECIPES[name]
        sound = ("-f", "lavfi", "-i", _SOUND) if audio else ()
        _run(ffmpeg, "-y", "-f", "lavfi", "-i", _PICTURE, *sound, *video, *audio, str(path))
        if name == "rotated.mp4":
            plain = path.rename(folder / "not-yet-rotated.mp4")
            turn = ("-display_rotation:v:0", "90", "-i", str(plain), "-c", "copy")
            _run(ffmpeg, "-y", *turn, str(path))
    return path


def _run(ffmpeg: Path, *arguments: str) -> bytes:
    done = subprocess.run(
        [str(ffmpeg), "-v", "error", *arguments], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@dataclass(frozen=True)
class Shown:
    """The frames that FFmpeg shows of a file: times, MD5s, small gray pictures."""

    times: list[Fraction]
    digests: list[str]
    pictures: Any


def shown(ffmpeg: Path, path: Path, *, strict: bool = False) -> Shown:
    """`strict`: any damage that the decoder notices is an error."""
    how = ("-err_detect", "explode", "-xerror") if strict else ()
    given = (*how, "-copyts", "-i", str(path), "-map", "0:V:0", "-fps_mode", "passthrough")
    listed = _run(ffmpeg, *given, "-enc_time_base", "demux", "-f", "framemd5", "-").decode()
    time_base, times, digests = Fraction(1), [], []
    for line in listed.splitlines():
        if line.startswith("#tb"):
            time_base = Fraction(line.split(": ")[1])
        elif not line.startswith("#"):
            fields = [field.strip() for field in line.split(",")]
            times.append(int(fields[2]) * time_base)
            digests.append(fields[5])
    small = ("-vf", "scale=64:36:flags=area,format=gray", "-f", "rawvideo", "-")
    raw = np.frombuffer(_run(ffmpeg, *given, *small), np.uint8)
    return Shown(times, digests, raw.reshape(-1, 36 * 64).astype(int))


@cache
def original_shown(ffmpeg: Path, path: Path) -> Shown:
    """`shown` of a source that several tests cut."""
    return shown(ffmpeg, path)


def samples(ffmpeg: Path, path: Path) -> Any:
    """All audio samples, mono, -1 to 1."""
    raw = _run(ffmpeg, "-i", str(path), "-map", "0:a:0", "-ac", "1", "-f", "f32le", "-")
    return np.frombuffer(raw, np.float32)


def judge(
    source: Shown, cut: Shown, start: Fraction, end: Fraction | None, origin: Fraction
) -> list[int]:
    """Asserts that `cut` shows exactly the frames of `[start, end)`, each at its time and alike to
    the source; gives the positions in `cut` of those that are identical bit for bit."""
    slack = Fraction(1, 1500)  # Matroska's tick is 1 ms
    wanted = [
        i
        for i, time in enumerate(source.times)
        if time - origin >= start - slack and (end is None or time - origin < end - slack)
    ]
    assert len(cut.times) == len(wanted)
    # MPEG-TS starts at a time of its own.
    first = cut.times[0] - (source.times[wanted[0]] - origin - start)
    for got, index in zip(cut.times, wanted, strict=True):
        assert abs(got - first - (source.times[index] - origin - start)) <= Fraction(1, 900)
    difference = abs(cut.pictures - source.pictures[wanted]).mean(axis=1)
    assert difference.max() < 2, f"frame {difference.argmax()} differs"
    pairs = zip(cut.digests, wanted, strict=True)
    return [at for at, (digest, i) in enumerate(pairs) if digest == source.digests[i]]
