"""A killed transcription goes on: what was heard is not asked for again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.audio_server import Asked, AudioServer, audio_server, words_of
from tests.cli.reel import REEL, reel
from tests.features.transcribe.test_transcribe import SPEC
from tests.features.transcribe.voices import with_silences


def _kill_after(server: AudioServer, requests: int, folder: Path) -> None:
    command = [str(REEL), "run", "job.yaml", "--json"]
    quiet = subprocess.DEVNULL
    running = subprocess.Popen(
        command, cwd=folder, start_new_session=True, stdout=quiet, stderr=quiet
    )
    try:
        server.wait_for(requests)
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()


def test_kill_9_pays_for_no_segment_twice(
    tmp_path: Path, ffmpeg: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_silences(ffmpeg, tmp_path / "talk.wav", times=5)
    (tmp_path / "job.yaml").write_text(SPEC)
    killed = threading.Event()
    answered = threading.Semaphore(2)

    def reply(asked: Asked) -> tuple[int, Any]:
        # Two are answered; the others wait until their asker is dead.
        if not answered.acquire(blocking=False):
            killed.wait(240)
        return 200, words_of(asked)

    with audio_server(reply) as server:
        monkeypatch.setenv("REEL_MODELS__SPEECH", "local:whisper-1")
        monkeypatch.setenv("REEL_MODELS__LOCAL_URL", server.url)
        monkeypatch.setenv("REEL_MODELS__AT_ONCE", "1")
        _kill_after(server, 3, tmp_path)
        killed.set()
        before = len(server.asked)
        done = reel("resume", "--json", cwd=tmp_path)
        assert done.code == 0, f"{done.out}\n{done.err}"
    found = json.loads((tmp_path / "said.json").read_text())
    assert len(found["segments"]) == 5
    assert all(segment["text"] for segment in found["segments"])
    # One was asked for when the process died; its key is the same, so it is paid once.
    assert len(server.paid) == 5
    assert len(set(server.paid)) == 5
    assert len(server.asked) <= before + 3
