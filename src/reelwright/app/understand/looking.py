"""What analyses of an asset found, in the forms in which clients and people want it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reelwright.app.principal import Principal, Scope
from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.wiring import App

# What is seen and said together: whole shots up to this length.
SEGMENT_S = 30.0


def analysis(app: App, asset_id: str, kind: str, principal: Principal) -> Any:
    """The result of `kind`: shots, transcript, text, summary (with its chapters); segments puts
    them together. Raises FORBIDDEN, ASSET_UNKNOWN, NOT_FOUND where there is none yet."""
    from reelwright.store import analyses, assets

    principal.check(Scope.READ)
    subject = f"asset:{asset_id}"
    with app.store.read() as tx:
        assets.get(tx, asset_id, principal.sees)
        known = analyses.kinds_of(tx, subject)
        wanted = _MADE_OF.get(kind, (kind,))
        found = {name: analyses.get(tx, subject, name) for name in wanted if name in known}
    bodies = {name: one.body for name, one in found.items() if one is not None}
    if kind == "segments" and bodies:
        return {"segments": segments(bodies)}
    if kind not in bodies:
        there = f"it has {', '.join(sorted(known))}" if known else "it was not understood yet"
        raise ReelError(
            Code.NOT_FOUND,
            f"asset {asset_id} has no {kind}",
            hint=f"{there}; `POST /v1/understand` looks for more",
        )
    if kind == "summary":
        chapters = bodies.get("chapters") or {}
        return {**bodies[kind], "chapters": chapters.get("chapters", [])}
    return bodies[kind]


_MADE_OF: Mapping[str, tuple[str, ...]] = {
    "summary": ("summary", "chapters"),
    "segments": ("shots", "transcript", "text", "descriptions"),
}


def written(transcript: Mapping[str, Any], form: str) -> str:
    """A transcript as ``vtt``, ``srt`` or ``text``."""
    from reelwright.analysis.transcript import rendered

    return rendered(transcript, "txt" if form == "text" else form)


def segments(bodies: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is said, written and shown in one stretch after the other: whole shots packed up to
    `SEGMENT_S`, or where no shots are known the transcript's own segments."""
    words = (bodies.get("transcript") or {}).get("words") or []
    texts = (bodies.get("text") or {}).get("texts") or []
    told = bodies.get("descriptions") or []
    told = told if isinstance(told, list) else told.get("descriptions") or []
    return [
        {
            "index": index,
            "start": start,
            "end": end,
            "said": _said([w for w in words if start <= w["start"] < end]),
            "written": [t["text"] for t in texts if _meets(t, start, end)],
            "shown": [d["description"] for d in told if start <= d["start"] < end],
        }
        for index, (start, end) in enumerate(_spans(bodies))
    ]


def _said(words: Sequence[Mapping[str, Any]]) -> str:
    from reelwright.analysis.words import joined

    return joined(str(word["text"]) for word in words)


def _meets(entry: Mapping[str, Any], start: float, end: float) -> bool:
    return (entry["start"] or 0.0) < end and (entry["end"] or 0.0) >= start


def _spans(bodies: Mapping[str, Any]) -> list[tuple[float, float]]:
    shots = (bodies.get("shots") or {}).get("shots") or []
    if shots:
        spans: list[tuple[float, float]] = []
        for shot in shots:
            if spans and shot["end"] - spans[-1][0] <= SEGMENT_S:
                spans[-1] = (spans[-1][0], shot["end"])
            else:
                spans.append((shot["start"], shot["end"]))
        return spans
    for name, entries in (("transcript", "segments"), ("text", "texts")):
        found = (bodies.get(name) or {}).get(entries) or []
        if found:
            return [(entry["start"], entry["end"]) for entry in found]
    return []
