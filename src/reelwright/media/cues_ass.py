"""Cues of SubStation Alpha files (ASS, SSA). Pure; nothing is refused.

There is no standard; what is read here is what libass reads of it: dialogue, without its looks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from reelwright.media.cues import Cue

_HEADS = re.compile(r"^\s*\[(?:Script Info|Events)\]\s*$", re.IGNORECASE | re.MULTILINE)
_SECTION = re.compile(r"\s*\[([^\]]*)\]")
# Hundredths come after a point; a colon is a slip that players read all the same.
_TIME = re.compile(r"\s*(\d+):(\d{1,2}):(\d{1,2})[.:,](\d{1,3})\s*", re.ASCII)
_OVERRIDE = re.compile(r"\{[^}]*\}")
_DRAWING = re.compile(r"\\p(\d+)")
_FIELDS = (
    "layer",
    "start",
    "end",
    "style",
    "name",
    "marginl",
    "marginr",
    "marginv",
    "effect",
    "text",
)


def is_ass(text: str) -> bool:
    """By a section of its own on a line of its own."""
    return _HEADS.search(text) is not None


def read_ass(text: str) -> Iterator[Cue]:
    """Dialogue in the order in which it is shown; comments and drawings are none."""
    return iter(sorted(_dialogue(text), key=lambda cue: (cue.start_s, cue.end_s)))


def _dialogue(text: str) -> Iterator[Cue]:
    section = ""
    fields: tuple[str, ...] = _FIELDS
    for line in text.splitlines():
        head = _SECTION.match(line)
        if head:
            section = head.group(1).strip().lower()
            continue
        key, colon, rest = line.partition(":")
        if section != "events" or not colon:
            continue
        key = key.strip().lower()
        if key == "format":
            fields = tuple(name.strip().lower() for name in rest.split(","))
        elif key == "dialogue":
            cue = _cue(dict(zip(fields, rest.split(",", len(fields) - 1), strict=False)))
            if cue is not None:
                yield cue


def _cue(said: dict[str, str]) -> Cue | None:
    start, end = _seconds(said.get("start", "")), _seconds(said.get("end", ""))
    text = said.get("text", "").strip()
    if start is None or end is None:
        return None
    plain = plain_text(text)
    return Cue(start, end, text, plain) if plain.strip() else None


def plain_text(text: str) -> str:
    """Of an event: without its override tags, its lines broken where they say so."""
    parts: list[str] = []
    is_drawn = False
    at = 0
    for tag in _OVERRIDE.finditer(text):
        if not is_drawn:
            parts.append(text[at : tag.start()])
        drawing = _DRAWING.findall(tag.group())
        if drawing:
            is_drawn = int(drawing[-1]) > 0
        at = tag.end()
    if not is_drawn:
        parts.append(text[at:])
    said = "".join(parts)
    return said.replace(r"\N", "\n").replace(r"\n", "\n").replace(r"\h", " ")


def _seconds(text: str) -> float | None:
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    hours, minutes, seconds, fraction = found.groups()
    whole = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
    scale = float(10 ** len(fraction))
    return (whole * scale + int(fraction)) / scale
