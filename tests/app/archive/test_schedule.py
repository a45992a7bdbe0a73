"""When subscriptions are due: intervals, cron fields, and the two odd days of a year."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwright.app.archive.schedule import local_zone, next_after, normal
from reelwright.errors import Code, ReelError

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str, zone: ZoneInfo = BERLIN) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def after(schedule: str, text: str) -> str:
    found = next_after(schedule, at(text), zone=BERLIN)
    return datetime.fromtimestamp(found, BERLIN).isoformat(timespec="minutes")


@pytest.mark.parametrize(
    ("schedule", "seconds"), [("30m", 1800), ("6h", 21_600), ("1d", 86_400), ("2w", 1_209_600)]
)
def test_intervals(schedule: str, seconds: float) -> None:
    assert next_after(schedule, 1000.0) == 1000.0 + seconds


def test_cron_fields_are_of_local_time() -> None:
    assert after("0 3 * * *", "2026-07-01T12:00") == "2026-07-02T03:00+02:00"
    assert after("0 3 * * *", "2026-12-01T12:00") == "2026-12-02T03:00+01:00"
    assert after("*/15 8-10 * * 1-5", "2026-11-20T10:45") == "2026-11-23T08:00+01:00"


def test_where_clocks_go_forward_it_is_due_all_the_same() -> None:
    assert after("30 2 * * *", "2026-03-28T12:00") == "2026-03-29T03:00+02:00"
    assert after("30 2 * * *", "2026-03-29T04:00") == "2026-03-30T02:30+02:00"


def test_where_clocks_go_back_it_is_due_once() -> None:
    first = next_after("30 2 * * *", at("2026-10-24T12:00"), zone=BERLIN)
    second = next_after("30 2 * * *", first, zone=BERLIN)
    days = [datetime.fromtimestamp(t, BERLIN).date().isoformat() for t in (first, second)]
    assert days == ["2026-10-25", "2026-10-26"]


@given(
    st.sampled_from(["*/7 * * * *", "0 */6 * * *", "30 2 * * *", "0 0 1 * *", "5 4 * * 0"]),
    st.floats(1.6e9, 2.2e9),
)
def test_the_next_is_the_same_until_it_comes(schedule: str, moment: float) -> None:
    found = next_after(schedule, moment, zone=BERLIN)
    assert found > moment
    assert next_after(schedule, found - 0.5, zone=BERLIN) == found


@pytest.mark.parametrize(
    "text",
    ["", "6", "6x", "0s", "30s", "400d", "* * * *", "61 * * * *", "0 0 31 2 *", "* * * * * *"],
)
def test_what_is_no_schedule(text: str) -> None:
    with pytest.raises(ReelError) as caught:
        normal(text)
    assert caught.value.code is Code.SCHEDULE_INVALID


def test_a_schedule_is_stored_in_one_form() -> None:
    assert normal("  0  3 * *  MON ") == "0 3 * * mon"
    assert normal("6H") == "6h"


def test_the_local_zone_is_that_of_tz(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    summer = datetime(2026, 7, 1, tzinfo=UTC).astimezone(local_zone())
    assert summer.utcoffset() is not None
    assert str(summer).endswith("-04:00")
