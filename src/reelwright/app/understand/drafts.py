"""A passage on its way into the index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """`kind` as in `search.query.KINDS`; times are seconds of the video, None where it is about all
    of it. `evidence`: where it is from."""

    kind: str
    text: str
    start_s: float | None = None
    end_s: float | None = None
    language: str | None = None
    speaker: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
