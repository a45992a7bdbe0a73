"""What captions say is found by its words, on both databases alike."""

from __future__ import annotations

import pytest

from reelwright.store import assets, captions
from reelwright.store.assets import AssetRow
from reelwright.store.captions import Passage, Term
from reelwright.store.database import Tx
from reelwright.store.store import Store

_SAID = {
    "p0": "The quick brown fox jumps over the lazy dog.",
    "p1": "Don't panic: and/or read the manual (v2.5) at example.com!",
    "p2": "Über den Wolken muss die Freiheit wohl grenzenlos sein",
    "p3": "Привет, мир; the naïve café",
    "p4": "fox brown quick",
}


def _asset(name: str, owner: str = "ana") -> AssetRow:
    return AssetRow(
        id=name,
        key=name,
        owner=owner,
        extractor="generic",
        host="example.org",
        title=name,
        folder=name,
        folder_key=name,
        size_bytes=0,
        created_at=1.0,
        changed_at=1.0,
    )


def _passage(path: str, text: str, asset_id: str = "a", language: str = "en") -> Passage:
    return Passage(
        asset_id=asset_id, path=path, language=language, start_s=1.0, end_s=2.0, text=text
    )


def _fill(tx: Tx) -> None:
    for owner in ("ana", "bo"):
        assets.insert(tx, _asset("a" if owner == "ana" else "b", owner), {})
    captions.replace(tx, "a", [], [_passage(path, text) for path, text in _SAID.items()])


def _paths(store: Store, *terms: Term | str, **filters: str) -> list[str]:
    asked = [Term(term) if isinstance(term, str) else term for term in terms]
    with store.read() as tx:
        return [f.passage.path for f in captions.candidates(tx, asked, **filters)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("terms", "found"),
    [
        (["fox"], ["p4", "p0"]),
        (["FOX", "brown"], ["p4", "p0"]),
        (["brown fox"], ["p0"]),
        (["fox", "panic"], []),
        (["uber"], ["p2"]),
        (["ÜBER"], ["p2"]),
        (["cafe", "naive"], ["p3"]),
        (["мир", "the"], ["p3"]),
        (["don't"], ["p1"]),
        (["or"], ["p1"]),
        (["and/or"], ["p1"]),
        (["example"], ["p1"]),
        (["v2.5"], ["p1"]),
        ([Term("grenz", is_prefix=True)], ["p2"]),
        (["grenz"], []),
        ([Term("lazy do", is_prefix=True)], ["p0"]),
        (['" OR text:fox NEAR('], []),
        (["foxes"], []),
        ([], []),
    ],
)
def test_words_are_found_whatever_their_case_and_marks(
    store: Store, terms: list[Term | str], found: list[str]
) -> None:
    store.transact(_fill)
    assert _paths(store, *terms) == found


@pytest.mark.parametrize(
    "mark", ['"', "'", "*", "(", "&", "|", "!", ":", "<->", "\\", "^", "\0", "%"]
)
def test_no_mark_is_an_operator(store: Store, mark: str) -> None:
    store.transact(_fill)
    assert _paths(store, f"fox{mark}") == ["p4", "p0"]
    assert _paths(store, Term(mark, is_prefix=True)) == []


def test_filters(store: Store) -> None:
    def fill(tx: Tx) -> None:
        _fill(tx)
        captions.replace(tx, "b", [], [_passage("q", "ein fox", "b", "de")])

    store.transact(fill)
    assert _paths(store, "fox") == ["q", "p4", "p0"]
    assert _paths(store, "fox", owner="ana") == ["p4", "p0"]
    assert _paths(store, "fox", language="de") == ["q"]
    assert _paths(store, "fox", asset_id="a") == ["p4", "p0"]
    with store.read() as tx:
        assert len(captions.candidates(tx, [Term("fox")], limit=1)) == 1


def test_the_index_follows_what_is_replaced_and_removed(store: Store) -> None:
    store.transact(_fill)
    new = [_passage("p0", "an elephant")]
    store.transact(lambda tx: captions.replace(tx, "a", ["p0"], new))
    assert _paths(store, "elephant") == ["p0"]
    assert _paths(store, "lazy") == []
    store.transact(lambda tx: assets.remove(tx, "a"))
    assert _paths(store, "elephant") == []
    store.transact(_fill_again)
    assert _paths(store, "panic") == ["p1"]


def _fill_again(tx: Tx) -> None:
    assets.insert(tx, _asset("a"), {})
    captions.replace(tx, "a", [], [_passage(path, text) for path, text in _SAID.items()])


def test_rare_words_are_found_behind_many_newer_passages(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(captions, "_WINDOW", 10)
    store.transact(_fill)
    newer = [_passage("n", "the common word") for _ in range(50)]
    store.transact(lambda tx: captions.replace(tx, "a", [], newer))
    assert _paths(store, "grenzenlos") == ["p2"]
    assert len(_paths(store, "common")) == 50
    with store.read() as tx:
        assert len(captions.candidates(tx, [Term("common")], limit=5)) == 5
