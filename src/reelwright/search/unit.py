"""What is searched, as a person knows it: a video, or a text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """`name` tells it from others within a search; the rest as in `moments.Moment`."""

    name: str
    subject: str
    source: str
    title: str
    document_id: str | None = None
    asset_id: str | None = None
    path: str | None = None
    channel: str | None = None
    duration_s: float | None = None
