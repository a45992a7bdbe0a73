import subprocess
from pathlib import Path

import pytest

from reelwright.errors import Code, ReelError
from reelwright.media.demuxers import (
    ALLOWED,
    file_url,
    input_options,
    pinned,
    probe_options,
)
from reelwright.tools.binaries import Tools, find_tools


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    return find_tools(tmp_path_factory.mktemp("home"))


def test_ffmpeg_knows_every_demuxer_that_is_allowed(tools: Tools) -> None:
    assert tools.demuxers() >= ALLOWED


@pytest.mark.parametrize(
    ("name", "demuxer"),
    [
        ("mov,mp4,m4a,3gp,3g2,mj2", "mov"),
        ("matroska,webm", "matroska"),
        ("webm", "matroska"),
        ("wav", "wav"),
        ("png_pipe", "png_pipe"),
        ("asf_o", "asf"),
    ],
)
def test_a_probed_name_becomes_the_one_to_pin(name: str, demuxer: str) -> None:
    assert pinned(name) == demuxer


@pytest.mark.attack
@pytest.mark.parametrize(
    "name",
    "hls dash concat sdp rtsp rtp lavfi image2 vobsub svg_pipe imf dvdvideo tty libopenmpt".split(),  # noqa: SIM905
)
def test_what_opens_other_files_is_refused(name: str) -> None:
    for call in (pinned, input_options):
        with pytest.raises(ReelError, match=name) as caught:
            call(name)
        assert caught.value.code is Code.MEDIA_NOT_ALLOWED


@pytest.mark.parametrize("container", ["mov", "matroska", "avi", "mpegts", "flv", "nut", "gif"])
def test_both_tools_take_the_options(container: str, tools: Tools, tmp_path: Path) -> None:
    path = tmp_path / "a b.bin"
    source = ("-f", "lavfi", "-i", "testsrc2=size=64x48:duration=0.2")
    making = (tools.ffmpeg, "-v", "error", *source, "-f", container, file_url(path))
    subprocess.run([str(word) for word in making], check=True)
    options = input_options(container, max_pixels=1 << 16)
    probing = (tools.ffprobe, "-v", "error", *options, "-i", file_url(path))
    subprocess.run([str(word) for word in probing], check=True)
    reading = (tools.ffmpeg, "-v", "error", *options, "-i", file_url(path), "-f", "null", "-")
    subprocess.run([str(word) for word in reading], check=True)


def test_probing_guesses_within_the_list(tools: Tools, tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    source = ("-f", "lavfi", "-i", "testsrc2=size=64x48:duration=0.2")
    subprocess.run([str(word) for word in (tools.ffmpeg, "-v", "error", *source, path)], check=True)
    show = ("-v", "error", "-show_entries", "format=format_name", "-of", "csv=p=0")
    command = (tools.ffprobe, *show, *probe_options(max_pixels=1 << 26), "-i", file_url(path))
    said = subprocess.check_output([str(word) for word in command], text=True).strip()
    assert pinned(said.strip('"')) == "matroska"


@pytest.mark.corpus
def test_every_container_of_the_corpus_is_allowed(corpus: Path) -> None:
    import json

    manifest = json.loads((corpus / "MANIFEST.json").read_text())
    names = {entry.get("measured", {}).get("container") for entry in manifest["files"]}
    # A lone picture is `image2` by its name; it is told by its first bytes instead.
    for name in names - {None, "image2", "tty"}:
        assert pinned(name) in ALLOWED
