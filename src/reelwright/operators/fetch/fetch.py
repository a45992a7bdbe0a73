"""`fetch`: a video from an address."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from reelwright.graph.builder import Builder
from reelwright.graph.operator import Bundle, Cost, Inputs, Operator, Port
from reelwright.graph.params import ByteSize, String
from reelwright.media.info import MediaInfo
from reelwright.operators.fetch.origin import OriginParams

# A download costs a few copies of its bytes; nothing is known of its size before.
_CPU_SECONDS = 0.5
PROFILES = (
    *("best", "4320p", "2160p", "1440p", "1080p", "720p", "480p", "360p", "240p"),
    *("audio", "smallest"),
)


class FetchParams(OriginParams):
    how: Literal["auto", "file", "page"] = Field(
        "auto",
        description=(
            "auto: a file is downloaded, in a page the video is looked for. file: no page will do."
            " page: looks for the video also where a file answers."
        ),
    )
    profile: String | None = Field(
        None,
        description=(
            f"Which quality, where there are several: {', '.join(PROFILES)}; the nearest where"
            " there is none such (left out: best)."
        ),
    )
    codec: Literal["h264", "av1", "vp9", "hevc"] | None = Field(
        None, description="The codec that is preferred among videos of one size."
    )
    container: Literal["mp4", "mkv", "webm"] | None = Field(
        None, description="What picture and sound that come apart are joined into."
    )
    format: String | None = Field(
        None, description="A format selector of yt-dlp, in place of `profile`."
    )
    sha256: String | None = Field(
        None, pattern=r"^[0-9a-fA-F]{64}$", description="What the file's SHA-256 must be."
    )
    max_bytes: ByteSize | None = Field(
        None, gt=0, description="Give up where it is larger (left out: any size)."
    )
    max_rate: ByteSize | None = Field(
        None, gt=0, description="Bytes a second at the most (left out: as fast as they come)."
    )

    @field_validator("profile")
    @classmethod
    def _is_profile(cls, name: str | None) -> str | None:
        if name is not None and name not in PROFILES:
            raise ValueError(f"it is one of {', '.join(PROFILES)}; a selector goes into `format`")
        return name

    @model_validator(mode="after")
    def _one_choice(self) -> FetchParams:
        if self.format is not None and self.profile is not None:
            raise ValueError("give one of `profile` and `format`, not both")
        return self


class Fetch(Operator):
    name = "fetch"
    summary = "Downloads a video from a web address; an interrupted download is gone on from."
    params = FetchParams
    ports: ClassVar[tuple[Port, ...]] = ()
    example = "{id: talk, op: fetch, url: https://example.org/talk.mp4, profile: 1080p}"

    def build(self, params: FetchParams, inputs: Inputs, build: Builder) -> Bundle:
        """Raises Unknown until the file is there: before that nobody knows its streams."""
        fetched = build.fetch(params.url, params.own(), session=params.session())
        result = build.result(fetched)
        return build.fetched(fetched, MediaInfo.from_json(result["media"]))

    def estimate(self, params: FetchParams, inputs: Inputs) -> Cost | None:
        return Cost(cpu_seconds=_CPU_SECONDS, disk_bytes=params.max_bytes or 0)
