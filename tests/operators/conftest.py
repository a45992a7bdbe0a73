"""Small media that the operators' tests share, made by ffmpeg's own sources."""

from pathlib import Path

import pytest

from tests.operators.scene import make

LOSSLESS = ("-c:v", "libx264", "-qp", "0", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


@pytest.fixture(scope="session")
def numbered(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds at 25 fps; the luma of frame n is 16 + 2.9 n. With a tone."""
    return make(
        ffmpeg,
        tmp_path_factory.mktemp("media") / "numbered.mp4",
        *("-f", "lavfi", "-i", "nullsrc=s=32x32:r=25:d=3,geq=lum=16.5+2.9*N:cb=128:cr=128"),
        *("-f", "lavfi", "-i", "sine=r=48000:d=3"),
        *(*LOSSLESS, "-g", "10", "-c:a", "aac"),
    )


@pytest.fixture(scope="session")
def three_shots(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds at 20 fps, 160x90, with cuts at 1 s and 2.5 s between moving pictures."""
    graph = (
        "testsrc2=s=160x90:r=20:d=1[a];"
        "smptebars=s=160x90:r=20:d=1.5,hue=H=t/4[b];"
        "mandelbrot=s=160x90:r=20:maxiter=60,trim=duration=1.5[c];"
        "[a][b][c]concat=n=3"
    )
    return make(
        ffmpeg,
        tmp_path_factory.mktemp("media") / "shots.mp4",
        *("-f", "lavfi", "-i", graph, *LOSSLESS),
    )
