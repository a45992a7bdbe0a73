"""The key of a video: what sets it apart from every other, whichever list it is found in.

The only place that makes keys. Two forms:

- ``site:youtube.com:youtube:dQw4w9WgXcQ`` where yt-dlp knows the site, and with it the site's ids:
  the extractor's name alone would not do, since many sites run the same software.
- ``url:example.org/talk.mp4`` where it does not: the id of the generic extractor is the end of the
  path, which any two pages may share.

An address is written in its normal form (RFC 3986, 6.2) and no further: a parameter that means
nothing here may mean everything there. A video that is kept twice costs disk; one that was taken
for another is never kept.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes, urlsplit

if TYPE_CHECKING:
    from reelwright.tools.ytdlp.info import VideoInfo
    from reelwright.tools.ytdlp.request import Listed

# Their ids are no ids: made from the address, or unique within one feed at the best.
NAMELESS = frozenset(
    {"", "generic", "html5", "feed", "rss", "atom", "direct", "html", "commonmistakes"}
)
_PORTS = {"http": 80, "https": 443}
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
# Of one campaign or click; no site finds a video by them.
_TRACKING = re.compile(r"utm_[a-z_]+|fbclid|gclid|igshid|mc_eid|mc_cid", re.IGNORECASE)
# Other names of one site, whose ids are the same.
_ALIASES = {
    "youtu.be": "youtube.com",
    "youtube-nocookie.com": "youtube.com",
    "music.youtube.com": "youtube.com",
    "player.vimeo.com": "vimeo.com",
    "twitter.com": "x.com",
    "mobile.twitter.com": "x.com",
}
_YOUTUBE_ID = re.compile(r"[0-9A-Za-z_-]{11}")
# What people paste and feeds name, without asking the site.
_YOUTUBE_PATHS = ("/v/", "/embed/", "/shorts/", "/live/", "/e/")


def site_of(url: str) -> str:
    """The host that budgets and breakers count by: without port and ``www.``, one name for a site
    with several; empty where the address has none."""
    host = _host(urlsplit(url).hostname or "")
    for prefix in ("www.", "m."):
        if host.startswith(prefix) and "." in host.removeprefix(prefix):
            host = host.removeprefix(prefix)
    return _ALIASES.get(host, host)


def key_of_listed(entry: Listed) -> str:
    """Of an entry of a list, before it is looked at."""
    return make_key(entry.extractor, entry.native_id, entry.url, item=entry.item)


def key_of_info(info: VideoInfo, *, item: int = 1) -> str:
    """Of a video that was looked at. `item`: which one of its page, from 1."""
    return make_key(info.extractor, info.native_id, info.url, item=item)


def make_key(extractor: str, native_id: str | None, url: str, *, item: int = 1) -> str:
    """`item`: which of several videos on the page of `url`."""
    name = extractor.lower().split(":")[0]
    known = youtube_id(url)
    if known is not None:
        return f"site:youtube.com:youtube:{known}"
    if native_id and name not in NAMELESS:
        return f"site:{site_of(url)}:{name}:{native_id}"
    beside = f" {item}" if item > 1 else ""
    return f"url:{canonical(url)}{beside}"


def canonical(url: str) -> str:
    """The address without its scheme, in normal form; addresses that differ only in their spelling
    give the same text. http and https of one host are one site."""
    parts = urlsplit(url.strip())
    scheme = parts.scheme.lower()
    host = _host(parts.hostname or "")
    port = _port(parts.netloc)
    if port is not None and port != _PORTS.get(scheme):
        host = f"{host}:{port}"
    elif scheme not in _PORTS:
        host = f"{scheme}://{host}"
    path = _without_dots(_escaped(parts.path)) or "/"
    kept = [part for part in parts.query.split("&") if not _is_tracking(part)]
    query = _escaped("&".join(kept))
    # ``#!/video/7`` and ``#/video/7`` are the paths of pages that find their way in the browser.
    fragment = _escaped(parts.fragment) if parts.fragment[:1] in {"!", "/"} else ""
    return host + path + (f"?{query}" if query else "") + (f"#{fragment}" if fragment else "")


def youtube_id(url: str) -> str | None:
    """The video's, where its address says it."""
    if site_of(url) != "youtube.com":
        return None
    parts = urlsplit(url)
    if (parts.hostname or "").lower().endswith("youtu.be"):
        found = parts.path[1:].split("/")[0]
    elif parts.path == "/watch":
        named = [part[2:] for part in parts.query.split("&") if part.startswith("v=")]
        found = named[0] if named else ""
    else:
        found = next(
            (
                parts.path[len(p) :].split("/")[0]
                for p in _YOUTUBE_PATHS
                if parts.path.startswith(p)
            ),
            "",
        )
    return found if _YOUTUBE_ID.fullmatch(found) else None


def _host(host: str) -> str:
    host = host.rstrip(".").lower()
    if ":" in host:
        return f"[{host}]"
    if not host.isascii():
        try:
            return host.encode("idna").decode("ascii")
        except UnicodeError:
            return host
    return host


def _port(netloc: str) -> int | None:
    """None where there is none, or what stands there is no number."""
    text = netloc.rpartition("@")[2].rpartition("]")[2].rpartition(":")
    return int(text[2]) if text[1] and text[2].isascii() and text[2].isdigit() else None


def _is_tracking(part: str) -> bool:
    return not part or bool(_TRACKING.fullmatch(part.partition("=")[0]))


def _escaped(text: str) -> str:
    """Escapes in capitals, none where none is needed, and one where a character is not ASCII."""

    def one(found: re.Match[str]) -> str:
        byte = unquote_to_bytes(found[0])[0]
        return chr(byte) if byte in _UNRESERVED else f"%{byte:02X}"

    plain = "".join(
        c if "!" <= c <= "~" else "".join(f"%{b:02X}" for b in c.encode("utf-8", "surrogatepass"))
        for c in text
    )
    return _ESCAPE.sub(one, plain)


def _without_dots(path: str) -> str:
    """RFC 3986, 5.2.4."""
    out: list[str] = []
    parts = path.split("/")
    for n, part in enumerate(parts):
        if part == "..":
            if len(out) > 1:
                out.pop()
        elif part != ".":
            out.append(part)
            continue
        if n == len(parts) - 1:
            out.append("")
    return "/".join(out)
