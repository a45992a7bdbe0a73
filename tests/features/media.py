"""Small media that tell of themselves: numbers in the frames, colours in the corners."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.operators import senses

# Nine blocks side by side at the top: the bits of the frame's number, the lowest first. They
# outlast scaling and encoding.
BITS = 9
_NUMBER = (
    f"geq=lum='if(lt(Y,H/6),16+219*mod(floor(N/pow(2,floor(X*{BITS}/W))),2),lum(X,Y))'"
    ":cb='if(lt(Y,H/12),128,cb(X,Y))':cr='if(lt(Y,H/12),128,cr(X,Y))'"
)

RED, GREEN, BLUE, WHITE, BLACK = (
    (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0),
)  # fmt: skip


def make(ffmpeg: Path, path: Path, *arguments: str) -> Path:
    command = [str(ffmpeg), "-v", "error", "-y", *arguments, str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


def talk(ffmpeg: Path, path: Path, seconds: int = 10) -> Path:
    """320x180, 25 fps, a keyframe a second, each frame with its number; a tone at -20 dBFS."""
    picture = f"testsrc2=s=320x180:r=25:d={seconds},format=yuv420p,{_NUMBER}"
    sound = f"sine=f=1000:r=48000:d={seconds},volume=-2dB,aformat=channel_layouts=stereo"
    return make(
        ffmpeg,
        path,
        *("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound),
        *("-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-g", "25", "-keyint_min", "25"),
        *("-sc_threshold", "0", "-c:a", "aac", "-b:a", "96k"),
    )


def corners(ffmpeg: Path, path: Path) -> Path:
    """160x120, one second at 25 fps: red and green above, blue and white below. No sound."""
    rows = [[(RED, "red"), (GREEN, "lime")], [(BLUE, "blue"), (WHITE, "white")]]
    names = [name for row in rows for _, name in row]
    graph = ";".join(f"color={c}:s=80x60:r=25:d=1[c{n}]" for n, c in enumerate(names))
    graph += ";[c0][c1][c2][c3]xstack=inputs=4:layout=0_0|80_0|0_60|80_60,format=yuv420p"
    quality = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "4", "-g", "25")
    return make(ffmpeg, path, "-f", "lavfi", "-i", graph, *quality)


def scenes(ffmpeg: Path, path: Path) -> Path:
    """160x90, 20 fps: three moving scenes of 1.5 s each, with hard cuts; a keyframe every 0.5 s."""
    graph = (
        "testsrc2=s=160x90:r=20:d=1.5[a];"
        "smptebars=s=160x90:r=20:d=1.5,hue=H=t/4[b];"
        "mandelbrot=s=160x90:r=20:maxiter=60,trim=duration=1.5[c];"
        "[a][b][c]concat=n=3,format=yuv420p"
    )
    quality = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "15", "-g", "10")
    sound = ("-f", "lavfi", "-i", "sine=r=48000:d=4.5", "-c:a", "aac")
    return make(ffmpeg, path, "-f", "lavfi", "-i", graph, *sound, *quality)


def tone(ffmpeg: Path, path: Path, *, hz: int = 440, seconds: float = 4, gain: str = "0dB") -> Path:
    """Mono at 48 kHz. FFmpeg's sine is at -18 dB of full scale; `gain` comes on top."""
    graph = f"sine=f={hz}:r=48000:d={seconds},volume={gain}"
    return make(ffmpeg, path, "-f", "lavfi", "-i", graph)


def facts(ffprobe: Path, path: Path) -> dict[str, Any]:
    """What ffprobe says, frames counted, the first stream of each kind by its kind."""
    command = [str(ffprobe), "-v", "error", "-show_streams", "-show_format", "-count_frames"]
    command += ["-of", "json", str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    said: dict[str, Any] = json.loads(done.stdout)
    for stream in said["streams"]:
        said.setdefault(stream["codec_type"], stream)
    return said


def pictures(ffmpeg: Path, ffprobe: Path, path: Path) -> senses.Frames:
    """(frames, height, width, 3) in RGB, as a player shows them."""
    # Rotation swaps the sides: the first decoded frame knows best.
    probe = [str(ffmpeg), "-v", "error", "-i", str(path), "-map", "0:v:0", "-frames:v", "1"]
    png = subprocess.run([*probe, "-f", "image2pipe", "-c:v", "png", "-"],
                         check=True, capture_output=True).stdout  # fmt: skip
    width, height = int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")
    return senses.frames(ffmpeg, path, width, height)


def numbers(frames: senses.Frames) -> list[int]:
    """The numbers that the frames of `talk` bear."""
    height, width = frames.shape[1:3]
    row = frames[:, height // 12, :, :].mean(axis=2)
    centers = [int((bit + 0.5) * width / BITS) for bit in range(BITS)]
    weights = 2 ** np.arange(BITS)
    return [int(((line[centers] > 127) * weights).sum()) for line in row]


def like(pixel: NDArray[np.uint8], color: tuple[int, int, int], tolerance: int = 40) -> bool:
    return bool(np.abs(pixel.astype(int) - np.array(color)).max() <= tolerance)
