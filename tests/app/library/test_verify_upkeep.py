"""A service reads its library and asks the origins by itself; and what is hard to reach by hand."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reelwright.app.library import folders, repair
from reelwright.app.library.keep import keep_video
from reelwright.app.library.verify import Wish, verify
from reelwright.app.library.verify_asset import How, Report, verify_asset
from reelwright.app.library.verify_reading import Reader, StoppedError
from reelwright.app.library.verify_upkeep import Pace, Upkeep
from reelwright.app.wiring import App
from reelwright.store import assets, origins
from reelwright.store.assets import AssetRow, Wanted
from tests.app.library.orders import INFO, app_at, order
from tests.site import Site
from tests.site_resources import Refuse

_QUICK = Pace(idle_s=0.02, least_s=0.001)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with app_at(tmp_path / "home", verify_days=1.0, check_days=1.0) as made:
        yield made


def _keep(app: App, url: str) -> str:
    kept = asyncio.run(keep_video(app, order(app, info=replace(INFO, url=url, host="127.0.0.1"))))
    app.store.transact(kept.commit)
    return str(kept.result["asset"])


def _row(app: App, asset_id: str) -> AssetRow:
    with app.store.read() as tx:
        return assets.get(tx, asset_id)


def _run_until(app: App, is_done: Callable[[], bool], *, leads: bool = True) -> None:
    async def run() -> None:
        upkeep = asyncio.create_task(Upkeep(app, lambda: leads, _QUICK).run())
        async with asyncio.timeout(120):
            while not await asyncio.to_thread(is_done):
                assert not upkeep.done()
                await asyncio.sleep(0.02)
        upkeep.cancel()
        await asyncio.gather(upkeep, return_exceptions=True)

    asyncio.run(run())


def test_what_is_due_is_verified_and_asked_for(app: App, site: Site) -> None:
    there, gone = _keep(app, site.url("/files/clip.mp4")), _keep(app, site.clip("/b.mp4"))
    site.fail("/b.mp4", Refuse(410))
    (folders.root(app) / _row(app, gone).folder).joinpath("SHA256SUMS").unlink()
    long_ago = {"origin_checked_at": 1.0}
    with app.store.database.write() as tx:
        assets.update(tx, there, **long_ago)
        assets.update(tx, gone, **long_ago)
        tx.connection.exec_driver_sql("UPDATE origin_checks SET at = 1")

    def is_done() -> bool:
        rows = [_row(app, one) for one in (there, gone)]
        return all(row.verified_at and (row.origin_checked_at or 0) > 1 for row in rows)

    _run_until(app, is_done)
    assert [_row(app, one).state.value for one in (there, gone)] == ["held", "incomplete"]
    assert [_row(app, one).origin_state for one in (there, gone)] == ["there", "gone"]
    with app.store.read() as tx:
        assert len(origins.history(tx, _row(app, gone).key)) == 2
    asked = site.count("/b.mp4")
    # Nothing is due any more.
    assert verify(app, Wish(older_than_s=86_400.0)).assets == 0
    assert site.count("/b.mp4") == asked


def test_who_does_not_lead_leaves_it(app: App) -> None:
    asset = _keep(app, "http://127.0.0.1:1/a.mp4")
    turns = iter(range(20))
    _run_until(app, lambda: next(turns) == 19, leads=False)
    assert _row(app, asset).verified_at is None


def test_a_reading_that_is_stopped_says_nothing(app: App) -> None:
    asset = _keep(app, "http://127.0.0.1:1/a.mp4")
    with pytest.raises(StoppedError):
        verify_asset(app, asset, Reader(stop=lambda: True))
    totals = verify(app, Wish(), stop=lambda: True)
    assert (totals.was_stopped, totals.assets) == (True, 0)
    assert _row(app, asset).verified_at is None


def test_what_may_not_be_read_is_no_damage(app: App) -> None:
    asset = _keep(app, "http://127.0.0.1:1/a.mp4")
    folder = folders.root(app) / _row(app, asset).folder
    away = folder.with_name("away")
    folder.rename(away)
    folder.symlink_to(folder.name)  # a loop: the file system answers neither yes nor no
    reports: list[Report] = []
    totals = verify(app, Wish(), reports.append)
    assert (totals.problems, totals.missing, totals.damaged) == (1, 0, 0)
    assert reports[0].problem is not None
    row = _row(app, asset)
    assert (row.state.value, row.verified_at) == ("held", None)
    folder.unlink()
    away.rename(folder)
    assert verify(app, Wish()).is_well


def test_a_good_file_is_never_replaced(app: App) -> None:
    asset = _keep(app, "http://127.0.0.1:1/a.mp4")
    row = _row(app, asset)
    video = next((folders.root(app) / row.folder).glob("*.mp4"))
    good = video.read_bytes()
    own = video.with_name("own")
    own.write_bytes(b"bad")
    own.replace(video)
    report = verify_asset(app, asset, Reader())
    actions = repair.plan(app, report)
    assert [(a.way, a.finding and a.finding.how) for a in actions] == [("copy", How.CHANGED)]
    # Somebody puts it right before the plan is carried out.
    own.write_bytes(good)
    own.replace(video)
    inode = video.stat().st_ino
    (done,) = repair.carry_out(app, report, actions)
    assert (done.is_done, done.kept) == (True, None)
    assert video.stat().st_ino == inode
    assert verify_asset(app, asset, Reader()).is_well


def test_a_copy_that_goes_bad_on_its_way_leaves_what_was_there(app: App) -> None:
    asset = _keep(app, "http://127.0.0.1:1/a.mp4")
    row = _row(app, asset)
    video = next((folders.root(app) / row.folder).glob("*.mp4"))
    own = video.with_name("own")
    own.write_bytes(b"bad")
    own.replace(video)
    report = verify_asset(app, asset, Reader())
    actions = repair.plan(app, report)
    blob = app.blobs.path(row.sha256 or "")
    blob.write_bytes(b"worse")
    (done,) = repair.carry_out(app, report, actions)
    assert not done.is_done
    assert video.read_bytes() == b"bad"
    assert sorted(p.name for p in video.parent.glob("*.mp4*")) == [video.name]


def test_a_repair_that_was_killed_is_done_by_the_next(app: App) -> None:
    asset = _keep(app, "http://127.0.0.1:1/a.mp4")
    row = _row(app, asset)
    video = next((folders.root(app) / row.folder).glob("*.mp4"))
    good, before = video.read_bytes(), video.stat()
    own = video.with_name("own")
    own.write_bytes(good[:-1] + b"x")
    os.utime(own, ns=(before.st_atime_ns, before.st_mtime_ns))
    own.replace(video)
    # What a kill leaves: the second name, and a copy that was not finished.
    os.link(video, video.with_name(f"{video.name}.damaged"))
    video.with_name(f".{video.name}.repair-1.part").write_bytes(b"half")
    report, left = repair.repair_asset(app, asset)
    assert (report.is_well, left) == (True, [])
    assert video.read_bytes() == good
    assert [p.name for p in video.parent.glob("*.damaged*")] == []


def test_every_asset_has_its_turn_though_some_are_removed(app: App) -> None:
    ids = [_keep(app, f"http://127.0.0.1:1/{n}.mp4") for n in range(4)]

    def forget(report: Report) -> None:
        if report.asset.id == ids[0]:
            app.store.transact(lambda tx: assets.remove(tx, ids[2]))

    assert verify(app, Wish(), forget).assets == 3
    with app.store.read() as tx:
        assert all(row.verified_at for row in assets.stream(tx, Wanted()))
    assert not list((app.home / "verify").iterdir())
