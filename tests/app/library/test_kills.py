"""kill -9 while videos are kept: the next try leaves each whole, once, and nothing beside it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from reelwright.app.library import folders
from reelwright.app.library.keep import keep_video
from reelwright.store import asset_files, assets
from reelwright.store.assets import Wanted
from tests.app.library.orders import INFO, app_at, order

_VIDEOS = 12
_SCRIPT = """
import sys
from pathlib import Path
from tests.app.library.test_kills import keep_all
keep_all(Path(sys.argv[1]), int(sys.argv[2]))
"""


def keep_all(home: Path, attempt: int) -> None:
    """Keeps all that are not kept yet, one after the other."""
    with app_at(home) as app:
        for number in range(_VIDEOS):
            # Titles that a file system without case takes for one: each needs a number.
            title = "Talk" if number % 2 else "tALK"
            info = replace(INFO, url=f"https://example.org/{number}.mp4", native_id="", title=title)
            wanted = order(app, b"%d" % number * 200_000, info)
            wanted = replace(wanted, attempt=attempt, options={"template": "{channel}/{title}"})
            kept = asyncio.run(keep_video(app, wanted))
            app.store.transact(kept.commit)
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()


@pytest.mark.parametrize("after", [0, 3, 7])
def test_a_kill_at_any_moment(tmp_path: Path, after: int) -> None:
    home = tmp_path / "home"
    for attempt in (1, 2):
        _killed(home, attempt, after)
    keep_all(home, 3)
    with app_at(home) as app, app.store.read() as tx:
        found = list(assets.stream(tx, Wanted()))
        library = folders.root(app)
        claimed = {claim.folder for claim in folders.claims(library)}
        files = {row.id: len(asset_files.of_asset(tx, row.id)) for row in found}
    assert len(found) == _VIDEOS
    assert len({row.folder.casefold() for row in found}) == _VIDEOS
    assert claimed == {row.folder for row in found}
    for row in found:
        folder = library / row.folder
        done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=folder, capture_output=True)
        assert (done.returncode, done.stdout.count(b": OK")) == (0, files[row.id]), done.stderr
        assert len(list(folder.iterdir())) == files[row.id] + 1


def _killed(home: Path, attempt: int, after: int) -> None:
    """Ends the process when it has kept `after` videos and is busy with the next."""
    command = [sys.executable, "-c", _SCRIPT, str(home), str(attempt)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(after):
            process.stdout.readline()
        time.sleep(0.002 * attempt)  # any moment will do
        os.kill(process.pid, signal.SIGKILL)
