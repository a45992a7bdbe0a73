"""Trying things on FFmpeg: bare, as anybody starts it, and confined, as a step does."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reelwright.media.demuxers import file_url
from reelwright.media.info import MediaInfo
from reelwright.tools.binaries import Tools
from reelwright.tools.probe import probe
from reelwright.tools.process import Command, Completed
from reelwright.tools.sandbox import Confinement, landlock_abi
from tests.tools.processes import run

walled = pytest.mark.skipif(
    sys.platform != "linux" or not landlock_abi(), reason="needs a kernel with Landlock"
)


def make(tools: Tools, path: Path, *options: str) -> Path:
    source = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=1")
    command = (tools.ffmpeg, "-v", "error", *source, *options, file_url(path))
    subprocess.run([str(word) for word in command], check=True)
    return path


def bare(tools: Tools, folder: Path, *words: object) -> subprocess.CompletedProcess[bytes]:
    command = [str(tools.ffmpeg), "-nostdin", "-y", "-v", "error", *map(str, words)]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=60)


def confined(tools: Tools, folder: Path, *words: object, **fields: Any) -> Completed:
    argv = (str(tools.ffmpeg), "-nostdin", "-y", "-v", "error", *map(str, words))
    walls = Confinement(write=(folder,), **fields)
    return run(Command(argv=argv, cwd=folder, confinement=walls, timeout_s=60))


def probed(path: Path, tools: Tools, *, sandbox: bool = True) -> MediaInfo:
    return asyncio.run(probe(path, tools, sandbox=sandbox))
