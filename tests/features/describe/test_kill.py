"""A killed description goes on: what a model has answered is not asked, and not paid, again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.reel import REEL, reel
from tests.features.describe.test_describe import SPEC, seen
from tests.features.jobs import Studio
from tests.model_stub import ModelStub, model_stub

pytestmark = [pytest.mark.timeout(600), pytest.mark.faults]


def _kill_when_asked(stub: ModelStub, requests: int, folder: Path) -> None:
    quiet = subprocess.DEVNULL
    command = [str(REEL), "run", "job.yaml", "--json"]
    running = subprocess.Popen(
        command, cwd=folder, start_new_session=True, stdout=quiet, stderr=quiet
    )
    try:
        until = time.monotonic() + 240
        while len(stub.asked) < requests:
            assert time.monotonic() < until, "it never asked"
            assert running.poll() is None, "it ended before it was killed"
            time.sleep(0.05)
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()


def test_kill_9_pays_for_no_segment_twice(
    studio: Studio, scenes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = threading.Event()
    answered = threading.Semaphore(1)

    def chat(body: dict[str, Any]) -> Any:
        # One is answered; the others wait until their asker is dead.
        if not answered.acquire(blocking=False):
            killed.wait(240)
        return seen(body)

    studio.bring(scenes)
    studio.write(SPEC)
    with model_stub(chat=chat) as stub:
        monkeypatch.setenv("REEL_MODELS__VISION", "local:eyes")
        monkeypatch.setenv("REEL_MODELS__LOCAL_URL", stub.url)
        monkeypatch.setenv("REEL_MODELS__AT_ONCE", "1")
        _kill_when_asked(stub, 2, studio.folder)
        killed.set()
        done = reel("resume", "--json", cwd=studio.folder)
        assert done.code == 0, f"{done.out}\n{done.err}"
    found = json.loads(studio.path("descriptions.json").read_text())["descriptions"]
    assert [one["start"] for one in found] == [0.0, 1.5, 3.0]
    # The one that was under way when its asker died is asked again by the same key, which a
    # provider counts once; the one that had been answered is not.
    keys = [one.headers["idempotency-key"].rpartition("-")[0] for one in stub.asked]
    assert len(set(keys)) == 3
    assert keys.count(keys[0]) == 1
    assert len(keys) <= 4
