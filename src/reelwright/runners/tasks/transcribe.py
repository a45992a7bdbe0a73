"""What `transcribe` does: asks about a segment, and joins what was heard in all of them."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from reelwright.analysis.segments import Segment
from reelwright.analysis.transcript import rendered, word_from_json, word_to_json
from reelwright.analysis.words import Word, joined, merged, within
from reelwright.errors import Code, ReelError
from reelwright.runners.tasks import Done, Given
from reelwright.tools.models.kinds import SpeechAsk

if TYPE_CHECKING:
    from pathlib import Path

    from reelwright.tools.models.kinds import Heard, Served


async def segment(given: Given) -> Done:
    """Raises what `Models.speech` raises, MODEL_ANSWER_INVALID, MODEL_UNAVAILABLE."""
    models, params = given.context.models, given.params
    if models is None:
        raise ReelError(Code.MODEL_UNAVAILABLE, "nothing that asks models is set up here")
    start_s, end_s = params["start"], params["end"]
    ask = SpeechAsk(
        audio=given.strands[0].path,
        start_s=start_s,
        end_s=end_s,
        language=params["language"],
        prompt=params["prompt"],
    )
    served: Served[Heard] = await models.speech(ask, key=f"{start_s:.3f}")
    heard = served.value
    words = within(_sound_words(heard.words), start_s, end_s)
    return Done(
        result={
            "words": [word_to_json(word) for word in words],
            "language": heard.language,
            "is_poor": heard.is_poor,
            "asked": served.provenance(),
        },
        report={"speech": {"provider": served.identity.provider, "words": len(words)}},
    )


def _sound_words(words: Sequence[Word]) -> Sequence[Word]:
    for word in words:
        if not (math.isfinite(word.start_s) and math.isfinite(word.end_s)):
            raise ReelError(
                Code.MODEL_ANSWER_INVALID, f"the word {word.text!r} has no time that is a number"
            )
    return words


async def merge(given: Given) -> Done:
    """The first strand is the speech that was found, the others are the segments in their order."""
    return await asyncio.to_thread(_merge, given)


def _merge(given: Given) -> Done:
    heard, *parts = (strand.result for strand in given.strands)
    segments = [
        Segment(s["start"], s["end"], s["owns_from"], s["owns_until"])
        for s in given.params["segments"]
    ]
    words = merged([[word_from_json(w) for w in part["words"]] for part in parts], segments)
    texts: dict[int, list[str]] = {}
    for number, word in words:
        texts.setdefault(number, []).append(word.text)
    language = given.params["language"] or _language(parts)
    is_poor = any(part["is_poor"] and part["words"] for part in parts)
    result = {
        "language": language,
        "duration": heard["duration"],
        "words": [{**word_to_json(word), "segment": number} for number, word in words],
        "segments": [
            {
                "index": number,
                "start": segment.start_s,
                "end": segment.end_s,
                "text": joined(texts.get(number, ())),
                "language": part["language"],
                "is_poor": part["is_poor"],
                **part["asked"],
            }
            for number, (segment, part) in enumerate(zip(segments, parts, strict=True))
        ],
        "text": joined(word.text for _, word in words),
        "is_poor": is_poor,
    }
    _write_files(given.context.workspace, result)
    return Done(result=result, report={"transcript": _report(result)})


def _language(parts: Sequence[Any]) -> str | None:
    """The one that most words are in."""
    count: Counter[str] = Counter()
    for part in parts:
        if part["language"]:
            count[part["language"]] += len(part["words"])
    return count.most_common(1)[0][0] if count else None


def _write_files(folder: Path, result: dict[str, Any]) -> None:
    for form in ("vtt", "srt", "txt"):
        (folder / f"transcript.{form}").write_text(rendered(result, form), encoding="utf-8")


def _report(result: dict[str, Any]) -> dict[str, Any]:
    providers = sorted({s["provider"] for s in result["segments"]})
    return {
        "language": result["language"],
        "words": len(result["words"]),
        "segments": len(result["segments"]),
        "providers": ", ".join(providers),
        "is_poor": result["is_poor"],
    }
