"""Traces from a request to the tools that its job runs, over processes (W3C Trace Context).

A span is recorded here when it ends, and handed to whoever exports (`otlp`); nothing of
OpenTelemetry is loaded before that. Without an exporter a span costs one look at a variable.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
_SAMPLED = 1


@dataclass(frozen=True, slots=True)
class Ref:
    """A span of some process: 32 and 16 hexadecimal digits. What is not sampled is not exported,
    as whoever began the trace wished."""

    trace_id: str
    span_id: str
    is_sampled: bool = True

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{int(self.is_sampled):02x}"


@dataclass(slots=True, kw_only=True)
class Span:
    """`kind`: internal, server, client, producer or consumer. `error`: why it failed. Times are
    nanoseconds since 1970."""

    name: str
    ref: Ref
    parent: str | None = None
    kind: str = "internal"
    start_ns: int = 0
    end_ns: int = 0
    attributes: dict[str, Any] = field(default_factory=dict)
    error: str | None = None


Export = Callable[[Span], None]

_export: Export | None = None
_current: ContextVar[Ref | None] = ContextVar("reel_span", default=None)


def export_to(export: Export | None) -> None:
    """From here on ended spans of this process go to `export`; None: nobody wants them."""
    global _export
    _export = export


def is_on() -> bool:
    return _export is not None


def current() -> Ref | None:
    """The span that this task is in."""
    return _current.get()


def parse(traceparent: str | None) -> Ref | None:
    """None for what is no valid traceparent."""
    found = _TRACEPARENT.fullmatch(traceparent.strip()) if traceparent else None
    if found is None or not found[1].strip("0") or not found[2].strip("0"):
        return None
    return Ref(found[1], found[2], bool(int(found[3], 16) & _SAMPLED))


@contextmanager
def span(
    name: str,
    *,
    parent: str | None = None,
    kind: str = "internal",
    attributes: Mapping[str, Any] | None = None,
) -> Iterator[Span | None]:
    """A span around what is done inside; None where nobody wants spans.

    `parent` is a traceparent from elsewhere (a job's `trace`); None: the span that this task is in.
    What is raised inside makes it a failed one, and passes.
    """
    if _export is None:
        yield None
        return
    above = parse(parent) or _current.get()
    begun = Span(
        name=name,
        ref=child(above),
        parent=None if above is None else above.span_id,
        kind=kind,
        start_ns=time.time_ns(),
        attributes=dict(attributes or {}),
    )
    token = _current.set(begun.ref)
    try:
        yield begun
    except BaseException as error:
        begun.error = _said(error)
        raise
    finally:
        _current.reset(token)
        begun.end_ns = time.time_ns()
        finish(begun)


def child(above: Ref | None) -> Ref:
    if above is None:
        return Ref(secrets.token_hex(16), secrets.token_hex(8))
    return Ref(above.trace_id, secrets.token_hex(8), above.is_sampled)


def finish(ended: Span) -> None:
    export = _export
    if export is not None and ended.ref.is_sampled:
        export(ended)


def enter(ref: Ref) -> Callable[[], None]:
    """This task is in `ref`, whoever records that; gives the way back."""
    token = _current.set(ref)
    return lambda: _current.reset(token)


def _said(error: BaseException) -> str:
    """The code where there is one: messages may quote paths."""
    code = getattr(error, "code", None)
    return str(getattr(code, "text", None) or type(error).__name__)
