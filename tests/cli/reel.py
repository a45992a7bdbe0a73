"""Runs the real command, here or in a process of its own, on media made a moment ago."""

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from reelwright.cli.main import main

REEL = Path(sys.executable).parent / "reel"

SPEC = """\
inputs:
  clip: clip.mp4
vars: {height: 48}
operations:
  - {id: cut, op: trim, input: clip, start: 0.2s, duration: 0.6s}
  - {id: small, op: scale, input: cut, height: "${height}"}
  - {id: still, op: thumbnail, input: cut, at: [0.2s]}
outputs:
  - {from: small, to: out/small.mp4, video: {codec: h264, crf: 30, preset: ultrafast}}
  - {from: still, to: out/still.jpg}
"""


@dataclass(frozen=True, slots=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Every line of stdout, each of which must be one JSON object."""
        parsed = [json.loads(line) for line in self.out.splitlines()]
        assert all(isinstance(line, dict) for line in parsed)
        return parsed

    @property
    def json(self) -> dict[str, Any]:
        """The one line of stdout."""
        (line,) = self.lines
        return line


def reel(*arguments: str, cwd: Path, stdin: str = "", **environ: str) -> Done:
    """In this process, which is ten times faster than one of its own.

    `environ` goes on top of the test's own environment (its REEL_HOME).
    """
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        mock.patch.dict(os.environ, environ),
        _stdin(stdin),
    ):
        code = main(list(arguments))
    return Done(code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def _stdin(text: str) -> Iterator[None]:
    before = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(text.encode()))
    try:
        yield
    finally:
        sys.stdin = before


def reel_process(*arguments: str, cwd: Path, stdin: str = "", **environ: str) -> Done:
    """As a shell starts it."""
    done = subprocess.run(
        [REEL, *arguments],
        cwd=cwd,
        input=stdin,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def make_clip(ffmpeg: Path, path: Path, *, seconds: float = 1.0, sound: bool = True) -> Path:
    """A little moving picture of 128x96 at 25 frames a second, with a tone."""
    tone = ["-f", "lavfi", "-i", f"sine=f=440:r=48000:d={seconds}"] if sound else []
    arguments = [
        *("-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc2=s=128x96:r=25:d={seconds}"),
        *tone,
        *("-c:v", "libx264", "-preset", "ultrafast", "-g", "12", "-pix_fmt", "yuv420p"),
        *("-c:a", "aac", str(path)),
    ]
    subprocess.run([ffmpeg, *arguments], check=True, stdin=subprocess.DEVNULL)
    return path
