"""Videos in which something is written, drawn picture by picture."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

import reelwright

FONT = Path(reelwright.__file__).parent / "assets" / "fonts" / "DejaVuSans.ttf"
SIZE = (640, 360)
RATE = 5

Draw = Callable[[ImageDraw.ImageDraw, float], None]


def font(size_px: int = 36) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(FONT), size_px)


def video(ffmpeg: Path, path: Path, seconds: float, draw: Draw, *more: str) -> Path:
    """640x360 at 5 fps; `draw` is called for each frame with its time."""
    command = [
        *(str(ffmpeg), "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"),
        *("-s", f"{SIZE[0]}x{SIZE[1]}", "-r", str(RATE), "-i", "-", *more),
        *("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", str(path)),
    ]
    frames = bytearray()
    for number in range(round(seconds * RATE)):
        picture = Image.new("RGB", SIZE, (32, 64, 96))
        draw(ImageDraw.Draw(picture), number / RATE)
        frames += picture.tobytes()
    subprocess.run(command, input=bytes(frames), check=True)
    return path


def picture(path: Path, text: str, size: tuple[int, int] = (640, 120)) -> Path:
    made = Image.new("RGB", size, "white")
    ImageDraw.Draw(made).multiline_text((30, 30), text, font=font(), fill="black")
    made.save(path)
    return path
