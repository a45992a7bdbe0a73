"""What is named to be understood: files, folders of them, assets of the library."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.errors import Code, ReelError

if TYPE_CHECKING:
    from reelwright.app.wiring import App

_ASSET = "asset:"


@dataclass(frozen=True, slots=True)
class Target:
    """`uri` as inputs of specs have it: an absolute path, or ``asset:ID``; `name` as people know
    it."""

    uri: str
    name: str


def targets(app: App, named: Sequence[str]) -> list[Target]:
    """In the order in which they are named, each once; of folders what is below them.

    Raises INPUT_NOT_FOUND, ASSET_UNKNOWN, USAGE for an address of the web.
    """
    found: dict[str, Target] = {}
    for text in named:
        for target in _of(app, text):
            found.setdefault(target.uri, target)
    if not found:
        raise ReelError(
            Code.INPUT_NOT_FOUND,
            f"there is no video or sound in {', '.join(named) or 'nothing'}",
            hint="name files, folders, or assets of the library: asset:ID",
        )
    return list(found.values())


def _of(app: App, text: str) -> Iterator[Target]:
    from reelwright.app.inputs import existing

    if text.startswith(_ASSET):
        from reelwright.app.library.looking import identify

        asset = identify(app, text.removeprefix(_ASSET).partition("/")[0])
        yield Target(f"{_ASSET}{asset.id}", asset.title)
        return
    if "://" in text and not text.startswith("file:"):
        raise ReelError(
            Code.USAGE,
            f"{text} is not on this machine",
            where=text,
            hint=f"`reel archive {text} --understand` fetches it first",
        )
    path = existing(Path(text.removeprefix("file://")).expanduser().absolute())
    if path.is_dir():
        yield from (Target(str(file), file.name) for file in _below(path))
    else:
        yield Target(str(path), path.name)


def _below(folder: Path) -> Iterator[Path]:
    """Videos and sounds by their endings, in the order of their names; nothing that is hidden."""
    from reelwright.app.library.found import VIDEOS

    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            ending = name.rpartition(".")[2].lower()
            if not name.startswith(".") and ending in VIDEOS:
                yield Path(place) / name
