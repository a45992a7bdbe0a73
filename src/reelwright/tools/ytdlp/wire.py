"""Wishes and answers as JSON files: a line of output is short, a description is not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

from reelwright.errors import Problem
from reelwright.tools.ytdlp.info import VideoInfo
from reelwright.tools.ytdlp.options import YtdlpOptions
from reelwright.tools.ytdlp.request import (
    AnswerFile,
    CheckWish,
    Direct,
    Listed,
    Listing,
    ListingKind,
    ListWish,
    OriginState,
    Outcome,
    Part,
    VideoAnswer,
    VideoWish,
)

Wish = TypeVar("Wish", VideoWish, ListWish, CheckWish)

REQUEST = "ytdlp.request.json"
ANSWER = "ytdlp.answer.json"
ENTRIES = "ytdlp.entries.jsonl"
# Entries that are handed on at once.
BATCH = 500


def wish_to_file(wish: VideoWish | ListWish | CheckWish, path: Path) -> None:
    """For the child alone: it may hold the path of cookies, and headers."""
    path.touch(mode=0o600)
    path.write_text(json.dumps(asdict(wish), default=_plain), encoding="utf-8")


def wish_from_file(kind: type[Wish], path: Path) -> Wish:
    body = json.loads(path.read_text(encoding="utf-8"))
    body["options"] = options_from_json(body["options"])
    if "want" in body:
        body["want"] = frozenset(map(Part, body["want"]))
    if "known" in body:
        body["known"] = frozenset(body["known"])
    return kind(**body)


def options_from_json(body: Mapping[str, Any]) -> YtdlpOptions:
    """The reverse of `dataclasses.asdict`, after a way through JSON. Raises TypeError for a name
    that is no option, FIELD_INVALID for a value that none may have."""
    lists = {
        one.name for one in fields(YtdlpOptions) if isinstance(getattr(_DEFAULT, one.name), tuple)
    }
    given: dict[str, Any] = {n: tuple(v) if n in lists else v for n, v in body.items()}
    if "extractor_args" in given:
        given["extractor_args"] = {
            extractor: {key: tuple(values) for key, values in keys.items()}
            for extractor, keys in given["extractor_args"].items()
        }
    return YtdlpOptions(**given)


def answer_to_file(answer: VideoAnswer, folder: Path) -> str:
    """The name of the file in `folder`."""
    body = {
        "info": answer.info.to_json(),
        "files": [asdict(file) for file in answer.files],
        "direct": asdict(answer.direct) if answer.direct else None,
        "missing": {part: problem.to_json() for part, problem in answer.missing.items()},
        "captions_unavailable": answer.captions_unavailable,
        "warnings": answer.warnings,
    }
    (folder / ANSWER).write_text(json.dumps(body, default=_plain), encoding="utf-8")
    return ANSWER


def answer_from_file(path: Path) -> VideoAnswer:
    body = json.loads(path.read_text(encoding="utf-8"))
    return VideoAnswer(
        info=VideoInfo.from_json(body["info"]),
        files=tuple(AnswerFile(**file | {"role": Part(file["role"])}) for file in body["files"]),
        direct=Direct(**body["direct"]) if body["direct"] else None,
        missing={Part(part): Problem.from_json(one) for part, one in body["missing"].items()},
        captions_unavailable=tuple(body["captions_unavailable"]),
        warnings=tuple(body["warnings"]),
    )


def entry_line(entry: Listed) -> bytes:
    """One line of `ENTRIES`: what is not None."""
    body = {name: getattr(entry, name) for name in _LISTED}
    told = {name: value for name, value in body.items() if value is not None}
    return json.dumps(told).encode() + b"\n"


def entry_from_line(line: bytes) -> Listed:
    return Listed(**json.loads(line))


def listing_from_json(body: Mapping[str, Any]) -> Listing:
    """The reverse of `dataclasses.asdict`."""
    return Listing(**{**body, "kind": ListingKind(body["kind"])})


def origin_to_json(state: OriginState) -> dict[str, Any]:
    return {**asdict(state), "problem": state.problem.to_json() if state.problem else None}


def origin_from_json(body: Mapping[str, Any]) -> OriginState:
    problem = Problem.from_json(body["problem"]) if body["problem"] else None
    return OriginState(**{**body, "outcome": Outcome(body["outcome"]), "problem": problem})


def _plain(value: object) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} is not for JSON")


_DEFAULT = YtdlpOptions()
_LISTED = tuple(one.name for one in fields(Listed))
