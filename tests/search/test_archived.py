"""Archived captions are a leg of the same search, on both databases, without a copy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reelwright.search.moments import Page
from reelwright.search.query import parse
from reelwright.search.searching import Searcher
from reelwright.store import assets, captions, documents
from reelwright.store.assets import AssetRow
from reelwright.store.captions import Passage
from reelwright.store.documents import NewDocument
from reelwright.store.passages import NewPassage
from reelwright.store.store import Store, open_store


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = open_store(database_url)
    yield opened
    opened.close()


def _asset(
    store: Store,
    name: str,
    said: str,
    *,
    channel: str | None = None,
    published_at: float | None = None,
    duration_s: float | None = None,
) -> None:
    row = AssetRow(
        id=name,
        key=name,
        owner="ana",
        extractor="generic",
        host="example.org",
        title=f"About {name}",
        folder=name,
        folder_key=name,
        size_bytes=0,
        created_at=1.0,
        changed_at=1.0,
        channel=channel,
        published_at=published_at,
        duration_s=duration_s,
    )
    passage = Passage(
        asset_id=name, path="c.vtt", language="en-GB", start_s=30.0, end_s=35.0, text=said
    )
    with store.write() as tx:
        assets.insert(tx, row, {})
        captions.replace(tx, name, ["c.vtt"], [passage])


def _find(store: Store, text: str, owner: str | None = None) -> Page:
    return Searcher(store).search(parse(text), owner=owner)


def _names(page: Page) -> list[str]:
    return sorted(str(moment.asset_id) for moment in page.moments)


def test_captions_alone_are_enough_to_search_in(store: Store) -> None:
    _asset(store, "one", "the otter swims under the ice")
    (moment,) = _find(store, "otter ice").moments
    assert (moment.subject, moment.asset_id, moment.title) == ("asset:one", "one", "About one")
    assert (moment.start_s, moment.end_s, moment.kind) == (30.0, 35.0, "captions")
    assert moment.why[0].leg == "captions archived"
    assert moment.evidence[0].source == {"captions": "c.vtt"}
    assert [moment.snippet[a:b] for a, b in moment.marks] == ["otter", "ice"]
    assert _find(store, "weasel").moments == ()


def test_filters_and_owners_count_here_too(store: Store) -> None:
    _asset(store, "one", "an otter", channel="Wild", published_at=1.6e9, duration_s=60.0)
    _asset(store, "two", "an otter", channel="Tame", published_at=1.72e9, duration_s=900.0)
    assert _names(_find(store, "otter")) == ["one", "two"]
    for query, expected in {
        "otter channel:wild": ["one"],
        "otter after:2024": ["two"],
        "otter duration:<5m": ["one"],
        "otter asset:two": ["two"],
        "otter lang:en": ["one", "two"],
        "otter lang:de": [],
        "otter kind:text": [],
        "otter in:document": [],
        "otter -an": [],
        '"an otter" channel:tame': ["two"],
    }.items():
        assert _names(_find(store, query)) == expected, query
    assert _find(store, "otter", owner="ben").moments == ()


def test_what_is_heard_there_too_is_the_same_moment(store: Store) -> None:
    _asset(store, "one", "the otter swims")
    document = NewDocument(
        owner="ana", subject="asset:one", kind="asset", title="About one", asset_id="one"
    )
    heard = NewPassage(kind="speech", text="the otter swims", start_s=29.0, end_s=36.0)
    store.transact(lambda tx: documents.put(tx, document, [heard]))
    (moment,) = _find(store, "otter").moments
    assert {why.leg for why in moment.why} == {"speech words", "captions archived"}
    again = NewPassage(kind="captions", text="the otter swims", start_s=30.0, end_s=35.0)
    store.transact(lambda tx: documents.put(tx, document, [heard, again]))
    (moment,) = _find(store, "otter").moments
    assert {why.leg for why in moment.why} == {"speech words", "captions words"}
