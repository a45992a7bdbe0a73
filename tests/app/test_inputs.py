"""Inputs: patterns, neighbours, memory, and what lies on a server."""

import asyncio
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from reelwright.app.inputs import find_inputs
from reelwright.app.settings import load
from reelwright.app.wiring import App
from reelwright.errors import Code, SpecErrors
from reelwright.media.info import MediaInfo
from reelwright.spec.model import InputSpec
from tests.cli.reel import make_clip, reel


@pytest.fixture
def app() -> Iterator[App]:
    with App(load()) as made:
        yield made


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """An HTTP server for `tmp_path/served`."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_a_pattern_gives_its_files_in_order(app: App, tmp_path: Path, ffmpeg: Path) -> None:
    for name in ("b.mp4", "a.mp4"):
        make_clip(ffmpeg, tmp_path / name, seconds=0.4 if name == "a.mp4" else 0.8)
    entry = InputSpec(name="parts", uri=str(tmp_path / "*.mp4"), is_glob=True)
    found = asyncio.run(find_inputs(app, {"parts": entry}))
    assert found.uris["parts"] == (str(tmp_path / "a.mp4"), str(tmp_path / "b.mp4"))
    media = found.media["parts"]
    assert isinstance(media, tuple)
    first, second = media
    assert first.duration is not None
    assert second.duration is not None
    assert first.duration < second.duration


def test_everything_that_cannot_be_had_is_told_at_once(app: App, tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("This is no media file. " * 99)
    entries = {
        "gone": InputSpec(name="gone", uri=str(tmp_path / "emty.mp4")),
        "none": InputSpec(name="none", uri=str(tmp_path / "*.mkv"), is_glob=True),
        "far": InputSpec(name="far", uri=str(tmp_path / "no" / "such" / "x.mp4")),
        "empty": InputSpec(name="empty", uri=str(tmp_path / "empty.mp4")),
        "text": InputSpec(name="text", uri=str(tmp_path / "text.mp4")),
        "folder": InputSpec(name="folder", uri=str(tmp_path)),
    }
    with pytest.raises(SpecErrors) as caught:
        asyncio.run(find_inputs(app, entries))
    told = {p.where: p for p in caught.value.problems}
    assert list(told) == [f"inputs.{name}" for name in entries]
    assert "did you mean 'empty.mp4'?" in told["inputs.gone"].message
    assert "there is no folder" in told["inputs.far"].message
    assert told["inputs.empty"].code is Code.INPUT_EMPTY
    assert told["inputs.folder"].code is Code.INPUT_IS_DIRECTORY


def test_what_was_probed_is_remembered_by_its_content(
    app: App, tmp_path: Path, ffmpeg: Path
) -> None:
    clip = make_clip(ffmpeg, tmp_path / "clip.mp4")
    entry = InputSpec(name="clip", uri=str(clip))
    first = asyncio.run(find_inputs(app, {"clip": entry}))
    # Without a prober that works, only memory can answer: also for a copy of another name.
    app.tools = type(app.tools)(
        ffmpeg=app.tools.ffmpeg,
        ffprobe=tmp_path / "none",
        ffmpeg_version=app.tools.ffmpeg_version,
        ffprobe_version=app.tools.ffprobe_version,
        build_id=app.tools.build_id,
    )
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(clip.read_bytes())
    again = asyncio.run(find_inputs(app, {"copy": InputSpec(name="copy", uri=str(copy))}))
    info = first.media["clip"]
    assert isinstance(info, MediaInfo)
    assert again.media["copy"] == info


def test_an_input_on_a_server_is_brought_and_run(server: str, tmp_path: Path, ffmpeg: Path) -> None:
    make_clip(ffmpeg, tmp_path / "served" / "clip.mp4")
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        f"inputs: {{clip: '{server}/clip.mp4'}}\n"
        "operations: [{id: small, op: scale, input: clip, height: 48}]\n"
        "outputs: [{from: small, to: small.mp4, video: {preset: ultrafast}}]\n"
    )
    done = reel("run", "spec.yaml", "--json", cwd=tmp_path)
    assert done.code == 0, done.out
    again = reel("run", "spec.yaml", "--json", cwd=tmp_path)
    assert {line["state"] for line in again.lines if line["event"] == "step"} == {"cached"}
    spec.write_text(spec.read_text().replace("clip.mp4'", "gone.mp4'"))
    refused = reel("run", "spec.yaml", "--json", "--overwrite", cwd=tmp_path)
    assert (refused.code, refused.json["error"]["code"]) == (3, "http_not_found")
    assert refused.json["error"]["where"] == "inputs.clip"
