"""What came out, as numbers: samples, frames, loudness."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reelwright.analysis.loudness import Measurement, parse_summary

Samples = NDArray[np.float32]
Frames = NDArray[np.uint8]


def samples(ffmpeg: Path, path: Path, channels: int = 1) -> Samples:
    """(samples, channels) at the file's own rate; `channels` must be the file's."""
    command = [str(ffmpeg), "-v", "error", "-i", str(path), "-map", "0:a:0", "-f", "f32le", "-"]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    return np.frombuffer(raw, np.float32).reshape(-1, channels)


def rms_db(part: Samples) -> float:
    """Level in dB below full scale; -200 for silence."""
    return float(20 * np.log10(max(np.sqrt(np.mean(np.square(part, dtype=np.float64))), 1e-10)))


def frames(ffmpeg: Path, path: Path, width: int, height: int) -> Frames:
    """(frames, height, width, 3) in RGB."""
    command = [str(ffmpeg), "-v", "error", "-i", str(path), "-map", "0:v:0"]
    command += ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)


def loudness(ffmpeg: Path, path: Path) -> Measurement:
    """By ebur128, with true peak."""
    command = [str(ffmpeg), "-hide_banner", "-nostats", "-i", str(path), "-map", "0:a:0"]
    command += ["-af", "ebur128=peak=true:framelog=quiet", "-f", "null", "-"]
    return parse_summary(subprocess.run(command, check=True, capture_output=True, text=True).stderr)
