"""`captions`: the captions that a site offers with a video."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from reelwright.graph.builder import Builder
from reelwright.graph.operator import Bundle, Inputs, Operator, Port
from reelwright.graph.params import Boolean, String
from reelwright.operators.fetch.origin import OriginParams

_CODECS = {"vtt": "webvtt", "srt": "subrip"}
# A tag, or yt-dlp's patterns of them.
_LANGUAGE = re.compile(r"-?[A-Za-z0-9][A-Za-z0-9_.*-]*|all")


class CaptionsParams(OriginParams):
    languages: list[String] = Field(
        min_length=1,
        max_length=100,
        description="Which: en, en.* (each kind of English), all, -de (but not this one).",
    )
    auto: Boolean = Field(
        False, description="Those that a machine made too, of languages that have no others."
    )
    formats: list[Literal["vtt", "srt"]] = Field(
        ["vtt", "srt"], min_length=1, description="Files of which form are made."
    )
    required: Boolean = Field(False, description="Fail where there are none.")

    @field_validator("languages")
    @classmethod
    def _are_languages(cls, languages: list[str]) -> list[str]:
        for language in languages:
            if not _LANGUAGE.fullmatch(language):
                raise ValueError(f"'{language}' is no language; write en, pt-BR, en.* or all")
        return languages


class Captions(Operator):
    name = "captions"
    summary = "Downloads a video's captions, in one language or many, as WebVTT and SubRip."
    params = CaptionsParams
    ports: ClassVar[tuple[Port, ...]] = ()
    example = "{id: words, op: captions, url: https://example.org/watch/1, languages: [en, de]}"

    def build(self, params: CaptionsParams, inputs: Inputs, build: Builder) -> Bundle:
        """Under the labels `vtt` and `srt`: a file for each language, none where there are none."""
        options = {name: value for name, value in params.own().items() if name != "formats"}
        return Bundle(
            tuple(
                build.fetch(
                    params.url,
                    options,
                    session=params.session(),
                    part=f"captions.{form}",
                    codec=_CODECS[form],
                    label=form,
                )
                for form in dict.fromkeys(params.formats)
            )
        )
