"""What is to be indexed, one text after another, from files or from lines."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from reelwright.app.documents import reading
from reelwright.app.documents.lines import BadLine, lines_of
from reelwright.app.documents.reading import NotTextError, Read
from reelwright.app.documents.walking import files_of
from reelwright.errors import Code, Problem, ReelError

STDIN = Path("-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A text that may have to be indexed. `read` is called only where it has changed; it raises
    NotTextError. `size_bytes` is what it holds in memory until then."""

    subject: str
    digest: str
    size_bytes: int
    read: Callable[[], Read]
    path: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """One that is no text (`why`), or cannot be read (`problem`)."""

    subject: str
    why: str | None = None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    """How far the sources are read: bytes of lines, or files; `whole` None: nobody knows."""

    found: Source | LeftOut
    done: int
    whole: int | None = None


def check(paths: Sequence[Path], *, is_jsonl: bool) -> None:
    """Raises INPUT_NOT_FOUND, INPUT_IS_DIRECTORY and USAGE, before anything is read."""
    for path in paths:
        if path == STDIN:
            if not is_jsonl:
                said, hint = "standard input is read as JSON lines only", "pass --jsonl"
                raise ReelError(Code.USAGE, said, where="PATH", hint=hint)
            continue
        if not path.exists():
            said, hint = f"there is no file or folder {path}", "name files and folders that exist"
            raise ReelError(Code.INPUT_NOT_FOUND, said, where="PATH", hint=hint)
        if is_jsonl and path.is_dir():
            said, hint = f"{path} is a folder", "with --jsonl name the files in it"
            raise ReelError(Code.INPUT_IS_DIRECTORY, said, where="PATH", hint=hint)
        # Read as a text it would be one document of a kind that nobody meant.
        if not is_jsonl and path.suffix.lower() in (".jsonl", ".ndjson"):
            hint = f"pass --jsonl if its lines are documents: `reel index {path} --jsonl`"
            raise ReelError(Code.USAGE, f"{path} has JSON lines", where="PATH", hint=hint)
        if not is_jsonl and path.is_file() and reading.is_media(path):
            raise ReelError(
                Code.USAGE,
                f"{path} is a video or a sound, not a text",
                where="PATH",
                hint=f"`reel understand {path}` makes it searchable",
            )


def from_files(paths: Sequence[Path]) -> Iterator[At]:
    named = {path.absolute() for path in paths}
    for done, path in enumerate(files_of(paths), 1):
        if path not in named and reading.is_media(path):
            left = LeftOut(subject=str(path), why="a video or a sound: `reel understand`")
            yield At(found=left, done=done)
            continue
        try:
            data = reading.content_of(path)
        except NotTextError as why:
            yield At(found=LeftOut(subject=str(path), why=str(why)), done=done)
            continue
        except ReelError as error:
            yield At(found=LeftOut(subject=str(path), problem=error.problem), done=done)
            continue
        digest = reading.digest_of(data, path)
        source = Source(
            subject=str(path),
            digest=digest,
            size_bytes=len(data),
            read=partial(reading.read, path, data, digest),
            path=str(path),
        )
        yield At(found=source, done=done)


def from_lines(paths: Sequence[Path]) -> Iterator[At]:
    """Raises INPUT_UNREADABLE."""
    for path in paths:
        with _opened(path) as stream:
            whole = None if path == STDIN else path.stat().st_size
            name = "standard input" if path == STDIN else str(path.absolute())
            for line, done in lines_of(stream):
                yield At(found=_of_line(line, name, path), done=done, whole=whole)


def _of_line(line: Any, name: str, path: Path) -> Source | LeftOut:
    if isinstance(line, BadLine):
        problem = Problem(
            Code.FIELD_INVALID,
            line.why,
            where=f"{name}, line {line.number}",
            hint='a line is {"id": "…", "title": "…", "text": "…"}',
        )
        return LeftOut(subject=f"{name}:{line.number}", problem=problem)
    return Source(
        subject=line.id,
        digest=line.digest,
        size_bytes=len(line.text),
        read=line.read,
        path=None if path == STDIN else name,
        facts=line.facts,
    )


def _opened(path: Path) -> AbstractContextManager[BinaryIO]:
    if path == STDIN:
        return nullcontext(sys.stdin.buffer)
    try:
        return path.open("rb")
    except OSError as error:
        said = f"{path}: {error.strerror or error}"
        raise ReelError(Code.INPUT_UNREADABLE, said, where=str(path)) from error
