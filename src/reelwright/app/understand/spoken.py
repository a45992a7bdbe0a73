"""What is said, as passages: whole sentences packed to half a minute, each word with its time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reelwright.analysis.words import joined
from reelwright.app.understand.drafts import Draft

# A passage is long enough to mean something, and short enough to be a moment.
LONGEST_S = 30.0
# So long a pause ends a passage: who speaks after it begins anew.
PAUSE_S = 3.0
# A pause between words that stands for the full stop which poor transcripts lack.
BREATH_S = 0.7
_ENDS = (".", "!", "?", "…", "。", "！", "？")
_CLOSING = "\"')]}»”’"


def passages(transcript: Mapping[str, Any]) -> list[Draft]:
    """Of the result of `transcribe`."""
    language = transcript.get("language")
    segments = transcript.get("segments") or []
    packed = _packed(_sentences(transcript.get("words") or []))
    is_poor = bool(transcript.get("is_poor"))
    return [_passage(words, language, segments, is_poor=is_poor) for words in packed]


def _sentences(words: Sequence[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """Up to a full stop or a breath; one that is longer than a passage is cut at its longest
    pauses."""
    sentence: list[Mapping[str, Any]] = []
    for word in words:
        if sentence and word["start"] - sentence[-1]["end"] >= BREATH_S:
            yield from _short(sentence)
            sentence = []
        sentence.append(word)
        if str(word["text"]).rstrip(_CLOSING).endswith(_ENDS):
            yield from _short(sentence)
            sentence = []
    if sentence:
        yield from _short(sentence)


def _short(sentence: list[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    stack = [sentence]
    while stack:
        part = stack.pop()
        if len(part) < 2 or part[-1]["end"] - part[0]["start"] <= LONGEST_S:
            yield part
            continue
        # Of equal pauses that in the middle: words without pauses are halved.
        middle = len(part) / 2
        pauses = [
            (part[at]["start"] - part[at - 1]["end"], -abs(at - middle), at)
            for at in range(1, len(part))
        ]
        at = max(pauses)[2]
        stack += [part[at:], part[:at]]


def _packed(
    sentences: Iterator[list[Mapping[str, Any]]],
) -> Iterator[list[Mapping[str, Any]]]:
    packed: list[Mapping[str, Any]] = []
    for sentence in sentences:
        is_full = packed and sentence[-1]["end"] - packed[0]["start"] > LONGEST_S
        if packed and (is_full or sentence[0]["start"] - packed[-1]["end"] >= PAUSE_S):
            yield packed
            packed = []
        packed += sentence
    if packed:
        yield packed


def _passage(
    words: Sequence[Mapping[str, Any]],
    language: str | None,
    segments: Sequence[Mapping[str, Any]],
    *,
    is_poor: bool,
) -> Draft:
    """Its evidence has ``words``: [first character in the text, start, end] of each."""
    text, times = "", []
    for word in words:
        said = str(word["text"]).strip()
        text = joined([text, said])
        times.append([len(text) - len(said), round(word["start"], 3), round(word["end"], 3)])
    evidence: dict[str, Any] = {"words": times, **_provenance(words[0], segments)}
    if is_poor:
        evidence["is_poor"] = True
    speakers = {word.get("speaker") for word in words} - {None}
    return Draft(
        kind="speech",
        text=text,
        start_s=float(words[0]["start"]),
        end_s=float(words[-1]["end"]),
        language=language,
        speaker=speakers.pop() if len(speakers) == 1 else None,
        evidence=evidence,
    )


def _provenance(word: Mapping[str, Any], segments: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Who heard the passage's first word."""
    number = word.get("segment")
    found = None
    if isinstance(number, int) and 0 <= number < len(segments):
        found = segments[number]
    else:
        found = next((s for s in segments if s["start"] <= word["start"] < s["end"]), None)
    if found is None:
        return {}
    return {name: found[name] for name in ("provider", "model") if found.get(name)}
