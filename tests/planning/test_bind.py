"""References, cycles, and what nobody uses."""

from __future__ import annotations

import pytest

from reelwright.errors import Code, SpecErrors
from tests.planning.media import plan


def _refused(text: str) -> SpecErrors:
    with pytest.raises(SpecErrors) as caught:
        plan(text)
    return caught.value


def test_a_cycle_is_shown_as_one_reads_it() -> None:
    error = _refused(
        """
        inputs: {talk: talk.mp4}
        operations:
          - {id: a, op: volume, input: c, gain: -1dB}
          - {id: b, op: volume, input: a, gain: -1dB}
          - {id: c, op: volume, input: b, gain: -1dB}
        outputs: [{from: c, to: out.mp4}]
        """
    )
    assert error.code is Code.REFERENCE_CYCLE
    assert "a -> b -> c -> a" in str(error)


def test_an_operation_that_reads_itself_is_a_cycle() -> None:
    error = _refused(
        """
        inputs: {talk: talk.mp4}
        operations: [{id: a, op: volume, input: a, gain: -1dB}]
        outputs: [{from: a, to: out.mp4}]
        """
    )
    assert "a -> a" in str(error)


def test_order_in_the_text_does_not_matter() -> None:
    made = plan(
        """
        inputs: {talk: talk.mp4}
        operations:
          - {id: small, op: scale, input: cut, height: 360}
          - {id: cut, op: trim, input: talk, start: 1s, duration: 5s}
        outputs: [{from: small, to: out.mp4}]
        """
    )
    assert [s.kind.value for s in made.steps] == ["ffmpeg"]


def test_what_nobody_uses_is_warned_of_and_not_run() -> None:
    made = plan(
        """
        inputs: {talk: talk.mp4, other: other.mp4}
        operations:
          - {id: kept, op: scale, input: talk, height: 360}
          - {id: lost, op: scale, input: other, height: 100}
        outputs: [{from: kept, to: out.mp4}]
        """
    )
    assert any("'lost'" in w for w in made.warnings)
    assert any("'other'" in w for w in made.warnings)
    assert "other.mp4" not in str(made.to_json()["steps"])


def test_a_missing_stream_says_what_there_is() -> None:
    error = _refused(
        """
        inputs: {talk: talk.mp4}
        operations: [{id: v, op: scale, input: talk.audio, height: 360}]
        outputs: [{from: v, to: out.mp4}]
        """
    )
    assert error.code is Code.STREAM_MISSING
    assert "needs video" in str(error)
    assert error.problem.where == "operations[0].input"


def test_the_second_audio_of_one_does_not_exist() -> None:
    error = _refused(
        """
        inputs: {talk: talk.mp4}
        outputs: [{from: "talk.audio:1", to: out.mp4}]
        """
    )
    assert error.code is Code.STREAM_MISSING
    assert "talk.audio" in (error.problem.hint or "")


def test_all_faults_between_spec_and_media_come_at_once() -> None:
    error = _refused(
        """
        inputs: {talk: talk.mp4}
        operations:
          - {id: a, op: trim, input: talk, start: 2h, duration: 5s}
          - {id: b, op: trim, input: talk, start: 3h, duration: 5s}
        outputs: [{from: a, to: a.mp4}, {from: b, to: b.mp4}]
        """
    )
    assert [p.where for p in error.problems] == ["operations[0].start", "operations[1].start"]
