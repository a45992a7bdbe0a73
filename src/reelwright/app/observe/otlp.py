"""Exports spans by OTLP over HTTP. The one module that loads OpenTelemetry."""

from __future__ import annotations

import os
import socket
import threading

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator

from reelwright import __version__
from reelwright.app.observe import redact
from reelwright.app.observe.tracing import Span

_KINDS = {kind.name.lower(): kind for kind in trace.SpanKind}
# At the end of the process: what a collector that is gone may cost.
_FLUSH_MS = 5000


class Exporter:
    """Gets each ended span; sends them in batches from a thread. `close` sends the rest."""

    def __init__(self, endpoint: str | None, role: str) -> None:
        """`endpoint` None: as the variables of OpenTelemetry say (``OTEL_EXPORTER_OTLP_…``)."""
        self._ids = _GivenIds()
        resource = Resource.create(
            {
                "service.name": os.environ.get("OTEL_SERVICE_NAME", "reelwright"),
                "service.version": __version__,
                "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
                "reel.role": role,
            }
        )
        url = None if endpoint is None else f"{endpoint.rstrip('/')}/v1/traces"
        self._provider = TracerProvider(
            resource=resource, id_generator=self._ids, shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url)))
        self._tracer = self._provider.get_tracer("reelwright", __version__)

    def __call__(self, ended: Span) -> None:
        self._ids.give(int(ended.ref.trace_id, 16), int(ended.ref.span_id, 16))
        made = self._tracer.start_span(
            ended.name,
            context=_above(ended),
            kind=_KINDS[ended.kind],
            start_time=ended.start_ns,
            attributes={k: _plain(v) for k, v in ended.attributes.items() if v is not None},
        )
        if ended.error is not None:
            made.set_attribute("error.type", ended.error)
            made.set_status(trace.StatusCode.ERROR, ended.error)
        made.end(ended.end_ns)

    def close(self) -> None:
        self._provider.force_flush(_FLUSH_MS)
        self._provider.shutdown()


class _GivenIds(IdGenerator):
    """A span's ids are known before it is exported: other processes were told of it."""

    def __init__(self) -> None:
        self._given = threading.local()

    def give(self, trace_id: int, span_id: int) -> None:
        self._given.ids = (trace_id, span_id)

    def generate_trace_id(self) -> int:
        return int(self._given.ids[0])

    def generate_span_id(self) -> int:
        return int(self._given.ids[1])


def _above(ended: Span) -> Context | None:
    if ended.parent is None:
        return Context()
    above = trace.SpanContext(
        trace_id=int(ended.ref.trace_id, 16),
        span_id=int(ended.parent, 16),
        is_remote=True,
        trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED),
    )
    return trace.set_span_in_context(trace.NonRecordingSpan(above), Context())


def _plain(value: object) -> bool | int | float | str:
    if isinstance(value, bool | int | float):
        return value
    return redact.text(str(value))
