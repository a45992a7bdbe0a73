"""Jobs on real media with known truths: rotation, frames, rates, HDR, subtitles, names, damage."""

import json
import re
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.reel import reel
from tests.features.jobs import Studio, argv
from tests.operators.senses import Frames, frames, loudness

pytestmark = pytest.mark.corpus

QUICK = "video: {codec: h264, preset: ultrafast}"


def job(path: Path, operation: str, to: str = "out.mp4", more: str = "") -> str:
    source = json.dumps({"path": str(path), "glob": False})
    return (
        f"inputs: {{in: {source}}}\noperations: [{{id: a, op: {operation}}}]\n"
        f"outputs: [{{from: a, to: '{to}'{more}}}]\n"
    )


def near(one: Frames, other: Frames) -> float:
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("video_rotation_90.mp4", (60, 100)),
        ("sample_rotate_and_reflect.mp4", None),
        ("rotate-buck-bunny.mp4", None),
        ("bbb-180rotated.mov", None),
    ],
)
def test_rotated_videos_come_out_upright(
    studio: Studio, corpus: Path, ffmpeg: Path, name: str, size: tuple[int, int] | None
) -> None:
    """What FFmpeg itself shows of the source is what the result shows without any rotation."""
    source = corpus / "rotation" / name
    shown = Studio(source.parent, studio.ffmpeg, studio.ffprobe).pictures(name)
    height, width = shown.shape[1:3]
    assert size is None or (width, height) == size
    studio.run(job(source, "trim, end: 0.5s, mode: encode", more=", video: {crf: 12}"))
    video = studio.facts("out.mp4")["video"]
    assert (video["width"], video["height"]) == (width, height)
    assert not video.get("side_data_list")
    assert near(studio.pictures("out.mp4")[0], shown[0]) < 8


def test_numbered_frames_are_cut_and_pictured_exactly(studio: Studio, corpus: Path) -> None:
    """Frame k of the source, found by its picture, not by its time."""
    source = corpus / "frames" / "test_462_frames.mp4"
    text = job(source, "trim, start: 2.1s, duration: 0.5s", more=", video: {crf: 10}")
    rate = Fraction(probe(studio, source)["frame_rate"])
    first = -(-Fraction("2.1") * rate // 1)
    studio.run(text)
    original = decoded(studio, source, int(first), 20)
    made = studio.pictures("out.mp4")
    assert near(made[0], original[0]) < 4
    assert near(made[5], original[5]) < 4
    assert near(made[0], original[5]) > near(made[0], original[0])
    studio.run(job(source, "thumbnail, at: [2.1s]", "still.png"))
    on_screen = decoded(studio, source, int(Fraction("2.1") * rate), 1)
    assert near(studio.pictures("still.png")[0], on_screen[0]) < 2


def probe(studio: Studio, path: Path) -> dict[str, Any]:
    streams = reel("probe", str(path), "--json", cwd=studio.folder).json["streams"]
    found: dict[str, Any] = next(s for s in streams if s["kind"] == "video")
    return found


def decoded(studio: Studio, path: Path, first: int, count: int) -> Frames:
    """Frames by number, of a video that is decoded from its start."""
    video = probe(studio, path)
    size = video["width_px"], video["height_px"]
    cut = studio.path("reference.mkv")
    command = [str(studio.ffmpeg), "-v", "error", "-y", "-i", str(path), "-map", "0:v:0", "-vf"]
    command += [f"select='between(n,{first},{first + count - 1})'", "-fps_mode", "passthrough"]
    subprocess.run([*command, "-c:v", "ffv1", str(cut)], check=True)
    return frames(studio.ffmpeg, cut, *size)


@pytest.mark.parametrize("name", ["sample_android_slow_motion.mp4", "fixture-null.webm"])
def test_varying_rates_become_constant(studio: Studio, corpus: Path, name: str) -> None:
    source = corpus / "vfr" / name
    assert probe(studio, source)["is_vfr"]
    studio.run(job(source, "fps, rate: 30", more=f", {QUICK}"))
    video = studio.facts("out.mp4")["video"]
    assert Fraction(video["r_frame_rate"]) == Fraction(video["avg_frame_rate"]) == 30


@pytest.mark.parametrize("name", ["hdr10-av1.mp4", "hlg10-color-test.mp4"])
def test_hdr_is_mapped_for_h264_and_kept_for_ten_bits(
    studio: Studio, corpus: Path, name: str
) -> None:
    source = corpus / "hdr" / name
    text = job(source, "trim, end: 0.2s, mode: encode", more=f", {QUICK}, audio: false")
    assert "tonemap" in argv(studio.plan(text))
    studio.run(text)
    made = studio.facts("out.mp4")["video"]
    assert made["pix_fmt"] == "yuv420p"
    assert made["color_transfer"] == "bt709"
    deep = "video: {codec: hevc, pix_fmt: yuv420p10le, preset: ultrafast}"
    studio.run(job(source, "trim, end: 0.2s, mode: encode", "deep.mp4", f", {deep}, audio: false"))
    kept = studio.facts("deep.mp4")["video"]
    assert kept["pix_fmt"] == "yuv420p10le"
    assert kept["color_transfer"] in ("smpte2084", "arib-std-b67")
    assert kept["color_primaries"] == "bt2020"


@pytest.mark.parametrize(
    ("name", "to", "codec"),
    [
        ("sample_with_srt.mkv", "out.mkv", "subrip"),
        ("sample_with_srt.mkv", "out.mp4", "mov_text"),
        ("sample_with_ass_subtitles.mkv", "out.mkv", "ass"),
        ("webvtt.mkv", "out.webm", "webvtt"),
    ],
)
def test_subtitles_are_carried_or_turned_into_what_fits(
    studio: Studio, corpus: Path, name: str, to: str, codec: str
) -> None:
    studio.run(job(corpus / "mkv" / name, "volume, gain: -1dB", to))
    assert studio.facts(to)["subtitle"]["codec_name"] == codec


def test_hostile_names(studio: Studio, corpus: Path) -> None:
    for source in sorted((corpus / "names").glob("*.mp4")):
        studio.run(job(source, "trim, end: 0.4s", f"{source.stem}.mkv".replace("'", "''")))
        assert studio.path(f"{source.stem}.mkv").stat().st_size > 1000


@pytest.mark.parametrize("keep", [False, True])
def test_broken_files_end_in_a_word_or_in_a_result(
    studio: Studio, corpus: Path, keep: bool
) -> None:
    """Never a fault of ours, never a hang; what fails leaves nothing behind."""
    for number, source in enumerate(sorted((corpus / "broken").iterdir())):
        is_sound = source.suffix in (".mp3", ".wav")
        to = f"out{number}.{'m4a' if is_sound else 'mp4'}"
        text = job(source, "volume, gain: -1dB" if is_sound else "scale, height: 64", to)
        studio.write(text.replace('"glob"', '"on_damage": "keep", "glob"') if keep else text)
        done = reel("run", "job.yaml", "--json", cwd=studio.folder)
        assert done.code in (0, 2, 3), (source.name, done.out, done.err)
        if done.code:
            error = done.lines[-1]["error"]
            assert error["message"], source.name
            assert error["code"] not in ("internal", "tool_crashed"), (source.name, error)
            assert not studio.path(to).exists(), source.name
        else:
            assert studio.path(to).stat().st_size > 0


def test_loudness_as_measured_elsewhere(studio: Studio, corpus: Path, ffmpeg: Path) -> None:
    for name in ("piano.wav", "sine_1000.wav"):
        studio.run(job(corpus / "loudness" / name, "loudnorm, target: -18", f"{name}.flac"))
        heard = loudness(ffmpeg, studio.path(f"{name}.flac"))
        assert heard.integrated_lufs == pytest.approx(-18, abs=0.6)


@pytest.mark.parametrize("name", ["bikes.mp4", "silent-black-25s.mp4", "bangkok_half_res.mp4"])
def test_cuts_are_found_where_they_are(studio: Studio, corpus: Path, name: str) -> None:
    listed = json.loads((corpus / "MANIFEST.json").read_text())["files"]
    (truth,) = [entry["ground_truth"] for entry in listed if entry["file"] == f"cuts/{name}"]
    source = corpus / "cuts" / name
    studio.run(job(source, "shots", "shots.json").replace("from: a", "from: a.shots"))
    found = json.loads(studio.path("shots.json").read_text())["shots"]
    rate = Fraction(probe(studio, source)["frame_rate"])
    frames_found = [Fraction(str(shot["start"])) * rate for shot in found[1:]]
    # A cut at frame 0 is where the first shot begins.
    expected = [frame for frame in truth["frames"] if frame]
    assert [float(frame) for frame in frames_found] == pytest.approx(expected, abs=1)


COPIES = [
    "codecs/sample.mp4", "codecs/sample_av1.mkv", "codecs/webm_vp9.webm", "codecs/sample.flv",
    "ts/sample_h264.ts", "mp4/sample_640x360.mov", "codecs/testsrc-hevc.mp4", "surround/ac3.mkv",
]  # fmt: skip


@pytest.mark.parametrize("name", COPIES)
def test_a_remux_copies_every_packet_of_the_picture(
    studio: Studio, corpus: Path, name: str
) -> None:
    source = corpus / name
    text = (
        f"inputs: {{in: '{source}'}}\noperations: []\n"
        "outputs: [{from: in, to: out.mkv, video: copy, audio: copy}]\n"
    )
    assert not re.search(r"libx26|aac ", argv(studio.plan(text)))
    studio.run(text)
    assert decoded_hash(studio, source) == decoded_hash(studio, studio.path("out.mkv"))


def decoded_hash(studio: Studio, path: Path) -> str:
    command = [str(studio.ffmpeg), "-v", "error", "-i", str(path), "-map", "0:v:0?", "-map"]
    command += ["0:a:0?", "-fps_mode", "passthrough", "-f", "streamhash", "-"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
