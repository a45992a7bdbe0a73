"""From options to an `App`, and from an async use case to an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from reelwright.app.settings import load
from reelwright.app.wiring import App

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")


@contextmanager
def opened(**flags: Any) -> Iterator[App]:
    """`flags`: dotted setting (``limits__cpus`` for ``limits.cpus``) → what was typed, or None."""
    app = App(load({name.replace("__", "."): value for name, value in flags.items()}))
    _keep_logs(app)
    with app:
        yield app


def _keep_logs(app: App) -> None:
    """What our code logs without a service around it goes to the journal's file: Python would
    print it, with its traces, over the display."""
    import logging

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            from reelwright.app.observe.journal import into_file

            line = {"level": record.levelname.lower(), "event": record.getMessage()}
            if record.exc_info:
                line["exception"] = logging.Formatter().formatException(record.exc_info)
            into_file(app.home / "logs")(line)

    logging.lastResort = Kept(logging.WARNING)


def home() -> Path:
    """Where this machine keeps its things, without opening any of them."""
    return App(load()).home


def spec_bytes() -> int:
    """The largest spec that is read."""
    return load().settings.limits.spec_bytes


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    return asyncio.run(work())


def sandbox_flag(value: bool | None) -> str | None:
    """``--sandbox`` and ``--no-sandbox`` in the words of the settings."""
    return None if value is None else "on" if value else "off"
