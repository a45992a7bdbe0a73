"""File names that are more than names, and small files that claim to be huge."""

import struct
import zlib
from pathlib import Path

import pytest

from reelwright.errors import Code, ReelError
from reelwright.media.demuxers import input_options
from reelwright.tools.binaries import Tools
from reelwright.tools.process import Command
from reelwright.tools.sandbox import Confinement
from tests.attack.attempts import confined, make, probed
from tests.tools.processes import run

pytestmark = pytest.mark.attack

NAMES = [
    "-i.mp4",
    "-y",
    "--help.mp4",
    "%03d.mp4",
    "a:b.mp4",
    "http:x.mp4",
    "concat:a|b.mp4",
    "file:c.mp4",
    "pipe:0",
    'it\'s "quoted".mp4',
    "new\nline.mp4",
    "\u202e4pm.exe",
    " spaces .mp4 ",
    "$(touch pwned);`id`.mp4",
    "[in]movie=x,null[out];.mp4",
    "*.mp4",
    "\\backslash\\.mp4",
    "émoji 🎬.mp4",
    "x" * 240 + ".mp4",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_only_a_name(name: str, tools: Tools, tmp_path: Path, workspace: Path) -> None:
    made = make(tools, workspace / "made.mp4")
    hostile = made.rename(tmp_path / name)
    info = probed(hostile, tools)
    assert info.demuxer == "mov"
    assert info.video is not None
    assert info.video.width_px == 64
    # As steps do it: the sandbox is opened for the file, FFmpeg sees a name of ours.
    (workspace / "in0").symlink_to(hostile)
    done = confined(
        tools,
        workspace,
        *input_options("mov"),
        "-i",
        "in0",
        "-c",
        "copy",
        "out.mkv",
        read=(hostile,),
    )
    assert done.exit_code == 0, done.stderr_tail
    assert sorted(p.name for p in workspace.iterdir()) == ["in0", "out.mkv"]


def test_a_pattern_in_a_name_opens_no_other_picture(tools: Tools, tmp_path: Path) -> None:
    small = ("-frames:v", "1", "-update", "1", "-f", "image2")
    make(tools, tmp_path / "img01.jpg", "-vf", "scale=32:32", *small)
    make(tools, tmp_path / "one.jpg", *small).rename(tmp_path / "img%02d.jpg")
    for name, width in (("img%02d.jpg", 64), ("img01.jpg", 32)):
        info = probed(tmp_path / name, tools)
        assert info.video is not None
        assert info.video.width_px == width


def png(width: int, height: int) -> bytes:
    """A PNG that claims a size; its data is one empty row."""

    def part(kind: bytes, body: bytes) -> bytes:
        check = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    rows = zlib.compress(bytes(1 + width * 4))
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", rows) + part(b"IEND", b"")


def gif(width: int, height: int) -> bytes:
    head = b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\x00\x00\x00\x00\x00\xff\xff\xff"
    picture = b"\x2c" + struct.pack("<HHHH", 0, 0, width, height) + b"\x00"
    return head + picture + b"\x02\x02\x4c\x01\x00\x3b"


BOMBS = {
    "a.png": png(60_000, 60_000),
    "b.png": png(30_000, 30_000),
    "a.gif": gif(60_000, 60_000),
    "b.gif": gif(20_000, 20_000),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_picture_that_claims_too_much_is_refused(
    name: str, tools: Tools, workspace: Path
) -> None:
    bomb = workspace / name
    bomb.write_bytes(BOMBS[name])
    with pytest.raises(ReelError) as caught:
        probed(bomb, tools)
    assert caught.value.code is Code.MEDIA_TOO_LARGE


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_decoded_in_bounded_memory(name: str, tools: Tools, workspace: Path) -> None:
    (workspace / name).write_bytes(BOMBS[name])
    demuxer = "png_pipe" if name.endswith("png") else "gif"
    for limit in (1 << 26, None):  # with the limit of pixels, and with that of memory alone
        pins = input_options(demuxer, max_pixels=limit)
        words = (*pins, "-i", name, "-c:v", "ffv1", "out.mkv")
        done = confined(tools, workspace, *words, memory_bytes=512 << 20, cpu_s=20)
        assert done.exit_code != 0
        assert done.max_rss_bytes < 600 << 20


def test_an_index_of_billions_is_read_in_bounded_memory(tools: Tools, workspace: Path) -> None:
    made = make(tools, workspace / "made.mp4")
    body = bytearray(made.read_bytes())
    at = body.index(b"stsz") + 12  # size 4, kind 4, flags 4, then the common size and the count
    body[at - 4 : at + 4] = struct.pack(">II", 1, 0x7FFFFFF0)
    (workspace / "lies.mp4").write_bytes(body)
    argv = (str(tools.ffprobe), "-v", "error", *input_options("mov"), "-i", "lies.mp4")
    walls = Confinement(write=(workspace,), memory_bytes=512 << 20, cpu_s=20)
    done = run(Command(argv=argv, cwd=workspace, confinement=walls, timeout_s=60))
    assert done.max_rss_bytes < 600 << 20
