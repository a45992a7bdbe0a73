"""Each pattern is provoked with the real FFmpeg; where it cannot be here, a line is recorded."""

import os
import random
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import Code, ReelError
from reelwright.tools.ffmpeg.failures import classify, clean
from reelwright.tools.ffmpeg.patterns import PATTERNS
from reelwright.tools.process import Command, Completed
from reelwright.tools.sandbox import Confinement
from tests.tools.processes import run

# What to run on the media of the fixture `media` (the output is `out.mp4` where none is named),
# the pattern that must tell, and its code.
PROVOKED = [
    ("-i cut.mp4", "moov", Code.MOOV_MISSING),
    ("-f matroska -i noise", "header-damaged", Code.MEDIA_DAMAGED),
    ("-f wav -i noise", "header-damaged", Code.MEDIA_DAMAGED),
    ("-f mp3 -i noise", "header-damaged", Code.MEDIA_DAMAGED),
    ("-f png_pipe -i noise", "header-damaged", Code.MEDIA_DAMAGED),
    ("-f flac -i noise", "parameters", Code.MEDIA_DAMAGED),
    ("-f ogg -i noise", "input-invalid", Code.MEDIA_UNRECOGNISED),
    ("-xerror -i ends.mp4", "packet", Code.MEDIA_DAMAGED),
    ("-i gone.mp4", "missing", Code.INPUT_NOT_FOUND),
    ("-i .", "directory", Code.INPUT_IS_DIRECTORY),
    ("-i ok.mp4 gone/out.mp4", "missing", Code.INPUT_NOT_FOUND),
    ("-f mov -i /etc/shadow", "denied", Code.SANDBOX_DENIED),
    ("-i ok.mp4 -c:v nosuch", "encoder", Code.ENCODER_MISSING),
    ("-i ok.mp4 -map 0:a -f image2 out.png", "encoder-none", Code.ENCODER_MISSING),
    ("-i ok.mp4 -vf scale=63:47 -c:v libx264 -pix_fmt yuv420p", "odd-size", Code.ENCODER_OPTIONS),
    ("-i ok.mp4 -c:v libx264 -preset warp", "encoder-preset", Code.ENCODER_OPTIONS),
    ("-i ok.mp4 -profile:v baseline -pix_fmt yuv444p", "encoder-profile", Code.ENCODER_OPTIONS),
    ("-i ok.mp4 -c:a libmp3lame -ar 12345 out.mp3", "sample-rate", Code.ENCODER_OPTIONS),
    ("-i ok.mp4 -pix_fmt nosuch", "encoder-format", Code.ENCODER_OPTIONS),
    ("-i ok.mp4 -c:v libx264 -crf low", "encoder-value", Code.ENCODER_OPTIONS),
    ("-i ok.mp4 -c:v h264_nvenc", "hardware", Code.ENCODER_MISSING),
    ("-i ok.mp4 -vf scale=20000:20000 -c:v libx264", "picture-invalid", Code.MEDIA_TOO_LARGE),
    ("-max_pixels 100 -i ok.mp4", "pixels", Code.MEDIA_TOO_LARGE),
    ("-format_whitelist wav -i ok.mp4", "demuxer-list", Code.MEDIA_NOT_ALLOWED),
    ("-protocol_whitelist pipe -i file:ok.mp4", "protocol-list", Code.MEDIA_NOT_ALLOWED),
    ("-i nosuch://ok.mp4", "protocol", Code.INPUT_SCHEME),
    ("-i ok.mp4 -vf nosuch", "filter", Code.FILTER_MISSING),
    ("-i ok.mp4 -vf scale=nosuch=1", "filter-option", Code.FILTER_OPTIONS),
    ("-i ok.mp4 -af loudnorm=I=-99", "filter-option", Code.FILTER_OPTIONS),
    ("-i ok.mp4 -vf scale=[", "filter-syntax", Code.FILTER_OPTIONS),
    (
        "-i ok.mp4 -filter_complex [0:v]split[a][b] -map [a]",
        "filter-unconnected",
        Code.PLAN_INVALID,
    ),
    ("-i ok.mp4 -vf drawtext=textfile=gone.txt", "filter-file", Code.FILTER_FAILED),
    ("-i ok.mp4 -vf subtitles=gone.srt", "filter-file", Code.FILTER_FAILED),
    ("-i ok.mp4 -vf lut3d=gone.cube", "filter-file", Code.FILTER_FAILED),
    ("-i ok.mp4 -vf crop=999:999", "crop", Code.FILTER_OPTIONS),
    ("-i ok.mp4 -vf pad=10:10", "pad", Code.FILTER_OPTIONS),
    ("-i ok.mp4 -vf crop=w=wide", "expression", Code.FILTER_OPTIONS),
    ("-i ok.mp4 -ac 99", "layout", Code.FILTER_OPTIONS),
    (
        "-i ok.mp4 -filter_complex [0:v]scale=20:20[a];[0:v][a]concat[o] -map [o]",
        "concat",
        Code.FILTER_FAILED,
    ),
    ("-i ok.mp4 -map 0:v:3", "map", Code.STREAM_MISSING),
    ("-i ok.mp4 -filter_complex [0:s]null[o] -map [o]", "map", Code.STREAM_MISSING),
    ("-i ok.mp4 -map [z]", "label", Code.PLAN_INVALID),
    ("-i ok.mp4 -nosuch 1", "option", Code.TOOL_VERSION),
    ("-i ok.mp4 ok.mp4", "in-place", Code.OUTPUT_DUPLICATE),
    ("-f nosuch -i ok.mp4", "demuxer", Code.TOOL_VERSION),
    ("-i ok.mp4 -f nosuch out.mp4", "muxer", Code.OUTPUT_FORMAT),
    ("-i ok.mp4 out.nosuch", "muxer-unknown", Code.OUTPUT_FORMAT),
    ("-i ok.mp4 -c copy -bsf:a h264_mp4toannexb", "bitstream-filter", Code.MUX_FAILED),
    ("-i ok.mp4 -c copy out.webm", "container", Code.MUX_FAILED),
    ("-i ok.mp4 -c:v png out.flv", "container", Code.MUX_FAILED),
    ("-i ok.mp4 -vn -an", "no-streams", Code.MEDIA_NO_STREAMS),
    ("-i ok.mp4 out.jpg", "sequence", Code.OUTPUT_FORMAT),
    (
        "-i ok.mp4 -c copy -bsf:v setts=pts=NOPTS:dts=NOPTS -f mpegts out.ts",
        "timestamps",
        Code.TIMESTAMPS_INVALID,
    ),
    ("-xerror -i damaged.mp4", "decode", Code.DECODE_FAILED),
    ("-i ok.mp4 -f mp4 /dev/full", "disk", Code.DISK_FULL),
]

# Not to be had here: another kernel, another build, or hours of work. As FFmpeg's sources print it.
RECORDED = [
    ("[in#0/mov @ 0x1] stream 1, offset 0x7717: partial file", "truncated"),
    ("[tcp @ 0x1] Connection to tcp://10.0.0.1:80 failed: Connection timed out", "network"),
    ("[vf#0:0 @ 0x1] Error initializing: Too many open files", "open-files"),
    ("[fc#0 @ 0x1] Error starting thread: Resource temporarily unavailable", "threads"),
    ("[asf @ 0x1] DRM protected stream detected, decoding will likely fail!", "encrypted"),
    ("[mov @ 0x1] activation_bytes option is missing!", "encrypted"),
    ("[ist#0:0 @ 0x1] Decoding requested, but no decoder found for: nosuch", "codec"),
    ("[in#0/mov @ 0x1] corrupt input packet in stream 0", "packet"),
    ("[mp4 @ 0x1] Could not find tag for codec pcm_s16le in stream #1", "header"),
    ("x.mp4: Read-only file system", "read-only"),
    (
        "[vost#0:0 @ 0x1] Error while opening encoder - maybe incorrect parameters",
        "encoder-refused",
    ),
    ("[Parsed_x_0 @ 0x1] Failed to configure input pad on Parsed_x_0", "filter-refused"),
    ("ffmpeg: init.c:122: load: Assertion `0' failed.", "assertion"),
    ("[in#0 @ 0x1] something: Invalid data found when processing input", "invalid-data"),
    ("[out#0/mp4 @ 0x1] Output file is empty, nothing was encoded", "nothing-encoded"),
]


_LEVEL = ("-loglevel", "level+info")  # as runners read it
_NAMES_OUTPUT = re.compile(r" \S*out\.\w+$| /dev/full$|ok\.mp4 ok\.mp4$")


@pytest.fixture(scope="module")
def media(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good MP4; one cut in the middle with its index at the end, and at the front; noise."""
    folder = tmp_path_factory.mktemp("media")
    made = (
        *("-v", "error", "-f", "lavfi", "-i", "testsrc2=size=64x48:duration=2"),
        *("-f", "lavfi", "-i", "sine=duration=2", "-c:v", "libx264", "-c:a", "aac"),
    )
    subprocess.run([ffmpeg, *made, folder / "ok.mp4"], check=True)
    subprocess.run([ffmpeg, *made, "-movflags", "+faststart", folder / "fast.mp4"], check=True)
    whole = (folder / "ok.mp4").read_bytes()
    (folder / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    fast = (folder / "fast.mp4").read_bytes()
    (folder / "ends.mp4").write_bytes(fast[: len(fast) * 2 // 3])
    chance = random.Random(7)
    damaged = bytearray(whole)
    start, end = whole.index(b"mdat") + 400, whole.index(b"moov") - 100
    for _ in range(25):
        damaged[chance.randrange(start, end)] = chance.randrange(256)
    (folder / "damaged.mp4").write_bytes(damaged)
    (folder / "noise").write_bytes(random.Random(7).randbytes(3000))
    return folder


def ffmpeg_with(ffmpeg: Path, media: Path, folder: Path, text: str, **limits: Any) -> Completed:
    """Runs it in a copy of links to the media, in the sandbox, as a step would."""
    for path in media.iterdir():
        (folder / path.name).symlink_to(path)
    words = text.split()
    outputs = [] if _NAMES_OUTPUT.search(text) else ["out.mp4"]
    argv = (str(ffmpeg), "-y", "-nostdin", "-hide_banner", "-nostats", *_LEVEL, *words, *outputs)
    walls = Confinement(
        read=(media,),
        write=(folder, *([Path("/dev/full")] if "/dev/full" in words else [])),
        **limits,
    )
    return run(Command(argv=argv, cwd=folder, confinement=walls, timeout_s=60))


@pytest.mark.parametrize(("text", "name", "code"), PROVOKED, ids=[row[0] for row in PROVOKED])
def test_the_cause_is_told(
    text: str, name: str, code: Code, ffmpeg: Path, media: Path, tmp_path: Path
) -> None:
    done = ffmpeg_with(ffmpeg, media, tmp_path, text)
    assert done.exit_code != 0
    problem = classify(done.stderr_tail, done.exit_code, (str(ffmpeg), *text.split()))
    assert (problem.evidence.get("pattern"), problem.code) == (name, code), done.stderr_tail
    assert problem.evidence["argv"][0] == ffmpeg.name
    assert problem.evidence["log"]
    assert str(tmp_path) not in str(problem.to_json())


@pytest.mark.parametrize(("line", "name"), RECORDED)
def test_recorded_lines(line: str, name: str) -> None:
    assert classify([line], 234, ["ffmpeg"]).evidence["pattern"] == name


def test_no_header_for_an_input_that_ends_too_early() -> None:
    log = [
        "[in#0/mov @ 0x1] [error] stream 0, offset 0x864: partial file",
        "[out#0/matroska @ 0x1] [error] Could not write header (incorrect codec parameters ?)",
    ]
    problem = classify(log, 234, ["ffmpeg"])
    assert problem.code is Code.MEDIA_TRUNCATED
    assert "partial file" in problem.evidence["told_by"]
    assert "line" not in problem.evidence  # which is a line of the spec


def test_every_pattern_is_proved() -> None:
    elsewhere = {"file-limit", "memory"}
    proved = {row[1] for row in PROVOKED} | {row[1] for row in RECORDED} | elsewhere
    assert {pattern.name for pattern in PATTERNS} == proved
    assert len(PATTERNS) >= 25


def test_an_output_beyond_its_space(ffmpeg: Path, media: Path, tmp_path: Path) -> None:
    done = ffmpeg_with(ffmpeg, media, tmp_path, "-i ok.mp4 -c:v ffv1 out.mkv", file_bytes=20_000)
    problem = classify(done.stderr_tail, done.exit_code, ())
    assert (problem.code, problem.evidence["pattern"]) == (Code.DISK_FULL, "file-limit")


def test_memory_that_is_refused(ffmpeg: Path, media: Path, tmp_path: Path) -> None:
    text = "-i ok.mp4 -vf scale=8000:8000 -c:v ffv1 out.mkv"
    done = ffmpeg_with(ffmpeg, media, tmp_path, text, memory_bytes=160 << 20)
    problem = classify(done.stderr_tail, done.exit_code, ())
    assert (problem.code, problem.evidence["pattern"]) == (Code.MEMORY_EXHAUSTED, "memory")


def test_a_picture_too_large_is_no_lack_of_memory(
    ffmpeg: Path, media: Path, tmp_path: Path
) -> None:
    ffmpeg_with(ffmpeg, media, tmp_path, "-i ok.mp4 -c:v mpeg4 -an out.avi")
    reading = (
        str(ffmpeg),
        "-v",
        "error",
        "-max_pixels",
        "3072",
        "-i",
        "out.avi",
        "-f",
        "null",
        "-",
    )
    done = run(Command(argv=reading, cwd=tmp_path, confinement=Confinement(write=(tmp_path,))))
    assert any("Cannot allocate memory" in line for line in done.stderr_tail)
    assert classify(done.stderr_tail, done.exit_code, ()).code is Code.MEDIA_TOO_LARGE


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system")
def test_a_disk_that_is_full(ffmpeg: Path, media: Path, tmp_path: Path) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("this container may not mount")
    try:
        done = ffmpeg_with(ffmpeg, media, tmp_path, "-i ok.mp4 -c:v ffv1 out.mkv")
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
    problem = classify(done.stderr_tail, done.exit_code, ())
    assert problem.code is Code.DISK_FULL
    assert problem.code.retryable


@pytest.mark.parametrize(
    ("exit_code", "code"),
    [
        (-9, Code.TOOL_CRASHED),
        (-11, Code.TOOL_CRASHED),
        (-24, Code.TIMEOUT),
        (-25, Code.DISK_FULL),
        (228, Code.DISK_FULL),
        (1, Code.TOOL_FAILED),
    ],
)
def test_where_nothing_is_said_the_exit_code_speaks(exit_code: int, code: Code) -> None:
    assert classify([], exit_code, ["ffmpeg"]).code is code


def test_words_of_the_media_are_not_taken_for_ffmpeg_s(
    ffmpeg: Path, media: Path, tmp_path: Path
) -> None:
    lie = ("-metadata", "title=No space left on device")
    copy = ("-v", "error", "-i", media / "ok.mp4", "-c", "copy", *lie, tmp_path / "lies.mp4")
    subprocess.run([str(word) for word in (ffmpeg, *copy)], check=True)
    done = ffmpeg_with(ffmpeg, media, tmp_path, "-i lies.mp4 -vf nosuch")
    assert any("No space left on device" in line for line in done.stderr_tail)
    assert classify(done.stderr_tail, done.exit_code, ()).code is Code.FILTER_MISSING


def test_evidence_holds_no_secret_and_no_folder() -> None:
    argv = [
        "/home/me/bin/ffmpeg",
        "-i",
        "https://me:word@host.tv/a.mp4?token=abc",  # secret-ok: made up
        "/tmp/x y/o.mp4",
    ]
    lines = [
        "[https @ 0x5] HTTP err 403 for https://me:word@host.tv/a?token=abc: no",  # secret-ok: toy
        "Error opening output /tmp/x y/o.mp4: in /tmp/work/b.txt",
    ]
    problem = classify(lines, 1, argv)
    text = str(problem.to_json())
    for secret in ("word", "token", "abc", "/home", "/tmp", "0x5"):
        assert secret not in text
    assert problem.evidence["argv"] == ["ffmpeg", "-i", "https://host.tv/a.mp4?…", "o.mp4"]
    assert clean("at 0:01 [a @ 0xdeadbeef] 3/4 of 16:9") == "at 0:01 [a] 3/4 of 16:9"


def test_a_problem_can_be_raised() -> None:
    error = ReelError.of(classify(["moov atom not found"], 183, ["ffmpeg"]))
    assert error.code is Code.MOOV_MISSING
    assert error.problem.to_json()["hint"]
