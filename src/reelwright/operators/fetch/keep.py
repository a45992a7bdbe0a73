"""`keep`: a fetched video goes into the library."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from reelwright.errors import Code, ReelError
from reelwright.graph.builder import Builder
from reelwright.graph.operator import Bundle, Inputs, Operator, Params, Port, Strand
from reelwright.graph.params import Boolean, String


class KeepParams(Params):
    template: String | None = Field(
        None,
        description="Its folder in the library, with fields in braces (left out: the setting's).",
    )
    nfo: Boolean | None = Field(
        None, description="Write NFO files for media centres (left out: as the setting says)."
    )
    understand: Boolean = Field(
        False, description="Then a job of its own makes it searchable; see `reel understand`."
    )
    entry: String | None = Field(
        None, description="The entry of a source that it is kept for; `reel archive` says it."
    )


class Keep(Operator):
    name = "keep"
    summary = "Puts a fetched video into the library, with its captions, picture and metadata."
    params = KeepParams
    ports: ClassVar[tuple[Port, ...]] = (
        Port("video", doc="The `fetch` of the video.", fetched=True),
        Port("captions", required=False, fetched=True, doc="`captions` of the same address."),
        Port("metadata", required=False, fetched=True, doc="`metadata` of the same address."),
        Port("thumbnail", required=False, fetched=True, doc="`thumbnail` with the same `url`."),
    )
    is_goal = True
    example = "{id: kept, op: keep, input: talk}"

    def build(self, params: KeepParams, inputs: Inputs, build: Builder) -> Bundle:
        """Nothing flows out. It waits for no result: what is fetched is kept as it comes."""
        brought: list[Strand] = []
        for port in self.ports:
            for strand in (strand for bundle in inputs.get(port.name, ()) for strand in bundle):
                kind = build.part_of(strand).partition(".")[0]
                if kind != port.name:
                    raise ReelError(
                        Code.STREAM_KIND,
                        f"port '{port.name}' of 'keep' is given a fetched {kind}",
                        hint=f"connect {port.doc}",
                    )
                brought.append(strand)
        build.keep(params.model_dump(exclude_defaults=True, mode="json"), *brought)
        return Bundle(())
