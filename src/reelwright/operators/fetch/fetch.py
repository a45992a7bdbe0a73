"""`fetch`: a video from an address."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from reelwright.graph.builder import Builder
from reelwright.graph.operator import Bundle, Cost, Inputs, Operator, Params, Port
from reelwright.graph.params import ByteSize, String
from reelwright.media.info import MediaInfo

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
# These say how the transfer itself goes, or carry what is not kept.
_OWN_HEADERS = frozenset(
    {"host", "range", "if-range", "accept-encoding", "connection", "content-length", "cookie"}
)
# A download costs a few copies of its bytes; nothing is known of its size before.
_CPU_SECONDS = 0.5


class FetchParams(Params):
    url: String = Field(description="Where it is: an http(s) address of a file, page or playlist.")
    how: Literal["auto", "file", "page"] = Field(
        "auto",
        description=(
            "auto: a file is downloaded, in a page the video is looked for. file: no page will do."
            " page: looks for the video also where a file answers."
        ),
    )
    format: String | None = Field(
        None,
        description=(
            "Which one, where a page offers several: a format selector of yt-dlp (left out: the"
            " best video with the best sound)."
        ),
    )
    sha256: String | None = Field(
        None, pattern=r"^[0-9a-fA-F]{64}$", description="What the file's SHA-256 must be."
    )
    max_bytes: ByteSize | None = Field(
        None, gt=0, description="Give up where it is larger (left out: any size)."
    )
    headers: dict[str, str] = Field(
        default_factory=dict,
        description="More request headers, sent to the host of `url` and to no other.",
    )

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
            raise ValueError("write an address that begins with http:// or https://")
        if any(ord(c) <= 32 or ord(c) == 127 for c in url):
            raise ValueError("an address holds no spaces; write %20")
        return url

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if not _HEADER_NAME.fullmatch(name) or name.lower() in _OWN_HEADERS:
                raise ValueError(f"'{name}' cannot be set as a header")
            if not value.isprintable() or not value.isascii():
                raise ValueError(f"the value of '{name}' is no header text")
        return headers


class Fetch(Operator):
    name = "fetch"
    summary = "Downloads a video from a web address; an interrupted download is gone on from."
    params = FetchParams
    ports: ClassVar[tuple[Port, ...]] = ()
    example = "{id: talk, op: fetch, url: https://example.org/talk.mp4}"

    def build(self, params: FetchParams, inputs: Inputs, build: Builder) -> Bundle:
        """Raises Unknown until the file is there: before that nobody knows its streams."""
        options: dict[str, Any] = params.model_dump(
            exclude={"url"}, exclude_defaults=True, mode="json"
        )
        fetched = build.fetch(params.url, options)
        result = build.result(fetched)
        return build.fetched(fetched, MediaInfo.from_json(result["media"]))

    def estimate(self, params: FetchParams, inputs: Inputs) -> Cost | None:
        return Cost(cpu_seconds=_CPU_SECONDS, disk_bytes=params.max_bytes or 0)
