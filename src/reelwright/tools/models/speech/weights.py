"""Which folder holds the weights of a model of speech, and which weights they are."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.tools.models.providers import unavailable

if TYPE_CHECKING:
    from reelwright.tools.models.providers import ModelSpec

_SAMPLE_BYTES, _SAMPLES = 64 << 10, 16


def folder_of(spec: ModelSpec, missing: Callable[[Path], str | None], hint: str) -> Path:
    """What the chain names (a path, or a folder in ``models.folder``); without a name the first
    there that lacks nothing. `missing` says what a folder lacks, None: nothing. Raises
    MODEL_UNAVAILABLE."""
    if spec.model:
        named = spec.folder / Path(spec.model).expanduser()  # an absolute one stays what it is
        if not named.is_dir():
            raise unavailable(spec, f"there is no folder {named}", hint=hint)
        lacks = missing(named)
        if lacks is not None:
            raise unavailable(spec, f"{named} has no {lacks}", hint=hint)
        return named
    there = sorted(spec.folder.iterdir()) if spec.folder.is_dir() else []
    for folder in there:
        if folder.is_dir() and missing(folder) is None:
            return folder
    raise unavailable(spec, f"no such model is in {spec.folder}", hint=hint)


def digest(folder: Path) -> str:
    """Of all files in it, by their sizes and parts of them: gigabytes are not read to know which
    model it is."""
    total = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        size = path.stat().st_size
        total.update(f"{path.name}:{size};".encode())
        with path.open("rb") as file:
            for number in range(_SAMPLES):
                file.seek(size * number // _SAMPLES)
                total.update(file.read(_SAMPLE_BYTES))
    return total.hexdigest()[:16]
