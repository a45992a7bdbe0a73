"""What this machine remembers of jobs that it gave to services: where their outputs are to go, and
what was put there.

A job's file is ``remote/JOB.json`` in the home; digests of what came are lines of
``remote/arrived.jsonl``. Both can be lost without harm: then outputs are not brought by themselves,
and files that exist are not replaced without ``--overwrite``.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelwright.app.handover import Places

# What is older than the newest so many is forgotten.
_MOST_JOBS = 1000
_MOST_BYTES = 4 << 20
_ARRIVED = "arrived.jsonl"


@dataclass(frozen=True, slots=True)
class Given:
    """A job that was given to the service at `url`."""

    id: str
    url: str
    places: Places
    overwrite: bool = False


class Remembered:
    """The folder of it all. Raises nothing: it is a convenience."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "remote"

    def keep(self, given: Given) -> None:
        body = {"url": given.url, "to": given.places.to, "overwrite": given.overwrite}
        self._write(f"{given.id}.json", json.dumps(body))
        kept = sorted(self._folder.glob("*.json"))  # ids are in the order of time
        for old in kept[:-_MOST_JOBS]:
            old.unlink(missing_ok=True)

    def job(self, job_id: str) -> Given | None:
        try:
            body = json.loads((self._folder / f"{job_id}.json").read_text("utf-8"))
            places = Places(tuple(body["to"]))
            return Given(job_id, body["url"], places, bool(body["overwrite"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def arrived(self, path: Path, sha256: str) -> None:
        """`path` was brought, with this content."""
        line = json.dumps({"path": str(path), "sha256": sha256}) + "\n"
        target = self._folder / _ARRIVED
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with target.open("a", encoding="utf-8") as file:
                file.write(line)
                size = file.tell()
            if size > _MOST_BYTES:
                lines = target.read_text("utf-8").splitlines(keepends=True)
                self._write(_ARRIVED, "".join(lines[len(lines) // 2 :]))
        except OSError:
            return

    def digests(self, paths: Collection[Path | str]) -> dict[str, set[str]]:
        """What was brought to each of these."""
        wanted = {str(path) for path in paths}
        found: dict[str, set[str]] = {}
        for line in self._lines():
            if line.get("path") in wanted:
                found.setdefault(line["path"], set()).add(str(line.get("sha256")))
        return found

    def _lines(self) -> Iterator[dict[str, Any]]:
        try:
            text = (self._folder / _ARRIVED).read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            return
        for line in text.splitlines():
            try:
                body = json.loads(line)
            except ValueError:
                continue  # a process died while it wrote
            if isinstance(body, dict):
                yield body

    def _write(self, name: str, text: str) -> None:
        part = self._folder / f".{name}.{secrets.token_hex(4)}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            part.write_text(text, "utf-8")
            part.replace(self._folder / name)
        except OSError:
            part.unlink(missing_ok=True)
