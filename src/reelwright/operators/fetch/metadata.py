"""`metadata`: what a site says of a video."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from reelwright.graph.builder import Builder
from reelwright.graph.operator import Bundle, Inputs, Operator, Port
from reelwright.graph.params import Boolean, Integer, String
from reelwright.operators.fetch.origin import OriginParams, http_address

Category = Literal[
    "sponsor",
    "intro",
    "outro",
    "selfpromo",
    "preview",
    "filler",
    "interaction",
    "music_offtopic",
    "hook",
    "poi_highlight",
    "chapter",
]


class MetadataParams(OriginParams):
    comments: Integer | None = Field(
        None, ge=1, le=1_000_000, description="Comments too, this many (left out: none)."
    )
    live_chat: Boolean = Field(False, description="The chat of a live stream too.")
    sponsorblock: list[Category] = Field(
        [], description="Marks of SponsorBlock's of these categories; nothing is cut out."
    )
    sponsor_api: String | None = Field(
        None, description="Address of the SponsorBlock API (left out: that of yt-dlp)."
    )

    @field_validator("sponsor_api")
    @classmethod
    def _is_api(cls, url: str | None) -> str | None:
        return None if url is None else http_address(url)


class Metadata(Operator):
    name = "metadata"
    summary = (
        "Asks a site what it says of a video: title, channel, chapters, description, comments."
    )
    params = MetadataParams
    ports: ClassVar[tuple[Port, ...]] = ()
    example = "{id: about, op: metadata, url: https://example.org/watch/1}"

    def build(self, params: MetadataParams, inputs: Inputs, build: Builder) -> Bundle:
        """Files under the labels `facts` (JSON), `info` (the site's own JSON), `description`, and
        where they are asked for `comments` and `live_chat`."""
        labels = ["facts", "info", "description"]
        labels += ["comments"] if params.comments is not None else []
        labels += ["live_chat"] if params.live_chat else []
        options: dict[str, Any] = params.own()
        return Bundle(
            tuple(
                build.fetch(
                    params.url,
                    options,
                    session=params.session(),
                    part="metadata" if label == "facts" else f"metadata.{label}",
                    codec="text" if label == "description" else "json",
                    label=label,
                )
                for label in labels
            )
        )
