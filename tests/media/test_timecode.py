"""Times as people write them, and SMPTE timecode."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwright.media.timecode import (
    Timecode,
    decimal_text,
    dropped_per_minute,
    duration_text,
    nominal_rate,
    parse_time,
    seconds,
)

NTSC = Fraction(30000, 1001)
NTSC_60 = Fraction(60000, 1001)
NTSC_FILM = Fraction(24000, 1001)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("62.5", Fraction(125, 2)),
        ("0", Fraction(0)),
        (".5", Fraction(1, 2)),
        ("1e3", Fraction(1000)),
        ("10s", Fraction(10)),
        ("1h2m3.5s", Fraction("3723.5")),
        ("1h 2m 3.5 s", Fraction("3723.5")),
        ("1.5h", Fraction(5400)),
        ("100ms", Fraction(1, 10)),
        ("1us", Fraction(1, 10**6)),
        ("1µs", Fraction(1, 10**6)),
        ("1\u03bcs", Fraction(1, 10**6)),
        ("1ns", Fraction(1, 10**9)),
        ("00:01:02.500", Fraction(125, 2)),
        ("00:01:02,500", Fraction(125, 2)),
        ("01:02", Fraction(62)),
        ("90:00", Fraction(5400)),
        ("100:00:00", Fraction(360000)),
        ("PT1M2.5S", Fraction(125, 2)),
        ("PT1H", Fraction(3600)),
        ("P1DT1S", Fraction(86401)),
        ("P2W", Fraction(1209600)),
        ("pt0,5s", Fraction(1, 2)),
        ("1001/30000", Fraction(1001, 30000)),
        ("1/3s", Fraction(1, 3)),
    ],
)
def test_forms_of_a_duration(text: str, expected: Fraction) -> None:
    assert parse_time(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("ten", ""),
        ("-5s", "no sign"),
        ("5 parsecs", "'parsecs' is no unit of time"),
        ("5M", "'M' is no unit of time"),
        ("00:61:00", "minutes of a clock time are less than 60"),
        ("00:00:60", "seconds of a clock time are less than 60"),
        ("00:00:60:00", "seconds of a clock time are less than 60"),
        ("PT", "PT1H2M3.5S"),
        ("P1H", "PT1H2M3.5S"),
        ("P1DT", "PT1H2M3.5S"),
        ("1/0", "denominator is 0"),
        ("1" * 65, "at most 64"),
        ("1e999", ""),
        ("nan", ""),
        ("٣s", ""),
    ],
)
def test_what_is_no_duration_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason or "^$") as caught:
        parse_time(text)
    assert bool(str(caught.value)) == bool(reason)


def test_smpte_counts_frames_of_the_stream() -> None:
    found = parse_time("00:01:02:12")
    assert found == Timecode(0, 1, 2, 12)
    assert seconds(found, Fraction(25)) == Fraction(62) + Fraction(12, 25)
    # Non-drop labels at 29.97 fall behind the clock: a label's second lasts 1.001 s.
    assert seconds(found, NTSC) == Fraction(62 * 30 + 12) / NTSC


def test_smpte_without_a_rate_says_what_to_write_instead() -> None:
    with pytest.raises(ValueError, match=r"hh:mm:ss\.mmm"):
        seconds(Timecode(0, 0, 1, 0))


def test_a_frame_that_a_second_does_not_have() -> None:
    with pytest.raises(ValueError, match="from 0 to 24"):
        Timecode(0, 0, 0, 25).frame_number(Fraction(25))


# SMPTE 12M-1, 5.2.2: 17982 frames in ten minutes, 107892 in an hour.
@pytest.mark.parametrize(
    ("text", "rate", "frame"),
    [
        ("00:00:00;00", NTSC, 0),
        ("00:00:59;29", NTSC, 1799),
        ("00:01:00;02", NTSC, 1800),
        ("00:02:00;02", NTSC, 3598),
        ("00:09:59;29", NTSC, 17981),
        ("00:10:00;00", NTSC, 17982),
        ("01:00:00;00", NTSC, 107892),
        ("00:01:00;04", NTSC_60, 3600),
        ("00:10:00;00", NTSC_60, 35964),
        ("01:00:00;00", NTSC_60, 215784),
    ],
)
def test_drop_frame_numbers(text: str, rate: Fraction, frame: int) -> None:
    found = parse_time(text)
    assert isinstance(found, Timecode)
    assert found.frame_number(rate) == frame
    assert Timecode.of_frame(frame, rate, drop_frame=True) == found


def test_drop_frame_keeps_up_with_the_clock() -> None:
    one_hour = Timecode(1, 0, 0, 0, drop_frame=True)
    assert abs(one_hour.at(NTSC) - 3600) < Fraction(1, 200)
    assert Timecode(1, 0, 0, 0).at(NTSC) - 3600 == Fraction(18, 5)


def test_dropped_labels_do_not_exist() -> None:
    with pytest.raises(ValueError, match=r"does not exist; the next one is 00:01:00;02"):
        Timecode(0, 1, 0, 1, drop_frame=True).frame_number(NTSC)
    assert Timecode(0, 10, 0, 1, drop_frame=True).frame_number(NTSC) == 17983


@pytest.mark.parametrize("rate", [Fraction(25), Fraction(30), NTSC_FILM])
def test_drop_frame_exists_at_multiples_of_2997_only(rate: Fraction) -> None:
    with pytest.raises(ValueError, match=r"29\.97, 59\.94 and 119\.88"):
        Timecode(0, 0, 1, 0, drop_frame=True).at(rate)


def test_nominal_rates() -> None:
    assert [nominal_rate(r) for r in (NTSC_FILM, Fraction(25), NTSC, NTSC_60)] == [24, 25, 30, 60]
    assert [dropped_per_minute(r) for r in (NTSC, NTSC_60, 4 * NTSC)] == [2, 4, 8]
    with pytest.raises(ValueError, match="greater than 0"):
        nominal_rate(Fraction(0))


def labels(rate: Fraction, minutes: int) -> list[str]:
    """Every drop-frame label from 0, by the rule's own words: a count in which some are skipped."""
    nominal, dropped = nominal_rate(rate), dropped_per_minute(rate)
    found = []
    for minute in range(minutes):
        for second in range(60):
            first = dropped if second == 0 and minute % 10 else 0
            found += [f"00:{minute:02d}:{second:02d};{f:02d}" for f in range(first, nominal)]
    return found


@pytest.mark.parametrize("rate", [NTSC, NTSC_60])
def test_every_label_of_twelve_minutes(rate: Fraction) -> None:
    expected = labels(rate, 12)
    made = [str(Timecode.of_frame(n, rate, drop_frame=True)) for n in range(len(expected))]
    assert made == expected


RATES = st.sampled_from([NTSC, NTSC_60, NTSC_FILM, Fraction(24), Fraction(25), Fraction(50)])


@given(st.integers(0, 10**7), RATES, st.booleans())
def test_frame_and_label_round_trip(frame: int, rate: Fraction, drop: bool) -> None:
    drop_frame = drop and rate in (NTSC, NTSC_60)
    made = Timecode.of_frame(frame, rate, drop_frame=drop_frame)
    assert made.frame_number(rate) == frame
    assert parse_time(str(made)) == made
    assert seconds(made, rate) * rate == frame


@given(st.fractions(min_value=0, max_value=10**6, max_denominator=10**12))
def test_the_canonical_text_reads_back_exactly(value: Fraction) -> None:
    assert parse_time(duration_text(value)) == value


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999_999_999))
def test_all_forms_of_one_time_are_the_same_time(h: int, m: int, s: int, ns: int) -> None:
    exact = h * 3600 + m * 60 + s + Fraction(ns, 10**9)
    forms = [
        f"{h}h{m}m{s}s{ns}ns",
        f"{h:02d}:{m:02d}:{s:02d}.{ns:09d}",
        f"PT{h}H{m}M{s}.{ns:09d}S",
        f"{h * 3600 + m * 60 + s}.{ns:09d}",
    ]
    assert {parse_time(form) for form in forms} == {exact}


@given(st.text(max_size=70))
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    try:
        found = parse_time(text)
    except ValueError:
        return
    assert isinstance(found, Timecode) or found >= 0


@given(st.fractions())
def test_decimal_text_is_exact_or_nothing(value: Fraction) -> None:
    text = decimal_text(value)
    assert text is None or Fraction(text) == value


def test_decimal_text_says_nothing_of_a_third() -> None:
    assert decimal_text(Fraction(1, 3)) is None
    assert decimal_text(Fraction(-5, 4)) == "-1.25"
