"""What is shown while videos are kept: JSON lines, plain lines, or (in `archive_live`) bars."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Protocol

from reelwright.cli import choice, terminal
from reelwright.cli.exits import DONE, exit_code
from reelwright.errors import Code

if TYPE_CHECKING:
    from collections.abc import Callable

    from reelwright.app.archive.driver import Standing
    from reelwright.app.archive.running import Counts, Settled, Tally
    from reelwright.engine.events import Event
    from reelwright.store.understanding import Told

_LINE_EVERY_S = 5.0
_FAILURES_SHOWN = 10


class Display(Protocol):
    """Hears of a run from its beginning to its end."""

    def settled(self, one: Settled) -> None: ...
    def understood(self, one: Told) -> None: ...
    def standing(self, counts: Counts, standing: Standing) -> None: ...
    def on_event(self, event: Event) -> None: ...
    def ended(self, tally: Tally) -> None: ...
    def close(self) -> None: ...


def display(*, as_json: bool) -> Display:
    if as_json:
        return JsonLines()
    if terminal.is_lively(sys.stderr):
        from reelwright.cli.archive_live import Live

        return Live()
    return PlainLines()


def ended_code(tally: Tally, *, fetches: bool = True) -> int:
    """0: all is kept. A video that failed decides; what is left waits for a site or the disk, or
    was only to be listed."""
    if tally.was_stopped:
        return exit_code(Code.CANCELLED)
    if tally.worst is not None:
        return exit_code(tally.worst.code)
    return exit_code(Code.BUDGET_SPENT) if tally.left and fetches else DONE


class JsonLines:
    """One line for each entry when it is settled, and one at the end."""

    def settled(self, one: Settled) -> None:
        terminal.emit(one.to_json())

    def understood(self, one: Told) -> None:
        code = one.error["code"] if one.error else None
        told = {"asset": one.asset_id, "state": one.state, "job": one.job_id, "code": code}
        terminal.emit({"event": "understood", **told})

    def standing(self, counts: Counts, standing: Standing) -> None:
        """Only what has come to its end is told."""

    def on_event(self, event: Event) -> None:
        """Only what has come to its end is told."""

    def ended(self, tally: Tally) -> None:
        terminal.emit(tally.to_json())

    def close(self) -> None:
        """Every line is out already."""


class PlainLines:
    """For logs and pipes: a line for each video that is settled, one every few seconds else."""

    def __init__(self) -> None:
        # A video's name, by its job.
        self.name_of: Callable[[str], str] = lambda job_id: job_id
        self._began = time.monotonic()
        self._said = self._began
        self._why = ""
        self._failures: list[Settled] = []
        # What was said of a video that waits, by its job.
        self._paused: dict[str, str] = {}

    def say(self, text: str) -> None:
        terminal.note(text)

    def settled(self, one: Settled) -> None:
        name = terminal.printable(one.title or one.url)
        if one.state == "kept":
            self._kept(name, terminal.printable(one.path or one.url))
        elif one.problem is not None:
            self._failures.append(one)
            if one.is_new:
                self.say(f"{one.state}: {_why(name, one.problem.message)}")

    def understood(self, one: Told) -> None:
        name = terminal.printable(one.title)
        if one.state == "succeeded":
            self.say(f"understood: {name}")
            return
        message = str((one.error or {}).get("message", one.state))
        self.say(f"not understood: {_why(name, message)}; `{choice.spelled()} logs {one.job_id}`")

    def _kept(self, name: str, path: str) -> None:
        """The path is the result: on a terminal it is said once, in a pipe it goes its own way."""
        if sys.stdout.isatty():
            self.say(f"kept: {path}")
        else:
            self.say(f"kept: {name}")
            terminal.out(path)

    def standing(self, counts: Counts, standing: Standing) -> None:
        why = waiting(standing)
        if why and why != self._why:
            self.say(why)
        now = time.monotonic()
        if counts.total > 1 and now - self._said >= _LINE_EVERY_S:
            self._said = now
            self.say(f"{counts.done} of {counts.total} done")
        self._why = why

    def on_event(self, event: Event) -> None:
        """The videos are told when they are settled; here, why one of them waits."""
        from reelwright.engine.events import StepChanged

        if not isinstance(event, StepChanged) or not event.paused or not event.error:
            return
        why = terminal.printable(str(event.error.get("message")))
        if self._paused.get(event.job_id) != why:
            self._paused[event.job_id] = why
            self.say(f"{terminal.printable(self.name_of(event.job_id))}: waits: {why}")

    def ended(self, tally: Tally) -> None:
        took = terminal.span(time.monotonic() - self._began)
        terminal.note(f"{said(tally)}, in {took}")
        if tally.was_stopped:
            terminal.note("stopped; the same command goes on with what is left")
        if self._failures:
            self._grouped()
            terminal.note(f"`{choice.spelled()} workplan` says what can be done about them")

    def _grouped(self) -> None:
        by_code: dict[Code, list[Settled]] = {}
        for one in self._failures:
            assert one.problem is not None
            by_code.setdefault(one.problem.code, []).append(one)
        for code, ones in sorted(by_code.items(), key=lambda pair: -len(pair[1])):
            terminal.note(f"  {len(ones)} {code.text}: {code.hint}")
            for one in ones[:_FAILURES_SHOWN]:
                terminal.note(f"    {terminal.printable(one.url)}")
            if len(ones) > _FAILURES_SHOWN:
                terminal.note(f"    … and {len(ones) - _FAILURES_SHOWN} more")

    def close(self) -> None:
        """Nothing is held back."""


def _why(name: str, message: str) -> str:
    """Of what, and why; once where the message names the address that it is called by."""
    why = terminal.printable(message)
    return why if name in why else f"{name}: {why}"


def said(tally: Tally) -> str:
    """``3 kept, 12 held already, 1 failed``."""
    parts = [(tally.kept, "kept"), (tally.held, "held already"), (tally.failed, "failed")]
    parts += [(tally.gone, "gone at the origin"), (tally.left, "left for later")]
    parts += [(tally.understood, "understood"), (tally.not_understood, "not understood")]
    return ", ".join(f"{n} {word}" for n, word in parts if n) or "nothing to keep"


def waiting(standing: Standing) -> str:
    """Why nothing is begun, in a line; empty where something is."""
    if standing.disk is not None:
        disk = standing.disk
        word = "waits for room on the disk" if disk.code is Code.DISK_FULL else "nothing is kept"
        place = f"{disk.where}: " if disk.where and disk.where not in disk.message else ""
        return f"{word}: {place}{disk.message}"
    if standing.is_open or not standing.waits:
        return ""
    host, wait = min(standing.waits.items(), key=lambda pair: pair[1].seconds)
    why = f"it failed ({wait.code})" if wait.code else "its budget is spent"
    until = time.strftime("%H:%M", time.localtime(time.time() + wait.seconds))
    return f"waits for {host} until {until}: {why}"
