"""Plans for a cluster: long encodes are spread over its nodes, all else is as on one of them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from reelwright.planning import Machine, Plan, compile
from reelwright.planning.explain import explain
from reelwright.planning.plan import Estimate
from reelwright.planning.shards import at_once
from reelwright.spec.parse import parse_text
from tests.planning.media import AUDIO, BASE, VIDEO, facts, media

LONG = media(
    replace(VIDEO, duration=Fraction(3600), frame_count=108000),
    replace(AUDIO, duration=Fraction(3600)),
)
ENCODE = """
inputs: {talk: talk.mp4}
outputs: [{from: talk, to: o.mp4, video: {codec: h264, crf: 20}}]
"""


def made(machine: Machine, text: str = ENCODE, known: Any = LONG) -> Plan:
    return compile(parse_text(text, base=BASE), facts(text, {"talk": known}), machine)


def parts(plan: Plan) -> list[Any]:
    return [step for step in plan.steps if not step.needs]


def without_estimates(plan: Plan) -> list[Any]:
    """All that decides what comes out: with the same results it may take another time."""
    return [replace(step, estimate=Estimate(), payload={}) for step in plan.steps]


@pytest.mark.parametrize(
    ("threads", "cores", "count"),
    [
        (16, [16], 4),
        (2, [2], 1),
        (8, [8] * 10, 20),
        (2, [2] * 10, 10),
        (6, [6] * 10, 10),  # two cores of each are left over: no part of four fits
        (4, [4, 8, 3.5], 3),
        (4, [0.5], 1),
        (1, [1, 1], 2),
    ],
)
def test_how_many_parts_run_at_once(threads: int, cores: list[float], count: int) -> None:
    assert at_once(threads, cores) == count


def test_a_long_encode_is_spread_over_all_nodes() -> None:
    """Each part holds as many cores as it keeps busy, so that all of them run at once."""
    plan = made(Machine(cpus=8, nodes=5, threads=8, shards=at_once(8, [8] * 5)))
    assert len(parts(plan)) == 10
    assert {step.threads for step in parts(plan)} == {4}
    assert all("-threads:v:0 4" in " ".join(step.commands[0]) for step in parts(plan))
    assert "assembled from 10 shards (10 run at once on 5 nodes; 4 threads each)" in explain(plan)
    frames = [output.expect.frame_count or 0 for step in parts(plan) for output in step.outputs]
    assert sum(frames) == 108000


def test_a_part_is_no_shorter_than_is_worth_while() -> None:
    plan = made(Machine(cpus=8, nodes=500, threads=8, shards=1000))
    assert len(parts(plan)) == 3600 // 120


def test_what_is_not_cut_is_the_same_however_many_nodes_there_are() -> None:
    text = ENCODE.replace("crf: 20}", "crf: 20}, shards: 'off'")
    one = made(Machine(cpus=4), text)
    many = made(Machine(cpus=4, nodes=100, threads=4, shards=100), text)
    assert [step.identity for step in one.steps] == [step.identity for step in many.steps]
    assert without_estimates(one) == without_estimates(many)


def test_the_same_threads_and_shards_give_the_same_plan_anywhere() -> None:
    """What a laptop of two cores is told to plan, ten nodes of sixteen plan too."""
    laptop = made(Machine(cpus=2, threads=4, shards=6))
    cluster = made(Machine(cpus=16, nodes=10, threads=4, shards=6))
    assert len(parts(laptop)) == 6
    assert [step.identity for step in laptop.steps] == [step.identity for step in cluster.steps]
    assert [step.commands for step in laptop.steps] == [step.commands for step in cluster.steps]


def test_a_number_in_the_spec_counts_before_nodes_do() -> None:
    text = ENCODE.replace("crf: 20}", "crf: 20}, shards: 3")
    plan = made(Machine(cpus=16, nodes=10, threads=4, shards=40), text)
    assert len(parts(plan)) == 3
    assert "assembled from 3 shards (3 are asked for; 4 threads each)" in explain(plan)


def test_other_threads_or_shards_are_other_results() -> None:
    base = made(Machine(cpus=16, threads=4, shards=6))
    fewer = made(Machine(cpus=16, threads=2, shards=6))
    longer = made(Machine(cpus=16, threads=4, shards=5))
    assert len({plan.steps[-1].identity for plan in (base, fewer, longer)}) == 3
