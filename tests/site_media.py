"""The media of the test site, made by FFmpeg once a session: a second or two each, and tiny."""

from __future__ import annotations

import fcntl
import subprocess
from pathlib import Path

import pytest

_PICTURE = "testsrc2=s=160x90:r=25:d={s}"
_SOUND = "sine=f=660:r=48000:d={s},volume=-6dB"
_X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "34", "-pix_fmt", "yuv420p")
_AAC = ("-c:a", "aac", "-b:a", "48k")
_DONE = ".done"

_MASTER = """#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=300000,RESOLUTION=160x90,CODECS="avc1.42c00b,mp4a.40.2"
v0.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=150000,RESOLUTION=80x44,CODECS="avc1.42c00a,mp4a.40.2"
v1.m3u8
"""

CAPTIONS = {
    "en": "WEBVTT\n\n00:00.000 --> 00:00.500\nThe first words\n\n"
    "00:00.500 --> 00:01.000\nand the last ones\n",
    "de": "WEBVTT\n\n00:00.000 --> 00:00.500\nDie ersten Worte\n\n"
    "00:00.500 --> 00:01.000\nund die letzten\n",
}


def _lavfi(seconds: float) -> list[str]:
    picture, sound = _PICTURE.format(s=seconds), _SOUND.format(s=seconds)
    return ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound]


def make_media(ffmpeg: Path, folder: Path) -> Path:
    """Fills `folder`: clip.mp4, clip.webm (1 s), tone.m4a, tone.mp3, poster.jpg, hls/ and
    hls-fmp4/ (2 s in four segments, two renditions each), dash/ (2 s). Gives it back."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / _DONE).exists():
            _make_all(ffmpeg, folder)
            (folder / _DONE).touch()
    return folder


def _make_all(ffmpeg: Path, folder: Path) -> None:
    fast = ("-movflags", "+faststart")
    _run(ffmpeg, folder, *_lavfi(1), *_X264, *_AAC, *fast, "clip.mp4")
    vp9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "60k")
    _run(ffmpeg, folder, *_lavfi(1), *vp9, "-c:a", "libopus", "-b:a", "32k", "clip.webm")
    tone = ["-f", "lavfi", "-i", _SOUND.format(s=1)]
    _run(ffmpeg, folder, *tone, *_AAC, "tone.m4a")
    _run(ffmpeg, folder, *tone, "-c:a", "libmp3lame", "-b:a", "48k", "tone.mp3")
    still = ["-f", "lavfi", "-i", _PICTURE.format(s=1), "-frames:v", "1"]
    _run(ffmpeg, folder, *still, "poster.jpg")
    _make_hls(ffmpeg, folder / "hls", "mpegts")
    _make_hls(ffmpeg, folder / "hls-fmp4", "fmp4")
    _make_dash(ffmpeg, folder / "dash")


def _make_hls(ffmpeg: Path, folder: Path, kind: str) -> None:
    folder.mkdir()
    two = ("-map", "0:v", "-map", "1:a", "-map", "0:v", "-map", "1:a")
    sizes = ("-s:v:0", "160x90", "-s:v:1", "80x44")
    _run(
        ffmpeg,
        folder,
        *(*_lavfi(2), *two, *_X264, *_AAC, *sizes, "-g", "12", "-sc_threshold", "0"),
        *("-f", "hls", "-hls_time", "0.48", "-hls_playlist_type", "vod"),
        *("-hls_segment_type", kind, "-var_stream_map", "v:0,a:0 v:1,a:1", "v%v.m3u8"),
    )
    for path in folder.glob("v*.m3u8"):  # FFmpeg rounds half a second to none
        text = path.read_text().replace("TARGETDURATION:0", "TARGETDURATION:1")
        path.write_text(text)
    # FFmpeg's own master is empty where no bitrate was asked for.
    (folder / "master.m3u8").write_text(_MASTER)


def _make_dash(ffmpeg: Path, folder: Path) -> None:
    folder.mkdir()
    _run(
        ffmpeg,
        folder,
        *(*_lavfi(2), *_X264, *_AAC, "-g", "12", "-sc_threshold", "0"),
        *("-f", "dash", "-seg_duration", "0.48", "manifest.mpd"),
    )


def _run(ffmpeg: Path, folder: Path, *arguments: str | Path) -> None:
    command = [str(ffmpeg), "-v", "error", "-y", "-threads", "1", *map(str, arguments)]
    subprocess.run(command, check=True, cwd=folder, stdin=subprocess.DEVNULL)


def numbered(clip: bytes, text: str) -> bytes:
    """The MP4 or M4A with a note in it: as playable as before, with other bytes than any other."""
    note = text.encode()
    return clip + (8 + len(note)).to_bytes(4, "big") + b"free" + note


@pytest.fixture(scope="session")
def site_media(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made by one worker of the session and used by all of them."""
    base = tmp_path_factory.getbasetemp()
    # The base of a worker of pytest-xdist lies in the one of the session.
    base = base.parent if base.name.startswith("popen-") else base
    return make_media(ffmpeg, base / "site-media")
