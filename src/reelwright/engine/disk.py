"""Room in the workspaces' file system: what is free, promised, and already used of the promise."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path


def free_bytes(folder: Path) -> int:
    """Bytes that an ordinary user may still write where `folder` is or would be."""
    existing = folder
    while not existing.exists():
        existing = existing.parent
    return shutil.disk_usage(existing).free


def held_bytes(reserved: Iterable[tuple[str, int]]) -> int:
    """What running steps will still write: their promises less what lies in their workspaces."""
    return sum(
        max(0, promised - used_bytes(Path(where))) for where, promised in reserved if promised
    )


def used_bytes(folder: Path) -> int:
    """Bytes on disk of a workspace; it may vanish meanwhile."""
    total = 0
    for base, _folders, names in os.walk(folder):
        for name in names:
            try:
                # st_blocks counts 512 bytes whatever the file system's block is (stat(2)).
                total += Path(base, name).lstat().st_blocks * 512
            except OSError:
                continue
    return total
