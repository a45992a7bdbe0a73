"""The JSON of a transcript, and what is made of it: captions and plain text. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reelwright.analysis.captioning import captions, sentences
from reelwright.analysis.words import Word, joined
from reelwright.media.cue_writing import write_srt, write_vtt

FORMS = ("vtt", "srt", "txt")
POOR = "The words are a guess of a small model: many are wrong."
# A silence that parts two paragraphs of plain text.
_PARAGRAPH_S = 2.0


def rendered(transcript: Mapping[str, Any], form: str) -> str:
    """The result of `transcribe` as ``vtt``, ``srt`` or ``txt``. Raises KeyError for another."""
    words = [word_from_json(word) for word in transcript["words"]]
    if form == "txt":
        return paragraphs(words)
    shown = captions(words)
    if form == "srt":
        return write_srt(shown)
    return {"vtt": write_vtt(shown, POOR if transcript.get("is_poor") else None)}[form]


def paragraphs(words: Sequence[Word]) -> str:
    """A sentence a line, an empty line where nobody spoke for a while."""
    lines: list[str] = []
    before_s: float | None = None
    for sentence in sentences(words):
        if before_s is not None and sentence[0].start_s - before_s >= _PARAGRAPH_S:
            lines.append("")
        lines.append(joined(word.text for word in sentence))
        before_s = sentence[-1].end_s
    return "".join(f"{line}\n" for line in lines)


def word_to_json(word: Word) -> dict[str, Any]:
    """Seconds to the millisecond."""
    return {
        "text": word.text,
        "start": round(word.start_s, 3),
        "end": round(word.end_s, 3),
        "confidence": None if word.confidence is None else round(word.confidence, 4),
        "is_interpolated": word.is_interpolated,
    }


def word_from_json(word: Mapping[str, Any]) -> Word:
    return Word(
        text=word["text"],
        start_s=word["start"],
        end_s=word["end"],
        confidence=word["confidence"],
        is_interpolated=word.get("is_interpolated", False),
    )
