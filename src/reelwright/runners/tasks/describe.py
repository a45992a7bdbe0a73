"""Describes the pictures of one segment by a vision model, and joins what was described."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reelwright.analysis.evidence import clock, sentences_said
from reelwright.errors import Code, ReelError
from reelwright.runners.tasks import Done, Given
from reelwright.runners.tasks.asking import models_of

if TYPE_CHECKING:
    from pathlib import Path

_LANGUAGE = "the language of the video"
_LISTS = ("shown", "people", "actions", "text", "tags")
# What a model gives beyond it is no description.
_MOST_CHARACTERS = 2000
_MOST_ENTRIES = 30


async def segment(given: Given) -> Done:
    """Strands: the pack of pictures, and the transcript where there is one.

    The result::

        {"start", "end", "description", "shown": […], "people": […], "actions": […], "setting",
         "text": […], "tags": […], "pictures": [seconds], "prompt", "provider", "model",
         "revision", "passed_over"}

    A segment that the model does not describe has ``"refused": why`` in place of its description:
    asking again would give, from the cache of answers, the same.
    """
    import asyncio

    params = given.params
    pack, *more = given.strands
    transcript = more[0].result if more else None
    pictures = await asyncio.to_thread(_pictures, pack.path, params["pictures"])
    models = models_of(given.context, "vision")
    prompt = models.prompt(params["prompt"])
    known = {one.name for one in prompt.inputs}
    inputs = {name: text for name, text in _inputs(params, transcript).items() if name in known}
    span = {"start": params["start"], "end": params["end"]}
    try:
        served = await models.describe(
            prompt.ask(inputs, images=pictures), key=f"describe/{params['number']}"
        )
    except ReelError as error:
        if error.code is not Code.MODEL_REFUSED:
            raise
        return _refused(span, str(error))
    body = _checked(served.value.data, served.value.text)
    if not body["description"]:
        return _refused(span, f"{served.identity.model} described nothing")
    times = [one["time"] for one in params["pictures"]]
    told = {"pictures": times, "prompt": prompt.label, **served.provenance()}
    return Done(result={**span, **body, **told}, report={"served_by": served.identity.text()})


async def merge(given: Given) -> Done:
    """Strands: the segments' results, in order. The result: ``{"descriptions": [segment, …],
    "refused": [{"start", "end", "why"}]}``."""
    found = [strand.result for strand in given.strands]
    refused = [
        {"start": one["start"], "end": one["end"], "why": one["refused"]}
        for one in found
        if "refused" in one
    ]
    described = [one for one in found if one.get("description")]
    report: dict[str, Any] = {"descriptions": len(described)}
    if refused:
        report["refused"] = len(refused)
    return Done(result={"descriptions": described, "refused": refused}, report=report)


def _refused(span: Mapping[str, Any], why: str) -> Done:
    return Done(result={**span, "refused": why}, report={"refused": why})


def _pictures(pack: Path, wanted: Sequence[Mapping[str, Any]]) -> tuple[bytes, ...]:
    with zipfile.ZipFile(pack) as pictures:
        return tuple(pictures.read(one["file"]) for one in wanted)


def _inputs(params: Mapping[str, Any], transcript: Mapping[str, Any] | None) -> dict[str, str]:
    start, end = params["start"], params["end"]
    said = [text for a, b, text in sentences_said(transcript) if a < end and b > start]
    spoken = (transcript or {}).get("language")
    return {
        "span": f"{clock(start)} to {clock(end)}",
        "times": ", ".join(clock(one["time"]) for one in params["pictures"]),
        "transcript": "\n".join(said) or "(nothing is said)",
        "language": params["language"] or spoken or _LANGUAGE,
    }


def _checked(data: Any, text: str) -> dict[str, Any]:
    """What a prompt's own schema leaves open: a text alone is a description too."""
    body = data if isinstance(data, Mapping) else {"description": text}
    lists = {name: _entries(body.get(name)) for name in _LISTS}
    description = _plain(body.get("description"))
    return {"description": description, "setting": _plain(body.get("setting")), **lists}


def _entries(value: Any) -> list[str]:
    given = value if isinstance(value, list) else []
    found = dict.fromkeys(text for one in given if (text := _plain(one)))
    return list(found)[:_MOST_ENTRIES]


def _plain(value: Any) -> str:
    return " ".join(str(value or "").split())[:_MOST_CHARACTERS]
