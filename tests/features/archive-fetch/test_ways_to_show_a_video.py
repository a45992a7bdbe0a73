"""Every way in which a page, a playlist or a feed shows a video, kept by the real command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.archive.runs import Archive, sha256
from tests.features.media import facts
from tests.site import Site
from tests.site_feeds import Feed
from tests.site_resources import Guarded, Refuse, Typed

CLIP = "/files/clip.mp4"


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "home", tmp_path / "library")


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(CLIP, id="file"),
        pytest.param("/pages/json-ld", id="json-ld"),
        pytest.param("/pages/og", id="open-graph"),
        pytest.param("/pages/video", id="video-element"),
        pytest.param("/redirect/3/files/clip.mp4", id="redirects"),
    ],
)
def test_a_file_comes_as_it_is(archive: Archive, site: Site, path: str) -> None:
    done = archive.run(site.url(path))
    assert (done.code, done.entry["state"]) == (0, "kept"), done
    assert done.entry["asset"]
    assert sha256(archive.path(done.entry)) == site.sha256(CLIP)
    assert (done.job["state"], done.job["kept"], done.job["held"]) == ("succeeded", 1, 0)
    assert archive.leftovers() == []


@pytest.mark.parametrize(
    ("path", "frames"),
    [
        ("/hls/master.m3u8", 50),
        ("/hls-fmp4/master.m3u8", 50),
        ("/dash/manifest.mpd", 50),
        ("/pages/hls", 50),
        ("/files/clip.webm", 25),
    ],
)
def test_segments_come_as_one_video(
    archive: Archive, site: Site, ffprobe: Path, path: str, frames: int
) -> None:
    done = archive.run(site.url(path))
    assert done.entry["state"] == "kept", done
    found = facts(ffprobe, archive.path(done.entry))
    assert int(found["video"]["nb_read_frames"]) == frames
    assert found["video"]["height"] == 90, "the better of the renditions"
    assert "audio" in found


def test_sound_alone(archive: Archive, site: Site) -> None:
    done = archive.run(site.url("/files/tone.m4a"))
    assert done.entry["state"] == "kept", done
    assert sha256(archive.path(done.entry)) == site.sha256("/files/tone.m4a")


def test_captions_beside_the_video(archive: Archive, site: Site) -> None:
    done = archive.run(site.url("/pages/video"), "--captions", "en,de")
    assert done.entry["state"] == "kept", done
    folder = archive.path(done.entry).parent
    english = [p for p in folder.iterdir() if ".en." in p.name]
    assert {p.suffix for p in english} >= {".vtt"}
    assert all("The first words" in p.read_text() for p in english)
    german = [p for p in folder.iterdir() if ".de." in p.name]
    assert german
    assert all("Die ersten Worte" in p.read_text() for p in german)


def _all_kept(archive: Archive, feed: Feed) -> None:
    done = archive.run(feed.url)
    assert (done.code, done.job["kept"], done.job["failed"]) == (0, len(feed.entries), 0), done
    assert archive.digests() == sorted(entry.sha256 for entry in feed.entries)


Make = Callable[[Site], Feed]


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda s: s.feed("rss", 4), id="rss"),
        pytest.param(lambda s: s.feed("atom", 4), id="atom"),
        pytest.param(lambda s: s.feed("podcast", 3), id="podcast"),
        pytest.param(lambda s: s.feed("html", 3), id="page"),
        pytest.param(lambda s: s.feed("rss", 2, encloses=False), id="rss-of-pages"),
        pytest.param(lambda s: s.feed("atom", 2, encloses=False), id="atom-of-pages"),
    ],
)
def test_all_of_a_playlist(archive: Archive, site: Site, make: Make) -> None:
    """Each has a file of its own: no two are taken for one."""
    _all_kept(archive, make(site))


def test_what_is_held_is_not_asked_for_again(archive: Archive, site: Site) -> None:
    feed = site.feed("atom", 3)
    _all_kept(archive, feed)
    (new,) = feed.add()
    site.forget()

    done = archive.run(feed.url)

    assert (done.code, done.job["kept"], done.job["held"]) == (0, 1, 3), done
    states = {url: entry["state"] for url, entry in done.entries.items()}
    assert states[new.url] == "kept"
    assert sorted(states.values()) == ["held", "held", "held", "kept"]
    asked = {a.path for a in site.requests}
    assert new.path in asked
    assert not asked & {entry.path for entry in feed.entries if entry is not new}


def test_one_dead_entry_stops_nothing(archive: Archive, site: Site) -> None:
    feed = site.feed("rss", 4)
    dead = feed.entries[1]
    site.fail(dead.path, Refuse(410))
    done = archive.run(feed.url)
    assert done.code != 0
    assert (done.job["kept"], done.job["failed"]) == (3, 1), done
    line: Any = done.entries[dead.url]
    assert (line["state"], line["code"], line["asset"]) == ("gone", "http_not_found", None)
    assert archive.digests() == sorted(e.sha256 for e in feed.entries if e is not dead)


def test_a_page_without_a_video(archive: Archive, site: Site) -> None:
    done = archive.run(site.url("/pages/none"))
    assert done.code != 0
    assert "extractor_unsupported" in str(done.events) + done.said
    assert archive.videos() == []


def test_a_picture_is_no_video(archive: Archive, site: Site) -> None:
    done = archive.run(site.url("/files/poster.jpg"))
    (entry,) = done.entries.values()
    assert (entry["state"], entry["code"]) == ("failed", "extractor_unsupported")
    assert not list(archive.library.rglob("*.jpg"))


def test_a_video_that_calls_itself_a_page(archive: Archive, site: Site) -> None:
    site.fail(CLIP, Typed("text/plain"))
    done = archive.run(site.url(CLIP))
    assert done.entry["state"] == "kept", done
    assert archive.digests() == [site.sha256(CLIP)]


def test_cookies_open_what_is_closed(archive: Archive, site: Site, tmp_path: Path) -> None:
    site.fail(CLIP, Guarded("cookie", "member=yes"))
    jar = tmp_path / "cookies.txt"
    jar.write_text(
        "# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t4102444800\tmember\tyes\n"
    )
    refused = archive.run(site.url(CLIP))
    assert (refused.entry["state"], refused.entry["code"]) == ("failed", "http_forbidden")
    done = archive.run(site.url(CLIP), "--cookies", str(jar))
    assert done.entry["state"] == "kept", done
    assert archive.digests() == [site.sha256(CLIP)]
