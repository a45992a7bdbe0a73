"""Readings of FFmpeg's meters, and the gain that follows."""

import pytest

from reelwright.analysis.loudness import (
    Gain,
    Measurement,
    gain_towards,
    parse_loudnorm,
    parse_summary,
    report,
    second_pass,
)

SUMMARY = """\
[{name} @ 0x7fee88001c00]{level} Summary:

  Integrated loudness:
    I:         {i} LUFS
    Threshold: -32.3 LUFS

  Loudness range:
    LRA:         0.3 LU
    Threshold: -42.3 LUFS
    LRA low:   -22.5 LUFS
    LRA high:  -22.1 LUFS

  True peak:
    Peak:      {peak} dBFS
"""
JSON = """\
[Parsed_loudnorm_0 @ 0x55a]{level}
{{
\t"input_i" : "{i}",
\t"input_tp" : "-20.00",
\t"input_lra" : "0.30",
\t"input_thresh" : "-32.29",
\t"output_i" : "-24.01",
\t"normalization_type" : "dynamic",
\t"target_offset" : "0.01"
}}
"""


def summary(i: str = "-22.3", peak: str = "-20.0", name: str = "Parsed_ebur128_0") -> str:
    return SUMMARY.format(i=i, peak=peak, name=name, level="")


def heard(i: float, peak: float = -20.0) -> Measurement:
    return Measurement(i, i - 10, 1.0, peak)


def test_a_summary() -> None:
    found = parse_summary(f"frame=1\n{summary()}[out#0] video:0KiB\n")
    assert found == Measurement(-22.3, -32.3, 0.3, -20.0)


def test_a_summary_without_peak_and_with_a_level() -> None:
    text = SUMMARY.format(i="-9.1", peak="x", name="ebur128", level=" [info]")
    found = parse_summary(text.partition("  True peak")[0])
    assert found.integrated_lufs == -9.1
    assert found.true_peak_dbtp == float("-inf")


def test_the_last_one_counts_or_the_one_that_is_named() -> None:
    log = summary("-10.0", name="ebur128@log0") + summary("-20.0", name="ebur128@log1")
    assert parse_summary(log).integrated_lufs == -20
    assert parse_summary(log, "ebur128@log0").integrated_lufs == -10
    with pytest.raises(LookupError):
        parse_summary(log, "ebur128@log2")


def test_a_title_that_plays_the_meter_does_not_count() -> None:
    """Metadata is printed before; it cannot know the name of the filter, nor come last."""
    log = "title : " + summary("-5.0") + summary("-20.0", name="ebur128@log0")
    assert parse_summary(log, "ebur128@log0").integrated_lufs == -20


def test_loudnorms_json() -> None:
    found = parse_loudnorm(JSON.format(i="-22.29", level=" [info] "))
    assert found["input_i"] == -22.29
    assert found["normalization_type"] == "dynamic"
    with pytest.raises(LookupError):
        parse_loudnorm("nothing")


def test_gains() -> None:
    assert gain_towards(heard(-26), -16, -1.5) == Gain(10, "linear")
    assert gain_towards(heard(-26, -5), -16, -1.5).kind == "limited"
    # A peak that reads as on the target may lie on it: the meter shows one decimal.
    assert gain_towards(heard(-26, -11.5), -16, -1.5).kind == "linear"


@pytest.mark.parametrize("peak", [float("-inf"), -175.2, -40.0])
def test_what_cannot_be_measured_is_left_alone(peak: float) -> None:
    found = heard(-70.0, peak)
    assert not found.is_measurable
    assert found.is_silent == (peak < -70)
    assert gain_towards(found, -16, -1.5).gain_db == 0


def test_reports_are_json() -> None:
    assert report(heard(-70.0, float("-inf")), "input")["input_tp"] == -99


def test_the_second_pass_stays_inside_what_loudnorm_takes() -> None:
    first = parse_loudnorm(JSON.format(i="-22.29", level=""))
    assert second_pass(first, -16) == {
        "i": -22.29,
        "tp": -20.0,
        "lra": 0.3,
        "thresh": -32.29,
        "offset": 0.01,
    }
    silent = second_pass(parse_loudnorm(JSON.format(i="-inf", level="")), -16)
    assert silent["i"] == -16
    assert silent["offset"] == 0
