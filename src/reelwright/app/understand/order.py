"""What is asked of a video becomes the spec of a job: what its streams and the models allow."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from reelwright.errors import Code, ReelError
from reelwright.tools.models.kinds import ModelKind

if TYPE_CHECKING:
    from reelwright.media.info import MediaInfo


class Part(StrEnum):
    """What can be found in a video, in the order in which people name it."""

    SHOTS = "shots"
    KEYFRAMES = "keyframes"
    SPEECH = "speech"
    TRANSCRIPT = "transcript"
    TEXT = "text"
    FRAMES = "frames"
    DESCRIPTIONS = "descriptions"
    SUMMARY = "summary"


_P = Part
# What each needs to be found before it.
_NEEDS: Mapping[Part, tuple[Part, ...]] = {
    _P.KEYFRAMES: (_P.SHOTS,),
    _P.TRANSCRIPT: (_P.SPEECH,),
    _P.FRAMES: (_P.KEYFRAMES,),
    _P.DESCRIPTIONS: (_P.KEYFRAMES,),
}
_PICTURE = frozenset({_P.SHOTS, _P.KEYFRAMES, _P.TEXT, _P.FRAMES, _P.DESCRIPTIONS})
_MODELS: Mapping[Part, ModelKind] = {
    _P.TRANSCRIPT: ModelKind.SPEECH,
    _P.TEXT: ModelKind.OCR,
    _P.FRAMES: ModelKind.IMAGE_EMBEDDING,
    _P.DESCRIPTIONS: ModelKind.VISION,
}
# A model that is paid for is asked for these only where somebody wants it.
_DEAR: Mapping[Part, ModelKind] = {
    _P.DESCRIPTIONS: ModelKind.VISION,
    _P.SUMMARY: ModelKind.LANGUAGE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """`only`: these parts and what they need; empty: all that can be had without being paid for.
    `language` is a BCP 47 tag of what is said. `title`: what the video is called."""

    only: tuple[Part, ...] = ()
    describe: bool = False
    summary: bool = False
    language: str | None = None
    title: str | None = None

    @property
    def named(self) -> frozenset[Part]:
        """Parts that somebody asked for in so many words."""
        found = set(self.only)
        if self.describe:
            found.add(_P.DESCRIPTIONS)
        if self.summary:
            found.add(_P.SUMMARY)
        return frozenset(found)

    def to_json(self) -> dict[str, Any]:
        """What was said; what was left out is not in it."""
        body: dict[str, Any] = {"only": [part.value for part in self.only]}
        body |= {"describe": self.describe, "summary": self.summary}
        body |= {"language": self.language, "title": self.title}
        return {name: value for name, value in body.items() if value}

    @staticmethod
    def from_json(body: Mapping[str, Any]) -> Wish:
        return Wish(**{**body, "only": parts_of(body.get("only", ()))})


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """Which kinds of model something is configured for; `paid`: those that may cost money."""

    there: frozenset[ModelKind] = frozenset()
    paid: frozenset[ModelKind] = frozenset()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A part that is not looked for, and why."""

    part: Part
    why: str

    def to_json(self) -> dict[str, str]:
        return {"part": self.part.value, "why": self.why}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """`text` is the spec, as JSON; `operators` its operations, each with its operator."""

    text: str
    parts: tuple[Part, ...]
    operators: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = field(default=())


def parts_of(names: Collection[str]) -> tuple[Part, ...]:
    """Raises FIELD_INVALID for a name that is none."""
    from reelwright.graph.params.nearest import meant

    known = [part.value for part in Part]
    for name in names:
        if name not in known:
            near = meant(name, known)
            raise ReelError(
                Code.FIELD_INVALID,
                f"there is nothing called '{name}' to be found{', ' if near else ''}{near}",
                where="only",
                hint=f"there are {', '.join(known)}",
            )
    return tuple(part for part in Part if part.value in names)


def order(uri: str, media: MediaInfo, wish: Wish, means: Means) -> Order:
    """`uri`: of the video, as inputs of specs are written.

    Raises STREAM_MISSING and MODEL_UNAVAILABLE where nothing of what is wanted can be found.
    """
    left_out: dict[Part, str] = {}
    wanted = _with_needs(wish.only) if wish.only else set(Part)
    for part in Part:
        if part in wanted or part in wish.named:
            why = _why_not(part, media, wish, means)
            if why is not None:
                left_out[part] = why
    chosen = [p for p in Part if (p in wanted or p in wish.named) and p not in left_out]
    chosen = _possible(chosen, left_out)
    asked = set(wish.only) or set(Part)
    if not asked & set(chosen):
        raise _nothing(asked, left_out)
    told = tuple(LeftOut(part, why) for part, why in left_out.items())
    spec = _spec(uri, chosen, wish)
    return Order(
        text=json.dumps(spec, ensure_ascii=False),
        parts=tuple(chosen),
        operators={one["id"]: one["op"] for one in spec["operations"]},
        left_out=told,
    )


def _with_needs(parts: Collection[Part]) -> set[Part]:
    found, stack = set[Part](), list(parts)
    while stack:
        part = stack.pop()
        found.add(part)
        stack += _NEEDS.get(part, ())
    return found


def _why_not(part: Part, media: MediaInfo, wish: Wish, means: Means) -> str | None:
    from reelwright.tools.models.providers import setting

    if part in _PICTURE and not has_picture(media):
        return "it has no moving picture"
    if part in {_P.SPEECH, _P.TRANSCRIPT} and not media.audio:
        return "it has no sound"
    kind = _MODELS.get(part)
    if kind is not None and kind not in means.there:
        return f"no model for it is there: set `{setting(kind)}`"
    dear = _DEAR.get(part)
    if dear in means.paid and part not in wish.named:
        option = "--describe" if part is _P.DESCRIPTIONS else "--summary"
        return f"its model may cost money: {option} asks for it"
    return None


def has_picture(media: MediaInfo) -> bool:
    """A picture that moves; the cover of an album does not."""
    return media.video is not None and not media.video.is_still


def _possible(chosen: list[Part], left_out: dict[Part, str]) -> list[Part]:
    """Without those that need something which is left out; a summary needs something to sum up."""
    kept: list[Part] = []
    for part in chosen:
        missing = [need for need in _NEEDS.get(part, ()) if need not in kept]
        if missing:
            left_out[part] = left_out.get(missing[0], f"it needs {missing[0].value}")
        elif part is _P.SUMMARY and not {_P.TRANSCRIPT, _P.TEXT, _P.DESCRIPTIONS} & set(kept):
            left_out[part] = "there is nothing to sum up: no words, no text, no descriptions"
        else:
            kept.append(part)
    return kept


def _nothing(asked: Collection[Part], left_out: Mapping[Part, str]) -> ReelError:
    whys = "; ".join(f"{part.value}: {left_out[part]}" for part in Part if part in left_out)
    lacks_model = any("model" in left_out.get(part, "") for part in asked)
    code = Code.MODEL_UNAVAILABLE if lacks_model else Code.STREAM_MISSING
    return ReelError(code, f"nothing of what is wanted can be found in it ({whys})", where="only")


def _spec(uri: str, parts: Collection[Part], wish: Wish) -> dict[str, Any]:
    """Each part is indexed by an operation of its own, so that one that fails keeps no other from
    being found."""
    operations = [_operation(part, parts, wish) for part in parts]
    groups = ([part for part in group if part in parts] for group in _INDEXED)
    operations += [_index(group, wish) for group in groups if group]
    return {
        "version": 1,
        # What names a file is no pattern and no variable.
        "inputs": {"video": {"path": uri.replace("${", "$${"), "glob": False}},
        "operations": operations,
    }


_OPERATORS: Mapping[Part, str] = {
    _P.SHOTS: "shots",
    _P.KEYFRAMES: "keyframes",
    _P.SPEECH: "speech",
    _P.TRANSCRIPT: "transcribe",
    _P.TEXT: "read_text",
    _P.FRAMES: "embed_frames",
    _P.DESCRIPTIONS: "describe",
    _P.SUMMARY: "summarise",
}
# What each is told beside, where it is found.
_TOLD: Mapping[Part, tuple[Part, ...]] = {
    _P.DESCRIPTIONS: (_P.TRANSCRIPT,),
    _P.SUMMARY: (_P.TRANSCRIPT, _P.TEXT, _P.DESCRIPTIONS),
}
# Long shots, as of a lecture, have more than one picture.
_PARAMS: Mapping[Part, Mapping[str, Any]] = {_P.KEYFRAMES: {"every": "10s"}}
_SPOKEN = frozenset({_P.TRANSCRIPT, _P.DESCRIPTIONS, _P.SUMMARY})
# Parts that are indexed together, and the labels of each.
_INDEXED: tuple[tuple[Part, ...], ...] = (
    (_P.SHOTS, _P.KEYFRAMES),
    (_P.SPEECH, _P.TRANSCRIPT),
    (_P.TEXT,),
    (_P.FRAMES,),
    (_P.DESCRIPTIONS,),
    (_P.SUMMARY,),
)
_LABELS: Mapping[Part, tuple[str, ...]] = {
    _P.SUMMARY: ("summary", "chapters"),
    _P.FRAMES: ("frames", "frame-vectors"),
    _P.KEYFRAMES: ("keyframes", "keyframe-pictures"),
}


def _operation(part: Part, parts: Collection[Part], wish: Wish) -> dict[str, Any]:
    needs = [need.value for need in _NEEDS.get(part, ()) if need in parts]
    inputs = {"input": needs[0] if needs else "video"}
    inputs |= {told.value: told.value for told in _TOLD.get(part, ()) if told in parts}
    params = dict(_PARAMS.get(part, {}))
    if part in _SPOKEN and wish.language:
        params["language"] = wish.language
    return {"id": part.value, "op": _OPERATORS[part], "inputs": inputs, **params}


def _index(parts: Collection[Part], wish: Wish) -> dict[str, Any]:
    title = None if wish.title is None else wish.title.replace("${", "$${")
    said = {"title": title, "language": wish.language}
    labels = [(part, label) for part in parts for label in _LABELS.get(part, (part.value,))]
    return {
        "id": f"index_{list(parts)[-1].value}",
        "op": "index",
        "input": [f"{part.value}.{label}" for part, label in labels],
        **{name: value for name, value in said.items() if value is not None},
    }
