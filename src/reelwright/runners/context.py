"""What a runner is handed and what it gives back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from reelwright.errors import Code
from reelwright.tools.ffmpeg.progress import Progress

if TYPE_CHECKING:
    from reelwright.store.rows import StepRow
    from reelwright.tools.binaries import Tools
    from reelwright.tools.models.kinds import Models

Heartbeat = Callable[[], Awaitable[bool]]
MEMORY_RULE = "`limits.memory_bytes` allows"


class Gate(Protocol):
    """Whether a site may be asked, and what it said: budgets and circuit breakers stand behind it.

    Called in an event loop, from any attempt of this process.
    """

    async def enter(self, url: str) -> None:
        """Before the site of `url` is asked. Raises BUDGET_SPENT and CIRCUIT_OPEN, each with
        `evidence["retry_after_s"]`: the step is put back until then, and nothing counts."""

    async def leave(self, url: str, code: Code | None) -> None:
        """How asking ended: None for well, else why not. Not called where nobody knows: after a
        cancel, a lost lease, a failure of this machine (a full disk)."""


# The models that a step may ask, in its name: budgets, caches and records stand behind them.
ModelsFor: TypeAlias = "Callable[[StepRow], Models]"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepProgress(Progress):
    """What FFmpeg says of the command that runs, and how much of the whole step is done: `fraction`
    0 to 1, None where the plan gives no duration. `command` counts from 1 to `commands`."""

    fraction: float | None = None
    command: int = 1
    commands: int = 1

    @staticmethod
    def of(progress: Progress, **more: Any) -> StepProgress:
        values = {f.name: getattr(progress, f.name) for f in fields(Progress)}
        return StepProgress(**values, **more)


def _nobody(progress: StepProgress) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one step may have of its machine; see `StepContext`."""

    memory_bytes: int | None = None
    memory_rule: str = MEMORY_RULE
    devices: str | None = None


@dataclass(slots=True, kw_only=True)
class StepContext:
    """Everything that one attempt at a step may touch.

    `workspace` is an empty directory of this attempt; nothing is written outside it except `log`.
    `files` maps `StepInput.name` to the real file. `results` maps a node id to the JSON result of
    an earlier step. `heartbeat` is awaited while a command runs, three times in a lease lifetime;
    False says that the lease is lost, and the command is killed (see `tools.process.Command`).
    `grace_s`: what a command has between SIGINT and SIGKILL.
    `memory_bytes` bounds what an FFmpeg command may take, where it runs in the sandbox; None: what
    there is. `memory_rule`: whose bound that is, as the beginning of "… N MiB".
    `devices`: the GPUs that it may see, as CUDA names them (``0,1``; "" for none); None: all.
    `scratch` is a folder that outlives the attempts, for half downloads; None: nothing does.
    `allow_private`: whether a download may connect to addresses that are not public; `net_allow`
    names those networks that it may connect to all the same (``10.0.0.0/8,…``). `proxy`: that of
    this machine's administrator; a step that names it goes through it.
    `gate`: asked before a site is; None: nobody counts. `models`: what asks models; None: this
    engine has none.
    """

    workspace: Path
    files: Mapping[str, Path]
    results: Mapping[str, Any]
    tools: Tools
    log: Path
    on_progress: Callable[[StepProgress], None] = _nobody
    sandbox: bool = True
    grace_s: float = 5.0
    heartbeat: Heartbeat | None = None
    memory_bytes: int | None = None
    memory_rule: str = MEMORY_RULE
    devices: str | None = None
    scratch: Path | None = None
    allow_private: bool = True
    net_allow: str = ""
    proxy: str | None = None
    fetch_bytes: int | None = None
    fetch_s: float | None = None
    gate: Gate | None = None
    models: Models | None = None


@dataclass(slots=True, kw_only=True)
class StepResult:
    """What a finished step leaves.

    `files`: `StepOutput.name` (and `StepTap.output`) to verified files in the workspace; several
    for stills. `results`: node id to JSON (taps; a fetch's ``{"media": MediaInfo, ...}``).
    `report`: what a person wants to know, JSON-ready: ``outputs`` holds the MediaInfo of each
    output (its `sha256` empty: whoever stores the file digests it), ``damage`` what was complained
    about and kept. `digests`: SHA-256 of those files of which it is known; others are read again.
    """

    files: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    results: Mapping[str, Any] = field(default_factory=dict)
    report: Mapping[str, Any] = field(default_factory=dict)
    digests: Mapping[Path, str] = field(default_factory=dict)
    cpu_seconds: float = 0.0
    max_rss_bytes: int = 0
