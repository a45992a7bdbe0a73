"""What is shown of a running job: JSON lines, plain lines, or (in `live.py`) bars on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from reelwright.cli import choice, terminal
from reelwright.engine.events import (
    Event,
    JobChanged,
    JobProgress,
    OutputDelivered,
    PlanRevised,
    StepChanged,
    StepProgress,
)

if TYPE_CHECKING:
    from reelwright.app.submit import Ended

# Keys of the engine's own steps begin so: planning, and putting the outputs in place. Whoever reads
# along sees the outputs instead.
_OWN = ":"
_LINE_EVERY_S = 5.0
# What is told of a running command: FFmpeg's own words, seconds and bits a second.
_SHOWN = ("frame", "fps", "time", "speed", "bitrate_bps", "size_bytes")


class ShownStep(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def operations(self) -> tuple[str, ...]: ...


class ShownPlan(Protocol):
    """What of a plan is shown."""

    @property
    def steps(self) -> Sequence[ShownStep]: ...
    @property
    def warnings(self) -> Sequence[str]: ...


class Watch(Protocol):
    """Hears of a job from its submission to its end."""

    def submitted(self, job_id: str, plan: ShownPlan) -> None: ...
    def on_event(self, event: Event) -> None: ...
    def ended(self, ended: Ended) -> None: ...
    def close(self) -> None: ...


def watch(*, as_json: bool, quiet: bool = False) -> Watch:
    if as_json:
        return JsonLines()
    if not quiet and terminal.is_lively(sys.stderr):
        from reelwright.cli.live import Live

        return Live()
    return PlainLines(quiet=quiet)


class Pace:
    """How long a step will still take, from what it has done since it started."""

    def __init__(self) -> None:
        self._began: dict[str, float] = {}

    def eta_s(self, event: StepProgress) -> float | None:
        """Seconds; None in the first two hundredths, which say little."""
        now = time.monotonic()
        began = self._began.setdefault(f"{event.key}:{event.attempt}", now)
        if event.fraction < 0.02:
            return None
        return round((now - began) * (1 - event.fraction) / event.fraction, 1)


class JsonLines:
    """One event a line. The last line of a job is its `job` event."""

    def __init__(self) -> None:
        self._pace = Pace()

    def submitted(self, job_id: str, plan: ShownPlan) -> None:
        terminal.emit({"event": "submitted", "id": job_id, "steps": len(plan.steps)})
        for message in plan.warnings:
            terminal.emit({"event": "warning", "job": job_id, "message": message})

    def on_event(self, event: Event) -> None:
        if not getattr(event, "key", "").startswith(_OWN):
            line = _line(event)
            if isinstance(event, StepProgress):
                line = _progress(event, self._pace.eta_s(event))
            if line is not None:
                terminal.emit({**line, "job": event.job_id})

    def ended(self, ended: Ended) -> None:
        terminal.emit(ended.to_json())

    def close(self) -> None:
        """Every line is out already."""


def _line(event: Event) -> dict[str, Any] | None:
    match event:
        case StepChanged():
            body: dict[str, Any] = {
                "state": event.state,
                "attempt": event.attempt,
                "log": event.log,
            }
            if event.error is not None:
                body["error"] = dict(event.error)
            if event.retry_in_s is not None:
                body["retry_in_seconds"] = event.retry_in_s
            if event.paused:
                body["paused"] = True
            return {"event": "step", "step": event.key, **body}
        case JobProgress():
            fraction = round(event.fraction, 4)
            return {
                "event": "progress",
                "step": None,
                "fraction": fraction,
                "eta_seconds": event.eta_s,
            }
        case OutputDelivered():
            body = {"path": event.path, "sha256": event.sha256, "bytes": event.size_bytes}
            return {"event": "output", **body}
        case PlanRevised():
            return {"event": "plan", "revision": event.revision, "added": list(event.added)}
    return None  # the job's own changes: the last line says how it ended


def _progress(event: StepProgress, eta_s: float | None) -> dict[str, Any]:
    values = {k: event.progress[k] for k in _SHOWN if k in event.progress}
    fraction = round(event.fraction, 4)
    head = {"event": "progress", "step": event.key, "fraction": fraction, "eta_seconds": eta_s}
    return head | values


class Names:
    """What a person calls a step: its id, and the operations in it."""

    def __init__(self) -> None:
        self._labels: dict[str, str] = {}

    def learn(self, plan: ShownPlan) -> None:
        for step in plan.steps:
            said = shown_operations(step.operations)
            self._labels[step.id] = f"{step.id} ({said})" if said else step.id

    def __getitem__(self, key: str) -> str:
        return self._labels.get(key, key)


class PlainLines:
    """For logs and pipes: a line for each change, and one every few seconds while a step runs."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.names = Names()
        self._quiet = quiet
        self._said: dict[str, float] = {}
        self._began = time.monotonic()
        self._cached = 0
        self._ran = 0

    def submitted(self, job_id: str, plan: ShownPlan) -> None:
        self.names.learn(plan)
        for message in plan.warnings:
            terminal.note(f"warning: {terminal.printable(message)}")
        self.say(f"job {job_id}: {len(plan.steps)} {'step' if len(plan.steps) == 1 else 'steps'}")

    def say(self, text: str) -> None:
        if not self._quiet:
            terminal.note(text)

    def on_event(self, event: Event) -> None:
        match event:
            case StepChanged() if not event.key.startswith(_OWN):
                self.step(event)
            case StepProgress() if not event.key.startswith(_OWN):
                self.progress(event)
            case PlanRevised():
                self.say(f"plan, revision {event.revision}: {len(event.added)} more steps")
            case JobChanged() | OutputDelivered() | JobProgress():
                pass

    def step(self, event: StepChanged) -> None:
        name = self.names[event.key]
        if event.retry_in_s is not None and event.error:
            why = terminal.printable(str(event.error.get("message")))
            then = "goes on" if event.paused else "tried again"
            self.say(f"{name}: {why}; {then} in {event.retry_in_s:.1f} s")
        elif event.state == "running":
            self._said[event.key] = time.monotonic()
            self.say(f"{name}: started")
        elif event.state == "cached":
            self._cached += 1
            self.say(f"{name}: from the cache")
        elif event.state in {"succeeded", "failed", "cancelled"}:
            self._ran += event.state == "succeeded"
            self.say(f"{name}: {'done' if event.state == 'succeeded' else event.state}")

    def progress(self, event: StepProgress) -> None:
        now = time.monotonic()
        if now - self._said.get(event.key, 0.0) < _LINE_EVERY_S:
            return
        self._said[event.key] = now
        self.say(f"{self.names[event.key]}: {event.fraction:.0%} {facts(event.progress)}".rstrip())

    def ended(self, ended: Ended) -> None:
        conclude(ended, took_s=time.monotonic() - self._began, cached=self._cached, ran=self._ran)

    def close(self) -> None:
        """Nothing is held back."""


def shown_operations(operations: Iterable[str]) -> str:
    """``cut, small, …``: at most four; what only puts a file together is not named."""
    named = [name for name in operations if not name.startswith("outputs[")]
    return ", ".join(named[:4]) + (", …" if len(named) > 4 else "")


def facts(progress: Mapping[str, Any]) -> str:
    """``frame 412, 96 fps, 3.9x``."""
    parts = []
    if progress.get("frame"):
        parts.append(f"frame {progress['frame']}")
    if progress.get("fps"):
        parts.append(f"{float(progress['fps']):.0f} fps")
    if progress.get("speed"):
        parts.append(f"{float(progress['speed']):.2g}x")
    return ", ".join(parts)


def conclude(ended: Ended, *, took_s: float, cached: int, ran: int) -> None:
    """The outputs on stdout, the rest on stderr."""
    from reelwright.errors import Problem

    job = ended.job
    for file in ended.outputs:
        terminal.out(f"{terminal.printable(file.path)}  {terminal.size(file.size_bytes)}")
    if job.state.value == "succeeded":
        steps = f"{ran} run, {cached} from the cache"
        terminal.note(f"job {job.id}: done in {terminal.span(took_s)} ({steps})")
        return
    if job.error:
        problem = Problem.from_json(job.error)
        if job.state.value == "failed":
            terminal.explain([problem])
            step = problem.evidence.get("step")
            named = f" --step {step}" if step else ""
            terminal.note(f"job {job.id}: failed; its log: {choice.spelled()} logs {job.id}{named}")
    if job.state.value == "cancelled":
        again = f"{choice.spelled()} retry {job.id}"
        terminal.note(f"job {job.id}: cancelled; `{again}` goes on from what is done")
