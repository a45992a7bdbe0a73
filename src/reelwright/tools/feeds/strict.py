"""Well-formed RSS 2.0 and Atom, by the XML parser alone: 10,000 entries in less than half a second,
where feedparser takes two, and one entry in memory at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO
from xml.etree import ElementTree
from xml.parsers import expat

from reelwright.tools.feeds.entries import FeedEntry, FeedFile, FeedHead, make_entry, plain

_ATOM = "{http://www.w3.org/2005/Atom}"
_ITUNES = "{http://www.itunes.com/dtds/podcast-1.0.dtd}"
_MEDIA = "{http://search.yahoo.com/mrss/}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_YOUTUBE = "{http://www.youtube.com/xml/schemas/2015}"
_XML_BASE = re.compile(rb"\sxml:base\s*=")
_BLOCK_BYTES = 1 << 20
_ITEMS = frozenset({"item", f"{_ATOM}entry"})

_Element = ElementTree.Element


class _NotPlainError(Exception):
    """The document does things that this reader leaves to feedparser."""


def is_strict(path: Path) -> bool:
    """Whether the file is whole, well-formed XML without declared entities, and RSS 2.0 or Atom."""
    roots: list[str] = []

    def start(name: str, _: dict[str, str]) -> None:
        if not roots:
            roots.append(name)

    def refuse(*_: object) -> None:
        raise _NotPlainError

    parser = expat.ParserCreate(namespace_separator="}")
    parser.StartElementHandler = start
    parser.EntityDeclHandler = refuse
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                if _XML_BASE.search(block):
                    return False
                parser.Parse(block, False)
                if roots:
                    # The rest needs no calls of ours to be found well-formed.
                    parser.StartElementHandler = None
            parser.Parse(b"", True)
    except (expat.ExpatError, _NotPlainError, ValueError, LookupError):
        return False
    return bool(roots) and (roots[0] == "rss" or "{" + roots[0] == f"{_ATOM}feed")


def read_strict(file: IO[bytes], base: str) -> Iterator[FeedHead | FeedEntry | None]:
    """What is known of the feed when its first entry comes, then each entry in its order, None for
    one that leads nowhere. The file `is_strict`."""
    head: FeedHead | None = None
    path: list[_Element] = []
    for event, element in ElementTree.iterparse(file, events=("start", "end")):
        if event == "start":
            if element.tag in _ITEMS and head is None:
                head = _head(path[-1])
                yield head
            path.append(element)
            continue
        path.pop()
        if element.tag in _ITEMS:
            rss = element.tag == "item"
            yield _rss(element, base) if rss else _atom(element, base)
            path[-1].remove(element)
    if head is None:
        yield _head(element.find("channel") if element.tag == "rss" else element)


def _head(above: _Element | None) -> FeedHead:
    """From what stands before the entries, where both kinds of feed put it."""
    if above is None:
        return FeedHead()
    is_atom = above.tag == f"{_ATOM}feed"
    author = above.find(f"{_ATOM}author/{_ATOM}name") if is_atom else above.find(f"{_ITUNES}author")
    title = above.find(f"{_ATOM}title" if is_atom else "title")
    return FeedHead(
        title=plain(_text(title)),
        author=plain(_text(author)),
        url=_alternate(above) if is_atom else _text(above.find("link")),
        channel_id=_text(above.find(f"{_YOUTUBE}channelId")),
    )


def _rss(item: _Element, base: str) -> FeedEntry | None:
    fields: dict[str, str] = {}
    files: list[FeedFile] = []
    guid_is_link = False
    for child in item:
        tag = child.tag
        if tag == "enclosure":
            files.append(_enclosure(child.get("url"), child.get("type")))
        elif tag == "guid":
            guid_is_link = child.get("isPermaLink", "true").lower() == "true"
            fields.setdefault(tag, child.text or "")
        elif tag.startswith(_MEDIA):
            files += _contents(child)
        elif child.text:
            fields.setdefault(tag, child.text)
    guid = fields.get("guid")
    return make_entry(
        base=base,
        id=guid,
        link=fields.get("link") or (guid if guid_is_link and guid and "://" in guid else None),
        files=files,
        title=fields.get("title") or fields.get(f"{_ITUNES}title"),
        author=fields.get(f"{_DC}creator") or fields.get(f"{_ITUNES}author"),
        published=fields.get("pubDate") or fields.get(f"{_DC}date"),
        duration=fields.get(f"{_ITUNES}duration") or _media_duration(item),
        youtube_id=None,
    )


def _atom(entry: _Element, base: str) -> FeedEntry | None:
    files = [
        _enclosure(link.get("href"), link.get("type"))
        for link in entry.findall(f"{_ATOM}link")
        if link.get("rel") == "enclosure"
    ]
    for child in entry:
        if child.tag.startswith(_MEDIA):
            files += _contents(child)
    published = entry.find(f"{_ATOM}published")
    if published is None:
        published = entry.find(f"{_ATOM}updated")
    return make_entry(
        base=base,
        id=_text(entry.find(f"{_ATOM}id")),
        link=_alternate(entry),
        files=files,
        title=_text(entry.find(f"{_ATOM}title")),
        author=_text(entry.find(f"{_ATOM}author/{_ATOM}name")),
        published=_text(published),
        duration=_text(entry.find(f"{_ITUNES}duration")) or _media_duration(entry),
        youtube_id=_text(entry.find(f"{_YOUTUBE}videoId")),
    )


def _alternate(element: _Element) -> str | None:
    for link in element.findall(f"{_ATOM}link"):
        if link.get("rel", "alternate") == "alternate":
            return link.get("href")
    return None


def _enclosure(url: str | None, kind: str | None) -> FeedFile:
    return FeedFile(url=url or "", content_type=kind or "", rank=(1, 0.0))


def _contents(child: _Element) -> list[FeedFile]:
    """Of Media RSS: one file, or a group of the same video in several qualities."""
    found = [child] if child.tag == f"{_MEDIA}content" else child.findall(f"{_MEDIA}content")
    return [content_file(one.attrib) for one in found]


def content_file(attributes: dict[str, str]) -> FeedFile:
    """A ``media:content``. The one that calls itself the default wins over an enclosure, and an
    enclosure over the others, of which the largest wins."""
    size = 0.0
    for name in ("height", "bitrate", "fileSize", "filesize"):
        with suppress(ValueError, TypeError):
            size = size or float(attributes.get(name) or 0)
    is_default = str(attributes.get("isDefault", attributes.get("isdefault"))).lower() == "true"
    kind = attributes.get("type") or attributes.get("medium") or ""
    return FeedFile(
        url=attributes.get("url") or "", content_type=kind, rank=(2 if is_default else 0, size)
    )


def _media_duration(entry: _Element) -> str | None:
    for content in entry.iter(f"{_MEDIA}content"):
        if content.get("duration"):
            return content.get("duration")
    return None


def _text(element: _Element | None) -> str | None:
    return "".join(element.itertext()) or None if element is not None else None
