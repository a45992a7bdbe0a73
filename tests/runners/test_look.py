"""Both ways to look at pictures give the same, whatever wrote the file; the short way decodes less,
and steps aside where a file is not what it reckons with."""

import asyncio
import json
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import Code, ReelError
from reelwright.planning import Facts, Machine, compile
from reelwright.planning.looking import LOOKS
from reelwright.planning.plan import Step, StepKind
from reelwright.runners import StepResult, run_step
from reelwright.spec.parse import parse_text
from reelwright.tools.binaries import Tools
from reelwright.tools.decode import job
from reelwright.tools.probe import probe
from tests.runners.conftest import Contexts, Make

# Five scenes that move, at 25 frames a second; cuts at 30, 71, 97 and 140 of 175.
CUTS = [30, 71, 97, 140]
SCENES = (
    "testsrc2=s=320x180:r=25,trim=end_frame=30,setpts=PTS-STARTPTS[a];"
    "mandelbrot=s=320x180:r=25:maxiter=80,trim=end_frame=41,setpts=PTS-STARTPTS[b];"
    "smptebars=s=320x180:r=25,hue=H=t,trim=end_frame=26,setpts=PTS-STARTPTS[c];"
    "mandelbrot=s=320x180:r=25:maxiter=40:start_scale=0.4,negate,"
    "trim=end_frame=43,setpts=PTS-STARTPTS[d];"
    "testsrc2=s=320x180:r=25,hflip,hue=h=90,trim=end_frame=35,setpts=PTS-STARTPTS[e];"
    "[a][b][c][d][e]concat=n=5,format=yuv420p[v]"
)
X264 = ("-c:v", "libx264", "-preset", "veryfast")
NO_SCENECUT = ("-sc_threshold", "0")
MADE = {
    "plain.mp4": (*X264, "-crf", "21"),
    "no-scenecut.mp4": (*X264, *NO_SCENECUT, "-crf", "23"),
    "short-gops.mkv": (*X264, *NO_SCENECUT, "-g", "24", "-b:v", "400k"),
    "open-gops.ts": (*X264, "-x264-params", "open-gop=1:keyint=24:scenecut=0", "-bf", "3"),
    "no-b-frames.flv": (*X264, *NO_SCENECUT, "-tune", "zerolatency", "-g", "100"),
    "many-references.mov": (*X264, "-preset", "slow", "-refs", "6", "-bf", "6", *NO_SCENECUT),
    "hevc.mp4": ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error"),
    "ten-bits.mkv": ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le",
                     "-x265-params", "log-level=error:scenecut=0"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "500k"),
    "mpeg4.avi": ("-c:v", "mpeg4", "-b:v", "800k", "-g", "100"),
    "mpeg4.mp4": ("-c:v", "mpeg4", "-b:v", "800k", "-bf", "2", "-g", "100"),
    "mpeg2.ts": ("-c:v", "mpeg2video", "-b:v", "2M", "-bf", "2", "-g", "15"),
    "interlaced.mkv": (*X264, "-flags", "+ilme+ildct", "-x264-params", "interlaced=1"),
    "varying.mkv": (*X264, "-vf", "select=gt(mod(n\\,5)\\,0)+gt(n\\,60)", "-fps_mode", "vfr"),
}  # fmt: skip


@pytest.fixture(scope="module")
def scenes(make: Make) -> Path:
    source = ("-filter_complex", SCENES, "-map", "[v]")
    return make("scenes.mkv", *source, "-c:v", "ffv1")


def planned(tools: Tools, path: Path, *more: str) -> Step:
    """The one step of shots, keyframes and whatever `more` says."""
    wanted = [
        f"{{from: {entry.partition(':')[0]}, to: {entry.partition(':')[2]}}}" for entry in more
    ]
    spec = parse_text(
        "inputs: {in: in.mp4}\n"
        "operations:\n"
        "  - {id: found, op: shots, input: in}\n"
        "  - {id: faces, op: keyframes, input: found}\n"
        f"outputs: [{{from: faces.shots, to: shots.json}}{''.join(', ' + w for w in wanted)}]\n",
        base=path.parent,
    )
    info = asyncio.run(probe(path, tools))
    plan = compile(spec, Facts(media={"in": info}, uris={"in": str(path)}), Machine())
    (step,) = plan.steps
    return step


def looked(
    contexts: Contexts, step: Step, path: Path, kind: StepKind = StepKind.LOOK
) -> StepResult:
    assert step.kind is StepKind.LOOK
    context = contexts({step.inputs[0].name: path})
    return asyncio.run(run_step(replace(step, kind=kind), context))


def by_label(result: StepResult) -> Mapping[str, Any]:
    return {node.rpartition("/")[2]: value for node, value in result.results.items()}


def starts(result: StepResult) -> list[int]:
    return [shot["start_frame"] for shot in by_label(result)["shots"]["shots"]]


@pytest.mark.parametrize("name", MADE)
def test_both_ways_find_the_same_shots(
    name: str, tools: Tools, make: Make, contexts: Contexts, scenes: Path
) -> None:
    path = make(name, "-i", str(scenes), *MADE[name])
    step = planned(tools, path)
    short = looked(contexts, step, path)
    whole = looked(contexts, step, path, StepKind.FFMPEG)
    assert by_label(short)["shots"] == by_label(whole)["shots"]
    assert "fallback" not in short.report["look"], short.report
    if name != "varying.mkv":
        assert starts(short) == [0, *CUTS]


def test_fewer_frames_are_decoded_than_there_are(
    tools: Tools, make: Make, contexts: Contexts, scenes: Path
) -> None:
    path = make("plain.mp4", "-i", str(scenes), *MADE["plain.mp4"])
    report = looked(contexts, planned(tools, path), path).report["look"]
    assert report["packets"] == 175
    assert report["decoded"] < 120


def test_every_shot_has_its_keyframe_in_the_pack_and_packs_are_the_same_again(
    tools: Tools, make: Make, contexts: Contexts, scenes: Path
) -> None:
    path = make("plain.mp4", "-i", str(scenes), *MADE["plain.mp4"])
    step = planned(tools, path, "faces.keyframes:k.json", "faces.keyframe-pictures:k.zip")
    packs = []
    for kind in (StepKind.LOOK, StepKind.LOOK, StepKind.FFMPEG):
        result = looked(contexts, step, path, kind)
        found = by_label(result)["keyframes"]
        bounds = [0, *CUTS, 175]
        assert [one["shot"] for one in found["keyframes"]] == [0, 1, 2, 3, 4]
        for one in found["keyframes"]:
            assert bounds[one["shot"]] <= one["frame"] < bounds[one["shot"] + 1]
            assert one["time"] == pytest.approx(one["frame"] / 25)
        (pack,) = next(f for n, f in result.files.items() if n.endswith(".zip"))
        with zipfile.ZipFile(pack) as pictures:
            assert {one["file"] for one in found["keyframes"]} <= set(pictures.namelist())
        packs.append(pack.read_bytes())
    assert packs[0] == packs[1]


def test_pictures_are_upright(tools: Tools, make: Make, contexts: Contexts, scenes: Path) -> None:
    import io

    import numpy as np
    from PIL import Image

    flat = make("scenes-flat.mp4", "-i", str(scenes), *MADE["plain.mp4"])
    path = make("scenes-turned.mp4", "-display_rotation", "90", "-i", str(flat), "-c", "copy")
    step = planned(tools, path, "faces.keyframes:k.json", "faces.keyframe-pictures:k.zip")
    pictures = []
    for kind in (StepKind.LOOK, StepKind.FFMPEG):
        result = looked(contexts, step, path, kind)
        first = by_label(result)["keyframes"]["keyframes"][2]
        (pack,) = next(f for n, f in result.files.items() if n.endswith(".zip"))
        with zipfile.ZipFile(pack) as files:
            pictures.append(np.array(Image.open(io.BytesIO(files.read(first["file"])))).astype(int))
    assert pictures[0].shape == pictures[1].shape == (320, 180, 3)
    # Bars: other frames of the scene look alike but for their hue.
    assert np.abs(pictures[0] - pictures[1]).mean() < 30


def test_an_edit_list_that_hides_frames_is_left_to_ffmpeg(
    tools: Tools, make: Make, contexts: Contexts, scenes: Path
) -> None:
    whole = make("no-scenecut.mp4", "-i", str(scenes), *MADE["no-scenecut.mp4"])
    path = make("hidden.mp4", "-ss", "0.5", "-i", str(whole), "-c", "copy")
    step = planned(tools, path)
    short = looked(contexts, step, path)
    assert "fallback" in short.report["look"]
    whole_way = looked(contexts, step, path, StepKind.FFMPEG)
    assert by_label(short)["shots"] == by_label(whole_way)["shots"]


def test_a_truncated_file_is_an_error_by_either_way(
    tools: Tools, contexts: Contexts, video: Path, truncated: Path
) -> None:
    step = planned(tools, video)
    for kind in (StepKind.LOOK, StepKind.FFMPEG):
        with pytest.raises(ReelError) as caught:
            looked(contexts, step, truncated, kind)
        assert caught.value.code is Code.MEDIA_TRUNCATED


def test_a_look_that_is_cancelled_leaves_nothing(
    tools: Tools, make: Make, contexts: Contexts, scenes: Path
) -> None:
    long = make("long.mp4", "-stream_loop", "40", "-i", str(scenes), *MADE["plain.mp4"])
    step = planned(tools, long, "faces.keyframe-pictures:k.zip")
    context = contexts({step.inputs[0].name: long})

    async def cancelled() -> None:
        begun = asyncio.Event()
        context.on_progress = lambda _: begun.set()
        running = asyncio.ensure_future(run_step(step, context))
        await asyncio.wait_for(begun.wait(), 60)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(cancelled())
    left = {path.suffix for path in context.workspace.iterdir()}
    assert ".zip" not in left
    assert not [o for o in step.outputs if (context.workspace / o.name).exists()]


def test_the_child_stands_in_for_what_planning_sends_it() -> None:
    assert job.LOOKS == LOOKS


@pytest.mark.corpus
def test_published_cuts_by_the_short_way(tools: Tools, contexts: Contexts, corpus: Path) -> None:
    """Every published cut, to the frame, and no other."""
    manifest = json.loads((corpus / "MANIFEST.json").read_text())
    checked = 0
    for entry in manifest["files"]:
        truth = entry.get("ground_truth") or {}
        if truth.get("kind") == "hard_cuts":
            path = corpus / entry["file"]
            result = looked(contexts, planned(tools, path), path)
            assert starts(result)[1:] == truth["frames"], entry["file"]
            assert "fallback" not in result.report["look"]
            checked += 1
    assert checked >= 3


@pytest.mark.corpus
@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "frames/timecode_42s.mp4", "frames/sample_with_increasing_timestamps_320w_240h.mp4",
        "mkv/sample_with_srt.mkv", "ts/sample_h264.ts", "ts/hevc.ts", "mp4/delayed_start.mp4",
        "rotation/bbb-180rotated.mov", "vfr/fixture-null.webm", "codecs/sample_av1.mkv",
        "codecs/h265_bframes.mp4", "codecs/sample.avi", "codecs/short.ogv", "mp4/edts.mp4",
        "vfr/sample_android_slow_motion.mp4", "codecs/big-buck-bunny_trailer-short.vp8.webm",
    ],
)  # fmt: skip
def test_both_ways_find_the_same_in_real_media(
    name: str, tools: Tools, contexts: Contexts, corpus: Path
) -> None:
    path = corpus / name
    step = planned(tools, path)
    short = looked(contexts, step, path)
    whole = looked(contexts, step, path, StepKind.FFMPEG)
    assert by_label(short)["shots"] == by_label(whole)["shots"]
    assert Fraction(by_label(short)["shots"]["frame_rate"]) > 0
