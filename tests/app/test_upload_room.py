"""Announced uploads keep room on the disk, but not all of it from everybody else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reelwright.app.settings_sections import Serve
from reelwright.app.upload_room import AWAKE_S, check_room
from reelwright.errors import Code, ReelError
from reelwright.store import uploads
from reelwright.store.ids import new_id
from reelwright.store.store import Store, open_store
from reelwright.store.uploads import Upload

KEEP_S = 24 * 3600.0
FREE = 1000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "db")
    yield opened
    opened.close()


def _announce(store: Store, owner: str, size: int, *, came: int = 0, silent_s: float = 0.0) -> None:
    with store.write() as tx:
        upload = Upload(
            id=new_id(),
            owner=owner,
            name="talk.mp4",
            size_bytes=size,
            offset_bytes=came,
            metadata={},
            created_at=tx.now() - silent_s,
            expires_at=tx.now() - silent_s + KEEP_S,
        )
        uploads.insert(tx, upload)


def _refused(
    store: Store, owner: str, size: int, free: int = FREE, **serve: Any
) -> ReelError | None:
    with store.read() as tx:
        try:
            check_room(tx, owner, Serve(**serve), size, free)
        except ReelError as error:
            return error
    return None


def _code(store: Store, owner: str, size: int, **more: Any) -> Code | None:
    error = _refused(store, owner, size, **more)
    return None if error is None else error.code


def test_a_single_upload_may_take_all_that_is_free(store: Store) -> None:
    assert _code(store, "ann", 1000) is None
    error = _refused(store, "ann", 1001)
    assert error is not None
    assert error.code is Code.DISK_FULL
    assert "reel resume" not in str(error.problem.hint), "it is not about a job"


def test_several_of_one_owner_leave_a_part_to_the_others(store: Store) -> None:
    _announce(store, "ann", 500)
    assert _code(store, "ann", 300) is None
    error = _refused(store, "ann", 301)
    assert error is not None
    assert error.code is Code.QUOTA_EXCEEDED
    assert error.problem.evidence == {"limit_bytes": 800}
    assert "delete them" in str(error.problem.hint)
    assert _code(store, "bob", 500) is None
    assert _code(store, "bob", 501) is Code.DISK_FULL
    assert _code(store, "ann", 301, upload_share=1.0) is None


def test_what_came_needs_no_room_any_more(store: Store) -> None:
    _announce(store, "ann", 900, came=890)
    assert _code(store, "ann", 700) is None


def test_whoever_sends_nothing_loses_the_room(store: Store) -> None:
    _announce(store, "ann", 900, silent_s=AWAKE_S - 60)
    assert _code(store, "bob", 500) is Code.DISK_FULL
    _announce(store, "eve", 900, silent_s=AWAKE_S + 60)
    assert _code(store, "bob", 100) is None


def test_an_owner_has_so_many_unfinished_ones(store: Store) -> None:
    for _ in range(3):
        _announce(store, "ann", 1, silent_s=2 * AWAKE_S)
    assert _code(store, "ann", 1, unfinished_uploads=4) is None
    error = _refused(store, "ann", 1, unfinished_uploads=3)
    assert error is not None
    assert error.code is Code.QUOTA_EXCEEDED
    assert error.problem.evidence == {"limit": 3}
    assert _code(store, "bob", 1, unfinished_uploads=3) is None
