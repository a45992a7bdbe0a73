"""What the captions of an asset say, as passages for the index."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reelwright.errors import ReelError
from reelwright.media.cues import passages, read_cues
from reelwright.store.asset_files import AssetFile, Role
from reelwright.store.blobs import refused
from reelwright.store.captions import Passage

# Captions of a day's talk have two; what is larger is something else.
_MOST_BYTES = 32 << 20
_READ = ("vtt", "srt")


def passages_of(folder: Path, files: Sequence[AssetFile]) -> dict[str, list[Passage]]:
    """By path, of one file for each language: a person's before a machine's, WebVTT before SubRip.

    Blocking. Raises INPUT_UNREADABLE and the like.
    """
    found: dict[str, list[Passage]] = {}
    for file in chosen(files):
        found[file.path] = _passages(folder / file.path, file)
    return found


def chosen(files: Sequence[AssetFile]) -> list[AssetFile]:
    """The captions that are indexed."""
    best: dict[str | None, AssetFile] = {}
    readable = [f for f in files if f.role is Role.CAPTIONS and f.format in _READ]
    for file in sorted(readable, key=lambda f: (f.kind == "auto", _READ.index(f.format), f.path)):
        best.setdefault(file.language, file)
    return list(best.values())


def _passages(path: Path, file: AssetFile) -> list[Passage]:
    if file.size_bytes > _MOST_BYTES:
        return []
    try:
        data = path.read_bytes()
    except OSError as error:
        problem: ReelError = refused(error, path)
        raise problem from error
    return [
        Passage(
            asset_id=file.asset_id,
            path=file.path,
            language=file.language,
            start_s=one.start_s,
            end_s=one.end_s,
            text=one.text,
        )
        for one in passages(read_cues(data, file.format))
    ]
