"""`embed_frames`: pictures of a video as vectors, to be found by words and by other pictures."""

from __future__ import annotations

from typing import ClassVar

from reelwright.graph.builder import Builder
from reelwright.graph.operator import Bundle, Inputs, Operator, Params, Port, Strand
from reelwright.media.streams import StreamKind
from reelwright.operators.analyse import keyframes

LABEL = "frames"
# The vectors, beside the result.
VECTORS = "frame-vectors"
FILE = "frames.npy"
# Pictures that one task embeds: what a kill costs at most.
PICTURES_A_TASK = 64
_CPU_SECONDS_A_PICTURE = 0.15
_MEMORY_BYTES = 1200 << 20


class EmbedFramesParams(Params):
    pass


class EmbedFrames(Operator):
    name = "embed_frames"
    summary = (
        "Embeds the pictures that stand for each shot: their times as JSON under the label"
        " `frames`, their vectors as a NumPy file under `frame-vectors`. Needs a model:"
        " `models.image_embedding`."
    )
    params = EmbedFramesParams
    ports: ClassVar[tuple[Port, ...]] = (
        Port(
            "input",
            frozenset({StreamKind.VIDEO}),
            doc="What is looked at; the pictures are those of a `keyframes` before, if there is.",
        ),
    )
    model = "image-embedding"
    example = "{id: looks, op: embed_frames, input: talk}"

    def build(self, params: EmbedFramesParams, inputs: Inputs, build: Builder) -> Bundle:
        """Tasks of a bounded number of pictures: each is cached, tried again and resumed alone."""
        bundle = inputs["input"][0]
        found, pack = _keyframes(build, bundle)
        count = len(build.result(found)["keyframes"])
        parts: list[Strand] = []
        for first in range(0, count, PICTURES_A_TASK):
            some = min(PICTURES_A_TASK, count - first)
            part = build.task(
                "embed_frames.embed",
                found,
                pack,
                params={"first": first, "count": some},
                model=self.model,
                files=("vectors.npy",),
                cpu_seconds=_CPU_SECONDS_A_PICTURE * some,
                memory_bytes=_MEMORY_BYTES,
            )
            parts += (part, build.beside(part))
        merged = build.task(
            "embed_frames.merge", *(parts or (found,)), files=(FILE,), label=LABEL, cpu_seconds=0.1
        )
        others = tuple(strand for strand in bundle if strand.label not in (LABEL, VECTORS))
        return Bundle((*others, merged, build.beside(merged, label=VECTORS)))


def _keyframes(build: Builder, bundle: Bundle) -> tuple[Strand, Strand]:
    """Those that a `keyframes` operation before has chosen, else those that one would choose."""
    labelled = {strand.label: strand for strand in bundle if strand.label}
    found, pack = labelled.get(keyframes.LABEL), labelled.get(keyframes.PICTURES)
    if found is not None and pack is not None:
        return found, pack
    return keyframes.keyframes(build, bundle, keyframes.KeyframesParams())
