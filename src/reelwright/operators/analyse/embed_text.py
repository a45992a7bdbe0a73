"""`embed_text`: what was said, read and described, as vectors."""

from __future__ import annotations

from typing import ClassVar

from reelwright.analysis.told import LABELS
from reelwright.graph.builder import Builder
from reelwright.graph.operator import Bundle, Inputs, Operator, Params, Port
from reelwright.operators.analyse.results import missing

LABEL = "meanings"
# The vectors, beside the result.
VECTORS = "text-vectors"
FILE = "texts.npy"
# An hour of video gives some hundred texts, of a hundredth of a second each.
_CPU_SECONDS, _MEMORY_BYTES = 5.0, 400 << 20


class EmbedTextParams(Params):
    pass


class EmbedText(Operator):
    name = "embed_text"
    summary = (
        "Embeds what was said, read, described and summarised: the texts and their times as JSON"
        " under the label `meanings`, their vectors as a NumPy file under `text-vectors`. `index`"
        " needs no such operation before it: it embeds what it indexes."
    )
    params = EmbedTextParams
    ports: ClassVar[tuple[Port, ...]] = (
        Port(
            "input",
            many=True,
            doc="Operations that found texts: `transcribe`, `read_text`, `describe`, `summarise`.",
        ),
    )
    model = "text-embedding"
    example = "{id: meant, op: embed_text, input: said}"

    def build(self, params: EmbedTextParams, inputs: Inputs, build: Builder) -> Bundle:
        """One task: each answer of the model is kept by itself, so nothing is asked for twice."""
        strands = [strand for bundle in inputs["input"] for strand in bundle]
        found = list(dict.fromkeys(strand for strand in strands if strand.label in LABELS))
        if not found:
            raise missing(self.name, LABELS, "`transcribe`, `read_text` or `describe`")
        made = build.task(
            "embed_text.embed",
            *found,
            params={"labels": [strand.label for strand in found]},
            model=self.model,
            files=(FILE,),
            label=LABEL,
            cpu_seconds=_CPU_SECONDS,
            memory_bytes=_MEMORY_BYTES,
        )
        others = tuple(dict.fromkeys(s for s in strands if s.label not in (LABEL, VECTORS)))
        return Bundle((*others, made, build.beside(made, label=VECTORS)))
