"""Picture and sound in files of their own: half of them outlives an attempt that fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from reelwright.errors import Code
from tests.site import Site
from tests.site_resources import Changed, Fault, Refuse, Truncated
from tests.tools.ytdlp.conftest import Children

PICTURE, SOUND = "/apart/picture.mp4", "/apart/sound.m4a"
MANIFEST = """<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT2S"
  profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period>
 <AdaptationSet mimeType="video/mp4"><Representation id="p" codecs="avc1.42c01e" bandwidth="90000"
  width="320" height="240"><BaseURL>apart/picture.mp4</BaseURL></Representation></AdaptationSet>
 <AdaptationSet mimeType="audio/mp4"><Representation id="s" codecs="mp4a.40.2" bandwidth="9000">
  <BaseURL>apart/sound.m4a</BaseURL></Representation></AdaptationSet></Period></MPD>
"""
BREAK = 20_000


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    folder = tmp_path / "parts"
    folder.mkdir()
    return folder


@pytest.fixture
def url(site: Site) -> str:
    for path, source in ((PICTURE, "/files/clip.mp4"), (SOUND, "/files/tone.m4a")):
        body = site.resource(source).body
        assert isinstance(body, bytes)
        site.add(path, body)
    return site.add("/apart.mpd", MANIFEST, "application/dash+xml")


def ranges(site: Site, path: str) -> list[str | None]:
    return [asked.headers.get("range") for asked in site.asked(path)]


def test_the_rest_is_fetched_by_the_next_attempt(
    site: Site, children: Children, url: str, parts: Path
) -> None:
    whole = children.fetch(url).video
    site.forget()
    site.fail(PICTURE, Truncated(BREAK, times=1))

    error = children.failing(url, parts=str(parts), options={"retries": 0})
    done = children.fetch(url, parts=str(parts))

    assert error.code is Code.NETWORK_RESET
    assert ranges(site, PICTURE) == [None, f"bytes={BREAK}-"]
    assert site.asked(PICTURE)[1].headers["if-range"] == site.resource(PICTURE).etag
    assert done.video == whole
    assert not list(parts.iterdir())


def test_a_picture_is_kept_while_its_sound_fails(
    site: Site, children: Children, url: str, parts: Path
) -> None:
    """All of it is there, so only its last byte is asked for, to see that it is still the same."""
    site.fail(SOUND, Refuse(status=403, times=1))

    error = children.failing(url, parts=str(parts))
    done = children.fetch(url, parts=str(parts))

    assert error.code is Code.HTTP_FORBIDDEN
    last = site.resource(PICTURE).size_bytes - 1
    assert ranges(site, PICTURE) == [None, f"bytes={last}-"]
    assert done.video == children.fetch(url).video


@pytest.mark.parametrize("between", [Changed(), Refuse(status=416, times=1)])
def test_another_file_begins_anew(
    site: Site, children: Children, url: str, parts: Path, between: Fault
) -> None:
    site.fail(PICTURE, Truncated(BREAK, times=1))
    children.failing(url, parts=str(parts), options={"retries": 0})
    site.fail(PICTURE, between)

    done = children.fetch(url, parts=str(parts))

    assert done.video == children.fetch(url).video


def test_what_names_no_version_is_not_gone_on_from(
    site: Site, children: Children, url: str, parts: Path
) -> None:
    body = site.resource(PICTURE).body
    site.add(PICTURE, body, "video/mp4", etag=None, modified_s=None)
    site.fail(PICTURE, Truncated(BREAK, times=1))
    children.failing(url, parts=str(parts), options={"retries": 0})

    children.fetch(url, parts=str(parts))

    assert ranges(site, PICTURE)[-2:] == [None, None]


def test_a_part_that_somebody_else_works_on_is_left_to_them(
    site: Site, children: Children, url: str, parts: Path
) -> None:
    from reelwright.tools.download.parts import Part

    other = Part(parts, f"{url} 1  p")
    assert other.acquire()

    done = children.fetch(url, parts=str(parts))

    assert done.video == children.fetch(url).video
    assert [path.suffix for path in parts.iterdir()] == [".lock"]
    other.release()
