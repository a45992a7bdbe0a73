"""What analyses found, as passages: what is written in the picture, described, told as chapters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from reelwright.app.understand import spoken
from reelwright.app.understand.drafts import Draft

# Lines that come and go together stand on the same slide.
_TOGETHER_S = 1.0
_LONGEST_CHARS = 1000
# A sign alone is no text: a logo's letter, a digit of a clock.
_LEAST_CHARS = 2
_EXTRACTIVE = "extractive"
_PROVENANCE = ("provider", "model", "prompt")


def passages(kind: str, body: Any) -> list[Draft]:
    """Of an analysis of this kind (`store.analyses.KINDS`); empty for those that say nothing that
    could be searched for."""
    make = _MAKERS.get(kind)
    return [] if make is None else [one for one in make(body) if one.text.strip()]


def kinds_of(kind: str) -> tuple[str, ...]:
    """The kinds of passages that an analysis of this kind gives."""
    return _GIVES.get(kind, ())


def count(kind: str, body: Any) -> dict[str, Any]:
    """How much an analysis has found: ``{"shots": 12}``, of a transcript with its language."""
    if kind == "transcript":
        return {"words": len(body.get("words") or ()), "language": body.get("language")}
    name = "texts" if kind == "text" else kind
    entries = body if isinstance(body, list) else body.get(name)
    return {name: len(entries)} if isinstance(entries, list) else {}


def _texts(body: Any) -> Iterator[Draft]:
    """Lines of one slide are one passage, with the box of each."""
    entries = [e for e in body.get("texts") or [] if _says_something(e["text"])]
    entries.sort(key=lambda entry: (entry["start"] or 0.0, entry["end"] or 0.0))
    for slide in _slides(entries):
        first = slide[0]
        sure = [e["confidence"] for e in slide if e.get("confidence") is not None]
        yield Draft(
            kind="text",
            text="\n".join(str(entry["text"]).strip() for entry in slide),
            start_s=min(entry["start"] or 0.0 for entry in slide),
            end_s=max(entry["end"] or 0.0 for entry in slide),
            language=first.get("language"),
            evidence={
                "boxes": [list(entry["box"]) for entry in slide if entry.get("box")],
                "confidence": min(sure) if sure else None,
                **_said_by(first),
            },
        )


def _says_something(text: str) -> bool:
    return sum(sign.isalnum() for sign in text) >= _LEAST_CHARS


def _slides(entries: Sequence[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """In order of their beginning; a slide's lines in that of the picture, from the top."""
    slides: list[list[Mapping[str, Any]]] = []
    for entry in entries:
        for slide in reversed(slides[-8:]):
            first = slide[0]
            together = all(
                abs((entry[side] or 0.0) - (first[side] or 0.0)) <= _TOGETHER_S
                for side in ("start", "end")
            )
            if together and sum(len(e["text"]) for e in slide) < _LONGEST_CHARS:
                slide.append(entry)
                break
        else:
            slides.append([entry])
    for slide in slides:
        yield sorted(slide, key=_place)


def _place(entry: Mapping[str, Any]) -> tuple[float, float]:
    box = entry.get("box") or (0.0, 0.0, 0.0, 0.0)
    return float(box[1]), float(box[0])


def _descriptions(body: Any) -> Iterator[Draft]:
    for entry in body if isinstance(body, list) else body.get("descriptions") or []:
        tags = [str(tag) for tag in entry.get("tags") or []]
        told = [str(entry.get(name) or "") for name in ("description", "setting")]
        text = " ".join(part for part in (*told, ", ".join(tags)) if part)
        yield Draft(
            kind="description",
            text=text,
            start_s=entry["start"],
            end_s=entry["end"],
            evidence=_said_by(entry),
        )


def _chapters(body: Any) -> Iterator[Draft]:
    """Those without a language model are called by words that are said there anyway."""
    for entry in body if isinstance(body, list) else body.get("chapters") or []:
        if entry.get("method") == _EXTRACTIVE:
            continue
        told = (str(entry.get(name) or "") for name in ("title", "summary"))
        yield Draft(
            kind="chapter",
            text="\n".join(part for part in told if part),
            start_s=entry["start"],
            end_s=entry["end"],
            evidence=_said_by(entry),
        )


def _summary(body: Any) -> Iterator[Draft]:
    """What it comes to, of the whole; and its points, each at its time. They are indexed with the
    chapters, which come from the same operation."""
    if body.get("method") == _EXTRACTIVE:
        return  # sentences that are indexed where they were said
    by = _said_by(body)
    text = str(body.get("summary") or "")
    yield Draft(kind="chapter", text=text, evidence={**by, "part": "summary"})
    for point in body.get("key_points") or []:
        if isinstance(point, Mapping) and point.get("start") is not None:
            yield Draft(
                kind="chapter",
                text=str(point.get("text") or ""),
                start_s=point["start"],
                end_s=point.get("end", point["start"]),
                evidence={**by, "part": "summary"},
            )


def _said_by(entry: Mapping[str, Any]) -> dict[str, Any]:
    where = entry.get("provenance") or entry
    return {name: where[name] for name in _PROVENANCE if where.get(name)}


_MAKERS: Mapping[str, Callable[[Any], Iterator[Draft] | list[Draft]]] = {
    "transcript": spoken.passages,
    "text": _texts,
    "descriptions": _descriptions,
    "chapters": _chapters,
    "summary": _summary,
}
_GIVES: Mapping[str, tuple[str, ...]] = {
    "transcript": ("speech",),
    "text": ("text",),
    "descriptions": ("description",),
    "chapters": ("chapter",),
    "summary": ("chapter",),
    "frames": ("frame",),
}
