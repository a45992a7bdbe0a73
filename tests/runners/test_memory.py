"""FFmpeg's memory is bounded: what runs away ends with an error of ours, real work does not."""

from __future__ import annotations

import asyncio

import pytest

from reelwright.errors import Code, Problem, ReelError
from reelwright.planning.plan import Expectation, Step, StepOutput
from reelwright.runners import StepContext, StepResult, memory, run_step
from reelwright.runners.memory import for_want_of_memory, memory_limit
from tests.runners.conftest import Contexts
from tests.runners.steps import step

_MIB = 1 << 20
_4K = ("-f", "lavfi", "-i", "testsrc2=s=3840x2160:r=25:d=60")
_ENCODERS = {
    "libx264": ("-preset", "medium"),
    "libx265": ("-preset", "ultrafast"),
    "libsvtav1": ("-preset", "12"),
    "libvpx-vp9": ("-deadline", "realtime", "-cpu-used", "8", "-row-mt", "1"),
}


def _made(*arguments: str) -> Step:
    output = StepOutput(name="out.mkv", container="matroska", expect=Expectation())
    return step(("ffmpeg", "-y", *_4K, *arguments, "out.mkv"), inputs=[], outputs=[output])


def _ran(wanted: Step, context: StepContext, memory_bytes: int) -> StepResult:
    context.memory_bytes = memory_bytes
    return asyncio.run(run_step(wanted, context))


def _refused(wanted: Step, context: StepContext, memory_bytes: int) -> ReelError:
    with pytest.raises(ReelError) as caught:
        _ran(wanted, context, memory_bytes)
    return caught.value


@pytest.mark.parametrize("codec", _ENCODERS)
def test_pictures_of_8_million_pixels_are_encoded_within_2_gib(
    codec: str, contexts: Contexts
) -> None:
    wanted = _made("-frames:v", "12", "-c:v", codec, *_ENCODERS[codec])
    result = _ran(wanted, contexts(), 2048 * _MIB)
    assert 100 * _MIB < result.max_rss_bytes < 2048 * _MIB


def test_what_keeps_every_picture_is_stopped(contexts: Contexts) -> None:
    """It would take 12 GB."""
    wanted = _made("-vf", "loop=loop=1:size=1000", "-c:v", "rawvideo")
    error = _refused(wanted, contexts(), 300 * _MIB)
    assert error.code is Code.MEMORY_EXHAUSTED
    assert not error.code.retryable
    assert "limits.memory_bytes" in (error.problem.hint or error.code.hint)


def test_an_encoder_that_falls_over_at_the_limit_is_told_as_such(
    contexts: Contexts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """x265 reads through the null pointer that it got in place of memory."""
    monkeypatch.setattr(memory, "_RESERVED_BYTES", 0)
    monkeypatch.setattr(memory, "_PER_CORE_BYTES", 0)
    wanted = _made("-frames:v", "25", "-c:v", "libx265", "-preset", "ultrafast")
    assert _refused(wanted, contexts(), 700 * _MIB).code is Code.MEMORY_EXHAUSTED


def test_without_a_limit_there_is_none(contexts: Contexts) -> None:
    context = contexts()
    assert context.memory_bytes is None
    assert memory_limit(None) is None
    assert memory_limit(0) is None
    wanted = _made("-frames:v", "3", "-c:v", "libx264", "-preset", "ultrafast")
    assert asyncio.run(run_step(wanted, context)).files


def test_only_a_fall_with_memory_in_use_is_for_want_of_it() -> None:
    crash = Problem(Code.TOOL_CRASHED, "FFmpeg was ended by signal 11", evidence={"argv": ["a"]})
    limit = 1000 * _MIB
    assert for_want_of_memory(crash, 499 * _MIB, limit) is crash
    assert for_want_of_memory(crash, 900 * _MIB, None) is crash
    damaged = Problem(Code.MEDIA_DAMAGED, "it is damaged")
    assert for_want_of_memory(damaged, 900 * _MIB, limit) is damaged
    found = for_want_of_memory(crash, 900 * _MIB, limit)
    assert found.code is Code.MEMORY_EXHAUSTED
    assert found.evidence == {"argv": ["a"], "said": "FFmpeg was ended by signal 11"}
