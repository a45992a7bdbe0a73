"""Whole jobs through the command line, as a person runs them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cli.reel import Done, reel
from tests.features import media
from tests.operators import senses


@dataclass(frozen=True)
class Studio:
    """A folder with media and a spec, and eyes and ears for what comes out of it."""

    folder: Path
    ffmpeg: Path
    ffprobe: Path

    def bring(self, source: Path, name: str | None = None) -> Path:
        """A link to a file that several tests share."""
        target = self.folder / (name or source.name)
        target.hardlink_to(source)
        return target

    def write(self, spec: str, name: str = "job.yaml") -> Path:
        path = self.folder / name
        path.write_text(spec, encoding="utf-8")
        return path

    def run(self, spec: str, *more: str, code: int = 0) -> Done:
        self.write(spec)
        done = reel("run", "job.yaml", "--json", *more, cwd=self.folder)
        assert done.code == code, f"{done.out}\n{done.err}"
        return done

    def plan(self, spec: str, *more: str, code: int = 0) -> dict[str, Any]:
        self.write(spec)
        done = reel("plan", "job.yaml", "--json", *more, cwd=self.folder)
        assert done.code == code, f"{done.out}\n{done.err}"
        return done.json

    def facts(self, name: str) -> dict[str, Any]:
        return media.facts(self.ffprobe, self.folder / name)

    def pictures(self, name: str) -> senses.Frames:
        return media.pictures(self.ffmpeg, self.ffprobe, self.folder / name)

    def numbers(self, name: str) -> list[int]:
        return media.numbers(self.pictures(name))

    def samples(self, name: str, channels: int = 1) -> senses.Samples:
        return senses.samples(self.ffmpeg, self.folder / name, channels)

    def path(self, name: str) -> Path:
        return self.folder / name


def because(plan: dict[str, Any]) -> str:
    return "\n".join(reason for step in plan["steps"] for reason in step["because"])


def argv(plan: dict[str, Any]) -> str:
    return "\n".join(" ".join(line) for step in plan["steps"] for line in step["argv"])


def states(done: Done) -> dict[str, str]:
    """The last state of each step of a run with --json."""
    return {e["step"]: e["state"] for e in done.lines if e["event"] == "step"}


def processes_of(home: Path) -> list[int]:
    """Processes that work for a job of this home: the guard empties environments, but workspaces
    are their working directories or stand in their arguments."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            told = f"{(entry / 'cwd').readlink()} {(entry / 'cmdline').read_bytes()!r}"
        except OSError:
            continue  # it has ended
        if str(home) in told:
            found.append(int(entry.name))
    return found
