"""What was brought from afar and what is left of downloads that broke off: how much, and away."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reelwright.app.wiring import App

_PART_AGE_S = 7 * 86400.0
# A download that takes longer than a day without writing to its folder has been killed.
_LEFT_OVER_AGE_S = 86400.0


def inputs_bytes(app: App) -> int:
    return sum(path.stat().st_size for path in _inputs(app))


def parts_bytes(app: App) -> int:
    from reelwright.tools.download.parts import held_bytes

    return held_bytes(app.engine_settings.scratch)


def prune(app: App, *, is_busy: bool) -> tuple[int, int]:
    """Number and bytes of the files removed.

    Where a job is unfinished (`is_busy`), inputs stay, and half downloads unless nobody has gone on
    with them for a week. What a process works on stays in any case.
    """
    from reelwright.tools.download.parts import sweep

    files = size_bytes = 0
    for path in [] if is_busy else _inputs(app):
        size_bytes += path.stat().st_size
        path.unlink(missing_ok=True)
        files += 1
    for left in _left_over(app):
        shutil.rmtree(left, ignore_errors=True)
    parts, part_bytes = sweep(app.engine_settings.scratch, age_s=_PART_AGE_S if is_busy else 0.0)
    return files + parts, size_bytes + part_bytes


def _inputs(app: App) -> list[Path]:
    return [path for path in _entries(app) if path.is_file()]


def _left_over(app: App) -> list[Path]:
    """Workspaces of downloads whose process was killed."""
    before = time.time() - _LEFT_OVER_AGE_S
    return [path for path in _entries(app) if path.is_dir() and path.stat().st_mtime < before]


def _entries(app: App) -> list[Path]:
    from reelwright.app.remote import folder

    place = folder(app)
    return list(place.iterdir()) if place.is_dir() else []
