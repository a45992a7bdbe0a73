import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from reelwright.errors import Code, ReelError
from reelwright.tools.binaries import find_tools, ytdlp_version

FAKE = "#!/bin/sh\necho ran >> {log}\necho 'ffmpeg version 7.{n} Copyright'\n"


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REEL_FFMPEG", "REEL_FFPROBE", "REEL_HOME"):
        monkeypatch.delenv(name, raising=False)


def fake(folder: Path, name: str, number: int = 1) -> Path:
    """A program that says a version and counts how often it was started."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(FAKE.format(log=folder / "runs", n=number))
    path.chmod(0o755)
    return path


def runs(folder: Path) -> int:
    return len((folder / "runs").read_text().splitlines())


def test_the_wheels_binaries_stand_in_one_private_folder(tmp_path: Path) -> None:
    tools = find_tools(tmp_path)
    assert tools.ffmpeg == tmp_path / "bin" / "ffmpeg"
    assert tools.ffprobe == tmp_path / "bin" / "ffprobe"
    assert tools.ffmpeg.resolve().is_file()
    assert tools.ffmpeg_version.lstrip("n").startswith("9.")
    assert tools.ffprobe_version.lstrip("n").startswith("8.")
    assert tools.versions()["build"] == tools.build_id


def test_overrides_win_and_their_version_is_asked_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REEL_FFMPEG", str(fake(tmp_path / "a", "ffmpeg")))
    for _ in range(3):
        tools = find_tools(tmp_path)
    assert (tools.ffmpeg, tools.ffmpeg_version) == (tmp_path / "a" / "ffmpeg", "7.1")
    assert runs(tmp_path / "a") == 1


def test_a_replaced_binary_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = fake(tmp_path / "a", "ffmpeg")
    monkeypatch.setenv("REEL_FFMPEG", str(path))
    first = find_tools(tmp_path)
    fake(tmp_path / "a", "ffmpeg", number=22)
    os.utime(path, ns=(1, 1))
    second = find_tools(tmp_path)
    assert second.ffmpeg_version == "7.22"
    assert first.build_id != second.build_id
    # What the old one said is forgotten; beside it is ffprobe's.
    assert len(json.loads((tmp_path / "bin" / "binaries.json").read_text())) == 2


def test_links_mend_themselves(tmp_path: Path) -> None:
    link = find_tools(tmp_path).ffmpeg
    damages: list[Callable[[], None]] = [link.unlink, lambda: _point_at(link, tmp_path / "gone")]
    for damage in damages:
        damage()
        assert find_tools(tmp_path).ffmpeg.resolve().is_file()
    (tmp_path / "bin" / "binaries.json").write_text("{not json")
    assert find_tools(tmp_path).ffmpeg_version


def _point_at(link: Path, target: Path) -> None:
    link.unlink()
    link.symlink_to(target)


def test_a_home_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    home = tmp_path / "file"
    home.write_text("in the way")
    tools = find_tools(home)
    assert tools.ffmpeg.is_file()
    assert "libx264" in tools.encoders()


def test_path_is_looked_at_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "a"
    for name in ("ffmpeg", "ffprobe"):
        fake(folder, name)
    monkeypatch.setenv("PATH", f"{tmp_path}/none:{folder}")
    monkeypatch.setattr("reelwright.tools.binaries.find_spec", lambda name: None)
    tools = find_tools(tmp_path)
    assert (tools.ffmpeg, tools.ffprobe) == (folder / "ffmpeg", folder / "ffprobe")
    monkeypatch.setenv("PATH", f"{tmp_path}/none")
    with pytest.raises(ReelError, match="not in the wheels, not on PATH") as caught:
        find_tools(tmp_path)
    assert caught.value.code is Code.TOOL_MISSING
    assert "REEL_FFMPEG" in str(caught.value.problem.hint)


def test_an_override_that_is_wrong_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REEL_FFPROBE", str(tmp_path))
    with pytest.raises(ReelError) as caught:
        find_tools(tmp_path)
    assert caught.value.code is Code.TOOL_MISSING
    assert caught.value.problem.where == "REEL_FFPROBE"


def test_a_program_of_another_kind_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REEL_FFMPEG", str(shutil.which("true")))
    with pytest.raises(ReelError, match="does not say a version") as caught:
        find_tools(tmp_path)
    assert caught.value.code is Code.TOOL_FAILED


def test_what_ffmpeg_can_do(tmp_path: Path) -> None:
    tools = find_tools(tmp_path)
    assert {"libx264", "libx265", "libsvtav1", "aac", "png", "mov_text"} <= tools.encoders()
    assert {"scale", "drawtext", "loudnorm", "subtitles", "ebur128"} <= tools.filters()
    assert {"mov", "mp4", "matroska", "webm", "concat"} <= tools.demuxers()
    for names in (tools.encoders(), tools.filters(), tools.demuxers()):
        assert not {"", "=", "d", "D", "V.....", "A->A"} & names
    remembered = {path.name for path in (tmp_path / "bin").glob("*.json")}
    assert remembered == {"binaries.json", "demuxers.json", "encoders.json", "filters.json"}


def test_the_version_of_ytdlp_without_importing_it() -> None:
    import sys

    before = "yt_dlp" in sys.modules
    version = ytdlp_version()
    assert version is not None
    assert version[:2] == "20"
    assert ("yt_dlp" in sys.modules) == before
