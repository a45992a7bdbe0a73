"""The video operators through every room but the engine: planned, run in steps, verified.

What verification compares with are the operators' facts, so a wrong fact fails here as well.
"""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import ReelError
from tests.operators.scene import facts, make, numbers
from tests.operators.test_trim import psnr
from tests.operators.whole import Whole, run_whole

LOSSLESS = {"codec": "ffv1"}


def run(folder: Path, source: Path, op: dict[str, Any], to: str = "out.mkv", **more: Any) -> Whole:
    output = {"from": "it", "to": to, **({} if to[-4:] in IMAGES else {"video": LOSSLESS}), **more}
    return run_whole(folder, source, [{"id": "it", "input": "in", **op}], [output])


IMAGES = {".png", ".jpg", "webp"}


@pytest.mark.parametrize("mode", ["exact", "encode"])
def test_trim_keeps_the_right_frames(
    ffmpeg: Path, numbered: Path, tmp_path: Path, mode: str
) -> None:
    op = {"op": "trim", "start": "0.52s", "end": "1.2s", "mode": mode}
    whole = run(tmp_path, numbered, op)
    assert numbers(ffmpeg, whole.files["out.mkv"][0]) == list(range(13, 30))


@pytest.mark.parametrize(
    ("start", "video_start", "expected"), [("0.2s", 0.3, range(75)), ("1s", 0, range(13, 75))]
)
def test_trim_keeps_a_late_picture_in_step(
    ffmpeg: Path, numbered: Path, tmp_path: Path, start: str, video_start: float, expected: range
) -> None:
    """The picture begins half a second after the sound, in the result as well."""
    late = make(
        ffmpeg,
        tmp_path / "late.mkv",
        *("-itsoffset", "0.5", "-i", str(numbered), "-f", "lavfi", "-i", "sine=d=4"),
        *("-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "pcm_s16le"),
    )
    op = {"op": "trim", "start": start, "mode": "encode"}
    whole = run(tmp_path, late, op, audio={"codec": "pcm_s16le"})
    found = facts(whole.files["out.mkv"][0])
    assert numbers(ffmpeg, whole.files["out.mkv"][0]) == list(expected)
    assert found.video is not None
    # Frame times are whole frames in the encoder: half of one is lost at the most.
    assert found.video.start == pytest.approx(video_start, abs=0.021)


@pytest.mark.parametrize("to", ["in.mkv", "in.mp4", "in.ts"])
@pytest.mark.parametrize("fused", [False, True])
def test_stills_in_any_container(ffmpeg: Path, tmp_path: Path, to: str, fused: bool) -> None:
    """29.97 in ticks of 1 ms, of 1/30000 s and of 1/90000 s, by seek and by select."""
    graph = "nullsrc=s=16x16:r=30000/1001:d=20,geq=lum=16.5+2.9*mod(N\\,70):cb=128:cr=128"
    encode = ("-c:v", "libx264", "-g", "30", "-qp", "0", "-pix_fmt", "yuv420p")
    source = make(ffmpeg, tmp_path / to, "-f", "lavfi", "-i", graph, *encode)
    rate = Fraction(30000, 1001)
    frames = [0, 1, 32, 331, 598]
    operations = [
        {"id": "it", "op": "thumbnail", "input": "in", "at": [f"{n / rate}" for n in frames]},
        {"id": "small", "op": "scale", "input": "in", "width": 8},
    ]
    outputs: list[dict[str, Any]] = [{"from": "it", "to": "still-{index}.png"}]
    if fused:
        outputs.append({"from": "small", "to": "small.mkv", "video": LOSSLESS})
    whole = run_whole(tmp_path, source, operations, outputs)
    assert ("within a decode that runs anyway" in whole.because) == fused
    files = next(f for name, f in whole.files.items() if name.startswith("still"))
    assert [n for path in files for n in numbers(ffmpeg, path)] == [n % 70 for n in frames]


def test_trim_copies_what_it_can(ffmpeg: Path, numbered: Path, tmp_path: Path) -> None:
    op = {"op": "trim", "start": "0.52s", "end": "2.6s"}
    whole = run(tmp_path, numbered, op, "out.mp4", video={})
    assert numbers(ffmpeg, whole.files["out.mp4"][0]) == list(range(13, 65))


def test_trim_from_a_keyframe(ffmpeg: Path, numbered: Path, tmp_path: Path) -> None:
    op = {"op": "trim", "start": "0.52s", "end": "1.6s", "mode": "keyframe"}
    whole = run(tmp_path, numbered, op, "out.mkv", video={})
    # Keyframes stand at every tenth frame.
    shown = numbers(ffmpeg, whole.files["out.mkv"][0])
    assert shown[0] == 10
    assert shown == list(range(10, 10 + len(shown)))


def test_trim_each_shot(ffmpeg: Path, three_shots: Path, tmp_path: Path) -> None:
    op = {"op": "trim", "each": "shots", "mode": "encode"}
    whole = run(tmp_path, three_shots, op, "shot-{index}.mkv")
    found = [facts(path).video for files in whole.files.values() for path in files]
    assert [v.frame_count for v in found if v] == [20, 30, 30]
    assert [p.revision for p in whole.plans] == [1, 2]


def test_a_chain_of_all(ffmpeg: Path, numbered: Path, tmp_path: Path) -> None:
    """Each operator's facts are what the next one builds on."""
    chain: list[dict[str, Any]] = [
        {"op": "trim", "start": "1s", "end": "2s"},
        {"op": "scale", "width": 64},
        {"op": "crop", "aspect": "2:1"},
        {"op": "pad", "aspect": "1:1"},
        {"op": "rotate", "degrees": 90},
        {"op": "rotate", "degrees": 10},
        {"op": "fps", "rate": 10},
    ]
    operations = [
        {"id": f"o{n}", "input": f"o{n - 1}" if n else "in", **op} for n, op in enumerate(chain)
    ]
    output = {"from": f"o{len(chain) - 1}", "to": "out.mkv", "video": LOSSLESS}
    whole = run_whole(tmp_path, numbered, operations, [output])
    video = facts(whole.files["out.mkv"][0]).video
    assert video is not None
    assert [video.width_px, video.height_px] == [76, 76]
    assert [video.frame_count, video.frame_rate] == [10, 10]
    assert len(whole.steps) == 1


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        ({"at": ["0.52s", "1.999s", "2.999s"]}, [13, 49, 74]),
        ({"count": 3}, [12, 37, 62]),
        ({"every": "0.7s"}, [0, 17, 35, 52, 70]),
    ],
)
def test_thumbnails(
    ffmpeg: Path, numbered: Path, tmp_path: Path, op: dict[str, Any], expected: list[int]
) -> None:
    whole = run(tmp_path, numbered, {"op": "thumbnail", **op}, "still-{index}.png")
    (files,) = whole.files.values()
    assert [n for path in files for n in numbers(ffmpeg, path)] == expected


def test_thumbnails_of_a_long_file_are_sought(ffmpeg: Path, tmp_path: Path) -> None:
    """80 s at 29.97: a seek to each, and the frame that is on screen then."""
    graph = "nullsrc=s=16x16:r=30000/1001:d=80,geq=lum=16.5+2.9*mod(N\\,70):cb=128:cr=128"
    encode = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", "-pix_fmt", "yuv420p")
    source = make(ffmpeg, tmp_path / "long.mp4", "-f", "lavfi", "-i", graph, *encode)
    times = ["0s", "33.4s", "60.06s", "-1ms"]
    whole = run(tmp_path, source, {"op": "thumbnail", "at": times}, "still-{index}.png")
    assert "seeks are cheaper" in whole.because
    (files,) = whole.files.values()
    frames = [0, 1000, 1800, 2397]  # floor(t * 30000 / 1001); 2398 frames
    assert [n for path in files for n in numbers(ffmpeg, path)] == [n % 70 for n in frames]


@pytest.mark.parametrize("seconds", [4, 80])
def test_thumbnails_at_a_varying_rate(ffmpeg: Path, tmp_path: Path, seconds: int) -> None:
    """The frame on screen, however long it has been there, selected or sought; the last one too.

    20 frames at an even rate, of which 4 to 11 and 15 to 18 do not exist.
    """
    rate = f"20/{seconds}"
    left_out = "select='not(between(n,4,11)+between(n,15,18))'"
    graph = f"nullsrc=s=16x16:r={rate}:d={seconds},geq=lum=16.5+2.9*N:cb=128:cr=128,{left_out}"
    encode = ("-fps_mode", "vfr", "-c:v", "libx264", "-g", "4", "-pix_fmt", "yuv420p", "-qp", "0")
    source = make(ffmpeg, tmp_path / "vfr.mkv", "-f", "lavfi", "-i", graph, *encode)
    # In twentieths of the whole; a file's last frame may have no duration of its own.
    places = [0, 2.5, 9, 14, 18.9, 19]
    op = {"op": "thumbnail", "at": [f"{p * seconds / 20}s" for p in places]}
    whole = run(tmp_path, source, op, "still-{index}.png")
    assert ("seeks are cheaper" in whole.because) == (seconds == 80)
    (files,) = whole.files.values()
    assert [n for path in files for n in numbers(ffmpeg, path)] == [0, 2, 3, 14, 14, 19]


def test_thumbnail_of_each_shot(ffmpeg: Path, three_shots: Path, tmp_path: Path) -> None:
    op = {"op": "thumbnail", "at": "each-shot", "width": 80}
    whole = run(tmp_path, three_shots, op, "still-{index}.jpg")
    (files,) = whole.files.values()
    sizes = [(v.width_px, v.height_px) for p in files if (v := facts(p).video)]
    # 45 rows would do; a picture may have an odd side.
    assert sizes == [(80, 45)] * 3
    assert len(whole.plans) == 2


@pytest.mark.parametrize("to", ["still.jpg", "still.png", "still.webp"])
def test_the_best_frame_in_any_format(
    ffmpeg: Path, numbered: Path, tmp_path: Path, to: str
) -> None:
    whole = run(tmp_path, numbered, {"op": "thumbnail", "width": 16}, to)
    video = facts(whole.files[to][0]).video
    assert video is not None
    assert [video.width_px, video.height_px] == [16, 16]


def test_a_sprite_and_its_webvtt(ffmpeg: Path, numbered: Path, tmp_path: Path) -> None:
    sprite = {"interval": "0.5s", "columns": 2, "rows": 2, "width": 16}
    operations = [{"id": "it", "op": "thumbnail", "input": "in", "sprite": sprite}]
    outputs = [
        {"from": "it", "to": "sheet-{index}.jpg"},
        {"from": "it.vtt", "to": "sheets.vtt"},
    ]
    whole = run_whole(tmp_path, numbered, operations, outputs)
    text = whole.files["sheets.vtt"][0].read_text()
    assert text.startswith("WEBVTT")
    assert "{file" not in text
    assert text.count("#xywh=") == 6
    (sheets,) = (files for name, files in whole.files.items() if name != "sheets.vtt")
    assert len(sheets) == 2


def test_shots_as_json_beside_a_fused_encode(
    ffmpeg: Path, three_shots: Path, tmp_path: Path
) -> None:
    """One decode for the shots and the small version."""
    operations = [
        {"id": "found", "op": "shots", "input": "in"},
        {"id": "small", "op": "scale", "input": "found", "height": 48},
    ]
    outputs = [
        {"from": "found.shots", "to": "shots.json"},
        {"from": "small", "to": "small.mkv", "video": LOSSLESS},
    ]
    whole = run_whole(tmp_path, three_shots, operations, outputs)
    result = json.loads(whole.files["shots.json"][0].read_text())
    assert [s["start"] for s in result["shots"]] == [0, 1, 2.5]
    video = facts(whole.files["small.mkv"][0]).video
    assert video is not None
    assert [video.height_px, video.frame_count] == [48, 80]
    assert len([s for s in whole.steps if s.commands]) == 1


def test_an_error_names_the_parameter(numbered: Path, tmp_path: Path) -> None:
    with pytest.raises(ReelError) as caught:
        run(tmp_path, numbered, {"op": "thumbnail", "at": ["1s", "4s"]}, "still-{index}.png")
    assert caught.value.problem.where == "operations[0].at[1]"


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "op", "size"),
    [
        ("mp4/SAR-2by3.mp4", {"op": "scale", "height": 90}, (106, 90)),
        ("rotation/rotate-buck-bunny.mp4", {"op": "scale", "height": 160}, (90, 160)),
        ("rotation/video_rotation_90.mp4", {"op": "rotate", "degrees": 90}, (100, 60)),
        ("rotation/bbb-180rotated.mov", {"op": "crop", "width": "50%", "height": 90}, (208, 90)),
        ("vfr/fixture-null.webm", {"op": "scale", "height": 90}, (160, 90)),
        ("vfr/sample_android_slow_motion.mp4", {"op": "fps", "rate": 30}, (1280, 720)),
    ],
)
def test_real_files(
    corpus: Path, tmp_path: Path, name: str, op: dict[str, Any], size: tuple[int, int]
) -> None:
    whole = run(tmp_path, corpus / name, op, audio={"codec": "pcm_s16le"})
    video = facts(whole.files["out.mkv"][0]).video
    assert video is not None
    assert (video.width_px, video.height_px) == size


@pytest.mark.corpus
def test_burned_in_numbers(ffmpeg: Path, corpus: Path, tmp_path: Path) -> None:
    source = corpus / "frames" / "counter.mp4"
    op = {"op": "thumbnail", "at": ["0s", "1.45s", "2.95s"]}
    whole = run(tmp_path, source, op, "still-{index}.png")
    (files,) = whole.files.values()
    for path, number in zip(files, ("001", "015", "030"), strict=True):
        assert psnr(ffmpeg, path, corpus / "frames" / f"frame{number}.png") > 40
