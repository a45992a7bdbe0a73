"""Sources: who lists one, and what a listing leaves."""

from __future__ import annotations

import pytest

from reelwright.errors import Code, Problem, ReelError
from reelwright.store import sources
from reelwright.store.database import Tx
from reelwright.store.sources import Source, SourceState
from reelwright.store.store import Store

URL = "https://example.org/feed.xml"


def insert(store: Store, **more: object) -> Source:
    values = {"owner": "local", "url": URL, "options": {}, **more}
    return store.transact(lambda tx: sources.insert(tx, **values))  # type: ignore[arg-type]


def claim(store: Store, source: Source, lease_s: float = 60.0) -> Source:
    found = store.transact(lambda tx: sources.claim(tx, source.id, lease_s))
    assert found is not None
    return found


def done(tx: Tx, source: Source) -> None:
    sources.listed(tx, source, kind="feed", title="Talks", count=3, next_at=None, etag='"1"')


def test_one_lists_at_a_time(store: Store) -> None:
    source = insert(store)
    claimed = claim(store, source)
    assert claimed.state == SourceState.LISTING
    assert store.transact(lambda tx: sources.claim(tx, source.id, 60)) is None
    with store.read() as tx:
        assert sources.due(tx, 10) == []


def test_a_claim_that_ran_out_is_anothers(store: Store) -> None:
    source = insert(store)
    first = claim(store, source, lease_s=-1)
    second = claim(store, source)
    for change in (lambda tx: sources.renew(tx, first, 60), lambda tx: done(tx, first)):
        with pytest.raises(ReelError) as caught:
            store.transact(change)
        assert caught.value.code is Code.LEASE_LOST
    store.transact(lambda tx: done(tx, second))
    with store.read() as tx:
        found = sources.get(tx, source.id)
    assert (found.state, found.listed, found.etag, found.next_at) == ("listed", 3, '"1"', None)
    assert found.listed_at is not None


def test_failures_are_counted_until_one_listing_is_whole(store: Store) -> None:
    source = insert(store)
    problem = Problem(Code.HTTP_SERVER_ERROR, "503", evidence={"status": 503})
    for count in (1, 2):
        claimed = claim(store, source)
        with store.write() as tx:
            sources.failed(tx, claimed, problem, tx.now())
        with store.read() as tx:
            assert sources.get(tx, source.id).failures == count
    claimed = claim(store, source)
    store.transact(lambda tx: done(tx, claimed))
    with store.read() as tx:
        assert sources.get(tx, source.id).failures == 0


def test_what_is_given_back_is_due_at_once(store: Store) -> None:
    claimed = claim(store, insert(store))
    store.transact(lambda tx: sources.give_back(tx, claimed))
    with store.read() as tx:
        assert [s.id for s in sources.due(tx, 10)] == [claimed.id]


def test_what_is_paused_is_not_due(store: Store) -> None:
    source = insert(store, schedule="6h")
    store.transact(lambda tx: sources.change(tx, source.id, is_enabled=False))
    with store.read() as tx:
        assert sources.due(tx, 10) == []
    assert store.transact(lambda tx: sources.claim(tx, source.id, 60)) is None


def test_an_owner_sees_their_own(store: Store) -> None:
    mine, theirs = insert(store), insert(store, owner="other", schedule="1d")
    with store.read() as tx:
        assert [s.id for s in sources.listing(tx, owner="local")] == [mine.id]
        assert {s.id for s in sources.listing(tx)} == {mine.id, theirs.id}
        assert [s.id for s in sources.listing(tx, only_subscriptions=True)] == [theirs.id]
        assert [s.id for s in sources.of_url(tx, "other", URL)] == [theirs.id]
        with pytest.raises(ReelError) as caught:
            sources.get(tx, theirs.id, "local")
    assert caught.value.code is Code.SOURCE_UNKNOWN


def test_asking_does_not_disturb_who_lists(store: Store) -> None:
    claimed = claim(store, insert(store))
    store.transact(lambda tx: sources.ask(tx, claimed.id))
    store.transact(lambda tx: done(tx, claimed))
    store.transact(lambda tx: sources.ask(tx, claimed.id))
    with store.read() as tx:
        assert [s.id for s in sources.due(tx, 10)] == [claimed.id]
