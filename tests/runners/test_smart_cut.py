"""The smart cut as a step: its report, its walls, and the full encode where it must give up."""

import asyncio
import os
import signal
import threading
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import Code, ReelError
from reelwright.planning.plan import Expectation, Step, StepInput, StepKind, StepOutput
from reelwright.runners.context import StepContext, StepProgress, StepResult
from reelwright.runners.dispatch import run_step
from reelwright.tools.binaries import find_tools
from tests.runners.smart_cut_media import judge, make, original_shown, shown
from tests.tools.processes import children, until


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("smart-cut-step")


def step_of(start: str, end: str | None, *, fallback: bool = True, **payload: Any) -> Step:
    body: dict[str, Any] = {
        "start": start,
        "end": end,
        "container": "mp4",
        "streams": [{"index": 0, "kind": "video"}, {"index": 1, "kind": "audio"}],
        "metadata": {"title": "a cut"},
        "options": {"movflags": "+faststart"},
    }
    if fallback:
        length = ["-t", str(float(Fraction(end) - Fraction(start)))] if end else []
        seek = ["-ss", str(float(Fraction(start))), *length, "-f", "mov", "-i", "in0"]
        body["fallback"] = ["ffmpeg", *seek, "-c:v", "libx264", "-preset", "ultrafast", "out.mp4"]
    return Step(
        id="cut",
        kind=StepKind.SMART_CUT,
        identity="0",
        inputs=(StepInput(name="in0", uri="in", demuxer="mov"),),
        outputs=(StepOutput(name="out.mp4", container="mp4"),),
        payload=body | payload,
        duration=Fraction(4),
    )


def run(step: Step, source: Path, folder: Path, **more: Any) -> StepResult:
    workspace = folder / "workspace"
    workspace.mkdir()
    context = StepContext(
        workspace=workspace,
        files={"in0": source},
        results={},
        tools=find_tools(),
        log=folder / "log",
        **more,
    )
    return asyncio.run(run_step(step, context))


def test_cut(ffmpeg: Path, media: Path, tmp_path: Path) -> None:
    source = make(ffmpeg, media, "h264.mp4")
    heard: list[StepProgress] = []

    result = run(step_of("13/5", "157/25"), source, tmp_path, on_progress=heard.append)

    output = result.files["out.mp4"][0]
    same = judge(
        original_shown(ffmpeg, source),
        shown(ffmpeg, output, strict=True),
        Fraction(13, 5),
        Fraction(157, 25),
        Fraction(0),
    )
    made = result.report["smart_cut"]
    assert made["frames"] == 92
    assert made["encoded_head_frames"] == 35
    assert len(same) >= made["copied_frames"] >= 50
    assert heard[-1].fraction is not None
    assert heard[-1].fraction > 0.8
    assert result.report["outputs"]["out.mp4"]["tags"]["title"] == "a cut"
    assert result.cpu_seconds > 0
    assert output.read_bytes().find(b"moov") < output.read_bytes().find(b"mdat")  # faststart


def test_nothing_to_copy_is_encoded(ffmpeg: Path, media: Path, tmp_path: Path) -> None:
    source = make(ffmpeg, media, "h264.mp4")

    result = run(step_of("12/5", "16/5"), source, tmp_path)

    assert "no random-access point" in result.report["smart_cut"]["fallback"]
    original = original_shown(ffmpeg, source)
    cut = shown(ffmpeg, result.files["out.mp4"][0])
    judge(original, cut, Fraction(12, 5), Fraction(16, 5), Fraction(0))


def test_without_a_fallback_it_is_an_error(ffmpeg: Path, media: Path, tmp_path: Path) -> None:
    source = make(ffmpeg, media, "h264-open.mp4")
    step = step_of("13/5", "8", fallback=False, streams=[{"index": 0, "kind": "video"}])

    with pytest.raises(ReelError) as error:
        run(step, source, tmp_path)

    assert error.value.code is Code.SEAM_DAMAGED
    assert not (tmp_path / "workspace" / "out.mp4").exists()


def test_being_killed_is_no_reason_to_encode(tmp_path: Path) -> None:
    """Another try gives what was planned; an encode in its place would be kept under its name."""
    never_opens = tmp_path / "pipe"
    os.mkfifo(never_opens)

    def kill() -> None:
        os.kill(until(cuts)[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(ReelError) as caught:
        run(step_of("1", "3"), never_opens, tmp_path)
    killer.join()
    assert caught.value.code is Code.TOOL_CRASHED
    assert caught.value.code.retryable


def cuts() -> list[int]:
    """Smart cuts that run: the guard's children, once it has become the program."""
    below = [p for guard in children(os.getpid()) for p in children(guard)]
    lines = {p: Path(f"/proc/{p}/cmdline").read_bytes() for p in below}
    return [p for p, line in lines.items() if b"smartcut" in line]


def test_another_output_than_planned_is_encoded(ffmpeg: Path, media: Path, tmp_path: Path) -> None:
    """What the plan expects decides, not what the cut says of itself."""
    source = make(ffmpeg, media, "h264.mp4")
    step = step_of("13/5", "157/25")
    planned = replace(step.outputs[0], expect=Expectation(duration=Fraction(5)))

    with pytest.raises(ReelError) as error:
        run(replace(step, outputs=(planned,)), source, tmp_path)

    assert error.value.code is Code.OUTPUT_MISMATCH


def test_frames_are_counted_in_the_source(ffmpeg: Path, media: Path, tmp_path: Path) -> None:
    """A duration times a rate is wrong where the source has gaps, beyond what probing looks at."""
    source = make(ffmpeg, media, "h264-vfr.mp4")
    streams = [{"index": 0, "kind": "video"}]
    step = step_of("13/5", "157/25", fallback=False, streams=streams)
    planned = replace(step.outputs[0], expect=Expectation(frame_count=92))

    result = run(replace(step, outputs=(planned,)), source, tmp_path)

    span = Fraction(13, 5), Fraction(157, 25)
    cut = shown(ffmpeg, result.files["out.mp4"][0])
    original = original_shown(ffmpeg, source)
    judge(original, cut, *span, original.times[0])
    assert len(cut.times) < 92


def test_damaged_packets_are_encoded(ffmpeg: Path, media: Path, tmp_path: Path) -> None:
    """The head cannot be decoded: FFmpeg, which conceals, decides what to say of it."""
    source = tmp_path / "damaged.mp4"
    data = bytearray(make(ffmpeg, media, "h264.mp4").read_bytes())
    begin = data.find(b"mdat") + len(data) // 4
    data[begin : begin + 3000] = bytes(3000)
    source.write_bytes(data)
    step = step_of("13/5", "157/25", fallback=False)

    with pytest.raises(ReelError) as error:
        run(step, source, tmp_path)

    assert error.value.code is Code.SEAM_DAMAGED


def test_a_file_that_is_no_video(tmp_path: Path) -> None:
    source = tmp_path / "noise.mp4"
    source.write_bytes(bytes(range(256)) * 64)

    with pytest.raises(ReelError) as error:
        run(step_of("1", "2", fallback=False), source, tmp_path)

    assert error.value.code is Code.SEAM_DAMAGED


@pytest.mark.attack
def test_no_other_file_is_opened(ffmpeg: Path, media: Path, tmp_path: Path) -> None:
    """A playlist that calls itself MP4 names a file outside: the demuxer is pinned, and so is what
    may be read."""
    secret = make(ffmpeg, media, "h264.mp4")
    source = tmp_path / "clip.mp4"
    source.write_text(f"ffconcat version 1.0\nfile '{secret}'\n")
    step = step_of("13/5", "157/25", fallback=False)
    unpinned = replace(step, inputs=(replace(step.inputs[0], demuxer=None),))

    with pytest.raises(ReelError) as error:
        run(unpinned, source, tmp_path)

    assert error.value.code is Code.SEAM_DAMAGED
    assert not (tmp_path / "workspace" / "out.mp4").exists()
