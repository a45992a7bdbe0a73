"""How many actors a model should have, and which is asked: numbers in, numbers out."""

from __future__ import annotations

from reelwright.tools.models.remote_scaling import (
    LOOP,
    REST_S,
    Breaker,
    Load,
    may_rest,
    next_asked,
    to_add,
    to_warm,
)


def busy(index: int, wait_s: float = 10.0, *, is_ready: bool = True) -> Load:
    return Load(index=index, waiting=10, service_s=wait_s / 10, is_ready=is_ready)


def test_the_first_one_is_added_where_there_is_none() -> None:
    assert to_add([], 4) == 0
    assert to_add([], 0) is None


def test_another_one_is_added_only_where_everywhere_more_waits_than_a_start_takes() -> None:
    assert to_add([busy(0)], 4) == 1
    assert to_add([busy(0), busy(1, 0.5)], 4) is None
    # Forty texts that take 10 ms each are no reason.
    assert to_add([Load(index=0, waiting=40, service_s=0.01)], 4) is None
    # What one takes is not known before one was answered.
    assert to_add([Load(index=0, waiting=40)], 4) is None


def test_one_at_a_time_is_started_and_never_more_than_are_allowed() -> None:
    assert to_add([busy(0), busy(1, is_ready=False)], 4) is None
    assert to_add([busy(0), busy(1)], 2) is None


def test_the_lowest_free_number_is_taken() -> None:
    """So that nodes that add one at once add the same."""
    assert to_add([busy(0), busy(2)], 4) == 1
    assert to_add([busy(1)], 4) == 0


def test_a_number_beyond_the_limit_is_not_taken_where_the_limit_was_lowered() -> None:
    assert to_add([busy(0), busy(5)], 2) is None


def test_the_shortest_wait_is_asked_and_of_equals_the_first() -> None:
    assert next_asked([busy(0), busy(1, 1.0), busy(2, 1.0)]) == busy(1, 1.0)
    assert next_asked([Load(index=1), Load(index=0)]) == Load(index=0)
    # One that takes long though little waits there is worse than one that is quick.
    slow, quick = Load(index=0, waiting=1, service_s=9), Load(index=1, waiting=5, service_s=0.1)
    assert next_asked([slow, quick]) is quick
    assert next_asked([]) is None


def test_one_that_is_still_loading_is_asked_only_where_no_other_is() -> None:
    loading = Load(index=0, is_ready=False)
    assert next_asked([loading, busy(1)]) == busy(1)
    assert next_asked([loading]) is loading


def test_what_is_missing_is_warmed() -> None:
    assert to_warm([], 2, 4) == (0, 1)
    assert to_warm([1], 2, 4) == (0,)
    assert to_warm([0, 1, 2], 2, 4) == ()
    assert to_warm([0], 9, 3) == (1, 2)


def test_idle_ones_rest_but_the_least() -> None:
    assert may_rest(1, 60.0, least=1, after_s=60.0)
    assert not may_rest(0, 600.0, least=1, after_s=60.0)
    assert not may_rest(1, 59.0, least=1, after_s=60.0)


def test_a_breaker_opens_after_a_loop_and_lets_one_try_after_a_rest() -> None:
    now = 100.0
    breaker = Breaker(lambda: now)
    for _ in range(LOOP - 1):
        breaker.failed()
    assert breaker.allows()
    breaker.failed()
    assert not breaker.allows()
    now += REST_S
    assert breaker.allows()  # this one tries
    assert not breaker.allows()  # the others wait for how it goes
    breaker.succeeded()
    assert breaker.allows()


def test_a_breaker_may_be_tripped_at_once() -> None:
    breaker = Breaker(lambda: 0.0)
    breaker.trip()
    assert not breaker.allows()


def test_a_success_in_between_is_no_loop() -> None:
    breaker = Breaker(lambda: 0.0)
    for _ in range(LOOP * 2):
        breaker.failed()
        breaker.succeeded()
    assert breaker.allows()
