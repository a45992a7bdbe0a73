"""`summarise`: title, summary, key points and chapters, from what is said, written and shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from reelwright.graph.builder import Builder
from reelwright.graph.operator import Bundle, Cost, Inputs, Operator, Params, Port, Strand
from reelwright.graph.params import Integer, String
from reelwright.operators.analyse import results

LABEL = "summary"
CHAPTERS = "chapters"
# The file that FFmpeg reads, and the text of a description at YouTube.
FFMETADATA, YOUTUBE = "ffmetadata", "youtube"
FILES = ("chapters.ffmetadata", "chapters.txt")
_SOURCES = (results.TRANSCRIPT, results.TEXT, results.DESCRIPTIONS)
_MAKERS = "`transcribe`, `read_text` or `describe`"


class SummariseParams(Params):
    method: Literal["auto", "model", "extractive"] = Field(
        "auto",
        description="model: by a language model. extractive: the most central sentences, without"
        " one. auto: by a model where one is configured (`models.language`).",
    )
    language: String | None = Field(
        None, description="Language of the summary by a model (left out: the video's)."
    )
    part: Integer = Field(
        12000,
        ge=1000,
        le=200_000,
        description="Characters of evidence that a model is asked to summarise at once.",
    )
    map_prompt: String = Field(
        "summarise-map@1", description="The prompt for a part: name or name@version."
    )
    reduce_prompt: String = Field(
        "summarise-reduce@1", description="The prompt that joins the parts: name or name@version."
    )


class Summarise(Operator):
    name = "summarise"
    summary = (
        "Summarises a video: title, summary and key points under the label `summary`, its"
        " `chapters`, and them as files under `ffmetadata` and `youtube`."
    )
    params = SummariseParams
    ports: ClassVar[tuple[Port, ...]] = (
        Port("input", doc=f"The video, with what {_MAKERS} found in it; its streams pass."),
        *results.ports(*_SOURCES),
    )
    example = "{id: gist, op: summarise, input: said}"

    def build(self, params: SummariseParams, inputs: Inputs, build: Builder) -> Bundle:
        bundle = inputs["input"][0]
        sources = {
            label: strand
            for label in _SOURCES
            if (strand := results.found(inputs, label)) is not None
        }
        if not sources:
            raise results.missing(self.name, _SOURCES, _MAKERS)
        asked = {
            "sources": list(sources),
            "duration": results.duration_s(bundle),
            "language": params.language,
            "method": params.method,
            "part": params.part,
        }
        made = _summary(build, params, asked, sources)
        chapters = build.task(
            "summarise.chapters", made, label=CHAPTERS, files=FILES, cpu_seconds=0.1
        )
        files = (build.beside(chapters, 1, FFMETADATA), build.beside(chapters, 2, YOUTUBE))
        gone = (LABEL, CHAPTERS, FFMETADATA, YOUTUBE)
        passed = (s for s in bundle if s.label not in gone)
        return Bundle((*passed, made, chapters, *files))

    def estimate(self, params: SummariseParams, inputs: Inputs) -> Cost | None:
        return Cost(cpu_seconds=1.0)


def _summary(
    build: Builder,
    params: SummariseParams,
    asked: Mapping[str, Any],
    sources: Mapping[str, Strand],
) -> Strand:
    """A step a part, each remembered by itself, and one that joins them. Without a model there are
    no parts: the sentences of the whole are ranked against each other."""
    strands = tuple(sources.values())
    if params.method == "extractive":
        return build.task("summarise.extract", *strands, params=asked, label=LABEL)
    parts = [
        build.task(
            "summarise.map",
            *strands,
            params={**asked, "number": number, "prompt": params.map_prompt},
            model="language",
            cpu_seconds=0.5,
            because="each part is summarised, retried and remembered by itself",
        )
        for number in range(_count(build, params.part, sources))
    ]
    return build.task(
        "summarise.reduce",
        *strands,
        *parts,
        params={**asked, "prompt": params.reduce_prompt},
        model="language",
        label=LABEL,
        cpu_seconds=0.5,
    )


def _count(build: Builder, part: int, sources: Mapping[str, Strand]) -> int:
    """How many parts there are. Raises Unknown until what they are made from is there."""
    from reelwright.analysis.evidence import evidence_of, parts

    found = {label: build.result(strand) for label, strand in sources.items()}
    lines = evidence_of(
        found.get(results.TRANSCRIPT),
        found.get(results.TEXT),
        found.get(results.DESCRIPTIONS),
    )
    return len(parts(lines, part))
