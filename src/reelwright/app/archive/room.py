"""Is there room on the disks for another download?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelwright.app.library import storage

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.errors import Problem


def problem(app: App) -> Problem | None:
    """Why nothing more is fetched now; None: there is room. Blocking."""
    return storage.problem(app)
