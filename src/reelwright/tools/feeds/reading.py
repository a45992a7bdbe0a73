"""Is it a feed, and what does it list?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from reelwright.tools.feeds.entries import FeedEntry, FeedHead
from reelwright.tools.feeds.lenient import read_lenient
from reelwright.tools.feeds.strict import is_strict, read_strict

SNIFF_BYTES = 4096
_ROOT = re.compile(r"<(?:[A-Za-z][\w.-]*:)?(rss|feed|RDF)[\s>/]", re.IGNORECASE)
_PAGE = re.compile(r"<!doctype\s+html|<html[\s>]", re.IGNORECASE)
_FEED_TYPES = frozenset(
    {
        "application/rss+xml",
        "application/atom+xml",
        "application/rdf+xml",
        "application/x-rss+xml",
        "text/rss",
        "text/rss+xml",
    }
)


def is_feed(content_type: str, start: bytes) -> bool:
    """By the first `SNIFF_BYTES`, since servers send feeds as text and pages as feeds."""
    kind = content_type.partition(";")[0].strip().lower()
    encoding = "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    text = start.decode(encoding, "ignore")
    root = _ROOT.search(text)
    if root is None:
        # A long comment or style sheet may stand first.
        return kind in _FEED_TYPES and text.lstrip("\ufeff \t\r\n").startswith("<")
    page = _PAGE.search(text)
    return page is None or root.start() < page.start()


def read_feed(path: Path, base: str) -> Iterator[FeedHead | FeedEntry | None]:
    """First what is known of the feed, then its entries, in its order; None for an entry that leads
    nowhere. `base`: where the feed was found. Raises EXTRACTOR_UNSUPPORTED where it is none."""
    if not is_strict(path):
        yield from read_lenient(path, base)
        return
    with path.open("rb") as file:
        yield from read_strict(file, base)
