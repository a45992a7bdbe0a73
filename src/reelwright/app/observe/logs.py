"""Where the log lines of a service go: structlog, the standard library's logging, the engine.

One `Writer` takes them all. A line knows its job, step, attempt and trace by the context that it
was said in (`within`), so whoever logs names what is new only.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TextIO

import structlog

from reelwright.app.observe.lines import LogFile, Writer
from reelwright.app.settings_sections import Observe

DEBUG, INFO, WARNING, ERROR = 10, 20, 30, 40
LEVELS = {"debug": DEBUG, "info": INFO, "warning": WARNING, "error": ERROR}
# What libraries say below this is about themselves.
_LIBRARIES = logging.WARNING
_OURS = "reelwright"
_context: ContextVar[Mapping[str, Any] | None] = ContextVar("reel_log_context", default=None)


@contextmanager
def within(**fields: Any) -> Iterator[None]:
    """Lines of this task (and of what it starts) carry these fields; None is left out."""
    merged = {**(_context.get() or {}), **{k: v for k, v in fields.items() if v is not None}}
    token = _context.set(merged)
    try:
        yield
    finally:
        _context.reset(token)


def enter(found: Mapping[str, Any]) -> Callable[[], None]:
    """`within` for the hottest path: `found` is read when a line is said. Gives the way back."""
    token = _context.set(found)
    return lambda: _context.reset(token)


class Logs:
    """Set up once a process; `close` writes what is waiting and takes the set-up back."""

    def __init__(
        self,
        settings: Observe,
        folder: Path,
        *,
        role: str,
        stream: TextIO | None = None,
        is_json: bool = False,
    ) -> None:
        """`role`: api, worker or service (both in one process). `stream` None: the file alone."""
        self.level = LEVELS[settings.log_level]
        file = LogFile(folder, settings.log_bytes, settings.log_files)
        self._writer = Writer(file, stream, is_json=is_json)
        self._role = role
        self._library = _Library(self.put)
        self._configure()

    def wants(self, level: str) -> bool:
        return LEVELS.get(level, ERROR) >= self.level

    def put(self, line: dict[str, Any]) -> None:
        """A line with `level` and `event`; those below the level are left out."""
        if self.wants(line["level"]):
            line.setdefault("role", self._role)
            self._writer.put(line)

    def close(self) -> None:
        logging.getLogger().removeHandler(self._library)
        logging.getLogger(_OURS).setLevel(logging.NOTSET)
        structlog.reset_defaults()
        self._writer.close()

    def _configure(self) -> None:
        structlog.configure(
            processors=[
                _add_context,
                structlog.processors.add_log_level,
                structlog.processors.StackInfoRenderer(),
                _exception,
                self._take,
            ],
            wrapper_class=structlog.make_filtering_bound_logger(self.level),
            logger_factory=structlog.ReturnLoggerFactory(),
            # A logger that was made before this (`get_logger` in a module) is not bound to it yet.
            cache_logger_on_first_use=False,
        )
        logging.getLogger(_OURS).setLevel(self.level)
        logging.getLogger().addHandler(self._library)

    def _take(self, _logger: Any, _name: str, line: Any) -> Any:
        self.put(dict(line))
        raise structlog.DropEvent


class _Library(logging.Handler):
    """What uvicorn, SQLAlchemy, asyncio and others report."""

    def __init__(self, put: Callable[[dict[str, Any]], None]) -> None:
        super().__init__()
        self._put = put

    def filter(self, record: logging.LogRecord) -> bool:
        is_ours = record.name.partition(".")[0] == _OURS
        return (is_ours or record.levelno >= _LIBRARIES) and bool(super().filter(record))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line: dict[str, Any] = {
                "level": _level(record.levelno),
                "event": record.getMessage(),
                "at": record.created,
                "logger": record.name,
            }
            if record.exc_info:
                line["exception"] = "".join(traceback.format_exception(*record.exc_info))
            self._put({**(_context.get() or {}), **line})
        except Exception:  # noqa: BLE001 - as the standard library does: a log line ends nothing
            self.handleError(record)


def _level(number: int) -> str:
    return next((name for name, at in reversed(LEVELS.items()) if number >= at), "debug")


def _add_context(_logger: Any, _name: str, line: Any) -> Any:
    found = _context.get()
    if found:
        for name, value in found.items():
            line.setdefault(name, value)
    return line


def _exception(_logger: Any, _name: str, line: Any) -> Any:
    """`exc_info` as text, before the frames that it holds are gone."""
    given = line.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()
    if isinstance(given, BaseException):
        given = (type(given), given, given.__traceback__)
    if given and given[0] is not None:
        line["exception"] = "".join(traceback.format_exception(*given))
    return line
