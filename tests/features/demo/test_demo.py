"""`reel demo`, which `make demo` calls: a real job from nothing."""

import json
import subprocess
from pathlib import Path

from tests.cli.reel import make_clip, reel


def size_of(ffprobe: Path, path: Path) -> tuple[int, int]:
    done = subprocess.run(
        [ffprobe, "-v", "error", "-of", "json", "-show_streams", path],
        capture_output=True,
        check=True,
    )
    video = next(s for s in json.loads(done.stdout)["streams"] if s["codec_type"] == "video")
    return int(video["width"]), int(video["height"])


def test_without_a_video_one_is_made_and_a_whole_job_is_run(tmp_path: Path, ffprobe: Path) -> None:
    done = reel("demo", cwd=tmp_path)
    assert done.code == 0, done.err
    folder = tmp_path / "demo"
    results = {"large.mp4", "small.mp4", "still.jpg", "wave.png", "wave.json"}
    assert {path.name for path in folder.iterdir()} == results | {"sample.mp4", "demo.yaml"}
    assert {Path(line.split("  ")[0]).name for line in done.out.splitlines()} == results
    assert size_of(ffprobe, folder / "large.mp4") == (1280, 720)
    assert size_of(ffprobe, folder / "small.mp4") == (640, 360)
    assert str(folder / "demo.yaml") in done.err
    again = reel("run", str(folder / "demo.yaml"), "--json", "--overwrite", cwd=tmp_path)
    assert again.code == 0
    assert {line["state"] for line in again.lines if line["event"] == "step"} == {"cached"}


def test_a_video_of_ones_own_may_be_small_silent_and_oddly_named(
    tmp_path: Path, ffmpeg: Path, ffprobe: Path
) -> None:
    clip = make_clip(ffmpeg, tmp_path / 'it\'s "mine": 100%.mp4', sound=False)
    done = reel("demo", clip.name, "--folder", "shown", "--json", cwd=tmp_path)
    assert done.code == 0, done.out
    last = done.lines[-1]
    assert (last["event"], last["state"]) == ("job", "succeeded")
    names = [Path(output["path"]).name for output in last["outputs"]]
    assert names == ["large.mp4", "small.mp4", "still.jpg"]
    # Nothing is enlarged.
    assert size_of(ffprobe, tmp_path / "shown" / "large.mp4") == (128, 96)


def test_a_file_without_pictures_is_refused(tmp_path: Path, ffmpeg: Path) -> None:
    tone = tmp_path / "tone.wav"
    subprocess.run(
        [ffmpeg, "-v", "error", "-f", "lavfi", "-i", "sine=d=0.2", str(tone)], check=True
    )
    done = reel("demo", "tone.wav", "--json", cwd=tmp_path)
    assert (done.code, done.json["error"]["code"]) == (3, "media_no_streams")
    assert reel("demo", "tonne.wav", "--json", cwd=tmp_path).code == 2
