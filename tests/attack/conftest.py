"""Somebody's private files, and a workspace from which they must not be reached."""

from pathlib import Path

import pytest

from reelwright.tools.binaries import Tools, find_tools
from tests.attack.attempts import make


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    return find_tools(tmp_path_factory.mktemp("home"))


@pytest.fixture
def outside(tools: Tools, tmp_path: Path) -> Path:
    """A folder that nobody was given, with somebody's private video and text."""
    folder = tmp_path / "outside"
    folder.mkdir()
    make(tools, folder / "secret.mp4")
    make(tools, folder / "secret.ts")
    (folder / "secret.txt").write_text("the secret")
    (folder / "secret.srt").write_text("1\n00:00:00,000 --> 00:00:09,000\nthe secret\n")
    return folder


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder
