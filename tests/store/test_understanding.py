"""Jobs that understand assets, asked for on both databases."""

from __future__ import annotations

from reelwright.store import analyses, understanding
from reelwright.store.analyses import Analysis
from reelwright.store.store import Store


def test_where_there_is_nothing_nothing_is_found(store: Store) -> None:
    with store.read() as tx:
        assert understanding.failed(tx) == []
        assert understanding.failed(tx, owner="somebody", after="a") == []
        assert understanding.ended(tx, ["source"], 0.0) == []
        assert understanding.open_jobs(tx, ["source"]) == []
        assert understanding.wanting(tx, "source") == []
        assert not understanding.is_taken(tx, "asset", "0" * 64)


def test_the_newest_of_a_kind_is_kept_and_other_contents_are_forgotten(store: Store) -> None:
    one = Analysis(subject="file:1", kind="text", body={"texts": []}, media_sha256="1" * 64)
    store.transact(lambda tx: analyses.put(tx, one))
    again = Analysis(subject="file:1", kind="text", body={"texts": [1]}, media_sha256="1" * 64)
    store.transact(lambda tx: analyses.put(tx, again))
    with store.read() as tx:
        found = analyses.get(tx, "file:1", "text")
        assert found is not None
        assert found.body == {"texts": [1]}
        assert list(analyses.kinds_of(tx, "file:1")) == ["text"]
    assert not store.transact(lambda tx: analyses.forget_others(tx, "file:1", "1" * 64))
    assert store.transact(lambda tx: analyses.forget_others(tx, "file:1", "2" * 64))
