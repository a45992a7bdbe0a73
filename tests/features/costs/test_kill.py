"""A call whose process was killed does not stand in the way of the one in its place."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.reel import REEL, reel
from tests.features import media
from tests.features.costs.test_costs import costs, settings
from tests.wire_server import Turn, WireServer, wire_server

pytestmark = [pytest.mark.timeout(600), pytest.mark.faults]

SPEC = """\
inputs: {clip: clip.mp4}
operations:
  - {id: seen, op: describe, input: clip, pictures: 1}
outputs:
  - {from: seen.descriptions, to: descriptions.json}
"""
SEEN = {
    "description": "A test picture.",
    "shown": [],
    "people": [],
    "actions": [],
    "setting": "a screen",
    "text": [],
    "tags": [],
}


def _killed(server: WireServer, folder: Path, told: dict[str, str]) -> None:
    """`reel run`, killed with its model's call under way."""
    command = [str(REEL), "run", "job.yaml", "--json"]
    quiet = subprocess.DEVNULL
    running = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **told},
        start_new_session=True,
        stdout=quiet,
        stderr=quiet,
    )
    try:
        until = time.monotonic() + 240
        while not server.asked:
            assert time.monotonic() < until, "it never asked"
            assert running.poll() is None, "it ended before it was killed"
            time.sleep(0.05)
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()


def test_kill_9_gives_back_what_the_call_reserved(tmp_path: Path, ffmpeg: Path) -> None:
    media.talk(ffmpeg, tmp_path / "clip.mp4", 2)
    (tmp_path / "job.yaml").write_text(SPEC)
    go_on = threading.Event()
    with wire_server(Turn(data=SEEN, until=go_on, tokens=(1000, 100))) as server:
        told = settings(server, REEL_MODELS__VISION="openai:gpt-5-mini")
        _killed(server, tmp_path, told)
        total: dict[str, Any] = costs(tmp_path, **told)["total"]
        reserved = total["unsettled_usd"]
        assert reserved > 0
        assert (total["calls"], total["cost_usd"]) == (1, 0)
        go_on.set()
        # Enough for one call and not for two.
        told["REEL_MODELS__LIBRARY_BUDGET_USD"] = f"{1.5 * reserved:.9f}"
        done = reel("resume", "--json", cwd=tmp_path, **told)
        assert done.code == 0, done.out
        found = costs(tmp_path, **told)
    assert len(server.asked) == 2
    # What was paid is known, and what the killed call may have cost is told apart.
    assert found["total"]["calls"] == 2
    assert found["total"]["cost_usd"] > 0
    assert found["total"]["unsettled_usd"] == pytest.approx(reserved)
    (budget,) = [one for one in found["budgets"] if one["name"] == "library"]
    assert budget["spent_usd"] == pytest.approx(found["total"]["cost_usd"])
