"""What TASK steps do, one module an operator: functions of what earlier steps found.

A task writes only into its workspace, asks models only through ``given.context.models``, and gives
the same for the same: what it was given is its step's identity. Work that takes more than a moment
of CPU is done in a child process or a thread, never on the event loop.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from reelwright.runners.context import StepContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Strand:
    """One connected strand: its file, and the result (JSON) of the tap or task that made it; None
    where it is an input file, or a file that stands beside a result."""

    path: Path
    result: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """`strands` in the order in which the operator connected them."""

    params: Mapping[str, Any]
    strands: tuple[Strand, ...]
    context: StepContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """`result` is JSON. `report`: what a person wants to know. Files of the task lie in the
    workspace, under the names that it was planned with."""

    result: Any
    report: Mapping[str, Any] = field(default_factory=dict)
    cpu_seconds: float = 0.0
    max_rss_bytes: int = 0


Task: TypeAlias = Callable[[Given], Awaitable[Done]]

TASKS: dict[str, str] = {
    "transcribe.segment": "reelwright.runners.tasks.transcribe:segment",
    "transcribe.merge": "reelwright.runners.tasks.transcribe:merge",
    "describe.segment": "reelwright.runners.tasks.describe:segment",
    "describe.merge": "reelwright.runners.tasks.describe:merge",
    "summarise.map": "reelwright.runners.tasks.summarise:map_part",
    "summarise.reduce": "reelwright.runners.tasks.summarise:reduce_parts",
    "summarise.extract": "reelwright.runners.tasks.summarise:extract",
    "summarise.chapters": "reelwright.runners.tasks.summarise:chapters",
    "commentate.write": "reelwright.runners.tasks.commentate:write",
    "commentate.speak": "reelwright.runners.tasks.commentate:speak",
    "embed_text.embed": "reelwright.runners.tasks.embed_text:embed",
    "embed_frames.embed": "reelwright.runners.tasks.embed_frames:embed",
    "embed_frames.merge": "reelwright.runners.tasks.embed_frames:merge",
    "read_text.read": "reelwright.runners.tasks.read_text:read",
    "read_text.merge": "reelwright.runners.tasks.read_text:merge",
}
"""Name of a task (``transcribe.segment``) → ``module:function``."""
