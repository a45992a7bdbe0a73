"""What went wrong, kept as JSON lines for whoever looks later: failures, retries, lost jobs.

The table of events has all of it, but a database that cannot be opened tells nobody why. structlog
is loaded with the first line that is worth one: a run that goes well pays nothing for it (0.1 s).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reelwright.engine.events import Event, JobChanged, StepChanged

_MOST_BYTES = 5_000_000


class Journal:
    """Listens to the engine. One file, ``reel.jsonl``, and the one before it (``.1``)."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "reel.jsonl"
        self._log: Any = None

    def __call__(self, event: Event) -> None:
        """Never raises: a full disk must not end a job for the sake of a log line."""
        line = _line(event)
        if line is None:
            return
        try:
            self._write(*line)
        except OSError:
            self._log = None

    def _write(self, level: str, what: str, fields: dict[str, Any]) -> None:
        import structlog

        if self._log is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._rotate()
            self._log = structlog.wrap_logger(
                structlog.WriteLogger(self._path.open("a", encoding="utf-8")),
                processors=[
                    structlog.processors.add_log_level,
                    structlog.processors.TimeStamper(fmt="iso", utc=True),
                    structlog.processors.JSONRenderer(),
                ],
            )
        getattr(self._log, level)(what, **fields)

    def _rotate(self) -> None:
        if self._path.exists() and self._path.stat().st_size > _MOST_BYTES:
            self._path.replace(self._path.with_suffix(".jsonl.1"))


def _line(event: Event) -> tuple[str, str, dict[str, Any]] | None:
    """Level, what happened, and the fields; None for what is in order."""
    if not isinstance(event, StepChanged | JobChanged) or not event.error:
        return None
    error = event.error
    fields = {"job": event.job_id, "code": error.get("code"), "message": error.get("message")}
    if isinstance(event, JobChanged):
        return "error", "job failed", fields
    fields |= {"step": event.key, "attempt": event.attempt, "log": event.log}
    if event.retry_in_s is not None:
        return "warning", "step is tried again", fields | {"in_s": round(event.retry_in_s, 3)}
    return "error", "step failed", fields
