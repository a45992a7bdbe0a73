"""What is shown while videos are understood: JSON lines, plain lines, or a bar a video."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Protocol

from reelwright.cli import choice, terminal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.progress import Progress

    from reelwright.app.understand.order import LeftOut, Order
    from reelwright.app.understand.running import Understood
    from reelwright.app.understand.targets import Target
    from reelwright.engine.engine import Engine
    from reelwright.planning.plan import Plan

_LINE_EVERY_S = 5.0
# How what was found is counted, one and many.
_COUNTED = {
    "shots": ("shot", "shots"),
    "words": ("word", "words"),
    "texts": ("text in the picture", "texts in the picture"),
    "keyframes": ("keyframe", "keyframes"),
    "frames": ("embedded picture", "embedded pictures"),
    "descriptions": ("description", "descriptions"),
    "chapters": ("chapter", "chapters"),
}


class Display(Protocol):
    def begins(self, target: Target, number: int, count: int, made: Order) -> None: ...
    def submitted(self, job_id: str, plan: Plan, engine: Engine) -> None: ...
    def on_event(self, event: Any) -> None: ...
    def ended(self, one: Understood) -> None: ...
    def all_ended(self, done: Sequence[Understood], named: int) -> None: ...
    def close(self) -> None: ...


def display(running: Any, *, as_json: bool) -> Display:
    """`running` is told the id of the job at work, and what cancels it."""
    if as_json:
        return JsonLines(running)
    return Bar(running) if terminal.is_lively(sys.stderr) else PlainLines(running)


class JsonLines:
    """A line for each video when it is done, and one for all of them."""

    def __init__(self, running: Any) -> None:
        self._running = running

    def begins(self, target: Target, number: int, count: int, made: Order) -> None:
        """Only what has come to its end is told."""

    def submitted(self, job_id: str, plan: Plan, engine: Engine) -> None:
        self._running(job_id, engine.cancel)

    def on_event(self, event: Any) -> None:
        """Only what has come to its end is told."""

    def ended(self, one: Understood) -> None:
        terminal.emit(one.to_json())

    def all_ended(self, done: Sequence[Understood], named: int) -> None:
        states = [one.state for one in done]
        failed = [one for one in done if one.state != "succeeded"]
        state = "cancelled" if "cancelled" in states else "failed" if failed else "succeeded"
        counts = {
            "understood": states.count("succeeded"),
            "failed": states.count("failed"),
            "left": named - states.count("succeeded") - states.count("failed"),
        }
        terminal.emit({"event": "job", "state": state, **counts})

    def close(self) -> None:
        """Every line is out already."""


class PlainLines:
    """For logs and pipes: a line at the beginning and the end of each video, and every few
    seconds."""

    def __init__(self, running: Any) -> None:
        self._running = running
        self._name = ""
        self._began = self._said = time.monotonic()
        self._left_out: tuple[LeftOut, ...] = ()

    def say(self, text: str) -> None:
        terminal.note(text)

    def begins(self, target: Target, number: int, count: int, made: Order) -> None:
        self._name = terminal.printable(target.name)
        self._began = self._said = time.monotonic()
        place = f" ({number} of {count})" if count > 1 else ""
        self.say(f"{self._name}{place}: looking for {', '.join(made.parts)}")
        if made.left_out != self._left_out:  # the same for many videos is said once
            for line in left_out_lines(made.left_out):
                self.say(f"  {line}")
        self._left_out = made.left_out

    def submitted(self, job_id: str, plan: Plan, engine: Engine) -> None:
        self._running(job_id, engine.cancel)
        for message in plan.warnings:
            self.say(f"  warning: {terminal.printable(message)}")

    def on_event(self, event: Any) -> None:
        from reelwright.engine.events import JobProgress, StepChanged

        if isinstance(event, JobProgress):
            self.progress(event.fraction, event.eta_s)
        elif isinstance(event, StepChanged):
            self.step(event)

    def step(self, event: Any) -> None:
        if event.error and event.retry_in_s is not None:
            why = terminal.printable(str(event.error.get("message")))
            self.say(f"  {event.key}: {why}; tried again in {event.retry_in_s:.1f} s")
        elif event.error and event.state == "failed":
            why = terminal.printable(str(event.error.get("message")))
            self.say(f"  {event.key} failed: {why}")

    def progress(self, fraction: float, eta_s: float | None) -> None:
        now = time.monotonic()
        if now - self._said >= _LINE_EVERY_S:
            self._said = now
            left = "" if eta_s is None else f", about {terminal.span(eta_s)} left"
            self.say(f"{self._name}: {fraction:.0%}{left}")

    def ended(self, one: Understood) -> None:
        name = terminal.printable(one.target.name)
        took = terminal.span(time.monotonic() - self._began)
        told = found_line(one.found)
        if one.state == "succeeded":
            self.say(f"{name}: {told or 'nothing found'}; {_passages(one.passages)}, in {took}")
        elif one.parts:
            self.say(f"{name}: {told or 'nothing found'}; {_passages(one.passages)}; not all of it")
        for text in one.notes:
            self.say(f"  {terminal.printable(text)}")
        if one.problem is not None:
            self.say(f"{name}: {one.state}")
            terminal.explain([one.problem])
            if one.job_id is not None:
                self.say(f"      its log: {choice.spelled()} logs {one.job_id}")

    def all_ended(self, done: Sequence[Understood], named: int) -> None:
        good = sum(one.state == "succeeded" for one in done)
        if named > 1:
            self.say(f"{good} of {named} understood")
        if any(one.passages for one in done):
            self.say(f"`{choice.spelled()} search WORDS` finds them")
        if good < named:
            self.say("the same command goes on with what is left")

    def close(self) -> None:
        """Nothing is held back."""


class Bar(PlainLines):
    """A bar for the video that is at work. Rich is loaded when it first reports."""

    def __init__(self, running: Any) -> None:
        super().__init__(running)
        self._bars: Progress | None = None
        self._task: Any = None

    def say(self, text: str) -> None:
        if self._bars is None:
            super().say(text)
        else:
            self._bars.console.print(text, markup=False, highlight=False)

    def progress(self, fraction: float, eta_s: float | None) -> None:
        if self._bars is None:
            self._start()
        assert self._bars is not None
        self._bars.update(self._task, completed=fraction)

    def ended(self, one: Understood) -> None:
        self.close()
        super().ended(one)

    def close(self) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def _start(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            TaskProgressColumn,
            TextColumn,
            TimeRemainingColumn,
        )

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TaskProgressColumn(),
            TimeRemainingColumn(compact=True),
        )
        console = Console(stderr=True, highlight=False)
        self._bars = Progress(*columns, console=console, transient=True, refresh_per_second=4)
        self._task = self._bars.add_task(self._name, total=1.0)
        self._bars.start()


def left_out_lines(left_out: Sequence[LeftOut]) -> list[str]:
    """``without shots, text: it has no moving picture``, a line a reason."""
    by_why: dict[str, list[str]] = {}
    for one in left_out:
        by_why.setdefault(one.why, []).append(one.part.value)
    return [f"without {', '.join(parts)}: {why}" for why, parts in by_why.items()]


def found_line(found: Mapping[str, Any]) -> str:
    """``12 shots, 812 words (en), 1 chapter``."""
    parts = []
    for name, (one, many) in _COUNTED.items():
        count = found.get(name)
        if count is None:
            continue
        language = f" ({found['language']})" if name == "words" and found.get("language") else ""
        parts.append(f"{count} {one if count == 1 else many}{language}")
    return ", ".join(parts)


def _passages(count: int) -> str:
    return f"{count} {'passage' if count == 1 else 'passages'} to be found"
