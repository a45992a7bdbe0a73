"""The documents of the test site: pages that show a video in each of the usual ways, and feeds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from tests.site_feeds import Entry


def html(title: str, body: str = "", head: str = "") -> str:
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}'
        f"</title>{head}</head><body><h1>{escape(title)}</h1>{body}</body></html>"
    )


def json_ld_page(video: str, title: str, *, poster: str, uploaded: str, **more: Any) -> str:
    """A schema.org VideoObject. `uploaded`: an ISO 8601 date."""
    about = {
        "@context": "https://schema.org",
        "@type": "VideoObject",
        "name": title,
        "description": f"All about {title}.",
        "thumbnailUrl": [poster],
        "uploadDate": uploaded,
        "duration": "PT1S",
        "contentUrl": video,
        **more,
    }
    text = json.dumps(about).replace("<", "\\u003c")
    return html(title, head=f'<script type="application/ld+json">{text}</script>')


def video_page(
    title: str, sources: Iterable[tuple[str, str]], *, captions: Iterable[tuple[str, str]] = ()
) -> str:
    """`<video>` with sources (address, type) and captions (address, language)."""
    inner = "".join(
        f"<source src={quoteattr(url)} type={quoteattr(kind)}>" for url, kind in sources
    )
    inner += "".join(
        f"<track kind=captions srclang={quoteattr(language)} label={quoteattr(language)}"
        f" src={quoteattr(url)}>"
        for url, language in captions
    )
    return html(title, f"<video controls>{inner}</video>")


def og_page(video: str, title: str, *, poster: str) -> str:
    """Open Graph's og:video."""
    properties = {
        "og:title": title,
        "og:type": "video.other",
        "og:image": poster,
        "og:video": video,
        "og:video:url": video,
        "og:video:type": "video/mp4",
        "og:description": f"All about {title}.",
    }
    head = "".join(
        f'<meta property="{name}" content={quoteattr(value)}>' for name, value in properties.items()
    )
    return html(title, head=head)


def playlist_page(title: str, videos: Sequence[str]) -> str:
    """Several videos on one page."""
    body = "".join(f"<video><source src={quoteattr(v)} type='video/mp4'></video>" for v in videos)
    return html(title, body)


def rss(title: str, home: str, entries: Sequence[Entry], *, itunes: bool) -> str:
    """RSS 2.0, the newest first; `itunes`: a podcast."""
    names = 'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"' if itunes else ""
    head = (
        f'<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" {names}><channel>'
        f"<title>{escape(title)}</title><link>{escape(home)}</link>"
        f"<description>{escape(title)}</description>"
    )
    parts = [head]
    if itunes:
        parts.append("<itunes:author>The Site</itunes:author><itunes:type>episodic</itunes:type>")
    parts += (_rss_item(entry, itunes) for entry in entries)
    return "".join([*parts, "</channel></rss>"])


def _rss_item(entry: Entry, itunes: bool) -> str:
    more = f"<itunes:duration>1</itunes:duration><itunes:episode>{entry.number}</itunes:episode>"
    return (
        f"<item><title>{escape(entry.title)}</title><link>{escape(entry.page_url)}</link>"
        f'<guid isPermaLink="false">{escape(entry.id)}</guid>'
        f"<pubDate>{formatdate(entry.published_s, usegmt=True)}</pubDate>"
        f"<description>{escape(entry.title)}: what it is about</description>"
        f"{_rss_enclosure(entry)}{more if itunes else ''}</item>"
    )


def _rss_enclosure(entry: Entry) -> str:
    if not entry.feed.encloses:
        return ""
    return (
        f'<enclosure url={quoteattr(entry.file_url)} length="{entry.size_bytes}"'
        f" type={quoteattr(entry.content_type)}/>"
    )


def atom(title: str, home: str, entries: Sequence[Entry]) -> str:
    newest = entries[0].published_iso if entries else "2024-01-01T00:00:00Z"
    head = (
        '<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom">'
        f"<title>{escape(title)}</title><id>{escape(home)}</id><updated>{newest}</updated>"
        f"<link rel='alternate' href={quoteattr(home)}/><author><name>The Site</name></author>"
    )
    return "".join([head, *map(_atom_entry, entries), "</feed>"])


def _atom_entry(entry: Entry) -> str:
    enclosure = (
        f"<link rel='enclosure' href={quoteattr(entry.file_url)}"
        f" type={quoteattr(entry.content_type)} length='{entry.size_bytes}'/>"
    )
    return (
        f"<entry><title>{escape(entry.title)}</title><id>{escape(entry.id)}</id>"
        f"<updated>{entry.published_iso}</updated><published>{entry.published_iso}</published>"
        f"<link rel='alternate' type='text/html' href={quoteattr(entry.page_url)}/>"
        f"{enclosure if entry.feed.encloses else ''}"
        f"<summary>{escape(entry.title)}: what it is about</summary></entry>"
    )
