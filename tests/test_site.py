"""The test site is what the tests of the archive stand on: it keeps its word."""

from __future__ import annotations

import hashlib
import subprocess
import threading
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
import yt_dlp

from tests.site import Site
from tests.site_resources import (
    Changed,
    Guarded,
    Huge,
    Other,
    Plain,
    Redirect,
    Refuse,
    Reset,
    Slow,
    Stall,
    Together,
    Truncated,
    Typed,
)

CLIP = "/files/clip.mp4"


@pytest.fixture
def client(site: Site) -> httpx.Client:
    return httpx.Client(base_url=site.url(), timeout=30)


def ytdlp(folder: Path, url: str, **more: Any) -> dict[str, Any]:
    """What yt-dlp made of `url`; its files go to `folder`."""
    options: dict[str, Any] = {
        "quiet": True,
        "no_warnings": True,
        "paths": {"home": str(folder)},
        "cachedir": False,
        **more,
    }
    with yt_dlp.YoutubeDL(options) as ytdl:
        found: dict[str, Any] = ytdl.sanitize_info(ytdl.extract_info(url))
    return found


def test_ranges_and_validators(site: Site, client: httpx.Client) -> None:
    whole = client.get(CLIP)
    tag, size = whole.headers["ETag"], len(whole.content)
    assert hashlib.sha256(whole.content).hexdigest() == site.sha256(CLIP)
    rest = client.get(CLIP, headers={"Range": "bytes=100-", "If-Range": tag})
    assert (rest.status_code, rest.content) == (206, whole.content[100:])
    assert rest.headers["Content-Range"] == f"bytes 100-{size - 1}/{size}"
    assert client.get(CLIP, headers={"Range": "bytes=-5"}).content == whole.content[-5:]
    assert client.get(CLIP, headers={"Range": "bytes=3-4"}).content == whole.content[3:5]
    other = client.get(CLIP, headers={"Range": "bytes=100-", "If-Range": '"other"'})
    assert (other.status_code, len(other.content)) == (200, size)
    assert client.get(CLIP, headers={"Range": f"bytes={size}-"}).status_code == 416
    assert client.get(CLIP, headers={"If-None-Match": tag}).status_code == 304
    since = {"If-Modified-Since": whole.headers["Last-Modified"]}
    assert client.get(CLIP, headers=since).status_code == 304
    head = client.head(CLIP)
    assert (head.headers["Content-Length"], head.content) == (str(size), b"")
    assert client.get("/nothing").status_code == 404
    assert site.count(CLIP) == 9


def test_faults_come_in_turn_and_end(site: Site, client: httpx.Client) -> None:
    body = client.get(CLIP).content
    site.fail(CLIP, Refuse(429, retry_after=7, times=1), Refuse(503, times=2), Changed())
    answers = [client.get(CLIP) for _ in range(5)]
    assert [a.status_code for a in answers] == [429, 503, 503, 200, 200]
    assert answers[0].headers["Retry-After"] == "7"
    assert answers[3].content == answers[4].content != body
    assert len(answers[3].content) == len(body)
    site.heal(CLIP)
    assert client.get(CLIP).content == body
    site.fail(CLIP, Refuse(500), method="GET")
    assert client.head(CLIP).status_code == 200
    assert client.get(CLIP).status_code == 500


def test_broken_answers(site: Site, client: httpx.Client) -> None:
    site.fail(CLIP, Truncated(1000, times=1), Reset(1000, times=1))
    with pytest.raises(httpx.RemoteProtocolError, match="complete message"):
        client.get(CLIP)
    with client.stream("GET", CLIP) as answer:
        parts = answer.iter_raw(1000)
        assert len(next(parts)) == 1000
        with pytest.raises(httpx.ReadError):
            next(parts)
    assert client.get(CLIP).status_code == 200
    site.fail(CLIP, Huge())
    with client.stream("GET", CLIP) as answer:
        assert answer.headers["Content-Length"] == str(1 << 40)
        parts = answer.iter_raw(1 << 20)
        assert not any(next(parts))
    site.fail(CLIP, Stall(500), Stall(None))
    with pytest.raises(httpx.ReadTimeout):
        client.get(CLIP, timeout=0.3)


def test_poorer_servers(site: Site, client: httpx.Client) -> None:
    site.fail(CLIP, Plain(ranges=False))
    assert client.get(CLIP, headers={"Range": "bytes=9-"}).status_code == 200
    site.fail(CLIP, Plain(validators=False))
    assert not {"etag", "last-modified"} & set(client.get(CLIP).headers)
    site.fail(CLIP, Plain(if_range=False))
    tricked = client.get(CLIP, headers={"Range": "bytes=9-", "If-Range": '"other"'})
    assert tricked.status_code == 206
    site.fail(CLIP, Plain(length=False))
    answer = client.get(CLIP)
    assert "Content-Length" not in answer.headers
    assert hashlib.sha256(answer.content).hexdigest() == site.sha256(CLIP)
    site.fail(CLIP, Guarded("cookie", "key=1"))
    assert client.get(CLIP).status_code == 403
    assert client.get(CLIP, headers={"Cookie": "a=b; key=1"}).status_code == 200


def test_other_types_and_redirects(site: Site, client: httpx.Client) -> None:
    site.fail(CLIP, Typed("text/html", times=1), Other())
    first, second = client.get(CLIP), client.get(CLIP)
    assert (first.headers["Content-Type"], first.content[4:8]) == ("text/html", b"ftyp")
    assert (second.headers["Content-Type"], second.content[:5]) == ("video/mp4", b"<html")
    assert client.get("/redirect/3/captions/en.vtt", follow_redirects=True).text[:6] == "WEBVTT"
    for path in ("/loop", CLIP):
        site.fail(CLIP, Redirect())
        with pytest.raises(httpx.TooManyRedirects):
            client.get(path, follow_redirects=True)


def test_slow_ones_take_their_time(site: Site, client: httpx.Client) -> None:
    """As long as it takes, or the site goes: never at once."""
    size = site.resource(CLIP).size_bytes
    site.fail(CLIP, Together((Slow(size / 0.5), Reset(size // 2)), times=1), Slow(size / 0.5))
    begun = time.monotonic()
    with pytest.raises(httpx.ReadError):
        client.get(CLIP)
    assert client.get(CLIP).status_code == 200
    assert time.monotonic() - begun >= 0.7


def test_the_network_goes_and_comes_back(site: Site, client: httpx.Client) -> None:
    site.fail(CLIP, Slow(1000))
    failed: list[Exception] = []

    def get() -> None:
        try:
            client.get(CLIP)
        except httpx.TransportError as error:
            failed.append(error)

    thread = threading.Thread(target=get)
    thread.start()
    site.wait_for(CLIP)
    with site.away():
        thread.join(30)
        assert len(failed) == 1
        with pytest.raises(httpx.ConnectError):
            client.get(CLIP)
    site.heal(CLIP)
    assert client.get(CLIP).status_code == 200


@pytest.mark.parametrize("kind", ["rss", "atom", "podcast"])
def test_feeds_change_while_they_run(site: Site, client: httpx.Client, kind: Any) -> None:
    feed = site.feed(kind, 20)
    first = client.get(feed.path)
    ElementTree.fromstring(first.content)
    tag = {"If-None-Match": first.headers["ETag"]}
    assert client.get(feed.path, headers=tag).status_code == 304
    new = feed.add(2)
    gone = feed.entries[-1]
    feed.remove(gone)
    second = client.get(feed.path, headers=tag)
    assert second.status_code == 200
    assert all(f"<title>{entry.title}</title>" in second.text for entry in feed.entries)
    assert len(feed.entries) == 21
    assert client.get(gone.path).status_code == client.get(gone.page_path).status_code == 404
    bodies = {hashlib.sha256(client.get(e.path).content).hexdigest() for e in feed.entries}
    assert bodies == {entry.sha256 for entry in feed.entries}
    assert len(bodies) == 21
    assert client.get(new[0].page_path).status_code == 200


def test_a_share_of_a_feed_is_spoiled(site: Site, client: httpx.Client) -> None:
    feed = site.feed("rss", 50)
    spoiled = feed.spoil(10, [Refuse(503, times=1), Refuse(410)], seed=3)
    assert len(spoiled) == 5
    for entry in feed.entries:
        first, second = client.get(entry.path), client.get(entry.path)
        fault = spoiled.get(entry)
        assert (first.status_code != 200) == (fault is not None)
        assert (second.status_code == 200) == (fault is None or fault.heals)


def test_a_large_feed_is_served_from_memory(site: Site, client: httpx.Client) -> None:
    feed = site.feed("atom", 10_000)
    assert client.get(feed.path).text.count("<entry>") == 10_000
    assert client.get(feed.entries[9_999].path).status_code == 200
    assert client.get(feed.entries[1234].path).status_code == 200


@pytest.mark.parametrize(
    ("path", "title", "streams"),
    [
        (CLIP, "clip", 2),
        ("/files/clip.webm", "clip", 2),
        ("/files/tone.m4a", "tone", 1),
        ("/files/tone.mp3", "tone", 1),
        ("/hls/master.m3u8", "master", 2),
        ("/hls/v1.m3u8", "v1", 2),
        ("/hls-fmp4/master.m3u8", "master", 2),
        ("/dash/manifest.mpd", "manifest", 2),
        ("/pages/json-ld", "A talk in JSON-LD", 2),
        ("/pages/video", "A talk with captions (1)", 2),
        ("/pages/og", "A talk in Open Graph", 2),
        ("/pages/hls", "A talk in parts (1)", 2),
        ("/redirect/3/files/clip.mp4", "clip", 2),
    ],
)
def test_ytdlp_finds_the_video(
    site: Site, ffmpeg: Path, ffprobe: Path, tmp_path: Path, path: str, title: str, streams: int
) -> None:
    found = ytdlp(tmp_path, site.url(path), ffmpeg_location=str(ffmpeg))
    assert found["title"] == title
    (made,) = tmp_path.iterdir()
    probe = [str(ffprobe), "-v", "error", "-show_entries", "stream=codec_type", "-of", "csv"]
    said = subprocess.run([*probe, str(made)], check=True, capture_output=True, text=True).stdout
    assert said.count("stream") == streams


def test_ytdlp_finds_captions_playlists_and_nothing(site: Site, tmp_path: Path) -> None:
    captions = ytdlp(
        tmp_path, site.url("/pages/video"), writesubtitles=True, subtitleslangs=["all"]
    )
    assert set(captions["requested_subtitles"]) == {"en", "de"}
    assert len(ytdlp(tmp_path, site.url("/pages/playlist"))["entries"]) == 3
    assert len(ytdlp(tmp_path, site.feed("rss", 4).url)["entries"]) == 4
    assert len(ytdlp(tmp_path, site.feed("html", 4).url)["entries"]) == 4
    shown = site.feed("rss", 2, encloses=False, shown="captions")
    assert len(ytdlp(tmp_path, shown.url)["entries"]) == 2
    for path in ("/pages/none", "/loop", "/nothing"):
        with pytest.raises(yt_dlp.utils.DownloadError):
            ytdlp(tmp_path, site.url(path))
