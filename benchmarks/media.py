"""The media that are measured on: made by FFmpeg's own sources, kept between runs."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from benchmarks.measure import environment


@cache
def tools() -> tuple[str, str]:
    """ffmpeg and ffprobe, the very files that Reelwright runs."""
    from reelwright.tools.binaries import find_tools

    found = find_tools(folder())
    return str(found.ffmpeg), str(found.ffprobe)


def folder() -> Path:
    chosen = os.environ.get("REEL_BENCH_MEDIA")
    path = Path(chosen) if chosen else Path(tempfile.gettempdir()) / "reel-bench-media"
    path.mkdir(parents=True, exist_ok=True)
    return path


def ffmpeg(*words: str | Path, cwd: Path | None = None) -> str:
    """Runs it quietly; gives stdout. Raises CalledProcessError."""
    argv = [tools()[0], "-v", "error", "-nostdin", "-y", *(str(w) for w in words)]
    done = subprocess.run(
        argv, cwd=cwd, env=environment(), capture_output=True, text=True, check=True
    )
    return done.stdout


def kept(name: str, *words: str) -> Path:
    """The file that these words make; its name carries their hash, so another recipe is another
    file."""
    stem, _, suffix = name.rpartition(".")
    digest = hashlib.sha256("\0".join(words).encode()).hexdigest()[:10]
    path = folder() / f"{stem}-{digest}.{suffix}"
    if not path.exists():
        fresh = path.with_name(f"new-{os.getpid()}-{path.name}")
        ffmpeg(*words, fresh)
        fresh.replace(path)
    return path


def clip(seconds: float, size: str = "1920x1080", grain: int = 5) -> Path:
    """H.264 and AAC as a camera would give them: detail, motion, grain; a keyframe each 2 s."""
    width, height = size.split("x")
    moving = f"testsrc2=s={size}:r=30:d={seconds}"
    detail = f"mandelbrot=s={int(width) // 2}x{int(height) // 2}:r=30:end_scale=0.3:maxiter=400"
    graph = (
        f"{detail},trim=duration={seconds},setpts=PTS-STARTPTS[m];"
        f"{moving}[t];[t][m]overlay=W/4:H/4,noise=alls={grain}:allf=t,format=yuv420p[v];"
        f"sine=f=330:d={seconds},aformat=channel_layouts=stereo:sample_rates=48000[a]"
    )
    return kept(
        f"clip-{size}-{seconds:g}s.mp4",
        *("-filter_complex", graph, "-map", "[v]", "-map", "[a]"),
        *("-c:v", "libx264", "-preset", "veryfast", "-crf", "21", "-g", "60"),
        *("-threads", "2", "-c:a", "aac", "-b:a", "128k"),
    )


def long_file(seconds: float, size: str = "1920x1080", piece_s: float = 20) -> Path:
    """A clip over and over, its packets copied: any length costs next to nothing to make. With
    little grain, as what is published has: about 5 Mbit/s at 1080p."""
    piece = clip(min(piece_s, seconds), size, grain=1)
    return kept(
        f"long-{size}-{seconds:g}s.mp4",
        *("-stream_loop", "-1", "-i", str(piece), "-t", f"{seconds:g}", "-c", "copy"),
    )


def picture() -> Path:
    """A small logo with transparency."""
    source = "color=red@0.6:s=320x120:d=1,format=rgba"
    return kept("logo.png", "-f", "lavfi", "-i", source, "-frames:v", "1")


def frames_hash(path: Path) -> str:
    """MD5 of all decoded pictures."""
    words = ("-i", path, "-map", "0:v:0", "-fps_mode", "passthrough", "-f", "md5", "-")
    return ffmpeg(*words).strip()


def frame_hashes(path: Path, *before: str, count: int | None = None) -> list[str]:
    """MD5 of each decoded picture, from where the input options `before` begin."""
    limit = () if count is None else ("-frames:v", str(count))
    words = (*before, "-i", path, "-map", "0:v:0", "-fps_mode", "passthrough", *limit)
    lines = ffmpeg(*words, "-f", "framemd5", "-").splitlines()
    return [line.rpartition(",")[2].strip() for line in lines if not line.startswith("#")]


def frame_count(path: Path) -> int:
    """Packets of the picture, counted, not what a header says."""
    words = ("-v", "error", "-select_streams", "v:0", "-count_packets", "-show_entries")
    argv = [tools()[1], *words, "stream=nb_read_packets", "-of", "csv=p=0", str(path)]
    said = subprocess.run(argv, env=environment(), capture_output=True, text=True, check=True)
    return int(said.stdout.strip().strip(","))


def picture_start_s(path: Path) -> float:
    """When the first picture is shown, from the start of the file."""
    words = ("-v", "error", "-select_streams", "v:0", "-show_entries")
    argv = [tools()[1], *words, "stream=start_time:format=start_time", "-of", "json", str(path)]
    said = subprocess.run(argv, env=environment(), capture_output=True, text=True, check=True)
    found = json.loads(said.stdout)
    return float(found["streams"][0]["start_time"]) - float(found["format"]["start_time"])
