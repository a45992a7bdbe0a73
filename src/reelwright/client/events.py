"""Server-sent events (the WHATWG's standard) as values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

# A line ends with either of these or with both; nothing else that a text may hold ends one.
_CR, _LF = b"\r", b"\n"


@dataclass(frozen=True, slots=True)
class Event:
    """`kind` says what `data` holds. `id` is where a reader goes on after it; None: what is told in
    passing (progress) and not repeated to a reader who comes back."""

    kind: str
    data: dict[str, Any] = field(default_factory=dict)
    id: int | None = None


class Reader:
    """Takes the bytes of a stream as they come."""

    def __init__(self) -> None:
        self._rest = b""
        self._kind = ""
        self._id: int | None = None
        self._lines: list[str] = []

    def feed(self, data: bytes) -> Iterator[Event]:
        """The events that are whole by now."""
        text = self._rest + data
        if text.endswith(_CR):  # an LF may follow
            text, self._rest = text[:-1], _CR
        else:
            self._rest = b""
        *lines, rest = text.replace(_CR + _LF, _LF).replace(_CR, _LF).split(_LF)
        self._rest = rest + self._rest
        for line in lines:
            event = self._take(line.decode("utf-8", "replace"))
            if event is not None:
                yield event

    def _take(self, line: str) -> Event | None:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._lines.append(value)
        elif name == "event":
            self._kind = value
        elif name == "id" and value.isdecimal():
            self._id = int(value)
        return None

    def _dispatch(self) -> Event | None:
        lines, kind, number = self._lines, self._kind, self._id
        self._lines, self._kind, self._id = [], "", None
        if not lines:
            return None
        try:
            data = json.loads("\n".join(lines))
        except ValueError:
            return None  # not one of ours
        return Event(kind or "message", data if isinstance(data, dict) else {}, number)
