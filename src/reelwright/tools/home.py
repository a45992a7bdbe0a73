"""Where Reelwright keeps what is its own when nobody says otherwise."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def home_folder() -> Path:
    """``$REEL_HOME``, else ``reelwright`` in the platform's data directory (XDG on Linux)."""
    chosen = os.environ.get("REEL_HOME")
    if chosen:
        return Path(chosen).expanduser().absolute()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "reelwright"
    data = os.environ.get("XDG_DATA_HOME")
    # The specification says that a relative path in the variable is to be ignored.
    base = Path(data) if data and Path(data).is_absolute() else Path.home() / ".local" / "share"
    return base / "reelwright"
