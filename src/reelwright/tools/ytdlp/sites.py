"""Which of yt-dlp's 1,800 extractors a URL can need: few are made faster than all of them."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit, urlunsplit

from reelwright.tools.download.answers import shown

# "html5" is what "generic" hands <video> elements to.
GENERIC = ("generic", "html5")
# By the last labels of a host's name: names of extractors, as patterns. A family is whole: an
# extractor hands on to others of it by name, and those must be allowed too.
_FAMILIES = {
    "youtube.com": ("youtube.*",),
    "youtube-nocookie.com": ("youtube.*",),
    "youtu.be": ("youtube.*",),
    "vimeo.com": ("vimeo.*", "vhx.*"),
    "twitch.tv": ("twitch.*",),
    "dailymotion.com": ("dailymotion.*",),
    "dai.ly": ("dailymotion.*",),
    "soundcloud.com": ("soundcloud.*",),
    "tiktok.com": ("tiktok.*", "vm.tiktok"),
    "bilibili.com": ("bilibili.*", "bili.*"),
    "archive.org": ("archive.org.*", "youtube:web.archive", "web.archive.*"),
    "media.ccc.de": ("media.ccc.de.*",),
}
_USER = re.compile(r"(https?://)[^/\s\"'@?#]+@")
_LOCAL = re.compile(r"localhost|[^.]+|.+\.(?:localhost|local|internal|test|lan)")


def extractors_of(url: str) -> tuple[str, ...]:
    """Patterns of the names that yt-dlp may use for `url`; empty: all of its extractors."""
    host = (urlsplit(url).hostname or "").lower().rstrip(".")
    if _is_address(host) or _LOCAL.fullmatch(host):
        return GENERIC  # no site that yt-dlp knows by name lives there
    labels = host.split(".")
    for start in range(len(labels) - 1):
        family = _FAMILIES.get(".".join(labels[start:]))
        if family is not None:
            return family
    return ()


def without_users(text: str) -> str:
    """`text` without the names and passwords of the addresses in it."""
    return _USER.sub(r"\1", text)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return not host
    return True


def place(url: str) -> str:
    """`url` as it may be shown: no user, no password, and a query only where it is the video's
    name and not a secret."""
    host = (urlsplit(url).hostname or "").lower()
    if not any(host == known or host.endswith(f".{known}") for known in _FAMILIES):
        return shown(url)
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))
