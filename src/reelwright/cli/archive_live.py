"""Bars on a terminal: all videos together, and each that comes. Rich is loaded with the first."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from reelwright.cli import terminal
from reelwright.cli.archive_shown import PlainLines, waiting
from reelwright.engine.events import JobChanged, StepProgress

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from reelwright.app.archive.driver import Standing
    from reelwright.app.archive.running import Counts, Tally
    from reelwright.engine.events import Event

_FINAL = frozenset({"succeeded", "failed", "cancelled"})
_NAME_CHARS = 48


class Live(PlainLines):
    """Lines for what is settled, a bar for the whole and one for each video that comes."""

    def __init__(self) -> None:
        super().__init__()
        self._bars: Progress | None = None
        self._whole: TaskID | None = None
        self._videos: dict[str, TaskID] = {}
        self._bytes: dict[str, tuple[float, int]] = {}

    def say(self, text: str) -> None:
        if self._bars is None:
            terminal.note(text)
        else:
            self._bars.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def standing(self, counts: Counts, standing: Standing) -> None:
        if not counts.total or counts.done == counts.total:
            return
        bars = self._bars or self._start()
        if self._whole is None:
            self._whole = bars.add_task("videos", total=counts.total, facts="")
        facts = waiting(standing) or f"{counts.done} of {counts.total}"
        bars.update(self._whole, total=counts.total, completed=counts.done, facts=facts)

    def on_event(self, event: Event) -> None:
        super().on_event(event)
        if self._bars is None:
            return
        if isinstance(event, StepProgress) and not event.key.startswith(":"):
            self._advance(event)
        elif isinstance(event, JobChanged) and event.state in _FINAL:
            task = self._videos.pop(event.job_id, None)
            if task is not None:
                self._bars.remove_task(task)

    def _advance(self, event: StepProgress) -> None:
        assert self._bars is not None
        if event.job_id not in self._videos:
            name = self._name(event.job_id)
            self._videos[event.job_id] = self._bars.add_task(name, total=1.0, facts="")
        facts = self._facts(event)
        self._bars.update(self._videos[event.job_id], completed=event.fraction, facts=facts)

    def _facts(self, event: StepProgress) -> str:
        """What has come, and how fast since the last word of it."""
        come = event.progress.get("size_bytes")
        if not isinstance(come, int | float):
            return ""
        now = time.monotonic()
        at, before = self._bytes.get(event.job_id, (now, int(come)))
        self._bytes[event.job_id] = (now, int(come))
        speed = (come - before) / (now - at) if now > at and come > before else 0.0
        fast = f", {terminal.size(speed)}/s" if speed else ""
        return f"{terminal.size(come)}{fast}"

    def _name(self, job_id: str) -> str:
        name = terminal.printable(self.name_of(job_id))
        return name if len(name) <= _NAME_CHARS else f"{name[: _NAME_CHARS - 1]}…"

    def ended(self, tally: Tally) -> None:
        self.close()
        super().ended(tally)

    def close(self) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def _start(self) -> Progress:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        columns: list[Any] = [
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TaskProgressColumn(),
            TextColumn("{task.fields[facts]}", markup=False),
        ]
        console = Console(stderr=True, highlight=False)
        # Standard output may lead elsewhere, and is the paths' alone.
        self._bars = Progress(
            *columns, console=console, transient=True, refresh_per_second=4, redirect_stdout=False
        )
        self._bars.start()
        return self._bars
