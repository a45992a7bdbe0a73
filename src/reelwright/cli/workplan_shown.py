"""The work plan as a table for people, JSON or YAML, written as it is read."""

from __future__ import annotations

import json
import textwrap
import time
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, TextIO

from reelwright.cli import terminal

# A cause with its count, and the items of it as JSON.
Group = tuple[Mapping[str, Any], Iterable[Mapping[str, Any]]]
_TITLE_CHARS, _WHY_CHARS = 48, 60
_WORDS = {
    "itself": "by itself",
    "run": "`reel workplan run`",
    "person": "needs you",
    "nothing": "-",
}


def write_json(out: TextIO, head: Mapping[str, Any], groups: Iterable[Group]) -> None:
    """One document on one line."""
    out.write(_json(head)[:-1] + ', "causes": [')
    for number, (cause, found) in enumerate(groups):
        out.write((", " if number else "") + _json(cause)[:-1] + ', "items": [')
        for place, item in enumerate(found):
            out.write((", " if place else "") + _json(item))
        out.write("]}")
    out.write("]}\n")


def write_yaml(out: TextIO, head: Mapping[str, Any], groups: Iterable[Group]) -> None:
    """The same document."""
    out.write(_yaml(head))
    is_empty = True
    for cause, found in groups:
        out.write("causes:\n" if is_empty else "")
        is_empty = False
        out.write(_yaml([cause]))
        items = iter(found)
        first = next(items, None)
        out.write("  items: []\n" if first is None else "  items:\n")
        if first is not None:
            for item in (first, *items):
                out.write(textwrap.indent(_yaml([item]), "  "))
    if is_empty:
        out.write("causes: []\n")


def write_table(out: TextIO, groups: Iterable[Group], *, limit: int | None) -> int:
    """For people: each cause with what to do, and its first `limit` items; gives how many items
    there are in all."""
    total, now = 0, time.time()
    for number, (cause, found) in enumerate(groups):
        total += cause["count"]
        out.write("\n" if number else "")
        title = f"{cause['title']}: {cause['count']} [{cause['cause']}]"
        out.write((terminal.bold(title) if out.isatty() else title) + "\n")
        for line in textwrap.wrap(str(cause["action"]), 96):
            out.write(f"  {line}\n")
        shown = list(islice(found, limit))
        _rows(out, [_row(item, now) for item in shown])
        if len(shown) < cause["count"]:
            out.write(f"    … and {cause['count'] - len(shown)} more (--limit, --cause)\n")
    if not total:
        out.write("Nothing is missing.\n")
    return total


def _row(item: Mapping[str, Any], now: float) -> tuple[str, ...]:
    # Before it is cut short: half an address does not look like one with a password.
    what = terminal.without_passwords(str(item["title"] or item["url"] or item["host"] or ""))
    why = item["message"] or item["code"] or ""
    if item["skipped"]:
        why = f"skipped: {item['skipped'].get('because') or 'no reason given'}"
    tries = f"{item['tries']}x" if item["tries"] else ""
    return (
        str(item["id"]),
        _short(what, _TITLE_CHARS),
        tries,
        "" if item["at"] is None else f"{_span(now - item['at'])} ago",
        _next(item, now),
        _short(" ".join(str(why).split()), _WHY_CHARS),
    )


def _next(item: Mapping[str, Any], now: float) -> str:
    if item["skipped"]:
        return "-"
    if item["next_at"] is not None:
        return f"in {_span(item['next_at'] - now)}"
    return _WORDS.get(str(item["does"]), "-")


def _rows(out: TextIO, rows: list[tuple[str, ...]]) -> None:
    cells = [[terminal.printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width]
        out.write(f"    {'  '.join(padded).rstrip()}\n")


def _span(seconds: float) -> str:
    """``40 s``, ``12 min``, ``3 h``, ``5 d``."""
    left = max(seconds, 0.0)
    for unit, size_s in (("d", 86_400.0), ("h", 3600.0), ("min", 60.0)):
        if left >= size_s:
            return f"{left / size_s:.0f} {unit}"
    return f"{left:.0f} s"


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _json(value: Mapping[str, Any]) -> str:
    return terminal.without_passwords(json.dumps(value, ensure_ascii=False, default=str))


def _yaml(value: Any) -> str:
    import yaml

    plain = json.loads(_json(value))
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(yaml.dump(plain, Dumper=dumper, sort_keys=False, allow_unicode=True, width=120))
