"""One leads; when it goes, falls silent or loses its connection, another may."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from reelwright.store import leadership as module
from reelwright.store.leadership import Leadership, leadership
from reelwright.store.store import Store, open_store


@pytest.fixture
def pair(database_url: str) -> Iterator[tuple[Leadership, Leadership]]:
    stores: list[Store] = [open_store(database_url) for _ in range(2)]
    with _released(*(leadership(store) for store in stores)) as both:
        yield both
    for store in stores:
        store.close()


@contextmanager
def _released(*both: Leadership) -> Iterator[tuple[Leadership, Leadership]]:
    first, second = both
    try:
        yield first, second
    finally:
        first.release()
        second.release()


def test_one_leads_until_it_goes(pair: tuple[Leadership, Leadership]) -> None:
    first, second = pair
    assert [first.hold(), second.hold(), first.hold()] == [True, False, True]
    first.release()
    assert _soon(second)
    assert not first.hold()


def test_who_is_silent_loses_the_lead(
    pair: tuple[Leadership, Leadership], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = pair
    assert first.hold()
    monkeypatch.setattr(module, "SILENT_S", 0.2)
    time.sleep(0.3)
    assert _soon(second)
    # It was frozen and comes back: it learns that it leads no more, and may lead again later.
    assert not first.hold()
    monkeypatch.setattr(module, "SILENT_S", 60.0)
    assert second.hold()
    second.release()
    assert _soon(first)


def _soon(one: Leadership) -> bool:
    """The end of a connection is not at once."""
    until = time.monotonic() + 30
    while not one.hold():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True
