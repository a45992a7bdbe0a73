"""Sets up what a service says of itself, once, when `reel serve` or `reel worker` starts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TextIO

from reelwright.app.observe import tracing
from reelwright.app.observe.journal import Journal
from reelwright.app.observe.logs import Logs, within
from reelwright.errors import ReelError
from reelwright.tools import watch

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.store.rows import StepRow

_STANDARD = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
# Jobs whose owner and trace are remembered: the steps of one job run soon after each other.
_MOST_JOBS = 1024


class Observed:
    """Logs, and traces where somebody takes them. `close` it last: it writes what is left.

    Made before the app's engine and worker, which take their journal and watch from it.
    """

    def __init__(
        self, app: App, *, role: str, stream: TextIO | None = None, is_json: bool = False
    ) -> None:
        """`role`: api, worker, or service (both). `stream` gets the lines too, stderr as a rule."""
        self._app = app
        self._ended = ExitStack()
        self._remembered = lru_cache(_MOST_JOBS)(self._read_origin)
        self.logs = Logs(
            app.settings.observe, app.home / "logs", role=role, stream=stream, is_json=is_json
        )
        self._ended.callback(self.logs.close)
        app.journal = Journal(self.logs.put, wants=self.logs.wants, origin=self._about)
        app.watch = self._watch
        if self._wants_traces():
            self._trace(role)

    def span(
        self, name: str, job_id: str, kind: str
    ) -> AbstractContextManager[tracing.Span | None]:
        """Of the job's trace; its owner and trace are read where they are not known yet."""
        if not tracing.is_on():
            return nullcontext()
        trace = self._origin(job_id)[1]
        return tracing.span(name, parent=trace, kind=kind, attributes={"reel.job": job_id})

    def close(self) -> None:
        self._ended.close()

    def _wants_traces(self) -> bool:
        if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
            return False
        return bool(self._app.settings.observe.otlp or any(map(os.environ.get, _STANDARD)))

    def _trace(self, role: str) -> None:
        from reelwright.app.observe.otlp import Exporter

        exporter = Exporter(self._app.settings.observe.otlp, role)
        self._ended.callback(exporter.close)
        tracing.export_to(exporter)
        self._ended.callback(tracing.export_to, None)
        watch.listen(_command)
        self._ended.callback(watch.listen, None)

    @contextmanager
    def _watch(self, row: StepRow) -> Iterator[None]:
        """Around one attempt: what it logs says whose it is; it is a span of its job's trace."""
        owner, trace = self._origin(row.job_id)
        above = tracing.parse(trace)
        fields = {"job": row.job_id, "step": row.key, "attempt": row.attempt, "owner": owner}
        attributes = {
            "reel.job": row.job_id,
            "reel.step": row.key,
            "reel.step.kind": row.kind,
            "reel.attempt": row.attempt,
        }
        trace_id = None if above is None else above.trace_id
        name = {":plan": "plan", ":deliver": "deliver"}.get(row.key, f"step {row.kind}")
        with (
            within(**fields, trace_id=trace_id),
            tracing.span(name, parent=trace, kind="consumer", attributes=attributes),
        ):
            yield

    def _about(self, job_id: str) -> Mapping[str, Any]:
        """What a line about a job says beside it."""
        owner, trace = self._origin(job_id)
        above = tracing.parse(trace)
        found = {"owner": owner, "trace_id": None if above is None else above.trace_id}
        return {name: value for name, value in found.items() if value is not None}

    def _origin(self, job_id: str) -> tuple[str | None, str | None]:
        try:
            return self._remembered(job_id)
        except ReelError:
            return None, None  # the line or the span is worth more than nothing

    def _read_origin(self, job_id: str) -> tuple[str | None, str | None]:
        from reelwright.store import jobs

        with self._app.store.read() as tx:
            return jobs.origin(tx, job_id)


def _command(ran: watch.Ran) -> None:
    """A command as a span of the attempt that ran it: its program and end, never its arguments,
    which hold people's paths and addresses."""
    above = tracing.current()
    if above is None:
        return
    tracing.finish(
        tracing.Span(
            name=ran.program,
            ref=tracing.child(above),
            parent=above.span_id,
            start_ns=ran.start_ns,
            end_ns=ran.end_ns,
            attributes={
                "process.executable.name": ran.program,
                "process.exit.code": ran.exit_code,
                "reel.cpu_seconds": ran.cpu_seconds,
                "reel.max_rss_bytes": ran.max_rss_bytes,
            },
            error=None if ran.exit_code == 0 else f"exit code {ran.exit_code}",
        )
    )
