"""What a download is asked and what it answers, for both sides of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


class NotAFile(Exception):  # noqa: N818 - an answer, not an error
    """The URL shows a page or a playlist; `url` is where redirects led."""

    def __init__(self, url: str, content_type: str) -> None:
        super().__init__(content_type)
        self.url, self.content_type = url, content_type


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to download. `key` names the half download (the URL that was asked first).

    `headers`, and a name and password in `url`, are for its host alone; `cookies` is a file in
    Netscape's form, whose cookies go where they belong. `proxy`: http(s) only; None: as the
    environment says; `trusts_proxy`: the administrator named it. `max_bytes_s`: no faster than
    this. `allow_private` and `net_allow`: what `addresses.hold_to` says, which the process that
    downloads has called.
    """

    url: str
    key: str
    max_bytes: int | None = None
    max_seconds: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: str | None = None
    proxy: str | None = None
    trusts_proxy: bool = False
    user_agent: str | None = None
    max_bytes_s: int | None = None
    allow_private: bool = True
    net_allow: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloaded:
    """`resumed_bytes` were there from an earlier attempt. `etag`, `last_modified` and
    `content_type` as the server said them."""

    final_url: str
    sha256: str
    size_bytes: int
    etag: str | None
    content_type: str | None
    resumed_bytes: int
    last_modified: str | None = None
