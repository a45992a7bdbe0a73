"""Steps run on real FFmpeg: what comes out, and what stops what must not come out."""

import asyncio
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from reelwright.errors import Code, ReelError
from reelwright.media.info import MediaInfo
from reelwright.planning.plan import Expectation, Step, StepInput, StepKind, StepOutput
from reelwright.runners import StepContext, StepResult, run_step
from reelwright.runners.context import StepProgress
from tests.runners.conftest import Contexts, Make
from tests.runners.steps import AUDIO, VIDEO, WHOLE, X264, encode, given, step


def ran(wanted: Step, context: StepContext) -> StepResult:
    return asyncio.run(run_step(wanted, context))


def refused(wanted: Step, context: StepContext) -> ReelError:
    with pytest.raises(ReelError) as caught:
        ran(wanted, context)
    return caught.value


def plain(path: Path, expect: Expectation = WHOLE, *arguments: str, **more: Any) -> Step:
    output = StepOutput(name="out.mp4", container="mp4", expect=expect)
    wanted = step(encode(*arguments), inputs=[given(path)], outputs=[output])
    return replace(wanted, **more)


def test_an_encode_gives_a_verified_file_with_its_facts(video: Path, contexts: Contexts) -> None:
    context = contexts({"in0": video})
    result = ran(plain(video), context)
    assert result.files == {"out.mp4": (context.workspace / "out.mp4",)}
    info = MediaInfo.from_json(result.report["outputs"]["out.mp4"])
    assert info.video is not None
    assert (info.video.width_px, info.video.frame_count) == (160, 50)
    assert "damage" not in result.report
    assert result.cpu_seconds > 0
    assert result.max_rss_bytes > 1 << 20
    assert "libx264" in context.log.read_text()


def test_progress_ends_at_one_and_never_falls(video: Path, contexts: Contexts) -> None:
    seen: list[StepProgress] = []
    context = contexts({"in0": video})
    context.on_progress = seen.append
    half = Expectation(streams=(VIDEO, AUDIO))
    outputs = [StepOutput(name=f"out{n}.mp4", container="mp4", expect=half) for n in (1, 2)]
    commands = [encode(out="out1.mp4"), encode(out="out2.mp4")]
    wanted = step(*commands, inputs=[given(video)], outputs=outputs, duration=Fraction(2))
    ran(wanted, context)
    fractions = [p.fraction for p in seen if p.fraction is not None]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert 0.5 in fractions
    assert {p.command for p in seen} == {1, 2}
    assert seen[-1].frame == 50


def test_the_log_holds_every_command(video: Path, contexts: Contexts) -> None:
    context = contexts({"in0": video})
    any_file = Expectation()
    outputs = [StepOutput(name=f"out{n}.mp4", container="mp4", expect=any_file) for n in (1, 2)]
    commands = [encode(out="out1.mp4"), encode(out="out2.mp4")]
    ran(step(*commands, inputs=[given(video)], outputs=outputs), context)
    log = context.log.read_text()
    assert "out1.mp4" in log
    assert "out2.mp4" in log
    assert [p.name for p in context.log.parent.glob("log0*")] == ["log0.txt"]


def test_late_values_fill_arguments_and_graphs_but_no_user_text(
    video: Path, contexts: Contexts
) -> None:
    context = contexts({"in0": video}, {"op/size": {"w": 80, "gain": "-6.00dB"}})
    graph = "[0:v]scale={op/size.w}:-2[v];[0:a]volume={op/size.gain}[a]"
    words = "{op/size.w} is not a value here"
    command = encode(
        *("-/filter_complex", "graph.txt", "-map", "[v]", "-map", "[a]"),
        *("-metadata", "title={op/size.w}", "-t", "{op/size.w}"),
    )
    small = replace(VIDEO, width_px=80, height_px=None)
    wanted = step(
        command,
        inputs=[given(video)],
        texts={"graph.txt": graph, "text1.txt": words},
        outputs=[
            StepOutput(name="out.mp4", container="mp4", expect=Expectation(streams=(small, AUDIO)))
        ],
    )
    result = ran(wanted, context)
    assert (context.workspace / "text1.txt").read_text() == words
    assert result.report["outputs"]["out.mp4"]["tags"]["title"] == "{op/size.w}"


@pytest.mark.parametrize("value", ["80;rm", "nan", float("inf"), True, None, [80], "0x10"])
def test_only_numbers_become_late_values(value: object, video: Path, contexts: Contexts) -> None:
    context = contexts({"in0": video}, {"op/size": {"w": value}})
    wanted = plain(video, WHOLE, "-vf", "scale={op/size.w}:-2")
    assert refused(wanted, context).code is Code.PLAN_INVALID
    assert not (context.workspace / "out.mp4").exists()


def test_a_value_that_nobody_measured_is_a_mistake_of_the_plan(
    video: Path, contexts: Contexts
) -> None:
    wanted = plain(video, WHOLE, "-vf", "scale={op/size.w}:-2")
    error = refused(wanted, contexts({"in0": video}))
    assert error.code is Code.PLAN_INVALID
    assert "op/size" in str(error)


def test_the_bundled_font_is_linked(video: Path, contexts: Contexts) -> None:
    wanted = plain(
        video, WHOLE, "-vf", "drawtext=expansion=none:fontfile=asset1.ttf:textfile=text1.txt"
    )
    wanted = replace(
        wanted, links={"asset1.ttf": "@font/DejaVuSans.ttf"}, texts={"text1.txt": "it's 5% {a.b}"}
    )
    assert ran(wanted, contexts({"in0": video})).files


def test_a_missing_font_is_named(video: Path, contexts: Contexts) -> None:
    wanted = replace(plain(video), links={"asset1.ttf": "/nowhere/Font.ttf"})
    error = refused(wanted, contexts({"in0": video}))
    assert error.code is Code.FONT_MISSING
    assert "/nowhere/Font.ttf" in str(error)


@pytest.mark.parametrize("name", ["../out.txt", "/tmp/out.txt", "a/b.txt", "..", ""])
def test_no_generated_name_leaves_the_workspace(name: str, video: Path, contexts: Contexts) -> None:
    wanted = replace(plain(video), texts={name: "x"})
    assert refused(wanted, contexts({"in0": video})).code is Code.PLAN_INVALID


def test_the_sandbox_keeps_commands_to_their_files(
    video: Path, contexts: Contexts, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(video.read_bytes())
    wanted = step(
        encode(source=str(secret)),
        inputs=[given(video)],
        outputs=[StepOutput(name="out.mp4", container="mp4")],
    )
    context = contexts({"in0": video})
    refused(wanted, context)
    assert not (context.workspace / "out.mp4").exists()
    context = contexts({"in0": video})
    context.sandbox = False
    assert ran(wanted, context).files


def test_a_failure_of_ffmpeg_is_classified_and_keeps_its_evidence(
    video: Path, contexts: Contexts
) -> None:
    context = contexts({"in0": video})
    error = refused(plain(video, WHOLE, "-vf", "scale=no_such=1"), context)
    assert error.code is Code.FILTER_OPTIONS
    assert any("no_such" in str(line) for line in error.problem.evidence.values())
    assert not (context.workspace / "out.mp4").exists()


def test_cancelling_leaves_no_process_and_no_partial_output(
    contexts: Contexts, tools: object
) -> None:
    context = contexts()
    output = StepOutput(name="out.mp4", container="mp4")
    endless = ("-re", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25")
    wanted = step(("ffmpeg", "-y", *endless, *X264, "out.mp4"), outputs=[output])

    async def cancel() -> None:
        started = asyncio.Event()
        context.on_progress = lambda _: started.set()
        running = asyncio.create_task(run_step(wanted, context))
        await started.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(cancel())
    assert not (context.workspace / "out.mp4").exists()
    assert str(context.workspace) not in working_directories()


def working_directories() -> set[str]:
    """Of every process that we may look at."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*/cwd"):
        try:
            found.add(str(entry.readlink()))
        except OSError:
            continue
    return found


def test_a_lost_lease_stops_the_command(contexts: Contexts) -> None:
    context = contexts()
    endless = ("-re", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25")
    output = StepOutput(name="out.mp4", container="mp4")
    wanted = step(("ffmpeg", "-y", *endless, *X264, "out.mp4"), outputs=[output])

    async def lost() -> bool:
        return False

    context.heartbeat = lost
    assert refused(wanted, context).code is Code.LEASE_LOST
    assert not (context.workspace / "out.mp4").exists()


def test_a_truncated_input_is_an_error_though_ffmpeg_exits_with_zero(
    truncated: Path, contexts: Contexts
) -> None:
    context = contexts({"in0": truncated})
    error = refused(plain(truncated), context)
    assert error.code is Code.MEDIA_TRUNCATED
    assert error.problem.where == "in0"
    assert error.problem.evidence["complaints"]
    assert not (context.workspace / "out.mp4").exists()


def test_copying_a_truncated_input_is_an_error_too(truncated: Path, contexts: Contexts) -> None:
    copy = encode(flags=("-c", "copy"))
    output = StepOutput(name="out.mp4", container="mp4", expect=WHOLE)
    wanted = step(copy, inputs=[given(truncated)], outputs=[output])
    assert refused(wanted, contexts({"in0": truncated})).code is Code.MEDIA_TRUNCATED


def test_keep_makes_of_a_truncated_input_what_there_is_and_says_so(
    truncated: Path, contexts: Contexts
) -> None:
    result = ran(plain(truncated, on_damage="keep"), contexts({"in0": truncated}))
    facts = MediaInfo.from_json(result.report["outputs"]["out.mp4"])
    assert facts.video is not None
    assert facts.video.frame_count is not None
    assert 0 < facts.video.frame_count < 50
    said = " ".join(result.report["damage"])
    assert "partial file" in said
    assert "expected 50 frames" in said


def test_a_header_that_lies_without_a_complaint_is_found_by_the_shorter_output(
    make: Make, contexts: Contexts
) -> None:
    whole = make("tone.mp3", "-f", "lavfi", "-i", "sine=duration=8", "-b:a", "64k")
    lying = whole.with_name("lying.mp3")  # its Xing header still says 8 s
    data = whole.read_bytes()
    lying.write_bytes(data[: len(data) // 2])
    argv = ("ffmpeg", "-y", "-f", "mp3", "-i", "in0", "-c:a", "aac", "out.m4a")
    expect = Expectation(streams=(replace(AUDIO, sample_rate_hz=44100),), duration=Fraction(8))
    wanted = step(
        argv,
        inputs=[StepInput(name="in0", uri=str(lying), demuxer="mp3")],
        outputs=[StepOutput(name="out.m4a", container="m4a", expect=expect)],
    )
    error = refused(wanted, contexts({"in0": lying}))
    assert error.code is Code.MEDIA_TRUNCATED
    assert "promises 8.0" in str(error)
    assert ran(replace(wanted, on_damage="keep"), contexts({"in0": lying})).report["damage"]


def test_an_output_that_was_not_written_is_an_error(video: Path, contexts: Contexts) -> None:
    outputs = [StepOutput(name="other.mp4", container="mp4")]
    wanted = step(encode(), inputs=[given(video)], outputs=outputs)
    assert refused(wanted, contexts({"in0": video})).code is Code.OUTPUT_MISSING


def test_an_unresolved_step_cannot_be_run(contexts: Contexts) -> None:
    wanted = step(kind=StepKind.UNRESOLVED)
    assert refused(wanted, contexts()).code is Code.PLAN_INVALID


def test_an_input_that_nobody_provides_is_a_mistake_of_the_plan(
    video: Path, contexts: Contexts
) -> None:
    assert refused(plain(video), contexts()).code is Code.PLAN_INVALID
