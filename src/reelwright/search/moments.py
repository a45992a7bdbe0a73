"""What a search finds: moments, with what speaks for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """What one leg adds to a moment's score.

    `leg`: a kind and how it was searched (``speech words``, ``speech meaning``, ``frame picture``).
    `rank` is the moment's among that leg's, from 1; `value` the leg's own measure: BM25 of words, a
    cosine (-1 to 1) of meanings and pictures. `share` is what it adds: ``weight / (60 + rank)``.
    """

    leg: str
    rank: int
    value: float
    weight: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A passage that matched. `text` is all of it; `source` says where it is from (model, lines of
    a file, box, time of a frame). `passage_id` None: a passage of an archived caption file.
    `stems`: those of the text's words, where the index has them."""

    passage_id: int | None
    kind: str
    text: str
    start_s: float | None = None
    end_s: float | None = None
    language: str | None = None
    speaker: str | None = None
    source: Mapping[str, Any] = field(default_factory=dict)
    stems: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A stretch of a video, or a text, that answers.

    `subject` is ``asset:ID``, ``file:SHA256`` or a text's own name; `source` is ``asset``, ``file``
    or ``document``. `start_s` and `end_s` are seconds of the video, None in a text. `kind` is that
    of the passage that speaks for it most, from whose text `snippet` is; `marks` are the places
    (from, to) in it of what was asked. `is_exact`: it says what was asked, word by word; such
    moments come first. `evidence`: the strongest first.
    """

    subject: str
    source: str
    title: str
    kind: str
    score: float
    snippet: str
    document_id: str | None = None
    asset_id: str | None = None
    path: str | None = None
    channel: str | None = None
    start_s: float | None = None
    end_s: float | None = None
    marks: tuple[tuple[int, int], ...] = ()
    is_exact: bool = False
    evidence: tuple[Evidence, ...] = ()
    why: tuple[Why, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """`moments` from number `offset` on. `total`: how many there are in all (at most what the legs
    look at). `notes`: what a person should know (no model of meaning, another one is in use)."""

    moments: tuple[Moment, ...]
    offset: int
    total: int
    notes: tuple[str, ...] = ()
    took_s: float = 0.0

    @property
    def next_offset(self) -> int | None:
        after = self.offset + len(self.moments)
        return after if after < self.total and self.moments else None
