"""Which files of a folder are documents: not what git is told to ignore, nor what programs keep."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec

from reelwright.errors import Code, ReelError

_IGNORE_FILES = (".gitignore", ".ignore", ".reelignore")
# Folders of programs, wherever they stand. Names that begin with a dot are left out by that.
_FOLDERS = frozenset(
    {"node_modules", "__pycache__", "venv", "site-packages", "bower_components", "__pypackages__"}
)
# Files that programs write and nobody reads.
_FILES = frozenset(
    {"package-lock.json", "yarn.lock", "pnpm-lock.yaml", "uv.lock", "poetry.lock", "Cargo.lock"}
    | {"Thumbs.db", "desktop.ini"}
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What one folder's file says of what is below it."""

    folder: Path
    spec: GitIgnoreSpec

    def says(self, path: Path, *, is_folder: bool) -> bool | None:
        """True: leave it out, False: keep it, None: nothing."""
        name = path.relative_to(self.folder).as_posix() + ("/" if is_folder else "")
        return self.spec.check_file(name).include


def files_of(paths: Sequence[Path]) -> Iterator[Path]:
    """Absolute paths, folders in the order of their names. A file that is named is taken whatever
    it is called. Raises INPUT_NOT_FOUND, before the first is given, and INPUT_UNREADABLE."""
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise ReelError(
            Code.INPUT_NOT_FOUND,
            f"there is no file or folder {missing[0]}",
            where=str(missing[0]),
            hint="name files and folders that exist",
        )
    return _unique(found for path in paths for found in _below(path.absolute()))


def _unique(paths: Iterable[Path]) -> Iterator[Path]:
    seen: set[Path] = set()
    for path in paths:
        if path not in seen:
            seen.add(path)
            yield path


def _below(path: Path) -> Iterator[Path]:
    path = Path(os.path.normpath(path))
    if path.is_dir():
        yield from _folder(path, ())
    else:
        yield path


def _folder(folder: Path, above: tuple[Rules, ...]) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ReelError(Code.INPUT_UNREADABLE, f"{folder}: {reason}", where=str(folder)) from error
    rules = (*above, *_rules(folder))
    for entry in entries:
        path = folder / entry.name
        is_folder = entry.is_dir(follow_symlinks=False)
        if not _is_wanted(entry.name, is_folder=is_folder):
            continue
        if _is_ignored(path, rules, is_folder=is_folder):
            continue
        if is_folder:
            yield from _folder(path, rules)
        elif entry.is_file():  # a link to a file is read, one to a folder could lead round
            yield path


def _is_wanted(name: str, *, is_folder: bool) -> bool:
    return not name.startswith(".") and name not in (_FOLDERS if is_folder else _FILES)


def _rules(folder: Path) -> Iterator[Rules]:
    for name in _IGNORE_FILES:
        try:
            lines = (folder / name).read_text("utf-8", "replace").splitlines()
            yield Rules(folder, GitIgnoreSpec.from_lines(lines))
        except OSError:
            continue
        except ValueError:  # a pattern that git would refuse, too
            continue


def _is_ignored(path: Path, rules: Sequence[Rules], *, is_folder: bool) -> bool:
    """The folder nearest to the file has the last word."""
    said = (one.says(path, is_folder=is_folder) for one in reversed(rules))
    return next((answer for answer in said if answer is not None), False)
