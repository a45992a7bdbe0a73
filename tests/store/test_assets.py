"""Assets and their files, on both databases."""

from __future__ import annotations

import pytest

from reelwright.errors import Code, ReelError
from reelwright.store import asset_files, assets, captions
from reelwright.store.asset_files import AssetFile, FileState, Role
from reelwright.store.assets import AssetRow, AssetState, Sort, Wanted
from reelwright.store.captions import Passage
from reelwright.store.database import Tx
from reelwright.store.store import Store

_SHA = "ab" * 32


def _row(name: str, **values: object) -> AssetRow:
    fixed: dict[str, object] = {
        "id": name,
        "key": f"generic:example.org:{name}",
        "owner": "ana",
        "extractor": "generic",
        "host": "example.org",
        "title": f"Title {name}",
        "folder": name,
        "folder_key": name,
        "size_bytes": 0,
        "created_at": 1.0,
        "changed_at": 1.0,
    }
    return AssetRow(**{**fixed, **values})  # type: ignore[arg-type]


def _file(asset_id: str, path: str, **values: object) -> AssetFile:
    fixed: dict[str, object] = {
        "asset_id": asset_id,
        "path": path,
        "role": Role.VIDEO,
        "format": "mp4",
        "sha256": _SHA,
        "size_bytes": 5,
        "mtime_ns": (1 << 62) + 1,
    }
    return AssetFile(**{**fixed, **values})  # type: ignore[arg-type]


def _fill(tx: Tx) -> None:
    rows = [
        _row("a", published_at=3.0, channel="Ünter", duration_s=9.0, title="100% Über_uns"),
        _row("b", published_at=1.0, channel="zoo", duration_s=None, size_bytes=7),
        _row("c", published_at=None, channel=None, duration_s=2.0, state=AssetState.MISSING),
        _row("d", published_at=2.0, channel="zoo", owner="bo", origin_state="gone"),
    ]
    for row in rows:
        assets.insert(tx, row, {"title": row.title})


def test_what_was_entered_comes_back(store: Store) -> None:
    row = _row("a", folder="é/\udcff", folder_key=None, sha256=_SHA, verified_at=0.1)
    store.transact(lambda tx: assets.insert(tx, row, {"tags": ["ü"], "loud": None}))
    with store.read() as tx:
        assert assets.get(tx, "a") == row
        assert assets.info(tx, "a") == {"tags": ["ü"], "loud": None}
        assert assets.by_key(tx, row.key, "ana") == row
        assert assets.by_key(tx, row.key, "bo") is None
        with pytest.raises(ReelError) as caught:
            assets.get(tx, "a", owner="bo")
    assert caught.value.code is Code.ASSET_UNKNOWN


def test_a_key_may_have_one_asset_of_each_owner_and_a_folder_one_of_all(store: Store) -> None:
    key = "generic:example.org:x"
    store.transact(lambda tx: assets.insert(tx, _row("a", key=key), {}))
    store.transact(lambda tx: assets.insert(tx, _row("b", key=key, owner="bo"), {}))
    for wrong in (_row("c", key=key), _row("d", folder_key="a")):
        with pytest.raises(Exception, match=r"(?i)unique"), store.write() as tx:
            assets.insert(tx, wrong, {})


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(), "abcd"),
        (Wanted(owner="ana"), "abc"),
        (Wanted(channel="zoo"), "bd"),
        (Wanted(text="100%"), "a"),
        (Wanted(text="ZOO"), "bd"),
        (Wanted(text="_u"), "a"),
        (Wanted(state="missing"), "c"),
        (Wanted(origin_state="gone"), "d"),
        (Wanted(after=1.0, before=3.0), "bd"),
        (Wanted(host="example.com"), ""),
    ],
)
def test_filters(store: Store, wanted: Wanted, found: str) -> None:
    store.transact(_fill)
    with store.read() as tx:
        assert "".join(sorted(row.id for row in assets.stream(tx, wanted))) == found
        assert assets.count(tx, wanted) == len(found)
        assert "".join(assets.ids_after(tx, wanted)) == found


@pytest.mark.parametrize(
    ("sort", "reverse", "order"),
    [
        (Sort.ADDED, False, "dcba"),
        (Sort.ADDED, True, "abcd"),
        (Sort.PUBLISHED, False, "adbc"),
        (Sort.PUBLISHED, True, "bdac"),
        (Sort.TITLE, False, "abcd"),
        (Sort.DURATION, False, "acdb"),
        (Sort.SIZE, False, "bdca"),
    ],
)
def test_pages_in_every_order(store: Store, sort: Sort, reverse: bool, order: str) -> None:
    store.transact(_fill)
    with store.read() as tx:
        rows = list(assets.stream(tx, Wanted(), sort=sort, reverse=reverse, batch=1))
        assert "".join(row.id for row in rows) == order
        seen, after = "", None
        while page := assets.page(tx, Wanted(), sort=sort, reverse=reverse, limit=2, after=after):
            after = page[-1].id
            seen += "".join(row.id for row in page)
        assert seen == order


def test_assets_are_found_by_what_people_know_of_them(store: Store) -> None:
    store.transact(
        lambda tx: assets.insert(tx, _row("0abc", native_id="xyz", url="https://e.org/x"), {})
    )
    with store.read() as tx:
        for given in ("0a", "0abc", "xyz", "https://e.org/x", "generic:example.org:0abc"):
            assert [row.id for row in assets.find(tx, given)] == ["0abc"], given
        assert assets.find(tx, "0a", owner="bo") == []
        assert assets.find(tx, "abc") == []


def _fill_files(tx: Tx) -> None:
    _fill(tx)
    asset_files.put(tx, _file("a", "v\udcff.mp4"), {"streams": [1]})
    asset_files.put(tx, _file("a", "v.en.vtt", role=Role.CAPTIONS, language="en"))
    asset_files.put(tx, _file("a", "v2.mp4", version=2, sha256="ef" * 32))
    asset_files.put(tx, _file("a", "v.en.vtt", role=Role.CAPTIONS, language="en", size_bytes=9))
    passage = Passage(
        asset_id="a", path="v.en.vtt", language="en", start_s=0.0, end_s=1.0, text="hello"
    )
    captions.replace(tx, "a", ["v.en.vtt"], [passage])


def test_files_have_one_row_a_path(store: Store) -> None:
    store.transact(_fill_files)
    with store.read() as tx:
        files = asset_files.of_asset(tx, "a")
        assert [(f.path, f.version, f.size_bytes) for f in files] == [
            ("v2.mp4", 2, 5),
            ("v\udcff.mp4", 1, 5),
            ("v.en.vtt", 1, 9),
        ]
        assert asset_files.facts(tx, "a", "v\udcff.mp4") == {"streams": [1]}
        newest = asset_files.newest_video(files)
        assert newest is not None
        assert newest.path == "v2.mp4"
        assert list(asset_files.with_content(tx, [_SHA, "ef" * 32])) == [_SHA, "ef" * 32]
        assert list(asset_files.at(tx, "ana", {("a", "v2.mp4"), ("a", "w")})) == [("a", "v2.mp4")]
        totals = assets.totals(tx)
        assert (totals.assets, totals.files, totals.size_bytes) == (4, 3, 19)


def test_files_are_moved_marked_and_go_with_their_asset(store: Store) -> None:
    store.transact(_fill_files)
    store.transact(lambda tx: asset_files.move(tx, "a", [("v.en.vtt", "w.en.vtt")]))
    store.transact(lambda tx: asset_files.mark(tx, "a", "v2.mp4", FileState.DAMAGED))
    with store.read() as tx:
        assert [p.path for p in captions.of_asset(tx, "a")] == ["w.en.vtt"]
        first = asset_files.page(tx, limit=2)
        rest = asset_files.page(tx, (first[-1].asset_id, first[-1].path))
        assert len({(f.asset_id, f.path) for f in [*first, *rest]}) == 3
        (bad,) = (f for f in [*first, *rest] if f.state is FileState.DAMAGED)
        assert bad.checked_at is not None
    store.transact(lambda tx: asset_files.remove(tx, "a", ["w.en.vtt"]))
    with store.read() as tx:
        assert captions.of_asset(tx, "a") == []
    store.transact(lambda tx: assets.remove(tx, "a"))
    with store.read() as tx:
        assert asset_files.of_asset(tx, "a") == []
    with pytest.raises(ReelError):
        store.transact(lambda tx: assets.remove(tx, "a"))
