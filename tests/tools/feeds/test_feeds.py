"""Feeds as they are found: well-formed ones by the XML parser alone, all others by feedparser, and
both say the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwright.errors import Code, ReelError
from reelwright.tools.feeds.entries import FeedEntry, FeedHead, duration_s, moment, plain
from reelwright.tools.feeds.lenient import read_lenient
from reelwright.tools.feeds.reading import is_feed, read_feed
from reelwright.tools.feeds.strict import is_strict, read_strict

BASE = "https://example.org/feeds/talks"

RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"
  xmlns:media="http://search.yahoo.com/mrss/" xmlns:dc="http://purl.org/dc/elements/1.1/">
 <channel>
  <title>Talks &amp; more</title><link>https://example.org/</link>
  <itunes:author>Ada</itunes:author>
  <item>
   <title>One &lt;b&gt;bold&lt;/b&gt; word</title><link>/talks/1</link><guid>g1</guid>
   <pubDate>Sat, 03 Feb 2024 04:05:06 GMT</pubDate><itunes:duration>1:02:03</itunes:duration>
   <enclosure url="/media/1.mp3" length="12" type="audio/mpeg"/>
  </item>
  <item>
   <title>Two</title><guid isPermaLink="true">https://example.org/talks/2</guid>
   <pubDate>2024-02-04T00:00:00+01:00</pubDate><dc:creator>Eve</dc:creator>
   <media:group>
    <media:content url="https://example.org/2-low.mp4" type="video/mp4" height="240"/>
    <media:content url="https://example.org/2-high.mp4" type="video/mp4" height="1080"/>
   </media:group>
  </item>
  <item>
   <title>A picture</title><link>https://example.org/talks/3</link>
   <enclosure url="https://example.org/3.jpg" type="image/jpeg"/>
  </item>
  <item><title>Leads nowhere</title><guid isPermaLink="false">g4</guid></item>
 </channel>
</rss>
"""

ATOM = """<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:yt="http://www.youtube.com/xml/schemas/2015"
  xmlns:media="http://search.yahoo.com/mrss/">
 <title>A channel</title><link rel="alternate" href="https://www.youtube.com/channel/UC1"/>
 <author><name>Ada</name></author><yt:channelId>UC1</yt:channelId>
 <entry>
  <id>yt:video:dQw4w9WgXcQ</id><yt:videoId>dQw4w9WgXcQ</yt:videoId>
  <title>Never</title><link rel="alternate" href="https://www.youtube.com/watch?v=dQw4w9WgXcQ"/>
  <published>2009-10-25T06:57:33+00:00</published><updated>2024-01-01T00:00:00Z</updated>
  <media:group>
   <media:content url="https://www.youtube.com/v/dQw4w9WgXcQ?version=3"
     type="application/x-shockwave-flash" width="640" height="390"/>
  </media:group>
 </entry>
 <entry>
  <id>tag:example.org,2024:2</id><title type="html">Six &amp;amp; seven</title>
  <link href="talks/2"/>
  <link rel="enclosure" type="video/webm" href="https://example.org/2.webm"/>
  <updated>2024-02-03T04:05:06Z</updated>
 </entry>
</feed>
"""


def read(tmp_path: Path, text: str | bytes) -> tuple[FeedHead, list[FeedEntry | None]]:
    path = tmp_path / "feed.xml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    head, *entries = read_feed(path, BASE)
    assert isinstance(head, FeedHead)
    return head, [one for one in entries if not isinstance(one, FeedHead)]


def test_rss(tmp_path: Path) -> None:
    head, (one, two, three, four) = read(tmp_path, RSS)

    assert head == FeedHead(title="Talks & more", author="Ada", url="https://example.org/")
    assert one == FeedEntry(
        id="g1",
        url="https://example.org/talks/1",
        file="https://example.org/media/1.mp3",
        title="One bold word",
        published_at=1706933106.0,
        duration_s=3723.0,
    )
    assert two is not None
    assert (two.url, two.file) == ("https://example.org/talks/2", "https://example.org/2-high.mp4")
    assert (two.author, two.published_at) == ("Eve", 1707001200.0)
    assert three is not None
    assert (three.url, three.file) == ("https://example.org/talks/3", None)
    assert four is None


def test_atom_of_youtube(tmp_path: Path) -> None:
    head, (one, two) = read(tmp_path, ATOM)

    assert (head.title, head.channel_id) == ("A channel", "UC1")
    assert one is not None
    assert (one.youtube_id, one.file) == ("dQw4w9WgXcQ", None)  # Flash is no video any more
    assert one.published_at == 1256453853.0
    assert two is not None
    assert (two.url, two.file) == (
        "https://example.org/feeds/talks/2",
        "https://example.org/2.webm",
    )
    assert two.title == "Six & seven"


@pytest.mark.parametrize("text", [RSS, ATOM])
def test_both_readers_say_the_same(tmp_path: Path, text: str) -> None:
    path = tmp_path / "feed.xml"
    path.write_text(text, encoding="utf-8")

    assert is_strict(path)
    with path.open("rb") as file:
        assert list(read_strict(file, BASE)) == list(read_lenient(path, BASE))


@pytest.mark.parametrize(
    "text",
    [
        RSS.replace("Talks &amp; more", "Talks & more"),  # not well-formed
        RSS[: RSS.index("<item>\n   <title>A picture")],  # broken off
        RSS.replace("<?xml", "\n<?xml"),  # an XML declaration that does not stand first
        RSS.replace('encoding="UTF-8"', 'encoding="windows-1252"'),
        "\ufeff" + RSS,
    ],
)
def test_feeds_that_are_not_as_they_should_be(tmp_path: Path, text: str) -> None:
    _, entries = read(tmp_path, text)

    assert entries[0] is not None
    assert entries[0].file == "https://example.org/media/1.mp3"
    assert entries[0].published_at == 1706933106.0


def test_addresses_that_are_relative_to_a_base_of_their_own(tmp_path: Path) -> None:
    text = ATOM.replace("<feed xmlns=", '<feed xml:base="https://cdn.example.org/x/" xmlns=')

    _, (_, two) = read(tmp_path, text)

    assert two is not None
    assert two.url == "https://cdn.example.org/x/talks/2"


def test_rss_1_is_read_too(tmp_path: Path) -> None:
    text = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
      xmlns="http://purl.org/rss/1.0/"><channel rdf:about="https://example.org/"><title>T</title>
      <link>https://example.org/</link></channel><item rdf:about="https://example.org/1">
      <title>One</title><link>https://example.org/1</link></item></rdf:RDF>"""

    head, (one,) = read(tmp_path, text)

    assert head.title == "T"
    assert one is not None
    assert one.url == "https://example.org/1"


def test_entities_of_their_own_are_not_expanded_without_end(tmp_path: Path) -> None:
    """The "billion laughs": 10^9 words from ten lines."""
    lines = ['<!ENTITY l0 "ha">']
    lines += [f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10)]
    text = f'<?xml version="1.0"?><!DOCTYPE rss [{"".join(lines)}]>' + RSS.split("?>", 1)[
        1
    ].replace("Two", "&l9;")

    _, entries = read(tmp_path, text)

    assert entries[0] is not None
    assert all(len(entry.title or "") < 10_000 for entry in entries if entry is not None)


def test_no_file_is_read_for_an_entity(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret")
    text = f'<!DOCTYPE rss [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]>' + RSS.split("?>", 1)[
        1
    ].replace("Two", "&x;")

    _, entries = read(tmp_path, text)

    assert entries
    assert "s3cret" not in str(entries)


def test_what_is_no_feed(tmp_path: Path) -> None:
    with pytest.raises(ReelError) as caught:
        read(tmp_path, "<html><p>Only words.</html>")

    assert caught.value.code is Code.EXTRACTOR_UNSUPPORTED


@pytest.mark.parametrize(
    ("content_type", "start", "expected"),
    [
        ("application/rss+xml", RSS.encode(), True),
        ("text/html", RSS.encode(), True),
        ("text/xml; charset=utf-8", ATOM.encode(), True),
        ("text/plain", b"\xef\xbb\xbf\n <rss version='2.0'>", True),
        ("text/xml", RSS.encode("utf-16"), True),
        ("application/atom+xml", b"<?xml version='1.0'?><!-- " + b"x" * 5000, True),
        ("text/html", b"<!DOCTYPE html><html><body>about <rss> and <feed></body>", False),
        ("application/dash+xml", b"<?xml version='1.0'?><MPD type='static'>", False),
        ("application/rss+xml", b"#EXTM3U", False),
        ("video/mp4", b"\x00\x00\x00\x20ftypisom", False),
    ],
)
def test_what_a_feed_looks_like(content_type: str, start: bytes, expected: bool) -> None:
    assert is_feed(content_type, start[:4096]) is expected


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("75", 75.0),
        ("1:15", 75.0),
        ("01:02:03.5", 3723.5),
        ("soon", None),
        ("nan", None),
        ("", None),
    ],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert duration_s(text) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Sat, 03 Feb 2024 04:05:06 +0000", 1706933106.0),
        ("Sat, 03 Feb 2024 05:05:06 +0100", 1706933106.0),
        ("03 Feb 2024 04:05:06 GMT", 1706933106.0),
        ("2024-02-03T04:05:06Z", 1706933106.0),
        ("2024-02-03T04:05:06", 1706933106.0),
        ("2024-02-03", 1706918400.0),
        ("yesterday", None),
        ("9999-99-99", None),
    ],
)
def test_times(text: str, seconds: float | None) -> None:
    assert moment(text) == seconds


@given(st.text())
def test_any_text_is_survived(text: str) -> None:
    found = plain(text)
    moment(text)
    duration_s(text)
    assert found is None or found == found.strip()
