"""What a step asks of a node beside cores, memory and disk."""

from __future__ import annotations

from dataclasses import replace

from reelwright.engine.asking import Asks, parsed, text_of
from reelwright.engine.nodes import SANDBOX_LABEL, SANDBOXED
from tests.engine.jobs import shell


def test_where_walls_are_a_must_what_runs_media_asks_for_a_node_that_has_them() -> None:
    step = shell("a", "true")
    assert text_of(step) is None
    asked = parsed(text_of(step, walls=True))
    assert asked == Asks(0, ((SANDBOX_LABEL, SANDBOXED),))
    assert asked.are_met({SANDBOX_LABEL: SANDBOXED, "disk": "ssd"})
    assert not asked.are_met({SANDBOX_LABEL: "none"})
    assert not asked.are_met({})


def test_a_step_without_a_command_needs_no_walls() -> None:
    assert text_of(replace(shell("a", "true"), commands=()), walls=True) is None


def test_walls_come_to_what_a_step_asks_for_itself() -> None:
    step = replace(shell("a", "true"), payload={"asks": {"gpus": 1, "labels": {"disk": "ssd"}}})
    asked = parsed(text_of(step, walls=True))
    assert asked == Asks(1, (("disk", "ssd"), (SANDBOX_LABEL, SANDBOXED)))
