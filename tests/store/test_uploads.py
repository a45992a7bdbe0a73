"""Uploads in the database: offsets that only move on, expiry, and who needs them."""

from __future__ import annotations

from typing import Any

import pytest

from reelwright.errors import Code, ReelError
from reelwright.store import jobs, uploads
from reelwright.store.database import Tx
from reelwright.store.ids import new_id
from reelwright.store.rows import NewJobRow
from reelwright.store.states import JobState
from reelwright.store.store import Store
from reelwright.store.uploads import Promised, Upload

_SHA256 = "ab" * 32


def _put(store: Store, owner: str = "ann", expires_in_s: float = 60.0, **more: Any) -> str:
    def insert(tx: Tx) -> str:
        values: dict[str, Any] = {"size_bytes": 10, "offset_bytes": 0, **more}
        upload = Upload(
            id=new_id(),
            owner=owner,
            name="talk.mp4",
            metadata={"filename": "dGFsay5tcDQ="},
            created_at=tx.now(),
            expires_at=tx.now() + expires_in_s,
            **values,
        )
        uploads.insert(tx, upload)
        assert uploads.get(tx, upload.id) == upload
        return upload.id

    return store.transact(insert)


def _job(store: Store, upload_id: str) -> str:
    spec = {"text": f"inputs: {{a: 'upload:{upload_id}'}}"}
    return store.transact(lambda tx: jobs.insert(tx, NewJobRow(spec=spec, plan={}, base="/")))


def test_the_offset_moves_only_from_where_it_is(store: Store) -> None:
    upload_id = _put(store)
    with store.write() as tx:
        assert uploads.move(tx, upload_id, old=0, new=4, expires_at=9e9)
        assert not uploads.move(tx, upload_id, old=0, new=8, expires_at=9e9)
        assert uploads.promised(tx, "ann") == Promised(6, 6, 1)
        assert not uploads.finish(tx, upload_id, old=0, sha256=_SHA256, expires_at=9e9)
        assert uploads.finish(tx, upload_id, old=4, sha256=_SHA256, expires_at=9e9)
        assert not uploads.move(tx, upload_id, old=10, new=0, expires_at=9e9)
        found = uploads.get(tx, upload_id, "ann")
        assert (found.offset_bytes, found.sha256, found.is_finished) == (10, _SHA256, True)
        assert uploads.promised(tx, "ann") == Promised(0, 0, 0)


def test_what_is_promised_is_told_by_owner_and_lapses(store: Store) -> None:
    _put(store, size_bytes=100, expires_in_s=1000.0)
    _put(store, size_bytes=10, offset_bytes=4, expires_in_s=10.0)
    _put(store, "bob", size_bytes=1000, expires_in_s=1000.0)
    with store.read() as tx:
        assert uploads.promised(tx, "ann") == Promised(1106, 106, 2)
        assert uploads.promised(tx, "ann", tx.now() + 500) == Promised(1100, 100, 2)
        assert uploads.promised(tx, "bob", tx.now() + 5000) == Promised(0, 0, 1)
        assert uploads.promised(tx, "eve") == Promised(1106, 0, 0)


def test_those_of_others_are_unknown(store: Store) -> None:
    upload_id = _put(store)
    with store.read() as tx:
        assert uploads.get(tx, upload_id).owner == "ann"
        for owner, wanted in (("bob", upload_id), ("ann", new_id())):
            with pytest.raises(ReelError) as caught:
                uploads.get(tx, wanted, owner)
            assert caught.value.code is Code.UPLOAD_UNKNOWN
        assert uploads.page(tx, "bob", limit=5) == []
        assert [u.id for u in uploads.page(tx, None, limit=5)] == [upload_id]


def test_the_same_content_is_found_for_its_owner_alone(store: Store) -> None:
    done: dict[str, Any] = {"offset_bytes": 10, "sha256": _SHA256, "finished_at": 1.0}
    upload_id = _put(store, **done)
    _put(store)
    with store.read() as tx:
        assert [u.id for u in uploads.same(tx, "ann", _SHA256, 10)] == [upload_id]
        assert uploads.same(tx, "bob", _SHA256, 10) == []
        assert uploads.same(tx, "ann", _SHA256, 11) == []


def test_what_expired_goes_unless_a_job_needs_it(store: Store) -> None:
    fresh = _put(store)
    old, needed = (_put(store, expires_in_s=-1.0) for _ in range(2))
    job_id = _job(store, needed)

    assert store.transact(uploads.delete_expired) == [old]
    with store.read() as tx:
        assert uploads.known(tx, [fresh, old, needed]) == {fresh, needed}
    store.transact(lambda tx: jobs.move(tx, job_id, JobState.CANCELLED))
    assert store.transact(uploads.delete_expired) == [needed]


def test_what_a_job_needs_is_not_deleted(store: Store) -> None:
    upload_id = _put(store)
    job_id = _job(store, upload_id)

    with pytest.raises(ReelError) as caught:
        store.transact(lambda tx: uploads.delete(tx, upload_id, "ann"))

    assert caught.value.code is Code.UPLOAD_BUSY
    assert job_id in str(caught.value)
    store.transact(lambda tx: jobs.move(tx, job_id, JobState.CANCELLED))
    store.transact(lambda tx: uploads.delete(tx, upload_id, "ann"))
