"""What the child is asked and what it answers, as JSON files in the workspace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

SHOTS, KEYFRAMES, CANDIDATES = "shots:shots", "keyframes:keyframes", "candidates:candidates"
LOOKS = frozenset({SHOTS, KEYFRAMES, CANDIDATES})
"""The analysers that the child stands in for."""


class CannotLook(Exception):  # noqa: N818 - not an error: FFmpeg decodes all of it then
    """The packets of this stream are not what the child reckons with; or something is damaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One analyser: its name, what it was asked, and the pack that it leaves."""

    analyser: str
    params: Mapping[str, Any]
    pack: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Look at stream `stream` of `input`. `rotation_deg`: clockwise, what a player turns pictures
    by. `duration_s`: what the file promises (None: nothing)."""

    input: str
    stream: int
    wishes: tuple[Wish, ...]
    demuxer: str | None = None
    rotation_deg: int = 0
    duration_s: float | None = None
    threads: int = 1

    @staticmethod
    def from_json(body: Mapping[str, Any]) -> Job:
        values = dict(body)
        values["wishes"] = tuple(Wish(**wish) for wish in values["wishes"])
        return Job(**values)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
