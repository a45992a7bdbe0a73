"""Keys: spellings of one address are one video, and two videos are never one."""

from __future__ import annotations

import string
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwright.app.archive.identity import canonical, key_of_listed, make_key, site_of
from reelwright.tools.ytdlp.request import Listed

_SEGMENT = st.text(string.ascii_letters + string.digits + "-_~.äß %+", min_size=1, max_size=8)
_HOST = st.sampled_from(["example.org", "www.example.org", "cdn.example.com", "127.0.0.1:8765"])


@st.composite
def addresses(draw: st.DrawFn) -> str:
    """Without dots alone, tracking and fragments: each means a thing of its own."""
    segments = draw(st.lists(_SEGMENT.filter(lambda s: s.strip(".")), min_size=0, max_size=4))
    path = "/".join(quote(s, safe="") for s in segments)
    names = draw(st.lists(st.sampled_from(["v", "id", "page", "t"]), max_size=3))
    query = "&".join(f"{name}={quote(draw(_SEGMENT), safe='')}" for name in names)
    return f"https://{draw(_HOST)}/{path}" + (f"?{query}" if query else "")


@given(addresses(), addresses())
def test_two_addresses_have_two_keys(one: str, other: str) -> None:
    """quote() is injective, so two texts of these are two addresses."""
    if one != other:
        assert canonical(one) != canonical(other)
        assert make_key("generic", "v", one) != make_key("generic", "v", other)


@given(addresses(), st.randoms())
def test_spellings_of_one_address_have_one_key(url: str, chance: object) -> None:
    parts = urlsplit(url)
    rest = url.split(parts.netloc, 1)[1]
    respelt = "".join(
        f"%{ord(c):02x}"
        if c.isalnum() and n % 3 == 0 and rest[n - 1] != "%" and "%" not in rest
        else c
        for n, c in enumerate(rest)
    )
    for other in (
        f"HTTPS://{parts.netloc.upper()}{rest}",
        f"http://{parts.netloc}{rest}",
        f"{url}#t=12",
        f"https://{parts.netloc}{respelt}",
        f"  {url}  ",
    ):
        assert canonical(other) == canonical(url), other


@given(addresses(), st.integers(2, 50))
def test_videos_of_one_page_are_apart(url: str, item: int) -> None:
    assert make_key("html5", "v", url) != make_key("html5", "v", url, item=item)
    assert make_key("html5", "v", url, item=item) != make_key("html5", "v", url, item=item + 1)


@given(addresses(), st.sampled_from(["vimeo", "peertube", "twitch:vod"]), st.text(min_size=1))
def test_an_id_is_its_sites_and_its_extractors(url: str, extractor: str, native_id: str) -> None:
    key = make_key(extractor, native_id, url)
    assert key != make_key("other", native_id, url)
    assert key != make_key(extractor, native_id, "https://elsewhere.example/1")
    assert key != make_key(extractor, native_id + "x", url)
    assert not key.startswith("url:")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.org", "https://example.org/"),
        ("https://example.org:443/a", "https://example.org/a"),
        ("http://example.org:80/a", "https://example.org/a"),
        ("https://example.org./a", "https://example.org/a"),
        ("https://example.org/a/./b/../c", "https://example.org/a/c"),
        ("https://example.org/%7Euser", "https://example.org/~user"),
        ("https://example.org/%c3%a4", "https://example.org/ä"),
        ("https://example.org/v?utm_source=feed&id=7", "https://example.org/v?id=7"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://user:secret@example.org/a", "https://example.org/a"),  # secret-ok: made up
    ],
)
def test_one_address(one: str, other: str) -> None:
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.org/A", "https://example.org/a"),
        ("https://example.org/a/", "https://example.org/a"),
        ("https://example.org:8443/a", "https://example.org/a"),
        ("https://www.example.org/a", "https://example.org/a"),
        ("https://example.org/a?b=1&c=2", "https://example.org/a?c=2&b=1"),
        ("https://example.org/a%2Fb", "https://example.org/a/b"),
        ("https://example.org/a%3Fb", "https://example.org/a?b"),
        ("https://example.org/a+b", "https://example.org/a%20b"),
        ("https://example.org/#!/video/1", "https://example.org/#!/video/2"),
        ("https://example.org/a?t=1", "https://example.org/a"),
        ("https://[::1]:8000/a", "https://[::2]:8000/a"),
    ],
)
def test_two_addresses(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


@pytest.mark.parametrize(
    "url",
    [
        "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
        "https://www.youtube.com/watch?list=PL1&v=dQw4w9WgXcQ&t=3",
        "https://youtu.be/dQw4w9WgXcQ?si=abc",
        "https://m.youtube.com/watch?v=dQw4w9WgXcQ",
        "https://music.youtube.com/watch?v=dQw4w9WgXcQ",
        "https://www.youtube.com/shorts/dQw4w9WgXcQ",
        "https://www.youtube-nocookie.com/embed/dQw4w9WgXcQ",
        "https://www.youtube.com/v/dQw4w9WgXcQ?version=3",
    ],
)
def test_a_video_of_youtube_is_known_however_it_is_named(url: str) -> None:
    """A feed, a channel and a person name it in three ways."""
    known = "site:youtube.com:youtube:dQw4w9WgXcQ"
    assert make_key("generic", "yt:video:dQw4w9WgXcQ", url) == known
    assert make_key("youtube", "dQw4w9WgXcQ", url) == known
    listed = Listed(position=1, url=url, extractor="youtube", native_id="dQw4w9WgXcQ")
    assert key_of_listed(listed) == known


def test_ids_of_the_generic_extractor_are_none() -> None:
    """It calls https://a.example/v.mp4 and https://b.example/v.mp4 both "v"."""
    one = make_key("generic", "v", "https://a.example/v.mp4")
    assert one != make_key("generic", "v", "https://b.example/v.mp4")
    assert one != make_key("generic", "v", "https://a.example/x/v.mp4")


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://www.Example.org:8443/a", "example.org"),
        ("https://m.example.org/", "example.org"),
        ("https://m.de/", "m.de"),
        ("http://127.0.0.1:8000/", "127.0.0.1"),
        ("https://youtu.be/x", "youtube.com"),
        ("nonsense", ""),
    ],
)
def test_sites(url: str, site: str) -> None:
    assert site_of(url) == site
