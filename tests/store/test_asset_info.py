"""What is found of assets is written beside what was known, and into the ledger of origins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reelwright.store import asset_info, assets, origins
from reelwright.store.asset_info import Found
from reelwright.store.assets import AssetRow
from reelwright.store.store import Store

PREFIX = "site:youtube.com:youtube:"


def insert(store: Store, asset_id: str, key: str, owner: str = "local") -> None:
    row = AssetRow(
        id=asset_id,
        key=key,
        owner=owner,
        extractor="youtube",
        host="youtube.com",
        title="old",
        channel="old channel",
        folder=asset_id,
        folder_key=asset_id,
        size_bytes=1,
        created_at=1.0,
        changed_at=1.0,
    )
    store.transact(
        lambda tx: assets.insert(tx, row, {"title": "old", "tags": ["a"], "view_count": 1})
    )


def merge(known: Mapping[str, Any], found: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**known, **found}


def describe(store: Store, *found: Found) -> asset_info.Described:
    return store.transact(lambda tx: asset_info.describe(tx, found, merge))


def test_pages_in_the_order_of_keys(store: Store) -> None:
    insert(store, "a3", PREFIX + "ccc")
    insert(store, "a1", PREFIX + "bbb")
    insert(store, "a2", PREFIX + "bbb", owner="ann")
    insert(store, "a4", PREFIX + "-_z")
    insert(store, "a5", "site:vimeo.com:vimeo:7")
    insert(store, "a6", "url:example.org/a.mp4")
    with store.read() as tx:
        every = asset_info.page(tx, PREFIX)
        assert sorted(one.id for one in every) == ["a1", "a2", "a3", "a4"]
        found: list[str] = []
        after = ("", "")
        while batch := asset_info.page(tx, PREFIX, after=after, limit=1):
            found.append(batch[0].id)
            after = (batch[0].key, batch[0].id)
            left = len(every) - len(found)
            assert asset_info.count(tx, PREFIX, after=after) == left
        assert found == [one.id for one in every]
        assert [one.id for one in asset_info.page(tx, PREFIX, owner="ann")] == ["a2"]
        assert asset_info.count(tx, PREFIX, owner="ann") == 1
        assert {one.id for one in asset_info.of_ids(tx, ["a6", "a1", "gone"])} == {"a1", "a6"}


def test_what_is_found_goes_before_what_was_known(store: Store) -> None:
    insert(store, "a1", PREFIX + "aaa")
    info = {"title": "new", "published_at": 7.0, "view_count": 2, "language": "x" * 50}
    news = Found(asset_id="a1", info=info, outcome="there", evidence={"source": "api"})
    assert describe(store, news).changed == {"a1"}
    with store.read() as tx:
        row, known = assets.get(tx, "a1"), assets.info(tx, "a1")
        checks = origins.history(tx, PREFIX + "aaa")
    assert (row.title, row.published_at, row.channel) == ("new", 7.0, "old channel")
    assert row.language == "x" * 35
    assert (row.origin_state, row.origin_checked_at is not None) == ("there", True)
    assert known == {"title": "new", "tags": ["a"], **{k: info[k] for k in list(info)[1:]}}
    assert [(one.outcome, one.asset_id) for one in checks] == [("there", "a1")]

    # The same again changes nothing of the asset; what was remembered is no check.
    changed_at = row.changed_at
    assert (
        describe(store, news, Found(asset_id="no such", info=info, outcome="there")).changed
        == set()
    )
    describe(store, Found(asset_id="a1", info=None, outcome="gone", is_news=False))
    with store.read() as tx:
        assert assets.get(tx, "a1").changed_at == changed_at
        assert assets.get(tx, "a1").origin_state == "there"
        assert len(origins.history(tx, PREFIX + "aaa")) == 2


def test_what_is_gone_keeps_what_is_known(store: Store) -> None:
    insert(store, "a1", PREFIX + "aaa")
    gone = Found(asset_id="a1", info=None, outcome="gone", code="video_gone")
    told = describe(store, gone)
    assert not told.changed
    assert told.gone == {"a1"}
    with store.read() as tx:
        assert (assets.get(tx, "a1").title, assets.get(tx, "a1").origin_state) == ("old", "gone")
