"""What loudnorm makes of a command's log."""

from typing import Any

import pytest

from reelwright.errors import Code, ReelError
from reelwright.operators.audio.loudness_log import LoudnessLog
from tests.analysis.test_loudness import JSON, summary

ASKED = {"target": -16.0, "true_peak": -1.5, "range": None, "linear": "prefer", "rate": 44100}


def read(what: str, log: str, **params: Any) -> dict[str, Any]:
    analyser = LoudnessLog(what, ASKED | params)
    for start in range(0, len(log), 100):
        analyser.feed(memoryview(log[start : start + 100].encode()))
    return analyser.finish()


def test_the_gain_and_the_rate_of_the_second_pass() -> None:
    found = read("measure", summary("-22.3", "-20.0"))
    assert (found["gain"], found["rate"]) == ("6.30dB", 44100)
    assert found["report"]["loudness"]["input_i"] == -22.3


def test_peaks_in_the_way_are_found_at_192_khz() -> None:
    found = read("measure", summary("-22.3", "-3.0"))
    assert (found["gain"], found["rate"]) == ("6.30dB", 192000)
    assert read("measure", summary("-22.3", "-3.0"), rate=384000)["rate"] == 384000


def test_the_range_is_kept_and_compared() -> None:
    assert read("measure", summary(), range=7)["report"]["loudness"]["range_kept_within"] is True
    assert "range_kept_within" not in read("measure", summary())["report"]["loudness"]


def test_a_reading_far_up_in_a_long_log_is_not_lost_when_it_is_last() -> None:
    assert read("measure", "x" * 2_000_000 + summary())["gain"] == "6.30dB"


def test_silence_for_the_compressor_reads_as_on_target() -> None:
    found = read("measure", JSON.format(i="-inf", level=""), linear="dynamic")
    assert (found["linear_option"], found["i"]) == (1, -16)
    assert read("measure", JSON.format(i="-22", level=""), linear="dynamic")["linear_option"] == 0


@pytest.mark.parametrize(
    ("i", "peak", "linear", "is_right"),
    [
        ("-16.0", "-5.0", "prefer", True),
        ("-19.0", "-1.5", "prefer", True),
        ("-19.0", "-5.0", "prefer", False),
        ("-14.0", "-1.5", "prefer", False),
        ("-14.0", "-1.5", "dynamic", True),
        ("-70.0", "-inf", "prefer", True),
    ],
)
def test_the_result_is_near_the_target_or_at_the_ceiling(
    i: str, peak: str, linear: str, *, is_right: bool
) -> None:
    if is_right:
        read("reached", summary(i, peak), linear=linear)
        return
    with pytest.raises(ReelError, match=f"the result has {i} LUFS, not -16 LUFS") as caught:
        read("reached", summary(i, peak), linear=linear)
    assert caught.value.code is Code.LOUDNESS_MISSED


def test_a_log_without_a_reading() -> None:
    with pytest.raises(ReelError, match="was not measured") as caught:
        read("measure", "Conversion failed!\n")
    assert caught.value.problem.evidence == {"log": "Conversion failed!\n"}
