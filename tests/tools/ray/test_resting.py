"""When an agent lets its node go: after it had nothing to do for long, and while nothing waits."""

from __future__ import annotations

from reelwright.tools.ray.resting import QUIET_S, Rest

IDLE_S = 60.0


def look(rest: Rest, now: float, *, held: int = 0, wanted: bool = False) -> bool:
    return rest.may_end(now, held=held, wanted=wanted, idle_s=IDLE_S)


def test_a_node_without_work_rests_and_is_ended_a_while_later() -> None:
    rest = Rest()
    rested = []
    for now in (100.0, 159.0, 160.0):
        assert not look(rest, now)
        rested.append(rest.is_on)
    assert rested == [False, False, True]
    assert not look(rest, 160.0 + QUIET_S - 1)
    assert look(rest, 160.0 + QUIET_S)


def test_work_begins_the_time_anew() -> None:
    rest = Rest()
    look(rest, 0.0)
    look(rest, 59.0, held=1)
    look(rest, 60.0)
    assert not look(rest, 119.0)
    assert not rest.is_on


def test_what_was_leased_to_it_meanwhile_keeps_it() -> None:
    rest = Rest()
    look(rest, 0.0)
    look(rest, IDLE_S)
    assert rest.is_on
    assert not look(rest, IDLE_S + QUIET_S, held=1)
    assert not rest.is_on


def test_none_rests_while_something_waits() -> None:
    rest = Rest()
    look(rest, 0.0)
    assert not look(rest, 1000.0, wanted=True)
    assert not rest.is_on


def test_agents_stay_where_no_time_is_set() -> None:
    rest = Rest()
    assert not any(rest.may_end(now, held=0, wanted=False, idle_s=None) for now in (0.0, 1e3, 1e6))
    assert not rest.is_on
