"""`reel plan`: what would be copied, encoded, converted and fused, each with its reason."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.reel import reel
from tests.features.jobs import Studio, argv, because
from tests.features.media import make


def spec(operations: str, outputs: str, inputs: str = "in: in.mp4") -> str:
    steps = f"operations: [{operations}]\n"
    return f"inputs: {{{inputs}}}\n{steps}outputs: [{outputs}]\n"


@pytest.fixture
def at_work(studio: Studio, talk: Path) -> Studio:
    studio.bring(talk, "in.mp4")
    return studio


def starts(plan: dict[str, Any]) -> int:
    return sum(len(step["argv"]) for step in plan["steps"])


def test_what_nothing_touches_is_copied_and_what_something_touches_says_by_what(
    at_work: Studio,
) -> None:
    plan = at_work.plan(spec("{id: a, op: volume, gain: -6dB}", "{from: a, to: out.mp4}"))
    assert "video: copied" in because(plan)
    assert "audio: encoded: 'a' changes its frames" in because(plan)
    assert "-c:v:0 copy" in argv(plan)
    at_work.run(spec("{id: a, op: volume, gain: -6dB}", "{from: a, to: out.mp4}"))
    packets = ["-v", "error", "-map", "0:v", "-c", "copy", "-f", "streamhash", "-"]
    made, source = (make_hash(at_work, name, packets) for name in ("out.mp4", "in.mp4"))
    assert made == source


def make_hash(studio: Studio, name: str, arguments: list[str]) -> str:
    command = [str(studio.ffmpeg), "-i", str(studio.path(name)), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_a_container_that_cannot_hold_a_codec_is_a_reason_to_encode(at_work: Studio) -> None:
    text = spec("{id: a, op: volume, gain: -6dB}", "{from: a, to: out.webm}")
    said = because(at_work.plan(text))
    assert re.search(r"video: encoded: webm .*h264|h264.*webm", said), said


def test_conversions_stand_in_the_plan(at_work: Studio, ffmpeg: Path) -> None:
    other = ("-f", "lavfi", "-i", "testsrc2=s=160x90:r=30:d=1")
    make(ffmpeg, at_work.path("other.mp4"), *other)
    plan = at_work.plan(
        spec("{id: a, op: concat, inputs: [in, other]}", "{from: a, to: out.mp4}",
             "in: in.mp4, other: other.mp4")
    )  # fmt: skip
    said = because(plan)
    assert "a/scale" in said
    assert "a/fps" in said
    assert "a/anullsrc" in said


def test_one_decode_feeds_all_outputs(at_work: Studio) -> None:
    ladder = (
        "{id: a, op: scale, input: in, height: 120}, {id: b, op: scale, input: in, height: 90},"
        " {id: c, op: thumbnail, input: in, every: 1s}"
    )
    outputs = "{from: a, to: a.mp4}, {from: b, to: b.mp4}, {from: c, to: 'c-{index}.jpg'}"
    plan = at_work.plan(spec(ladder, outputs))
    assert starts(plan) == 1
    assert "one decode makes" in because(plan)
    assert argv(plan).count(" -i ") == 1
    assert "split=3" in argv(plan)


def test_a_chain_of_operations_is_one_chain_of_filters(at_work: Studio) -> None:
    chain = (
        "{op: scale, height: 90}, {op: crop, aspect: '1:1'}, {op: pad, aspect: '16:9'},"
        " {op: drawtext, text: one}, {id: end, op: fade}"
    )
    plan = at_work.plan(spec(chain, "{from: end, to: out.mp4}"))
    assert starts(plan) == 1


def test_what_must_be_measured_first_is_a_step_of_its_own(at_work: Studio) -> None:
    plan = at_work.plan(spec("{id: a, op: loudnorm}", "{from: a, to: out.mp4}"))
    first, second = plan["steps"]
    assert second["needs"] == [first["id"]]
    assert "ebur128" in " ".join(first["argv"][0])


def test_a_cycle_is_shown(at_work: Studio) -> None:
    at_work.write(
        spec(
            "{id: a, op: scale, input: c, height: 90}, {id: b, op: fps, input: a, rate: 25},"
            " {id: c, op: crop, input: b, aspect: '1:1'}",
            "{from: c, to: out.mp4}",
        )
    )
    done = reel("plan", "job.yaml", "--json", cwd=at_work.folder)
    assert done.code == 2
    error = done.json["error"]
    assert error["code"] == "reference_cycle"
    assert "a -> b -> c -> a" in error["message"]


def test_what_is_not_used_is_warned_of(at_work: Studio) -> None:
    at_work.bring(at_work.path("in.mp4"), "other.mp4")
    text = spec(
        "{id: a, op: scale, input: in, height: 90}, {id: b, op: fps, input: in, rate: 10}",
        "{from: a, to: out.mp4}",
        "in: in.mp4, other: other.mp4",
    )
    warned = "\n".join(at_work.plan(text)["warnings"])
    assert "'other'" in warned
    assert "'b'" in warned


def test_every_step_has_an_estimate_and_plans_are_the_same_each_time(at_work: Studio) -> None:
    text = spec("{id: a, op: scale, height: 90}", "{from: a, to: out.mp4}")
    plan = at_work.plan(text)
    for step in plan["steps"]:
        low, high = step["estimate"]["wall_seconds"]
        assert 0 < low <= high
        assert step["estimate"]["cpu_seconds"] > 0
        assert step["estimate"]["memory_bytes"] > 0
        assert step["estimate"]["disk_bytes"] > 0
    assert at_work.plan(text) == plan


def test_a_plan_can_be_stopped_after_a_pass_and_drawn(at_work: Studio) -> None:
    at_work.write(spec("{id: a, op: scale, height: 90}", "{from: a, to: out.mp4}"))
    unknown = reel("plan", "job.yaml", "--stage", "nope", cwd=at_work.folder)
    assert unknown.code == 2
    names = re.findall(r"[a-z-]+", unknown.err.partition("nope")[2])
    early = reel("plan", "job.yaml", "--stage", "lower", cwd=at_work.folder)
    assert "lower" in names, names
    assert early.code == 0, early.err
    assert "a/scale" in early.out
    assert "libx264" not in early.out
    dot = reel("plan", "job.yaml", "--dot", cwd=at_work.folder).out
    assert dot.startswith("digraph")
    assert dot.rstrip().endswith("}")
    assert "a/scale" in dot or "encode-" in dot
    staged = reel("plan", "job.yaml", "--stage", "lower", "--json", cwd=at_work.folder)
    assert json.loads(staged.out.splitlines()[-1])


def test_target_vmaf_is_reached_by_a_search(at_work: Studio) -> None:
    text = spec(
        "{id: a, op: trim, end: 1s}",
        "{from: a, to: out.mp4, video: {codec: h264, preset: ultrafast, target_vmaf: 90}}",
    )
    plan = at_work.plan(text)
    assert len(plan["steps"]) > 1
    at_work.run(text)
    assert len(at_work.pictures("out.mp4")) == 25
    compare = [str(at_work.ffmpeg), "-v", "error", "-i", str(at_work.path("out.mp4"))]
    compare += ["-t", "1", "-i", str(at_work.path("in.mp4")), "-lavfi"]
    compare += ["libvmaf=log_fmt=json:log_path=vmaf.json", "-f", "null", "-"]
    subprocess.run(compare, check=True, cwd=at_work.folder)
    score = json.loads(at_work.path("vmaf.json").read_text())["pooled_metrics"]["vmaf"]["mean"]
    assert score >= 89
