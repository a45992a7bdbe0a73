"""The ledger of origins and whose turn it is to be verified, on both databases."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from reelwright.store import asset_files, assets, entry_moves, origins, scrub, sources
from reelwright.store.asset_files import AssetFile, FileState, Role
from reelwright.store.assets import AssetRow, AssetState
from reelwright.store.database import Tx
from reelwright.store.entries import EntryState, NewEntry
from reelwright.store.origins import CONFIRM_S, Origin
from reelwright.store.store import Store
from reelwright.store.tables_library import assets as assets_table
from reelwright.store.tables_library import entries, origin_checks

_SHA = "ab" * 32


def _row(name: str, **values: Any) -> AssetRow:
    fixed: dict[str, Any] = {
        "id": name,
        "key": f"key {name}",
        "owner": "ana",
        "extractor": "generic",
        "host": "example.org",
        "title": name,
        "folder": name,
        "folder_key": name,
        "url": f"https://example.org/{name}",
        "size_bytes": 5,
        "created_at": 1.0,
        "changed_at": 1.0,
    }
    return AssetRow(**{**fixed, **values})


def _file(asset_id: str, path: str = "v.mp4", **values: Any) -> AssetFile:
    fixed: dict[str, Any] = {
        "asset_id": asset_id,
        "path": path,
        "role": Role.VIDEO,
        "format": "mp4",
        "sha256": _SHA,
        "size_bytes": 5,
        "mtime_ns": 7,
    }
    return AssetFile(**{**fixed, **values})


def _ask(store: Store, outcome: str, code: str | None = None, **evidence: Any) -> Origin:
    return store.transact(
        lambda tx: origins.note(
            tx, key="key a", url="u", outcome=outcome, code=code, evidence=evidence, asset_id="a"
        )
    )


def _let_pass(store: Store, seconds: float) -> None:
    earlier = sa.update(origin_checks).values(at=origin_checks.c.at - seconds)
    store.transact(lambda tx: tx.run(earlier))


def _state(store: Store) -> str:
    with store.read() as tx:
        return assets.get(tx, "a").origin_state


def test_what_counts_as_gone(store: Store) -> None:
    store.transact(lambda tx: assets.insert(tx, _row("a"), {}))
    assert _ask(store, "gone", "http_not_found", status=404) is Origin.NOT_FOUND
    assert _ask(store, "gone", "http_not_found", status=404) is Origin.NOT_FOUND
    _let_pass(store, CONFIRM_S - 60)
    assert _ask(store, "gone", "http_not_found", status=404) is Origin.NOT_FOUND
    # A question that failed confirms nothing and refutes nothing.
    assert _ask(store, "unknown", "network_timeout") is Origin.UNKNOWN
    assert _state(store) == "not_found"
    _let_pass(store, 61)
    assert _ask(store, "gone", "http_not_found", status=404) is Origin.GONE
    assert _ask(store, "unknown", "network_timeout") is Origin.UNKNOWN
    assert _state(store) == "gone"
    assert _ask(store, "gone", "http_not_found", status=404) is Origin.GONE
    assert _ask(store, "restricted", "video_private") is Origin.RESTRICTED
    assert _ask(store, "gone", "http_not_found", status=404) is Origin.NOT_FOUND
    assert _ask(store, "gone", "http_not_found", status=410) is Origin.GONE
    assert _ask(store, "there") is Origin.THERE
    assert _ask(store, "gone", "video_gone") is Origin.GONE
    with store.read() as tx:
        told = origins.history(tx, "key a", limit=2)
        older = origins.history(tx, "key a", before=told[-1].seq)
    assert [c.outcome for c in told] == ["gone", "there"]
    assert older[0].evidence == {"status": 410}


def test_who_is_asked_next(store: Store) -> None:
    def fill(tx: Tx) -> None:
        now = tx.now()
        times = {"a": None, "b": now - 100, "c": now - 5, "d": now - 200, "e": None}
        for name, at in times.items():
            url = None if name == "e" else f"https://example.org/{name}"
            assets.insert(tx, _row(name, origin_checked_at=at, url=url), {})
        assets.insert(tx, _row("f", origin_state="not_found", origin_checked_at=now - 1), {})
        assets.insert(tx, _row("g", owner="bob"), {})

    store.transact(fill)

    def due(**values: Any) -> list[str]:
        with store.read() as tx:
            return [row.id for row in origins.due(tx, before=tx.now() - 50, **values)]

    assert due(owner="ana") == ["a", "d", "b", "f"]
    assert due() == ["a", "g", "d", "b", "f"]
    with store.read() as tx:
        first = origins.due(tx, before=tx.now() - 50, owner="ana", limit=2)
    after = (first[-1].origin_checked_at or 0.0, first[-1].id)
    assert due(owner="ana", after=after) == ["b", "f"]
    _ask(store, "unknown", "network_timeout")
    assert due(owner="ana") == ["d", "b", "f"]
    _let_pass(store, CONFIRM_S + 60)
    assert due(owner="ana") == ["a", "d", "b", "f"]


def test_gone_and_held_or_lost(store: Store) -> None:
    def fill(tx: Tx) -> None:
        for name, state in (("a", AssetState.DAMAGED), ("b", AssetState.MISSING)):
            assets.insert(tx, _row(name, origin_state="gone", state=state), {})
        assets.insert(tx, _row("c"), {})
        for owner in ("ana", "ana", "bob"):
            source = sources.insert(tx, owner=owner, url=f"https://{owner}", options={})
            keys = ("key x", "key a")  # the second is held
            for n, key in enumerate(keys):
                one = NewEntry(
                    position=n, key=key, host="h", url=key, state=EntryState.GONE, code="video_gone"
                )
                entry_moves.add(tx, source.id, [one])

    store.transact(fill)
    with store.read() as tx:
        assert [row.id for row in origins.held(tx)] == ["a"]
        assert [one.asset_id for one in origins.lost_assets(tx, owner="ana")] == ["b"]
        assert origins.lost_assets(tx, owner="bob") == []
        lost = origins.lost_entries(tx, owner="ana")
        assert [one.key for one in lost] == ["key x"]
        # Bob has neither.
        assert sorted(one.key for one in origins.lost_entries(tx, owner="bob")) == [
            "key a",
            "key x",
        ]
        assert origins.lost_entries(tx, owner="ana", after=lost[0].entry_id or "") == []
        assert tx.run(sa.select(sa.func.count()).select_from(entries)).scalar_one() == 6


def test_whose_turn_it_is_to_be_verified(store: Store) -> None:
    def fill(tx: Tx) -> None:
        for name, at in (("a", None), ("b", 50.0), ("c", 20.0), ("d", None), ("e", 99.0)):
            assets.insert(tx, _row(name, verified_at=at), {})
            asset_files.put(tx, _file(name))

    store.transact(fill)
    with store.read() as tx:
        assert [row.id for row in scrub.due(tx, 99.0)] == ["a", "d", "c", "b"]
        assert scrub.count_due(tx, 99.0) == (4, 20)
        seen: list[str] = []
        after = (-1.0, "")
        while page := scrub.due(tx, 99.0, after=after, limit=1):
            seen += [row.id for row in page]
            after = (page[-1].verified_at or 0.0, page[-1].id)
        assert seen == ["a", "d", "c", "b"]
        assert scrub.due(tx, 99.0, owner="bob") == []


def test_what_was_looked_at_is_written_unless_it_is_another_by_now(store: Store) -> None:
    def fill(tx: Tx) -> None:
        assets.insert(tx, _row("a"), {})
        asset_files.put(tx, _file("a"))
        asset_files.put(tx, _file("a", "a.vtt", role=Role.CAPTIONS, sha256="cd" * 32))

    store.transact(fill)
    stale = _file("a", sha256="ef" * 32)
    fresh = _file("a")

    def look(file: AssetFile, state: FileState) -> tuple[bool, AssetState]:
        def change(tx: Tx) -> tuple[bool, AssetState]:
            is_done = scrub.mark(tx, file, state, None, read=True)
            return is_done, scrub.settle(tx, "a", lacks_sums=False, is_read=True)

        return store.transact(change)

    assert look(stale, FileState.MISSING) == (False, AssetState.HELD)
    assert look(fresh, FileState.DAMAGED) == (True, AssetState.DAMAGED)
    assert look(fresh, FileState.MISSING) == (True, AssetState.MISSING)
    captions = _file("a", "a.vtt", role=Role.CAPTIONS, sha256="cd" * 32)
    assert look(fresh, FileState.OK) == (True, AssetState.HELD)
    assert look(captions, FileState.MISSING) == (True, AssetState.INCOMPLETE)
    with store.read() as tx:
        assert [row.id for row in scrub.bad(tx)] == ["a"]
        assert tx.run(sa.select(assets_table.c.verified_at)).scalar_one() is not None
    new: Any = {"sha256": "12" * 32, "size_bytes": 9, "mtime_ns": 3}
    assert store.transact(lambda tx: scrub.accept(tx, fresh, **new))
    assert not store.transact(lambda tx: scrub.accept(tx, fresh, **new))
    with store.read() as tx:
        row = assets.get(tx, "a")
    assert (row.sha256, row.size_bytes) == ("12" * 32, 9)
