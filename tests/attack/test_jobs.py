"""Attacks as whole jobs: what a hostile file, name, text or spec gets out of `reel run`."""

import json
import socket
import struct
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reelwright.tools.binaries import Tools
from tests.attack.attempts import make
from tests.attack.test_media import manifest
from tests.attack.test_names_and_bombs import gif, png
from tests.cli.reel import Done, make_clip, reel

pytestmark = pytest.mark.attack

COPY = "inputs: {clip: clip.mp4}\noutputs: [{from: clip, to: out.mkv}]\n"
ENCODE = """\
inputs: {clip: clip.mp4}
operations: [{id: small, op: scale, input: clip, height: 48}]
outputs: [{from: small, to: out.mp4, video: {preset: ultrafast}}]
"""


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """The folder of the spec, beside which lies what was not given."""
    folder = tmp_path / "job"
    folder.mkdir()
    return folder


@pytest.fixture
def home(reel_home: Path) -> Path:
    return reel_home


class Listener:
    """Remembers who connects."""

    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.settimeout(0.1)
        self.port = self.server.getsockname()[1]
        self.knocks = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        while not self._ended.is_set():
            try:
                self.server.accept()[0].close()
                self.knocks += 1
            except TimeoutError:
                continue

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self.server.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


def run(folder: Path, spec: str, *more: str) -> Done:
    return reel("run", "-", "--json", *more, cwd=folder, stdin=spec)


def error_of(done: Done) -> dict[str, Any]:
    error = done.lines[-1]["error"]
    assert isinstance(error, dict)
    assert error["message"]
    return error


def everything(*folders: Path) -> list[Path]:
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]


def spoken(value: str) -> str:
    """A JSON string is a YAML one."""
    return json.dumps(value, ensure_ascii=False)


@pytest.mark.parametrize("spec", [COPY, ENCODE], ids=["copy", "encode"])
@pytest.mark.parametrize("kind", ["hls", "dash", "concat"])
def test_a_manifest_called_mp4_opens_no_other_file(
    kind: str, spec: str, outside: Path, job: Path, home: Path
) -> None:
    secret = outside / ("secret.ts" if kind == "hls" else "secret.mp4")
    (job / "clip.mp4").write_text(manifest(kind, str(secret)))

    done = run(job, spec)

    assert done.code in (2, 3), done.out
    assert error_of(done)["where"] == "inputs.clip"
    assert [path.name for path in everything(job)] == ["clip.mp4"]
    piece = secret.read_bytes()[1000:1400]
    assert len(piece) == 400
    assert not any(piece in path.read_bytes() for path in everything(home))


@pytest.mark.parametrize("kind", ["hls", "dash", "concat"])
def test_a_manifest_called_mp4_reaches_no_server(kind: str, job: Path, listener: Listener) -> None:
    url = f"http://127.0.0.1:{listener.port}/a.ts"
    (job / "clip.mp4").write_text(manifest(kind, url))

    done = run(job, ENCODE)

    assert done.code in (2, 3), done.out
    assert error_of(done)["where"] == "inputs.clip"
    assert listener.knocks == 0
    with socket.create_connection(("127.0.0.1", listener.port)):
        pass  # a knock is heard, else the line above proves nothing
    for _ in range(100):
        if listener.knocks:
            break
        threading.Event().wait(0.02)
    assert listener.knocks == 1


NAMES = [
    "a'b:c,d[e];f=%{g}.mp4",
    "-i.mp4",
    "--overwrite",
    "new\nline.mp4",
    "[in]movie=secret.mp4[m];[in][m]overlay.mp4",
    "\u202eé🎬 ファイル.mp4",
    "$(touch pwned)`id`.mp4",
    "%03d\\.mp4",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_a_name_from_input_to_output(name: str, job: Path, ffmpeg: Path) -> None:
    """Read and written, as a local `./` path, literally."""
    make_clip(ffmpeg, job / "made.mp4", sound=False).rename(job / name)
    to = f"./out/{name}" if name.endswith(".mp4") else f"./out/{name}.mp4"
    spec = f"""\
inputs: {{clip: {{path: {spoken("./" + name)}, glob: false}}}}
operations: [{{id: small, op: scale, input: clip, height: 48}}]
outputs: [{{from: small, to: {spoken(to)}, video: {{preset: ultrafast}}}}]
"""

    done = run(job, spec)

    assert done.code == 0, done.out + done.err
    assert sorted(path.relative_to(job).as_posix() for path in everything(job)) == sorted(
        [name, to.removeprefix("./")]
    )
    assert reel("probe", "--json", "--", to, cwd=job).json["streams"][0]["height_px"] == 48


TEXTS = [
    "movie=../outside/secret.mp4[m];[in][m]overlay",
    "x':textfile=../outside/secret.txt:y='",
    "%{pts} %{e\\:1+1} %{localtime} \\\\ %",
    "',amovie=../outside/secret.mp4,[out];",
    "line\nline\r\nfile '../outside/secret.mp4'",
    "-i ../outside/secret.mp4 \u202e🎬 é",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_drawn_and_noted_and_does_nothing(
    text: str, job: Path, ffmpeg: Path, ffprobe: Path, outside: Path
) -> None:
    make_clip(ffmpeg, job / "clip.mp4", sound=False)
    before = {path: path.read_bytes() for path in everything(outside)}
    spec = f"""\
inputs: {{clip: clip.mp4}}
operations: [{{id: titled, op: drawtext, input: clip, text: {spoken(text)}, size: 8}}]
outputs:
  - from: titled
    to: out.mkv
    video: {{preset: ultrafast}}
    metadata: {{title: {spoken(text)}}}
"""

    done = run(job, spec)

    assert done.code == 0, done.out + done.err
    found = reel("probe", "out.mkv", "--json", cwd=job).json
    assert [stream["kind"] for stream in found["streams"]] == ["video"]
    assert found["streams"][0]["width_px"] == 128
    assert found["tags"]["title"].split() == text.split()
    assert {path: path.read_bytes() for path in everything(outside)} == before
    assert {path.name for path in everything(job)} == {"clip.mp4", "out.mkv"}
    plan = reel("plan", "-", "--json", cwd=job, stdin=spec).json
    graphs = [word for step in plan["steps"] for argv in step["argv"] for word in argv]
    assert not any("secret" in word for word in graphs if "drawtext" in word)


@pytest.mark.parametrize(
    "to", ["../out.mp4", "a/../../out.mp4", "file:../out.mp4", "file:///../out.mp4/../../x/"]
)
def test_an_output_does_not_leave_the_folder(to: str, job: Path, ffmpeg: Path) -> None:
    make_clip(ffmpeg, job / "clip.mp4", sound=False)
    done = run(job, ENCODE.replace("to: out.mp4", f"to: {spoken(to)}"))
    assert (done.code, error_of(done)["code"]) == (2, "output_path")
    assert [path.name for path in everything(job)] == ["clip.mp4"]
    assert not (job.parent / "out.mp4").exists()


def test_an_output_does_not_leave_through_a_link(job: Path, outside: Path, ffmpeg: Path) -> None:
    """Neither at first, nor when the job is known and the link came later."""
    make_clip(ffmpeg, job / "clip.mp4", sound=False)
    spec = ENCODE.replace("to: out.mp4", "to: away/deep/out.mp4")
    before = {path: path.read_bytes() for path in everything(outside)}
    (job / "away").symlink_to(outside)

    done = run(job, spec)

    assert (done.code, error_of(done)["code"]) == (2, "output_path")
    assert error_of(done)["where"] == "outputs[0].to"
    (job / "away").unlink()
    assert run(job, spec).code == 0
    (job / "away").rename(job / "before")
    (job / "away").symlink_to(outside)
    again = run(job, spec)
    assert (again.code, error_of(again)["code"]) == (2, "output_path")
    assert {path: path.read_bytes() for path in everything(outside)} == before
    assert not (outside / "deep").exists()
    assert run(job, spec, "--allow-outside").code == 0
    assert (outside / "deep" / "out.mp4").is_file()


@pytest.mark.parametrize("more", [(), ("--overwrite",)])
def test_a_link_in_the_place_of_an_output_is_not_written_through(
    more: tuple[str, ...], job: Path, outside: Path, ffmpeg: Path
) -> None:
    make_clip(ffmpeg, job / "clip.mp4", sound=False)
    before = {path: path.read_bytes() for path in everything(outside)}
    (job / "out.mp4").symlink_to(outside / "secret.mp4")

    done = run(job, ENCODE, *more)

    assert {path: path.read_bytes() for path in everything(outside)} == before
    if more:
        assert done.code == 0, done.out
        assert not (job / "out.mp4").is_symlink()
    else:
        assert (done.code, error_of(done)["code"]) == (2, "output_exists")


def true_bomb() -> bytes:
    """A PNG that is what it claims: 20,000 x 20,000 black pixels in half a megabyte."""

    def part(kind: bytes, body: bytes) -> bytes:
        sum_ = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", sum_)

    side = 20_000
    packer = zlib.compressobj(1)
    row = bytes(1 + side // 8)
    rows = b"".join(packer.compress(row * 500) for _ in range(side // 500)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    parts = part(b"IHDR", header) + part(b"IDAT", rows) + part(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a.png", png(60_000, 60_000)),
        ("a.gif", gif(60_000, 60_000)),
        ("true.png", true_bomb()),
        ("a.mp4", png(60_000, 60_000)),
    ],
    ids=["png", "gif", "true", "called-mp4"],
)
def test_a_bomb_is_refused_before_anything_decodes_it(name: str, body: bytes, job: Path) -> None:
    (job / name).write_bytes(body)
    spec = ENCODE.replace("clip.mp4", name).replace("{preset: ultrafast}", "{codec: h264}")
    done = run(job, spec)
    assert (done.code, error_of(done)["code"]) == (3, "media_too_large"), done.out
    assert error_of(done)["where"] == "inputs.clip"
    assert [path.name for path in everything(job)] == [name]


def laughs() -> str:
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    for n in range(1, 12):
        refs = ", ".join([f"*a{n - 1}"] * 10)
        lines.append(f"a{n}: &a{n} [{refs}]")
    return "vars:\n" + "".join(f"  {line}\n" for line in lines)


def many_vars() -> str:
    """A megabyte, asked for a thousand times."""
    uses = "".join(f"  k{n}: '${{a}}'\n" for n in range(1000))
    return f"vars: {{a: '{'x' * (1 << 20)}'}}\nlabels:\n{uses}{COPY}"


@pytest.mark.parametrize(
    "spec",
    [
        laughs(),
        "inputs: " + "[" * 100_000,
        "inputs: " + "{a: " * 5_000 + "}" * 5_000,
        "inputs: &a {a: *a}",
        many_vars(),
        "inputs: !!python/object/apply:os.system ['touch pwned']",
        COPY + "# " + "x" * (5 << 20),
        "{" * 50_000,
    ],
    ids=["laughs", "deep", "deep-maps", "own", "vars", "object", "long", "json"],
)
def test_a_spec_that_is_a_bomb(spec: str, job: Path, ffmpeg: Path) -> None:
    make_clip(ffmpeg, job / "clip.mp4", sound=False)
    done = run(job, spec)
    assert done.code == 2, done.out[-2000:]
    error = error_of(done)
    assert error["code"] != "internal"
    assert len(done.out) < 100_000
    assert [path.name for path in everything(job)] == ["clip.mp4"]


def test_a_font_that_is_no_font(job: Path, outside: Path, ffmpeg: Path) -> None:
    """A local user may name any font; what the file says comes out nowhere."""
    make_clip(ffmpeg, job / "clip.mp4", sound=False)
    spec = f"""\
inputs: {{clip: clip.mp4}}
operations:
  - {{id: titled, op: drawtext, input: clip, text: x, font: {spoken(str(outside / "secret.txt"))}}}
outputs: [{{from: titled, to: out.mp4, video: {{preset: ultrafast}}}}]
"""
    done = run(job, spec)
    assert (done.code, error_of(done)["code"]) == (4, "font_missing"), done.out
    assert "the secret" not in done.out + done.err
    assert [path.name for path in everything(job)] == ["clip.mp4"]


@pytest.mark.parametrize("stated", ["subtitles", "movie", "amovie", "ass", "lut3d"])
def test_no_operator_reads_a_file_of_its_own_choice(stated: str, job: Path, ffmpeg: Path) -> None:
    make_clip(ffmpeg, job / "clip.mp4", sound=False)
    spec = ENCODE.replace("op: scale", f"op: {stated}").replace("height: 48", "file: ../x")
    done = run(job, spec)
    assert (done.code, error_of(done)["code"]) == (2, "operator_unknown"), done.out


def test_subtitles_inside_a_video_read_nothing_else(
    tools: Tools, job: Path, outside: Path, home: Path
) -> None:
    """A Matroska file carries its own; a text file beside it that has its name is not taken."""
    made = make(tools, job / "clip.mkv")
    (job / "clip.srt").write_bytes((outside / "secret.srt").read_bytes())
    done = run(job, COPY.replace("clip.mp4", made.name).replace("out.mkv", "out.mp4"))
    assert done.code == 0, done.out
    kinds = [s["kind"] for s in reel("probe", "out.mp4", "--json", cwd=job).json["streams"]]
    assert kinds == ["video"]
    assert b"the secret" not in (job / "out.mp4").read_bytes()
