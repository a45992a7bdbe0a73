"""A download that goes on after a break goes on with the same file, or begins anew."""

from __future__ import annotations

import pytest

from reelwright.errors import Code
from tests.site import Site
from tests.site_resources import Changed, Fault, Plain, Together, Truncated, changed
from tests.tools.ytdlp.conftest import Children

FILE = "/big.mp4"
BREAK = 500_000  # behind the middle, from where on a changed file is another one


@pytest.fixture
def big(site: Site) -> bytes:
    site.clip(FILE, pad_bytes=600_000)
    body = site.resource(FILE).body
    assert isinstance(body, bytes)
    return body


def test_the_rest_of_the_same_file_is_asked_for(site: Site, children: Children, big: bytes) -> None:
    site.fail(FILE, Plain(times=1), Truncated(BREAK, times=1))

    done = children.fetch(site.url(FILE), hand_over=False)

    assert done.video == big
    ranges = [asked.headers.get("range", "") for asked in site.asked(FILE)]
    assert any(given.startswith("bytes=") and given != "bytes=0-" for given in ranges)


@pytest.mark.parametrize(
    "after",
    [
        Changed(),
        Together((Changed(), Plain(if_range=False))),
    ],
)
def test_another_file_is_not_joined_to_the_first(
    site: Site, children: Children, big: bytes, after: Fault
) -> None:
    """The extraction's look at the file, the download that breaks off, and then the new file."""
    site.fail(FILE, Plain(times=1), Truncated(BREAK, times=1), after)

    done = children.fetch(site.url(FILE), hand_over=False)

    assert done.video == changed(site.resource(FILE)).body


def test_what_names_no_version_begins_anew(site: Site, children: Children, big: bytes) -> None:
    """Neither ETag nor date: that the size is the same proves nothing."""
    bare = Plain(validators=False)
    site.fail(
        FILE,
        Together((bare,), times=1),
        Together((bare, Truncated(BREAK)), times=1),
        Together((Changed(), bare)),
    )

    done = children.fetch(site.url(FILE), hand_over=False)

    assert done.video == changed(site.resource(FILE)).body


@pytest.fixture
def in_ranges(site: Site) -> str:
    """HLS by byte ranges of one file."""
    first = site.resource("/hls/v00.ts").body
    second = site.resource("/hls/v01.ts").body
    assert isinstance(first, bytes)
    assert isinstance(second, bytes)
    site.add("/all.ts", first + second)
    playlist = (
        "#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-TARGETDURATION:2\n#EXT-X-PLAYLIST-TYPE:VOD\n"
        f"#EXTINF:1.0,\n#EXT-X-BYTERANGE:{len(first)}@0\nall.ts\n"
        f"#EXTINF:1.0,\n#EXT-X-BYTERANGE:{len(second)}@{len(first)}\nall.ts\n#EXT-X-ENDLIST\n"
    )
    return site.add("/ranges.m3u8", playlist)


def test_parts_of_two_files_are_no_video(site: Site, children: Children, in_ranges: str) -> None:
    """It is another file when the second part is asked for."""
    assert children.fetch(in_ranges).video
    site.fail("/all.ts", Plain(times=1), Changed())

    error = children.failing(in_ranges, options={"retries": 1})

    assert error.code is Code.REMOTE_CHANGED
    assert error.problem.evidence["before"] != error.problem.evidence["now"]


def test_the_whole_is_not_taken_for_a_part(site: Site, children: Children, in_ranges: str) -> None:
    site.fail("/all.ts", Plain(ranges=False))

    error = children.failing(in_ranges, options={"retries": 1})

    assert error.code is Code.HTTP_STATUS
    assert "whole file" in str(error)
