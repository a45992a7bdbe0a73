"""Captions as WebVTT, SubRip and plain text. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_EMPTY_LINES = re.compile(r"\n\s*\n+")


@dataclass(frozen=True, slots=True)
class Caption:
    """`text` as it is read, without markup; it may have lines. Times in seconds."""

    start_s: float
    end_s: float
    text: str


def write_vtt(captions: Iterable[Caption], note: str | None = None) -> str:
    """`note` is said in a comment."""
    blocks = ["WEBVTT\n"]
    if note:
        blocks.append(f"NOTE {_lines(note).replace('-->', '->')}\n")
    for caption in captions:
        text = _lines(caption.text)
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        blocks.append(f"{_times(caption, '.')}\n{text}\n")
    return "\n".join(blocks)


def write_srt(captions: Iterable[Caption]) -> str:
    return "\n".join(
        f"{number}\n{_times(caption, ',')}\n{_lines(caption.text)}\n"
        for number, caption in enumerate(captions, 1)
    )


def _lines(text: str) -> str:
    """An empty line would end the cue."""
    return _EMPTY_LINES.sub("\n", text.strip())


def _times(caption: Caption, point: str) -> str:
    start_ms = max(0, round(caption.start_s * 1000))
    # A cue of no length is never shown.
    end_ms = max(round(caption.end_s * 1000), start_ms + 1)
    return f"{clock(start_ms, point)} --> {clock(end_ms, point)}"


def clock(ms: int, point: str = ".") -> str:
    """``00:01:02.500``"""
    seconds, rest = divmod(ms, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{point}{rest:03d}"
