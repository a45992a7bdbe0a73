"""How the library and what is in it are shown: as tables, or as one document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reelwright.cli import terminal


def tell(
    head: dict[str, Any], found: Iterator[dict[str, Any]], most: int | None, *, as_json: bool
) -> None:
    from itertools import islice

    if as_json:
        _emit(head, islice(found, most))
        return
    rows = list(found)
    cells = [
        (
            one["id"],
            _date(one["published_at"]),
            terminal.span(one["duration_s"]),
            terminal.size(one["bytes"]),
            one["state"] if one["state"] != "held" else "",
            _short(one["channel"] or one["host"], 24),
            _short(one["title"], 60),
        )
        for one in rows[:most]
    ]
    headers = ["asset", "published", "length", "size", "state", "channel", "title"]
    terminal.table(headers, cells, right="length size")
    held = head["total"]
    more = "; --limit shows more" if len(cells) < len(rows) else ""
    terminal.note(f"{held['assets']} assets, {terminal.size(held['bytes'])}{more}")


def _emit(head: dict[str, Any], found: Iterator[dict[str, Any]]) -> None:
    """One document, written as it is read: a library of any size takes little memory."""
    import json
    import sys

    sys.stdout.write(json.dumps(head, ensure_ascii=False)[:-1] + ', "assets": [')
    for number, one in enumerate(found):
        told = terminal.without_passwords(json.dumps(one, ensure_ascii=False))
        sys.stdout.write((", " if number else "") + told)
    sys.stdout.write("]}\n")
    sys.stdout.flush()


def show(found: dict[str, Any]) -> None:
    lines = [
        ("asset", found["id"]),
        ("channel", found["channel"] or "-"),
        ("published", _date(found["published_at"])),
        ("length", terminal.span(found["duration_s"])),
        ("url", found["url"] or "-"),
        ("state", f"{found['state']}; origin: {found['origin']}"),
        ("folder", found["folder"]),
    ]
    terminal.out(terminal.bold(terminal.printable(found["title"])))
    for name, value in lines:
        terminal.out(f"  {name:<10}{terminal.printable(value)}")
    rows = [
        (file["role"], file["language"] or "", terminal.size(file["bytes"]), file["state"],
         file["path"])
        for file in found["files"]
    ]  # fmt: skip
    terminal.table(["role", "lang", "size", "state", "file"], rows, right="size")
    for chapter in found["chapters"]:
        title = terminal.printable(str(chapter["title"]))
        terminal.out(f"  {clock(float(chapter['start_s'])):>8}  {title}")


def _date(at: float | None) -> str:
    from datetime import UTC, datetime

    return "-" if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"


def clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
