"""Before a download: room, promises, permissions, and where a video stands."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from reelwright.app.library import folders, storage
from reelwright.app.library.keep import keep_video
from reelwright.app.wiring import App
from reelwright.engine.presence import this_host
from reelwright.errors import Code, ReelError
from reelwright.store.database import Tx
from reelwright.store.tables import reservations, steps
from tests.app.library.orders import app_at, order
from tests.store import every_table


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with app_at(tmp_path / "home", keep_free_bytes=0) as made:
        yield made


def _kept(app: App) -> str:
    kept = asyncio.run(keep_video(app, order(app)))
    app.store.transact(kept.commit)
    return str(kept.result["asset"])


def test_there_is_room_and_then_there_is_not(app: App, tmp_path: Path) -> None:
    found = storage.look(app)
    assert found.problem is None
    (disk,) = found.disks
    assert 0 < disk.free_bytes <= disk.total_bytes
    assert storage.problem(app, disk.free_bytes * 2) is not None
    with app_at(tmp_path / "home", keep_free_bytes=1 << 62) as greedy:
        problem = storage.problem(greedy)
    assert problem is not None
    assert problem.code is Code.DISK_FULL
    assert "keep_free_bytes" in (problem.hint or "")


def test_what_running_steps_were_promised_counts(app: App) -> None:
    def promise(tx: Tx) -> None:
        every_table.fill(tx)
        tx.run(sa.update(steps).where(steps.c.id == "s1").values(host=this_host()))
        tx.run(sa.update(reservations).values(size_bytes=1 << 62, host=this_host()))

    app.store.transact(promise)
    (folders.root(app) / folders.OWN).mkdir(parents=True)  # its disk is mounted
    problem = storage.problem(app)
    assert problem is not None
    assert "promised" in problem.message


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="needs a second file system")
def test_a_library_elsewhere_is_looked_at_as_well(tmp_path: Path) -> None:
    with app_at(tmp_path / "home", Path("/dev/shm/reel-nowhere"), keep_free_bytes=0) as app:
        assert len(storage.look(app).disks) == 2


def test_where_a_video_stands(app: App) -> None:
    asset = _kept(app)
    path = storage.storage_path(app, asset)
    assert path["exists"]
    assert Path(path["file"]).read_bytes() == b"one"
    checked = storage.check_storage(app, asset)
    assert (checked.path, checked.wanted_bytes, checked.problem) == (path["folder"], 3, None)
    assert storage.prepare_storage(app, asset).to_json()["ok"]
    for wrong in (asset[:-1], ""):
        with pytest.raises(ReelError) as caught:
            storage.check_storage(app, wrong)
        assert caught.value.code is Code.ASSET_UNKNOWN
    with pytest.raises(ReelError):
        storage.storage_path(app, asset, owner="bo")


def test_an_entry_that_has_no_asset_yet(app: App) -> None:
    def fill(tx: Tx) -> None:
        every_table.fill(tx)
        tx.run(sa.text("UPDATE entries SET asset_id = NULL, state = 'pending'"))

    app.store.transact(fill)
    assert storage.check_storage(app, "en1").path is None
    prepared = storage.prepare_storage(app, "en1", owner="ana")
    assert prepared.problem is None
    assert folders.root(app).is_dir()
    assert storage.storage_path(app, "en1")["file"] is None
    with pytest.raises(ReelError):
        storage.check_storage(app, "en1", owner="bo")


def test_a_library_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "library").write_text("")
    with app_at(tmp_path / "home", tmp_path / "library") as app, pytest.raises(ReelError) as caught:
        storage.look(app)
    assert caught.value.code is Code.OUTPUT_PATH
