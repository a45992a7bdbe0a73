"""`index`: what was found in a video can be searched for."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from reelwright.errors import Code, ReelError
from reelwright.graph.builder import Builder
from reelwright.graph.operator import Bundle, Inputs, Operator, Params, Port
from reelwright.graph.params import String

# Labels of results that can be indexed, and stored with the video.
LABELS = (
    *("shots", "keyframes", "keyframe-pictures", "speech", "transcript", "text", "segments"),
    *("descriptions", "summary", "chapters", "frames", "frame-vectors"),
)


class IndexParams(Params):
    title: String | None = Field(
        None, description="What the video is called (left out: the asset's title, or the file's)."
    )
    language: String | None = Field(
        None, description="Of what is said and written in it (left out: what was heard)."
    )


class Index(Operator):
    name = "index"
    summary = "Puts what was found in a video into the search index, and keeps it with the video."
    params = IndexParams
    ports: ClassVar[tuple[Port, ...]] = (
        Port(
            "input",
            many=True,
            doc="Operations that found something: `transcribe`, `read_text`, `shots` and others.",
        ),
    )
    is_goal = True
    example = "{id: indexed, op: index, input: [found]}"

    def build(self, params: IndexParams, inputs: Inputs, build: Builder) -> Bundle:
        """Nothing flows out. Of what is given it takes the results, by their labels."""
        strands = [strand for bundle in inputs["input"] for strand in bundle]
        found = list(dict.fromkeys(strand for strand in strands if strand.label in LABELS))
        if not found:
            raise ReelError(
                Code.STREAM_MISSING,
                "there is nothing in its input that could be indexed",
                where="input",
                hint=f"connect operations that give {', '.join(LABELS)}",
            )
        sources = list(
            dict.fromkeys(source for strand in found for source in build.sources_of(strand))
        )
        if len(sources) > 1:
            raise ReelError(
                Code.STREAM_KIND,
                f"its results are of several videos: {', '.join(sources)}",
                where="input",
                hint="one `index` a video",
            )
        options = {
            **params.model_dump(exclude_none=True, mode="json"),
            "roles": [strand.label for strand in found],
            "source": sources[0] if sources else None,
        }
        build.index(options, *found)
        return Bundle(())
