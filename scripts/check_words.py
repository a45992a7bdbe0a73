"""One word for one thing: the glossary, in code and in prose.

A line that must hold a banned word (a format's own term) says so: `word-ok: <reason>` in a comment.
"""

import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

from scripts.tree import Problem, files, report, text_of

PROSE = frozenset({".md", ".py", ".toml", ".yaml", ".yml", ".json", ".sh", ".ts", ".tsx"})

# Anywhere, in any case, also inside an identifier.
BANNED = {
    "chunk": "'segment' (cut by meaning) or 'shard' (cut for throughput)",  # word-ok: the list
    "TODO": "the thing done, or nothing",  # word-ok: the list
    "FIXME": "the thing mended, or nothing",  # word-ok: the list
}

# In names only, where FFmpeg (color_range, frame_rate, time_base) or the design has a spelling.
NAMES = {
    "analyze": "analyse",
    "bit_rate": "bitrate",
    "centre": "center",
    "colour": "color",
    "filtergraph": "filter_graph",
    "framerate": "frame_rate",
    "grey": "gray",
    "samplerate": "sample_rate",
    "summarize": "summarise",
    "timebase": "time_base",
}

MODULES = frozenset({"common", "helper", "helpers", "misc", "util", "utils"})

EXEMPTION = re.compile(r"\bword-ok: \S+")
_BANNED = re.compile("|".join(BANNED), re.IGNORECASE)
_NAMES = re.compile("|".join(NAMES))


def check(root: Path) -> list[Problem]:
    found: list[Problem] = []
    for path in files(root, PROSE):
        found.extend(check_path(path))
        text = text_of(root / path)
        # Corpora of truth and golden files hold other people's words.
        if text is not None and path.name not in {"uv.lock", "package-lock.json"}:
            found.extend(check_text(path, text))
    return found


def check_path(path: Path) -> Iterator[Problem]:
    for part in [*path.parts[:-1], path.stem]:
        if part.lower() in MODULES:
            yield Problem(path, 1, f"nothing is named '{part}': say what it holds")


def check_text(path: Path, text: str) -> Iterator[Problem]:
    lines = text.splitlines()
    exempt = {number for number, line in enumerate(lines, 1) if EXEMPTION.search(line)}
    for number, line in enumerate(lines, 1):
        for found in _BANNED.findall(line) if number not in exempt else ():
            right = next(v for k, v in BANNED.items() if k.lower() == found.lower())
            yield Problem(path, number, f"'{found}' is not our word; say {right}")
    if path.suffix == ".py":
        yield from (p for p in check_names(path, text) if p.line not in exempt)


def check_names(path: Path, source: str) -> Iterator[Problem]:
    """Names of the code; strings and comments may spell as they like."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.NAME:
            continue
        for found in _NAMES.findall(token.string.lower()):
            message = f"'{token.string}': it is spelled '{NAMES[found]}' here"
            yield Problem(path, token.start[0], message)


if __name__ == "__main__":
    sys.exit(report("words", check(Path.cwd())))
