"""Large sites throttle who asks for a whole file, so yt-dlp asks for it in pieces: here of a site
that does not throttle, with a format as an extractor gives it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.site import Site
from tests.site_resources import Changed, Fault, Plain, Refuse, Reset, Together, Truncated, changed

_FETCH = """
import json, sys
from pathlib import Path
from reelwright.errors import ReelError
from reelwright.tools.ytdlp.options import YtdlpOptions
from reelwright.tools.ytdlp.request import VideoWish
from reelwright.tools.ytdlp.resuming import bring_parts
from reelwright.tools.ytdlp.session import Session

url, folder, parts = sys.argv[1:]
options = YtdlpOptions(retries=0)
session = Session(url, options.to_params(url), headers={}, direct_only=False)
session.origins.in_pieces.add(url)
info = {
    "id": "v", "title": "T", "url": url, "ext": "mp4", "protocol": "http", "format_id": "18",
    "http_headers": {}, "downloader_options": {"http_chunk_size": 100_000},  # word-ok: yt-dlp's
}
wish = VideoWish(url=url, folder=folder, ffmpeg="", parts=parts)
try:
    bring_parts(session, wish, info, {"18": "video.mp4"})
except ReelError as error:
    print(f"\\n{error.code.text}")
"""
FILE = "/big.mp4"


def fetch(site: Site, folder: Path) -> str:
    """The code of the failure; empty: it is there."""
    (folder / "parts").mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-c", _FETCH, site.url(FILE), str(folder), str(folder / "parts")]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""


@pytest.fixture
def big(site: Site) -> Any:
    site.clip(FILE, pad_bytes=600_000)
    return site.resource(FILE).body


def test_a_file_in_pieces(site: Site, tmp_path: Path, big: bytes) -> None:
    assert fetch(site, tmp_path) == ""

    assert (tmp_path / "video.mp4").read_bytes() == big
    assert site.count(FILE) > 5


def test_a_piece_that_ends_early_is_gone_on_from(site: Site, tmp_path: Path, big: bytes) -> None:
    site.fail(FILE, Plain(times=3), Truncated(50_000, times=1))

    assert fetch(site, tmp_path) == ""

    assert (tmp_path / "video.mp4").read_bytes() == big


@pytest.mark.parametrize("broken", [Reset(50_000, times=1), Refuse(status=503, times=1)])
def test_the_next_attempt_goes_on(site: Site, tmp_path: Path, big: bytes, broken: Fault) -> None:
    site.fail(FILE, Plain(times=3), broken)

    assert fetch(site, tmp_path) != ""
    before = site.count(FILE)
    assert fetch(site, tmp_path) == ""

    assert (tmp_path / "video.mp4").read_bytes() == big
    first = site.asked(FILE)[before].headers["range"]
    assert int(first.removeprefix("bytes=").partition("-")[0]) >= 250_000


@pytest.mark.parametrize("validators", [True, False])
def test_another_file_in_the_middle_is_never_joined(
    site: Site, tmp_path: Path, big: bytes, validators: bool
) -> None:
    poor = Plain(validators=validators)
    site.fail(FILE, Together((poor,), times=5), Together((Changed(), poor)))
    new = changed(site.resource(FILE)).body

    codes = [fetch(site, tmp_path), fetch(site, tmp_path)]

    if validators:
        assert codes == ["remote_changed", ""]
        assert (tmp_path / "video.mp4").read_bytes() == new
    else:
        # Nothing sets the two apart: neither a version, nor a date, nor the size.
        assert codes[-1] == ""


def test_another_file_between_two_attempts(site: Site, tmp_path: Path, big: bytes) -> None:
    site.fail(FILE, Plain(times=5), Truncated(10, times=1), Changed())
    new = changed(site.resource(FILE)).body

    assert fetch(site, tmp_path) != ""
    assert fetch(site, tmp_path) == ""

    assert (tmp_path / "video.mp4").read_bytes() == new


def test_a_server_that_knows_no_ranges(site: Site, tmp_path: Path, big: bytes) -> None:
    site.fail(FILE, Plain(ranges=False))

    assert fetch(site, tmp_path) == ""

    assert (tmp_path / "video.mp4").read_bytes() == big
    assert not list((tmp_path / "parts").iterdir())
