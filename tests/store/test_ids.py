"""Ids sort by time and are unique."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from reelwright.store.ids import encode, new_id


def test_ids_of_one_process_rise() -> None:
    made = [new_id() for _ in range(2000)]
    assert made == sorted(made)
    assert len(set(made)) == 2000
    assert {len(each) for each in made} == {17}


def test_threads_make_no_id_twice() -> None:
    with ThreadPoolExecutor(4) as pool:
        made = [
            i for part in pool.map(lambda _: [new_id() for _ in range(300)], range(4)) for i in part
        ]
    assert len(set(made)) == 1200


@given(st.integers(0, 2**85 - 1), st.integers(0, 2**85 - 1))
def test_text_sorts_like_the_numbers(a: int, b: int) -> None:
    assert (encode(a) < encode(b)) == (a < b)
