"""Texts that planning knows become files."""

import asyncio

import pytest

from reelwright.errors import Code, ReelError
from reelwright.planning.plan import StepKind, StepOutput
from reelwright.runners import run_step
from tests.runners.conftest import Contexts
from tests.runners.steps import step

VTT = "WEBVTT\n\n00:00.000 --> 00:01.000\nsprite.jpg#xywh=0,0,160,90\n"


def test_a_text_is_written_as_it_is(contexts: Contexts) -> None:
    output = StepOutput(name="sprite.vtt", container="webvtt")
    text = VTT + "{op/x.key} stays\r\n"
    wanted = step(outputs=[output], texts={"sprite.vtt": text}, kind=StepKind.WRITE)
    result = asyncio.run(run_step(wanted, contexts()))
    (path,) = result.files["sprite.vtt"]
    assert path.read_bytes() == text.encode()


def test_an_output_without_a_text_is_a_mistake_of_the_plan(contexts: Contexts) -> None:
    output = StepOutput(name="sprite.vtt", container="webvtt")
    wanted = step(outputs=[output], kind=StepKind.WRITE)
    with pytest.raises(ReelError) as caught:
        asyncio.run(run_step(wanted, contexts()))
    assert caught.value.code is Code.PLAN_INVALID
