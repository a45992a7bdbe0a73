"""The files that the checks look at, and how they report."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One finding; `line` counts from 1."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


def files(root: Path, suffixes: frozenset[str] | None = None) -> Iterator[Path]:
    """Paths under `root`, relative to it, that git tracks or would track."""
    # A container often runs as another user than the one who cloned; that is no danger here.
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "-c", "-o", "--exclude-standard"]
    listing = subprocess.run(command, cwd=root, capture_output=True, check=True).stdout
    for name in sorted(set(listing.decode().split("\0")) - {""}):
        path = Path(name)
        if (suffixes is None or path.suffix in suffixes) and (root / path).is_file():
            yield path


def text_of(path: Path) -> str | None:
    """The file's text, or None for a binary one."""
    data = path.read_bytes()
    if b"\0" in data:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def report(title: str, problems: list[Problem]) -> int:
    """Prints the problems; the exit code."""
    for problem in sorted(problems):
        print(problem)
    print(f"{title}: {f'{len(problems)} problem(s)' if problems else 'ok'}")
    return bool(problems)
