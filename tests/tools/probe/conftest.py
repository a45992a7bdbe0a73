"""Small media made by FFmpeg's own sources."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from reelwright.tools.binaries import Tools, find_tools

Make = Callable[..., Path]


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
