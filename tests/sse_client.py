"""Reads server-sent events as a browser does (HTML standard, 9.2.6)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Message:
    """`id` None: the message has none of its own."""

    name: str
    data: Any
    id: int | None = None


def messages(lines: Iterable[str]) -> Iterator[Message]:
    """`lines` without their ends; comments and what is not finished are left out."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
            continue
        if "data" in fields:
            number = fields.get("id")
            yield Message(
                fields["event"],
                json.loads(fields["data"]),
                None if number is None else int(number),
            )
        fields = {}
