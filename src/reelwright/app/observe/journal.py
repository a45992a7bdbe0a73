"""The engine's events as log lines: failures and retries always, of a service all of it.

The table of events has them too, but a database that cannot be opened tells nobody why. A run at
the terminal that goes well writes nothing and loads nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from reelwright.app.observe.lines import LogFile, encoded
from reelwright.engine.events import Event, JobChanged, OutputDelivered, PlanRevised, StepChanged

# Puts one line where it belongs; never raises.
Put = Callable[[dict[str, Any]], None]
# What else is known of a job: owner, trace_id.
Origin = Callable[[str], Mapping[str, Any]]

# Whether lines of a level are wanted: asked first, since `Origin` may have to read the database,
# and events are heard in the thread that commits.
Wants = Callable[[str], bool]

_MOST_BYTES = 5_000_000  # of a file that no service rotates by its settings
# Steps of the engine's own: where one fails for good its job does, and says the same.
_OWN = ":"
_STARTED = {"running": "started", "queued": "queued"}


class Journal:
    """Listens to the engine."""

    def __init__(
        self, put: Put, *, wants: Wants | None = None, origin: Origin | None = None
    ) -> None:
        """`wants` None: failures alone."""
        self._put = put
        self._wants = wants
        self._origin = origin

    def __call__(self, event: Event) -> None:
        """Never raises."""
        line = _failure(event) or (None if self._wants is None else _news(event))
        if line is None or (self._wants is not None and not self._wants(line["level"])):
            return
        if self._origin is not None:
            line |= self._origin(event.job_id)
        self._put(line)


def into_file(folder: Path) -> Put:
    """Writes each line at once: for a process that says little."""
    file = LogFile(folder, _MOST_BYTES)

    def put(line: dict[str, Any]) -> None:
        try:
            file.write(encoded(line))
        except OSError:
            return  # a full disk must not end a job for the sake of a log line

    return put


def _failure(event: Event) -> dict[str, Any] | None:
    if not isinstance(event, StepChanged | JobChanged) or not event.error:
        return None
    if event.state == "cancelled":  # somebody wanted it
        return None
    error = event.error
    line = {"job": event.job_id, "code": error.get("code"), "message": error.get("message")}
    if trace := (error.get("evidence") or {}).get("traceback"):
        line["exception"] = trace
    if isinstance(event, JobChanged):
        return {"level": "error", "event": "job failed", **line}
    line |= {"step": event.key, "attempt": event.attempt, "log": event.log}
    if event.retry_in_s is not None:
        in_s = round(event.retry_in_s, 3)
        if event.paused:
            return {"level": "info", "event": "step is put off", **line, "in_s": in_s}
        return {"level": "warning", "event": "step is tried again", **line, "in_s": in_s}
    if event.key.startswith(_OWN):
        return None
    return {"level": "error", "event": "step failed", **line}


def _news(event: Event) -> dict[str, Any] | None:
    match event:
        case JobChanged():
            level = "debug" if event.state in _STARTED else "info"
            said = f"job {_STARTED.get(event.state, event.state)}"
            return {"level": level, "event": said, "job": event.job_id}
        case StepChanged():
            return {
                "level": "debug",
                "event": f"step {_STARTED.get(event.state, event.state)}",
                "job": event.job_id,
                "step": event.key,
                "attempt": event.attempt,
            }
        case PlanRevised():
            line = {"level": "info", "event": "plan revised", "job": event.job_id}
            return {**line, "revision": event.revision, "added": len(event.added)}
        case OutputDelivered():
            line = {"level": "info", "event": "output delivered", "job": event.job_id}
            return {**line, "output": event.output, "bytes": event.size_bytes}
        case _:
            return None
