"""A folder of its own for each benchmark: specs, a `REEL_HOME`, outputs; gone afterwards."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import Cost, reel, run


@dataclass(frozen=True, slots=True)
class Work:
    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def spec(self, name: str, body: Mapping[str, Any]) -> Path:
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(body))
        return path

    def reel(self, *words: str | Path, env: Mapping[str, str] | None = None) -> Cost:
        return run(reel(*words), self.folder, {"REEL_HOME": str(self.home), **(env or {})})

    def job(self, spec: Path, *flags: str, env: Mapping[str, str] | None = None) -> Cost:
        """A spec run to its end, over what an earlier round delivered."""
        return self.reel("run", spec, "--json", "--overwrite", *flags, env=env)

    def bare(self, *words: str | Path) -> Cost:
        """ffmpeg as a person would start it."""
        from benchmarks.media import tools

        return run([tools()[0], "-nostdin", "-hide_banner", "-y", *words], self.folder)


def events(cost: Cost) -> list[dict[str, Any]]:
    return [json.loads(line) for line in cost.stdout.splitlines() if line.startswith("{")]


@contextmanager
def workplace(name: str) -> Iterator[Work]:
    folder = Path(tempfile.mkdtemp(prefix=f"reel-bench-{name}-"))
    try:
        work = Work(folder)
        warm(work)
        yield work
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def warm(work: Work) -> None:
    """A first job in this home: tables are made, Python's modules are compiled and in memory."""
    from benchmarks.media import clip

    body = {
        "inputs": {"in": str(clip(0.4, "128x72"))},
        "outputs": [{"from": "in", "to": "warm.mp4", "video": {"preset": "ultrafast"}}],
    }
    work.job(work.spec("warm", body))
