"""Writes what a narrator says in the gaps between speech, and speaks it into them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reelwright.analysis.evidence import clock
from reelwright.analysis.narration import Gap, gaps, placed, sentences, shortened
from reelwright.runners.tasks import Done, Given
from reelwright.runners.tasks.asking import models_of
from reelwright.runners.tasks.narrator import Narrator

if TYPE_CHECKING:
    from reelwright.tools.models.kinds import Models

# A long gap takes several lines, each about what is shown then.
_LONGEST_GAP_S = 12.0
# What is shown in a gap must be on screen for so long of it to be told there.
_LEAST_SHOWN_S = 0.5
_SLOTS_AT_ONCE = 40
_LANGUAGE = "en"


async def write(given: Given) -> Done:
    """Strands: the speech where there is sound, and the descriptions where there is no script.

    The result, times in seconds::

        {"lines": [{"gap": [start, end], "at", "text"}], "dropped": [{"at", "text", "why"}],
         "method": "script" | "model" | "extractive", "language", "prompt", "provider", …}
    """
    params = given.params
    found = {
        name: strand.result for name, strand in zip(params["sources"], given.strands, strict=True)
    }
    free = _gaps(params, found.get("speech"))
    if params["script"] is not None:
        body = _of_script(params["script"], free)
    else:
        shown = found["descriptions"]["descriptions"]
        body = await _of_descriptions(given, shown, free)
    report = {"lines": len(body["lines"]), "gaps": len(free), "method": body["method"]}
    return Done(result=body, report=report)


async def speak(given: Given) -> Done:
    """Strand: what `write` wrote. Leaves the narration (FLAC, from time 0 of the video), WebVTT and
    the script. The result::

        {"lines": [{"start", "end", "text", "speed"}], "dropped": [{"at", "text", "why"}],
         "method", "voice": provenance, "media": MediaInfo of the narration}
    """
    from reelwright.media.digest import sha256_file
    from reelwright.tools.probe import probe

    (written,) = given.strands
    script = written.result
    context = given.context
    narrator = Narrator(models_of(context, "voice"), given.params, script.get("language"))
    told = await narrator.speak(script["lines"])
    path = context.workspace / "narration.flac"
    await narrator.save(path)
    body = {
        "lines": [line.to_json() for line in told.lines],
        "dropped": [*script["dropped"], *told.dropped],
        "method": script["method"],
        "voice": told.provenance,
    }
    (context.workspace / "commentary.vtt").write_text(_vtt(body["lines"]), encoding="utf-8")
    text = json.dumps({**body, "written": _provenance(script)}, ensure_ascii=False, indent=2)
    (context.workspace / "commentary.json").write_text(text + "\n", encoding="utf-8")
    media = await probe(path, context.tools, sha256=sha256_file(path), sandbox=context.sandbox)
    report = {"lines": len(body["lines"]), "dropped": len(body["dropped"])}
    return Done(result={**body, "media": media.to_json()}, report=report)


def _gaps(params: Mapping[str, Any], speech: Mapping[str, Any] | None) -> tuple[Gap, ...]:
    spans = [(one["start"], one["end"]) for one in (speech or {}).get("speech", ())]
    return gaps(
        spans,
        params["duration"],
        padding_s=params["padding"],
        shortest_s=params["shortest_gap"],
        longest_s=None if params["script"] is not None else _LONGEST_GAP_S,
    )


def _of_script(script: Sequence[Mapping[str, Any]], free: Sequence[Gap]) -> dict[str, Any]:
    """A line with a time stays whole; a text is laid out sentence by sentence."""
    entries: list[tuple[float | None, str]] = []
    for one in script:
        if one["at"] is None:
            entries += [(None, sentence) for sentence in sentences(one["text"])]
        else:
            entries.append((one["at"], " ".join(one["text"].split())))
    lines, dropped = [], []
    for (at, text), line in zip(entries, placed(entries, free), strict=True):
        if line is None:
            dropped.append({"at": at, "text": text, "why": "no gap is long enough"})
        else:
            lines.append(_line(free[line.gap], line.start_s, line.text))
    return {"lines": lines, "dropped": dropped, "method": "script"}


async def _of_descriptions(
    given: Given, shown: Sequence[Mapping[str, Any]], free: Sequence[Gap]
) -> dict[str, Any]:
    from reelwright.tools.models.kinds import ModelKind

    models = given.context.models
    slots = _slots(shown, free)
    if models is not None and models.has(ModelKind.LANGUAGE) and slots:
        return await _by_model(models, given.params, slots)
    lines = []
    told: set[str] = set()
    for gap, seen in slots:
        for text in seen:
            short = "" if text in told else shortened(text, gap.words)
            if short:
                told.add(text)
                lines.append(_line(gap, gap.start_s, short))
                break
    return {"lines": lines, "dropped": [], "method": "extractive"}


def _slots(
    shown: Sequence[Mapping[str, Any]], free: Sequence[Gap]
) -> list[tuple[Gap, tuple[str, ...]]]:
    """Gaps, each with what is shown in it, the longest first; those with nothing are left out."""
    made = []
    for gap in free:
        seen = [
            (min(gap.end_s, one["end"]) - max(gap.start_s, one["start"]), one["description"])
            for one in shown
        ]
        texts = tuple(t for s, t in sorted(seen, key=lambda x: -x[0]) if s >= _LEAST_SHOWN_S)
        if texts and gap.words >= 2:
            made.append((gap, texts))
    return made


async def _by_model(
    models: Models, params: Mapping[str, Any], slots: Sequence[tuple[Gap, tuple[str, ...]]]
) -> dict[str, Any]:
    """Some slots at a time, so that a long film fits; each ask knows what was said last."""
    prompt = models.prompt(params["prompt"])
    language = params["language"] or _LANGUAGE
    lines: list[dict[str, Any]] = []
    provenance: dict[str, Any] = {}
    for first in range(0, len(slots), _SLOTS_AT_ONCE):
        part = slots[first : first + _SLOTS_AT_ONCE]
        inputs = {
            "slots": "\n".join(_slot(n, *slot) for n, slot in enumerate(part, 1)),
            "before": lines[-1]["text"] if lines else "nothing",
            "style": params["style"],
            "language": language,
        }
        served = await models.write(prompt.ask(inputs), key=f"commentate/{first}")
        provenance = {"prompt": prompt.label, **served.provenance()}
        lines += _answered(served.value.data or {}, part)
    return {
        "lines": lines,
        "dropped": [],
        "method": "model",
        "language": params["language"],
        **provenance,
    }


def _slot(number: int, gap: Gap, seen: Sequence[str]) -> str:
    span = f"{clock(gap.start_s)} to {clock(gap.end_s)}"
    return f"{number} | {span} | at most {gap.words} words | {' '.join(seen)}"


def _answered(
    answer: Mapping[str, Any], part: Sequence[tuple[Gap, tuple[str, ...]]]
) -> list[dict[str, Any]]:
    """One line a slot, shortened to what fits."""
    given: dict[int, str] = {}
    for one in answer.get("lines") or ():
        number = one.get("slot") if isinstance(one, Mapping) else None
        if isinstance(number, int) and 1 <= number <= len(part) and number not in given:
            given[number] = str(one.get("text") or "")
    lines = []
    for number in sorted(given):
        gap = part[number - 1][0]
        text = shortened(given[number], gap.words)
        if text:
            lines.append(_line(gap, gap.start_s, text))
    return lines


def _line(gap: Gap, at: float, text: str) -> dict[str, Any]:
    return {"gap": [round(gap.start_s, 3), round(gap.end_s, 3)], "at": round(at, 3), "text": text}


def _provenance(script: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in script.items() if k not in ("lines", "dropped", "method")}


def _vtt(lines: Sequence[Mapping[str, Any]]) -> str:
    cues = "".join(
        f"\n{_time(line['start'])} --> {_time(line['end'])}\n{_escaped(line['text'])}\n"
        for line in lines
    )
    return f"WEBVTT\n{cues}"


def _time(time_s: float) -> str:
    whole = round(time_s * 1000)
    hours, rest = divmod(whole, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}.{rest % 1000:03d}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
