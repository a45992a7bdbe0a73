"""Small media made by FFmpeg's own sources, and what a step needs to run."""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from reelwright.runners.context import StepContext
from reelwright.tools.binaries import Tools, find_tools

Make = Callable[..., Path]
Contexts = Callable[..., StepContext]


@pytest.fixture(scope="session")
def tools() -> Tools:
    return find_tools()


@pytest.fixture(scope="session")
def make(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Make:
    """``make("name.mp4", *arguments)``: FFmpeg's output, made once a session."""
    folder = tmp_path_factory.mktemp("media")

    def made(name: str, *arguments: str) -> Path:
        path = folder / name
        if not path.exists():
            start = [str(tools.ffmpeg), "-nostdin", "-v", "error", "-y"]
            subprocess.run([*start, *arguments, str(path)], check=True)
        return path

    return made


@pytest.fixture(scope="session")
def video(make: Make) -> Path:
    """Two seconds, 160x90 at 25 frames a second with a keyframe each second, and a mono tone."""
    return make(
        "video.mp4",
        *("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=2"),
        *("-f", "lavfi", "-i", "sine=frequency=440:duration=2:sample_rate=48000"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-c:a", "aac"),
    )


@pytest.fixture(scope="session")
def truncated(video: Path) -> Path:
    """`video` with its index first, cut in the middle: FFmpeg reads it with exit code 0."""
    whole = video.with_name("faststart.mp4")
    if not whole.exists():
        tools = find_tools()
        arguments = ["-i", str(video), "-c", "copy", "-movflags", "+faststart", str(whole)]
        subprocess.run([str(tools.ffmpeg), "-v", "error", "-y", *arguments], check=True)
    cut = video.with_name("truncated.mp4")
    data = whole.read_bytes()
    cut.write_bytes(data[: len(data) * 6 // 10])
    return cut


@pytest.fixture
def contexts(tools: Tools, tmp_path: Path) -> Contexts:
    """``contexts(files, results)``: a fresh workspace each time."""
    made: list[StepContext] = []

    def context(
        files: Mapping[str, Path] | None = None, results: Mapping[str, Any] | None = None
    ) -> StepContext:
        workspace = tmp_path / f"work{len(made)}"
        workspace.mkdir()
        made.append(
            StepContext(
                workspace=workspace,
                files=files or {},
                results=results or {},
                tools=tools,
                log=tmp_path / f"log{len(made)}.txt",
            )
        )
        return made[-1]

    return context
