"""Is there room on the disks for another download?"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from reelwright.app.archive.presence import library
from reelwright.errors import Code, Problem

if TYPE_CHECKING:
    from pathlib import Path

    from reelwright.app.wiring import App


def problem(app: App) -> Problem | None:
    """Why nothing more is fetched now; None: there is room. Blocking."""
    least = app.settings.archive.keep_free_bytes
    for folder in (app.home, library(app)):
        free = shutil.disk_usage(_existing(folder)).free
        if free < least:
            return Problem(
                Code.DISK_FULL,
                f"{free >> 20} MiB are free, and {least >> 20} MiB are left free",
                where=str(folder),
                hint="free some space, or lower `archive.keep_free_bytes`",
                evidence={"free_bytes": free, "keep_free_bytes": least},
            )
    return None


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above that there is."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder
