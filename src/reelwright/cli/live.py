"""Bars on a terminal: what runs, how far, how fast. Rich is loaded when a step first reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reelwright.cli import terminal
from reelwright.cli.watch import PlainLines, facts

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from reelwright.app.submit import Ended
    from reelwright.engine.events import StepChanged, StepProgress


class Live(PlainLines):
    """Lines for what is over, a bar for each step that runs."""

    def __init__(self) -> None:
        super().__init__()
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def say(self, text: str) -> None:
        if self._bars is None:
            terminal.note(text)
        else:
            self._bars.console.print(text, markup=False, highlight=False)

    def step(self, event: StepChanged) -> None:
        if event.state == "running":
            return  # its bar comes with its first report
        task = self._tasks.pop(event.key, None)
        if task is not None and self._bars is not None:
            self._bars.remove_task(task)
        super().step(event)

    def progress(self, event: StepProgress) -> None:
        bars = self._bars or self._start()
        if event.key not in self._tasks:
            label = terminal.printable(self.names[event.key])
            self._tasks[event.key] = bars.add_task(label, total=1.0, facts="")
        bars.update(self._tasks[event.key], completed=event.fraction, facts=facts(event.progress))

    def ended(self, ended: Ended) -> None:
        self.close()
        super().ended(ended)

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
            _eta_column(),
        ]
        # Four times a second: each refresh costs a millisecond or two of the same cores.
        console = Console(stderr=True, highlight=False)
        self._bars = Progress(*columns, console=console, transient=True, refresh_per_second=4)
        self._bars.start()
        return self._bars


def _eta_column() -> Any:
    from rich.progress import TimeRemainingColumn

    return TimeRemainingColumn(compact=True)
