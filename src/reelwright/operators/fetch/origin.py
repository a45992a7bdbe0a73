"""What `fetch`, `metadata`, `captions` and `thumbnail` say of how an address is asked.

Operations on one address that say the same here are one extraction.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from reelwright.graph.operator import Params
from reelwright.graph.params import Duration, FilePath, Integer, String
from reelwright.media.timecode import Timecode

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
# These say how the transfer itself goes, or carry what is not kept.
_OWN_HEADERS = frozenset(
    {"host", "range", "if-range", "accept-encoding", "connection", "content-length", "cookie"}
)
_PROXIES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
_LONGEST_SLEEP_S = 3600


class Asking(Params):
    """How an address is asked."""

    headers: dict[str, str] = Field(
        default_factory=dict,
        description="More request headers, sent to the host of `url` and to no other.",
    )
    cookies: FilePath | None = Field(
        None, description="A file of cookies in Netscape's form, as browsers export it."
    )
    proxy: String | None = Field(
        None, description="Go through this proxy: http://host:port, or socks5://host:port."
    )
    user_agent: String | None = Field(None, description="User-Agent of the requests.")
    country: String | None = Field(
        None,
        pattern=r"^[A-Za-z]{2}$",
        description="Claim to ask from this country (two letters), where a site believes that.",
    )
    sleep: Duration | None = Field(
        None, description="Time between two requests to the site (left out: none)."
    )
    item: Integer | None = Field(
        None, ge=1, description="Which video, where a page shows several (left out: the first)."
    )

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if not _HEADER_NAME.fullmatch(name) or name.lower() in _OWN_HEADERS:
                raise ValueError(f"'{name}' cannot be set as a header")
            if not value.isprintable() or not value.isascii():
                raise ValueError(f"the value of '{name}' is no header text")
        return headers

    @field_validator("proxy")
    @classmethod
    def _is_proxy(cls, proxy: str | None) -> str | None:
        if proxy is not None:
            parts = urlsplit(proxy)
            if parts.scheme.lower() not in _PROXIES or not parts.hostname:
                raise ValueError(f"write a proxy's address: {', '.join(_PROXIES)}://host:port")
        return proxy

    @field_validator("user_agent")
    @classmethod
    def _is_text(cls, text: str | None) -> str | None:
        if text is not None and not (text.isprintable() and text.isascii() and text.strip()):
            raise ValueError("a User-Agent is one line of ASCII text")
        return text

    @field_validator("sleep")
    @classmethod
    def _is_bearable(cls, sleep: Fraction | Timecode | None) -> Fraction | Timecode | None:
        if sleep is not None and (isinstance(sleep, Timecode) or sleep > _LONGEST_SLEEP_S):
            raise ValueError(f"write seconds, at most {_LONGEST_SLEEP_S}")
        return sleep

    def session(self) -> dict[str, Any]:
        """What all parts of one extraction share, JSON-ready; what is left out is not in it."""
        said = self.model_dump(include=set(Asking.model_fields), exclude_defaults=True)
        if "sleep" in said:
            said["sleep"] = float(Fraction(said["sleep"]))
        if "country" in said:
            said["country"] = said["country"].upper()
        return said


class OriginParams(Asking):
    url: String = Field(description="Where it is: an http(s) address of a file, page or playlist.")

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        return http_address(url)

    def own(self) -> dict[str, Any]:
        """What an operation says beyond how the address is asked, JSON-ready."""
        shared = {*Asking.model_fields, "url"}
        return self.model_dump(exclude=shared, exclude_defaults=True, mode="json")


def http_address(url: str) -> str:
    """`url` if it can be fetched. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise ValueError("write an address that begins with http:// or https://")
    if any(ord(c) <= 32 or ord(c) == 127 for c in url):
        raise ValueError("an address holds no spaces; write %20")
    return url
