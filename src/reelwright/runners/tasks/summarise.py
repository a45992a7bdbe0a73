"""Summaries: of parts by a language model, joined by one, or by ranking sentences without one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reelwright.analysis import summary
from reelwright.analysis.chapters import ffmetadata, youtube
from reelwright.analysis.evidence import Evidence, clock, evidence_of, parts
from reelwright.runners.tasks import Done, Given
from reelwright.runners.tasks.asking import models_of

if TYPE_CHECKING:
    from reelwright.tools.models.kinds import Models

_LANGUAGE = "the language of the video"
# A summary of a long video is longer than what models say when nobody tells them a limit.
_MOST_TOKENS = 4096


async def map_part(given: Given) -> Done:
    """Strands: the results that are summarised. The result: ``{"number", "start", "end", "summary",
    "points": [{"text", "evidence": [mark]}], "chapters": [{"title", "evidence": mark}], "prompt",
    "provider", …}``, or ``{"extractive": true}`` where there is no model."""
    params = given.params
    models = _models(given)
    if models is None:
        return Done(result={"extractive": True})
    lines, found = _evidence(given)
    part = parts(lines, params["part"])[params["number"]]
    prompt = models.prompt(params["prompt"])
    inputs = {
        "span": f"{clock(part[0].start_s)} to {clock(part[-1].end_s)}",
        "evidence": "\n".join(line.line() for line in part),
        "language": _language(params, found),
    }
    served = await models.write(
        prompt.ask(inputs, max_tokens=_MOST_TOKENS), key=f"summarise/{params['number']}"
    )
    body = {
        "number": params["number"],
        "start": part[0].start_s,
        "end": part[-1].end_s,
        **summary.checked_part(served.value.data or {}, part),
        "prompt": prompt.label,
        **served.provenance(),
    }
    return Done(result=body, report={"served_by": served.identity.text()})


async def reduce_parts(given: Given) -> Done:
    """Strands: the results that are summarised, then those of `map_part`. The result is that of
    `analysis.summary`, with provenance."""
    params = given.params
    lines, found = _evidence(given)
    duration = _duration(params, found, lines)
    mapped = [strand.result for strand in given.strands[len(params["sources"]) :]]
    models = _models(given)
    if models is None or not mapped or any(one.get("extractive") for one in mapped):
        body = await asyncio.to_thread(summary.extractive, lines, duration)
        return Done(result={**body, "language": _spoken(found)}, report={"method": "extractive"})
    prompt = models.prompt(params["prompt"])
    inputs = {
        "duration": clock(duration),
        "parts": "\n\n".join(_shown(one) for one in mapped),
        "language": _language(params, found),
    }
    served = await models.write(prompt.ask(inputs, max_tokens=_MOST_TOKENS), key="summarise/whole")
    body = await asyncio.to_thread(summary.checked, served.value.data or {}, lines, duration)
    body |= {
        "language": params["language"] or _spoken(found),
        "prompt": prompt.label,
        **served.provenance(),
        "parts": [_provenance(one) for one in mapped],
    }
    report = {"method": "model", "served_by": served.identity.text(), "dropped": body["dropped"]}
    return Done(result=body, report=report)


async def extract(given: Given) -> Done:
    """As `reduce_parts`, of the strands alone, without a model."""
    lines, found = _evidence(given)
    duration = _duration(given.params, found, lines)
    body = await asyncio.to_thread(summary.extractive, lines, duration)
    return Done(result={**body, "language": _spoken(found)}, report={"method": "extractive"})


async def chapters(given: Given) -> Done:
    """Strand: the summary. The result: ``{"chapters": [{"start", "end", "title", "method"}]}``, and
    the files for FFmpeg and for a description at YouTube."""
    (made,) = given.strands
    found = summary.chapters_of(made.result["chapters"])
    files = {
        "chapters.ffmetadata": ffmetadata(found, made.result["title"] or None),
        "chapters.txt": youtube(found),
    }
    for name, text in files.items():
        (given.context.workspace / name).write_text(text, encoding="utf-8")
    return Done(result={"chapters": made.result["chapters"]}, report={"chapters": len(found)})


def _models(given: Given) -> Models | None:
    """None: there is none, and none is needed. Raises MODEL_UNAVAILABLE where one is."""
    from reelwright.tools.models.kinds import ModelKind

    models = given.context.models
    if given.params["method"] == "model":
        return models_of(given.context, "language")
    return models if models is not None and models.has(ModelKind.LANGUAGE) else None


def _evidence(given: Given) -> tuple[tuple[Evidence, ...], Mapping[str, Any]]:
    """The lines, and the results that they come from by label."""
    sources: Sequence[str] = given.params["sources"]
    strands = given.strands[: len(sources)]
    found = {name: strand.result for name, strand in zip(sources, strands, strict=True)}
    lines = evidence_of(found.get("transcript"), found.get("text"), found.get("descriptions"))
    return lines, found


def _duration(
    params: Mapping[str, Any], found: Mapping[str, Any], lines: Sequence[Evidence]
) -> float:
    told = params["duration"] or (found.get("transcript") or {}).get("duration")
    return max(float(told or 0.0), max((line.end_s for line in lines), default=0.0))


def _spoken(found: Mapping[str, Any]) -> str | None:
    language = (found.get("transcript") or {}).get("language")
    return None if language is None else str(language)


def _language(params: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    return params["language"] or _spoken(found) or _LANGUAGE


def _shown(part: Mapping[str, Any]) -> str:
    lines = [f"Part {part['number'] + 1}, {clock(part['start'])} to {clock(part['end'])}"]
    lines.append(part["summary"])
    lines += [f"- point ({', '.join(p['evidence'])}): {p['text']}" for p in part["points"]]
    lines += [f"- topic ({c['evidence']}): {c['title']}" for c in part["chapters"]]
    return "\n".join(lines)


def _provenance(part: Mapping[str, Any]) -> dict[str, Any]:
    names = ("number", "prompt", "provider", "model", "revision", "passed_over")
    return {name: part[name] for name in names}
