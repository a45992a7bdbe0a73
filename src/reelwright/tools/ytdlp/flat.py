"""In the child: a list of yt-dlp's, flat and lazy, however many pages its site spreads it over."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from reelwright.tools.ytdlp.facts import (
    GENERIC_NAME,
    extractor_name,
    media_url,
    number,
    page_url,
    published_at,
    text,
    title,
    without_user,
)
from reelwright.tools.ytdlp.request import Listed, Listing, ListingKind
from reelwright.tools.ytdlp.session import Session
from reelwright.tools.ytdlp.sites import GENERIC

# A channel leads to its tabs, a tab to its playlists, a playlist to videos.
_DEPTH = 3
_HOPS = 5
_LISTS = ("playlist", "multi_video")
_CHANNEL_PATH = re.compile(r"/(@|channel/|user/|c/)", re.IGNORECASE)


def site_of(session: Session, url: str) -> Any:
    """The extractor that knows the site of `url` by name; None: it is only a page or a file."""
    if urlsplit(url).path.endswith("/feeds/videos.xml"):
        return None  # YouTube's Atom, which its extractors do not read
    anything = (*GENERIC, "html5mediaembed", "unsupportedurl")
    known = (one for key, one in session.ydl._ies.items() if key.lower() not in anything)
    return next((extractor for extractor in known if extractor.suitable(url)), None)


def video_of(extractor: Any, url: str) -> Listed | None:
    """The one video that `url` names, where its extractor never gives more than one."""
    if getattr(extractor, "_RETURN_TYPE", None) != "video":
        return None
    native_id = text(extractor.get_temp_id(url))
    name = extractor.ie_key().lower()
    return Listed(position=1, url=url, extractor=name, native_id=native_id)


@dataclass(slots=True)
class FlatList:
    """`entries` first, then `listing`: titles come with what was found."""

    session: Session
    url: str
    _top: dict[str, Any] = field(default_factory=dict)
    _is_list: bool = False
    _count: int = 0
    _leaves: bool = False

    def entries(self) -> Iterator[Listed]:
        found = self.resolved(self.session.look(self.url))
        self._top = found
        self._is_list = found.get("_type") in _LISTS
        if self._is_list:
            yield from self._under(found, 1)
        else:
            yield self._listed(found, self.url)

    def leave(self) -> None:
        """No more of the list that the last entry stands in; lists beside it are gone on with."""
        self._leaves = True

    def listing(self) -> Listing:
        top = self._top
        url = page_url(top, self.url)
        is_channel = self._is_list and _is_channel(top, url)
        kind = ListingKind.CHANNEL if is_channel else ListingKind.PLAYLIST
        return Listing(
            kind=kind if self._is_list else ListingKind.SINGLE,
            url=url,
            title=text(top.get("title")) if self._is_list else title(top),
            channel=text(top.get("channel")) or text(top.get("uploader")),
            channel_id=text(top.get("channel_id")) or text(top.get("uploader_id")),
        )

    def resolved(self, found: dict[str, Any]) -> dict[str, Any]:
        """What redirects from extractor to extractor lead to."""
        for _ in range(_HOPS):
            if found.get("_type") not in ("url", "url_transparent"):
                return found
            outer = found
            found = self.session.look(str(outer["url"]), outer.get("ie_key"))
            if outer["_type"] == "url_transparent":
                kept = {k: v for k, v in outer.items() if v is not None and k in ("title", "id")}
                found = {**found, **kept}
        return found

    def _under(self, found: Mapping[str, Any], depth: int) -> Iterator[Listed]:
        page = page_url(found, self.url)
        item = 0
        for entry in found.get("entries") or ():
            item += 1
            if not isinstance(entry, dict):
                continue
            if entry.get("_type") in _LISTS:
                yield from self._under(entry, depth + 1)
            elif depth < _DEPTH and self._is_list_of(entry):
                yield from self._under(self.resolved(entry), depth + 1)
            else:
                yield self._listed(entry, page, item)
                if self._leaves:
                    self._leaves = False
                    return

    def _is_list_of(self, entry: Mapping[str, Any]) -> bool:
        """Whether the entry is a list itself, as its extractor says without being asked."""
        key = entry.get("ie_key")
        extractor = self.session.ydl._ies.get(key) if key else None
        if entry.get("_type") not in ("url", "url_transparent") or extractor is None:
            return False
        return getattr(extractor, "_RETURN_TYPE", None) == "playlist"

    def _listed(self, entry: Mapping[str, Any], page: str, item: int = 1) -> Listed:
        self._count += 1
        name = extractor_name(entry)
        url, beside = without_user(page), None
        if entry.get("_type") in ("url", "url_transparent"):
            url = text(entry.get("url")) or url
        elif self._is_list:
            # A video of a page that shows several: by its own address it stays the same one when
            # the page shows one more.
            own = text(entry.get("webpage_url")) if name != GENERIC_NAME else media_url(entry)
            url, beside = own or url, url
            item = 1 if own else item
        return Listed(
            position=self._count,
            url=url,
            extractor=name,
            native_id=None if name == GENERIC_NAME else text(entry.get("id")),
            item=item if self._is_list and url == page else 1,
            page_url=beside,
            title=text(entry.get("title")) if self._is_list else title(entry),
            channel=text(entry.get("channel")) or text(entry.get("uploader")),
            channel_id=text(entry.get("channel_id")) or text(entry.get("uploader_id")),
            published_at=published_at(entry),
            duration_s=number(entry.get("duration")),
            live_status=text(entry.get("live_status")),
            availability=text(entry.get("availability")),
        )


def _is_channel(top: Mapping[str, Any], url: str) -> bool:
    own = top.get("channel_id") or top.get("uploader_id")
    return bool(own and own == top.get("id")) or bool(_CHANNEL_PATH.match(urlsplit(url).path))
