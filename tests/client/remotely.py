"""The command line, asking a service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.cli.reel import Done, reel
from tests.served import Served


def remote(served: Served, *words: str, cwd: Path, **environ: str) -> Done:
    return reel("--server", served.url, "--token", served.token, *words, cwd=cwd, **environ)


def made(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted((folder / "out").iterdir())}


def last(done: Done) -> dict[str, Any]:
    found = done.lines[-1]
    assert found["event"] == "job", done.out + done.err
    return found
