"""What results of analyses tell in words: texts with their times, ready to be embedded. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reelwright.analysis.words import joined

# What is said is taken in stretches of at most this; a pause of this length ends one, too.
LONGEST_S, PAUSE_S = 30.0, 3.0


@dataclass(frozen=True, slots=True)
class Told:
    """`start_s` and `end_s` in seconds of the video; None where it is about all of it."""

    start_s: float | None
    end_s: float | None
    text: str


def told(label: str, body: Any) -> list[Told]:
    """Of the result of that label, as `transcribe`, `read_text`, `describe` and `summarise` give
    it; empty for results without texts."""
    make = _MAKERS.get(label)
    return [] if make is None else [one for one in make(body) if one.text.strip()]


def _transcript(body: Any) -> Iterator[Told]:
    stretch: list[Mapping[str, Any]] = []
    for word in body.get("words") or []:
        if stretch and (
            word["start"] - stretch[-1]["end"] >= PAUSE_S
            or word["end"] - stretch[0]["start"] > LONGEST_S
        ):
            yield _said(stretch)
            stretch = []
        stretch.append(word)
    if stretch:
        yield _said(stretch)


def _said(words: Sequence[Mapping[str, Any]]) -> Told:
    text = joined([str(word["text"]) for word in words])
    return Told(float(words[0]["start"]), float(words[-1]["end"]), text)


def _texts(body: Any) -> Iterator[Told]:
    for entry in body.get("texts") or []:
        yield Told(entry["start"], entry["end"], str(entry["text"]))


def _descriptions(body: Any) -> Iterator[Told]:
    for entry in body.get("descriptions") or []:
        yield Told(entry["start"], entry["end"], str(entry.get("description") or ""))


def _chapters(body: Any) -> Iterator[Told]:
    for entry in body.get("chapters") or []:
        parts = (str(entry.get(name) or "") for name in ("title", "summary"))
        yield Told(entry["start"], entry["end"], "\n".join(part for part in parts if part))


def _summary(body: Any) -> Iterator[Told]:
    yield Told(None, None, str(body.get("summary") or ""))


_MAKERS: Mapping[str, Callable[[Any], Iterator[Told]]] = {
    "transcript": _transcript,
    "text": _texts,
    "descriptions": _descriptions,
    "chapters": _chapters,
    "summary": _summary,
}
LABELS = tuple(_MAKERS)
