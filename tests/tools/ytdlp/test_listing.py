"""What stands behind an address, handed on while it is being found."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from reelwright.errors import Code, ReelError
from reelwright.tools.ytdlp.listing import list_entries
from reelwright.tools.ytdlp.request import Listed, ListingKind, ListWish
from tests.site import Site
from tests.site_feeds import Kind
from tests.site_resources import Guarded, Plain, Refuse, Stall, Together, Typed
from tests.tools.ytdlp.conftest import Children


@pytest.mark.parametrize("kind", ["rss", "atom", "podcast"])
def test_a_feed(site: Site, children: Children, kind: Kind) -> None:
    feed = site.feed(kind, 3)

    found = children.list(feed.url)

    assert found.listing.kind is ListingKind.FEED
    assert (found.listing.title, found.listing.channel) == ("Talk", "Talk")
    assert found.listing.count == 3
    assert found.listing.is_whole
    assert [e.url for e in found.entries] == [e.url for e in feed.entries]
    assert [e.position for e in found.entries] == [1, 2, 3]
    assert [e.native_id for e in found.entries] == [e.id for e in feed.entries]
    assert [e.title for e in found.entries] == [e.title for e in feed.entries]
    assert [e.published_at for e in found.entries] == [e.published_s for e in feed.entries]
    assert {e.channel for e in found.entries} == {"Talk"}
    assert site.count(feed.path) == 1


def test_a_feed_of_pages(site: Site, children: Children) -> None:
    feed = site.feed("atom", 2, encloses=False)

    found = children.list(feed.url)

    assert [e.url for e in found.entries] == [e.page_url for e in feed.entries]


def test_a_page_with_several_videos(site: Site, children: Children) -> None:
    """By their own addresses, which stay the same when the page shows one more."""
    feed = site.feed("html", 3)

    found = children.list(feed.url)
    feed.add()
    again = children.list(feed.url)

    assert found.listing.kind is ListingKind.PLAYLIST
    assert [e.url for e in found.entries] == [e.file_url for e in feed.entries[1:]]
    assert {e.page_url for e in found.entries} == {feed.url}
    assert [e.url for e in again.entries] == [e.file_url for e in feed.entries]


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/files/clip.mp4", "clip"),
        ("/hls/master.m3u8", "master"),
        ("/dash/manifest.mpd", "manifest"),
        ("/pages/json-ld", "A talk in JSON-LD"),
        ("/pages/video", "A talk with captions"),
        ("/redirect/2/pages/og", "A talk in Open Graph"),
    ],
)
def test_a_single_video(site: Site, children: Children, path: str, title: str) -> None:
    found = children.list(site.url(path))

    assert found.listing.kind is ListingKind.SINGLE
    (entry,) = found.entries
    assert (entry.url, entry.title, entry.extractor) == (site.url(path), title, "generic")
    assert entry.native_id is None  # what yt-dlp makes up collides between sites


def test_a_video_of_a_known_site_is_listed_without_asking_it(children: Children) -> None:
    found = children.list("https://vimeo.com/123456", allow_private=False)

    assert found.listing.kind is ListingKind.SINGLE
    (entry,) = found.entries
    assert (entry.extractor, entry.native_id) == ("vimeo", "123456")


def test_the_same_feed_again_is_not_sent_again(site: Site, children: Children) -> None:
    feed = site.feed("rss", 3)
    before = children.list(feed.url).listing

    again = children.list(feed.url, etag=before.etag, last_modified=before.last_modified)

    assert again.listing.is_unchanged
    assert not again.entries
    assert (again.listing.etag, again.listing.count) == (before.etag, 0)
    assert site.asked(feed.path)[-1].headers["if-none-match"] == before.etag


def test_the_same_body_is_not_read_again(site: Site, children: Children) -> None:
    """Of a server that knows no conditions."""
    feed = site.feed("rss", 3)
    site.fail(feed.path, Plain(validators=False))
    before = children.list(feed.url).listing

    again = children.list(feed.url, digest=before.digest)

    assert before.etag is None
    assert again.listing.is_unchanged
    assert not again.entries


def test_a_feed_with_one_more_entry(site: Site, children: Children) -> None:
    feed = site.feed("rss", 50)
    before = children.list(feed.url)
    (new,) = feed.add()

    again = children.list(
        feed.url,
        etag=before.listing.etag,
        last_modified=before.listing.last_modified,
        digest=before.listing.digest,
        known=frozenset(entry.url for entry in before.entries),
        stop_after_known=5,
    )

    assert not again.listing.is_unchanged
    assert not again.listing.is_whole
    assert again.entries[0].url == new.url
    assert len(again.entries) == 6


def test_a_limit(site: Site, children: Children) -> None:
    feed = site.feed("html", 9)

    found = children.list(feed.url, max_entries=4)

    assert [e.url for e in found.entries] == [e.file_url for e in feed.entries[:4]]
    assert not found.listing.is_whole


@pytest.mark.parametrize("kind", ["rss", "html"])
def test_a_long_list_comes_in_batches(site: Site, children: Children, kind: Kind) -> None:
    feed = site.feed(kind, 2000)

    found = children.list(feed.url)

    assert [e.title for e in found.entries][:1] != []
    assert [e.url for e in found.entries] == [e.file_url for e in feed.entries]
    assert max(found.batches) <= 500
    assert len(found.batches) >= 4
    assert found.listing.max_rss_bytes < 200 << 20


def test_a_batch_is_stored_before_the_next_one_comes(site: Site, children: Children) -> None:
    feed = site.feed("rss", 1500)
    at_once, most = 0, 0

    async def store(batch: Sequence[Listed]) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0)
        at_once -= 1

    found = children.list(feed.url, store)

    assert most == 1
    assert len(found.entries) == 1500


def test_what_a_store_raises_ends_the_listing(site: Site, children: Children) -> None:
    feed = site.feed("rss", 1500)

    def store(batch: Sequence[Listed]) -> None:
        raise LookupError("no room")

    with pytest.raises(LookupError, match="no room"):
        children.list(feed.url, store)


def test_what_came_before_an_error_is_handed_on(site: Site, tmp_path: Path) -> None:
    """A feed of YouTube's kind that ends in the middle is not well-formed: feedparser reads what
    there is of it."""
    feed = site.feed("rss", 20)
    body = feed.document().body
    assert isinstance(body, bytes)
    site.add("/half.xml", body[: len(body) // 2], "application/rss+xml")

    found = Children(tmp_path, Path("/nowhere")).list(site.url("/half.xml"))

    assert 5 < len(found.entries) < 15
    assert found.entries[0].url == feed.entries[0].url


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Refuse(status=404), Code.HTTP_NOT_FOUND),
        (Refuse(status=403), Code.HTTP_FORBIDDEN),
        (Refuse(status=429, retry_after=3), Code.HTTP_RATE_LIMITED),
        (Refuse(status=503), Code.HTTP_SERVER_ERROR),
        (Guarded(header="authorization", value="Bearer", status=401), Code.HTTP_FORBIDDEN),
    ],
)
def test_a_feed_that_is_refused(
    site: Site, children: Children, fault: Refuse | Guarded, code: Code
) -> None:
    feed = site.feed("rss", 2)
    site.fail(feed.path, fault)

    with pytest.raises(ReelError) as caught:
        children.list(feed.url)

    assert caught.value.code is code


@pytest.mark.parametrize("path", ["/pages/none", "/loop"])
def test_nothing_to_list(site: Site, children: Children, path: str) -> None:
    with pytest.raises(ReelError) as caught:
        children.list(site.url(path))

    expected = {"/pages/none": Code.EXTRACTOR_UNSUPPORTED, "/loop": Code.HTTP_STATUS}
    assert caught.value.code is expected[path]


@pytest.mark.parametrize("content_type", ["text/html", "text/plain", "application/octet-stream"])
def test_a_feed_under_another_name(site: Site, children: Children, content_type: str) -> None:
    feed = site.feed("atom", 2)
    site.fail(feed.path, Typed(content_type))

    assert children.list(feed.url).listing.kind is ListingKind.FEED


def test_a_feed_that_never_ends_ends_with_its_time(site: Site, children: Children) -> None:
    feed = site.feed("rss", 500)
    site.fail(feed.path, Together((Stall(9000),)))

    with pytest.raises(ReelError) as caught:
        children.list(feed.url, max_seconds=4)

    assert caught.value.code is Code.TIMEOUT


def test_a_cancelled_listing(site: Site, tmp_path: Path) -> None:
    feed = site.feed("rss", 500)
    site.fail(feed.path, Stall(9000))

    async def scenario() -> None:
        wish = ListWish(url=feed.url, folder=str(tmp_path))
        listing = asyncio.create_task(
            list_entries(wish, log=tmp_path / "log", on_entries=lambda _: None)
        )
        await asyncio.to_thread(site.wait_for, feed.path)
        listing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await listing

    asyncio.run(scenario())


def test_no_private_address_in_a_service(site: Site, children: Children) -> None:
    with pytest.raises(ReelError) as caught:
        children.list(site.feed("rss", 1).url, allow_private=False)

    assert caught.value.code is Code.ADDRESS_REFUSED
    assert not site.requests


def test_an_entry_is_the_same_after_the_way_from_the_child() -> None:
    from reelwright.tools.ytdlp.wire import entry_from_line, entry_line

    entry = Listed(position=7, url="u", extractor="e", title="Ü \u2028 x", duration_s=1.5)

    assert entry_from_line(entry_line(entry)) == entry
    assert entry_line(entry).count(b"\n") == 1
    assert entry_from_line(entry_line(replace(entry, item=3))).item == 3
