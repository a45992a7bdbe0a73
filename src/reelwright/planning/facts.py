"""What planning knows: the inputs' MediaInfo, and the results of steps that ran already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reelwright.media.info import MediaInfo


@dataclass(frozen=True, slots=True)
class Facts:
    """`media` by input name (a tuple for a glob, in the order of its files); `uris` are the real
    places, in the same shape; `results` by node id (taps, fetches); `have` are identities of
    outputs that the cache holds: they are planned on their own, so that nothing else drags them
    through another encode. `job` sets fetches apart: an address may have something else for the
    next job."""

    media: Mapping[str, MediaInfo | tuple[MediaInfo, ...]] = field(default_factory=dict)
    uris: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    results: Mapping[str, Any] = field(default_factory=dict)
    have: frozenset[str] = frozenset()
    job: str = ""
