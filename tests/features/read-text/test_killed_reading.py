"""A killed `reel read-text` goes on by the same words, and asks nobody again for what was read."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections import Counter
from pathlib import Path

import pytest
from PIL import ImageDraw

from tests.cli.reel import REEL, reel
from tests.features import writing
from tests.wire_server import Asked, Turn, wire_server

SECONDS = 26  # more than one task reads


def _numbered(on: ImageDraw.ImageDraw, second: float) -> None:
    on.text((40, 100), f"Slide {int(second)}", font=writing.font(90), fill="white")


def _picture_of(asked: Asked) -> str:
    return json.dumps(asked.body["messages"])


def test_kill_9_asks_for_no_picture_twice(
    ffmpeg: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing.video(ffmpeg, tmp_path / "talk.mp4", SECONDS, _numbered)
    killed = threading.Event()
    answer = {"lines": [{"text": "a slide", "box": None}]}
    # Five are answered; the next one waits until its asker is dead.
    turns = [*(Turn(data=answer) for _ in range(5)), Turn(data=answer, until=killed)]
    with wire_server(*turns) as server:
        monkeypatch.setenv("REEL_MODELS__OCR", "local:seer-1")
        monkeypatch.setenv("REEL_MODELS__LOCAL_URL", f"{server.url}/v1")
        command = [str(REEL), "read-text", "talk.mp4", "--json"]
        quiet = subprocess.DEVNULL
        running = subprocess.Popen(
            command, cwd=tmp_path, start_new_session=True, stdout=quiet, stderr=quiet
        )
        try:
            while len(server.asked) < 6:
                server.came.clear()
                if len(server.asked) < 6:
                    assert server.came.wait(240)
        finally:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
        killed.set()
        done = reel("read-text", "talk.mp4", "--json", cwd=tmp_path)
        assert done.code == 0, f"{done.out}\n{done.err}"
        asked = Counter(_picture_of(one) for one in server.asked)
    (text,) = done.json["texts"]
    assert (text["text"], text["start"], text["end"]) == ("a slide", 0, SECONDS)
    # Every slide was asked for; twice at most those that were under way when their asker died.
    assert len(asked) == SECONDS == sum(done.json["pictures"].values())
    assert sum(asked.values()) <= SECONDS + 2
