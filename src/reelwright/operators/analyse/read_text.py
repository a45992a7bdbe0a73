"""`read_text`: what is written in the picture, with its place and times."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from reelwright.graph.builder import Builder
from reelwright.graph.operator import Bundle, Inputs, Operator, Port
from reelwright.graph.params import String
from reelwright.media.streams import StreamKind
from reelwright.operators.analyse.candidates import CandidateParams, candidates

LABEL = "text"
# Pictures that one task reads: what a kill costs at most, and the chance to skip what is alike.
PICTURES_A_TASK = 20
# A 720p picture with some lines, on one core of a 2020 desktop.
_CPU_SECONDS_A_PICTURE = 0.7
_MEMORY_BYTES = 700 << 20


class ReadTextParams(CandidateParams):
    language: String | None = Field(
        None,
        description=(
            "Language of what is written (BCP 47: `de`, `zh`; several with commas), for models that"
            " read several scripts (left out: Latin, Chinese and Japanese letters)."
        ),
    )


class ReadText(Operator):
    name = "read_text"
    summary = (
        "Reads what is written in the picture: texts with times and boxes, as JSON under the label"
        " `text`."
    )
    params = ReadTextParams
    ports: ClassVar[tuple[Port, ...]] = (
        Port("input", frozenset({StreamKind.VIDEO}), doc="What is looked at; it passes unchanged."),
    )
    model = "ocr"
    example = "{id: written, op: read_text, input: talk}"

    def build(self, params: ReadTextParams, inputs: Inputs, build: Builder) -> Bundle:
        """Only pictures that show something new are read, in tasks of a bounded number: each is
        cached, tried again and resumed alone."""
        bundle = inputs["input"][0]
        tapped, pack = candidates(build, bundle, params)
        languages = [one.strip() for one in (params.language or "").split(",") if one.strip()]
        count = len(build.result(tapped)["candidates"])
        read = [
            build.task(
                "read_text.read",
                tapped,
                pack,
                params={
                    "first": first,
                    "count": min(PICTURES_A_TASK, count - first),
                    "languages": languages,
                },
                model=self.model,
                cpu_seconds=_CPU_SECONDS_A_PICTURE * min(PICTURES_A_TASK, count - first),
                memory_bytes=_MEMORY_BYTES,
            )
            for first in range(0, count, PICTURES_A_TASK)
        ]
        merged = build.task("read_text.merge", tapped, *read, label=LABEL, cpu_seconds=0.1)
        others = tuple(strand for strand in bundle if strand.label != LABEL)
        return Bundle((*others, merged))
