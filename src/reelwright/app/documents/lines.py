"""Documents of JSON lines: ``{"id", "title", "text"}``, one a line, as collections come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import orjson

from reelwright.analysis.splitting import Form, split
from reelwright.app.documents.reading import Part, Read, digest_of, parts_of

_LONGEST_BYTES = 32 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A document, still in one piece; `number` from 1. Also of BEIR's form (``_id``)."""

    number: int
    id: str
    title: str
    text: str
    digest: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def read(self) -> Read:
        parts = parts_of(split(self.text, Form.TEXT))
        if not parts:  # a title alone is found, too
            parts = (Part(text=self.title),)
        # Lines of a text in one JSON string are nobody's lines.
        one_line = "\n" not in self.text
        kept = tuple(Part(text=part.text) for part in parts) if one_line else parts
        return Read(title=self.title or self.id, form="jsonl", digest=self.digest, parts=kept)


@dataclass(frozen=True, slots=True)
class BadLine:
    number: int
    why: str


def lines_of(stream: BinaryIO) -> Iterator[tuple[Line | BadLine, int]]:
    """Each with the bytes read so far; blank lines are passed over. One line is held at a time."""
    done = 0
    number = 0
    while data := stream.readline(_LONGEST_BYTES + 1):
        number += 1
        done += len(data)
        if len(data) > _LONGEST_BYTES:
            while data and not data.endswith(b"\n"):
                data = stream.readline(_LONGEST_BYTES)
                done += len(data)
            yield BadLine(number, f"longer than {_LONGEST_BYTES >> 20} MiB"), done
        elif data.strip():
            yield _line(number, data), done


def _line(number: int, data: bytes) -> Line | BadLine:
    try:
        body = orjson.loads(data.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        return BadLine(number, f"not JSON: {error}")
    if not isinstance(body, dict):
        return BadLine(number, 'not an object: write {"id": …, "title": …, "text": …}')
    name = body.get("id", body.get("_id"))
    if isinstance(name, bool) or not isinstance(name, str | int) or not str(name).strip():
        return BadLine(number, "`id` is missing, or no text or whole number")
    title, text = body.get("title") or "", body.get("text")
    text = "" if text is None else text
    if not isinstance(title, str) or not isinstance(text, str):
        return BadLine(number, "`title` and `text` are texts")
    if not title.strip() and not text.strip():
        return BadLine(number, "neither `title` nor `text` has a word")
    facts = {key: body[key] for key in ("url", "language") if isinstance(body.get(key), str)}
    return Line(
        number=number,
        id=str(name).strip(),
        title=title.strip(),
        text=text,
        digest=digest_of(orjson.dumps([title, text, facts])),
        facts=facts,
    )
