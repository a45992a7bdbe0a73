"""`limits.max_pixels` holds for every picture of a stream, not for its header alone."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.reel import Done, reel

SPEC = """\
inputs: {clip: grows.ts}
operations: [{id: small, op: scale, input: clip, height: 72}]
outputs: [{from: small, to: small.mp4}]
"""
COPY = "inputs: {clip: grows.ts}\noutputs: [{from: clip, to: copy.mkv}]\n"


@pytest.fixture
def folder(tmp_path: Path, ffmpeg: Path) -> Path:
    """A stream whose pictures begin with 160x90 and go on with 640x360."""
    parts = b""
    for size in ("160x90", "640x360"):
        made = tmp_path / f"{size}.h264"
        source = ("-f", "lavfi", "-i", f"testsrc2=s={size}:r=25:d=1", "-pix_fmt", "yuv420p")
        coded = ("-c:v", "libx264", "-preset", "ultrafast", "-f", "h264", str(made))
        subprocess.run([ffmpeg, "-v", "error", *source, *coded], check=True)
        parts += made.read_bytes()
    (tmp_path / "both.h264").write_bytes(parts)
    both = ("-r", "25", "-i", str(tmp_path / "both.h264"))
    whole = str(tmp_path / "grows.ts")
    subprocess.run([ffmpeg, "-v", "error", *both, "-c", "copy", whole], check=True)
    return tmp_path


def _run(folder: Path, spec: str, max_pixels: int, command: str = "run") -> Done:
    (folder / "job.yaml").write_text(spec)
    limit = {"REEL_LIMITS__MAX_PIXELS": str(max_pixels)}
    return reel(command, "job.yaml", "--json", cwd=folder, **limit)


def test_a_stream_that_grows_beyond_the_limit_is_stopped(folder: Path) -> None:
    done = _run(folder, SPEC, 100_000)
    assert done.code == 3, done.out
    assert "640x360 exceeds" in json.dumps(done.lines[-1]["error"])
    assert not (folder / "small.mp4").exists()
    assert _run(folder, SPEC, 1_000_000).code == 0
    assert (folder / "small.mp4").is_file()


def test_only_what_is_decoded_has_the_limit(folder: Path) -> None:
    """FFmpeg complains of an option that nobody uses."""
    for spec, is_decoded in ((SPEC, True), (COPY, False)):
        argv = json.dumps(_run(folder, spec, 100_000, "plan").json)
        assert ("-max_pixels" in argv) is is_decoded
