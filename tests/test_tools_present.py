"""The binaries that the wheels bring are the ones that the code is written for."""

import subprocess
from pathlib import Path


def first_line(binary: Path) -> str:
    done = subprocess.run([binary, "-version"], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[0]


def test_ffmpeg_is_at_least_nine(ffmpeg: Path) -> None:
    assert int(first_line(ffmpeg).split()[2].lstrip("n").split(".")[0]) >= 9


def test_ffprobe_is_at_least_eight(ffprobe: Path) -> None:
    assert int(first_line(ffprobe).split()[2].lstrip("n").split(".")[0]) >= 8
