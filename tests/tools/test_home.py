"""Where the home is."""

from __future__ import annotations

from pathlib import Path

import pytest

from reelwright.tools.home import home_folder


def test_the_home_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("REEL_HOME", str(tmp_path / "here"))
    assert home_folder() == tmp_path / "here"
    monkeypatch.delenv("REEL_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert home_folder() == tmp_path / "reelwright"
    monkeypatch.setenv("XDG_DATA_HOME", "relative/is/ignored")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert home_folder() == tmp_path / ".local" / "share" / "reelwright"
    monkeypatch.setattr("sys.platform", "darwin")
    assert home_folder() == tmp_path / "Library" / "Application Support" / "reelwright"
