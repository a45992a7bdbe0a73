"""Assets are removed, and given other folders; a kill in between loses nothing."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from reelwright.app.library import folders, removing, renaming, searching
from reelwright.app.library.keep import keep_video
from reelwright.app.wiring import App
from reelwright.errors import Code, ReelError
from reelwright.store import asset_files, assets
from reelwright.store.assets import AssetRow
from tests.app.library.orders import INFO, app_at, order

_NEW = "{upload_date:%Y}/{channel}/{title}"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with app_at(tmp_path / "home") as made:
        yield made


def _keep(app: App, name: str = "talk", video: bytes = b"one", **values: Any) -> str:
    info = replace(INFO, url=f"https://example.org/{name}.mp4", native_id=name, title="A", **values)
    kept = asyncio.run(keep_video(app, order(app, video, info)))
    app.store.transact(kept.commit)
    return str(kept.result["asset"])


def _row(app: App, asset_id: str) -> AssetRow:
    with app.store.read() as tx:
        return assets.get(tx, asset_id)


def _tree(app: App) -> set[str]:
    root = folders.root(app)
    found = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    return {name for name in found if not name.startswith(folders.OWN)}


def _claims(app: App) -> set[str]:
    return {claim.folder for claim in folders.claims(folders.root(app))}


def _is_whole(app: App, asset_id: str) -> bool:
    row = _row(app, asset_id)
    folder = folders.folder_of(app, row)
    with app.store.read() as tx:
        names = {file.path for file in asset_files.of_asset(tx, asset_id)}
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=folder, capture_output=True)
    return done.returncode == 0 and done.stdout.count(b": OK") == len(names)


def test_removing_takes_everything_but_the_files_of_others(app: App) -> None:
    first, second = _keep(app, "a"), _keep(app, "b")
    other = folders.folder_of(app, _row(app, second)) / "mine.txt"
    other.write_text("mine")
    removed = removing.remove(app, first)
    assert (removed.files, removed.title) == (7, "A")
    assert not any("[a]" in name for name in _tree(app))
    removing.remove(app, second)
    assert other.read_text() == "mine"
    assert _claims(app) == set()
    with pytest.raises(ReelError) as caught:
        removing.remove(app, first)
    assert caught.value.code is Code.ASSET_UNKNOWN
    assert searching.search(app, "world") == []


def test_the_last_video_of_a_channel_takes_its_folder_with_it(app: App) -> None:
    first, second = _keep(app, "a"), _keep(app, "b")
    removing.remove(app, first)
    assert "Chan/tvshow.nfo" in _tree(app)
    removing.remove(app, second)
    assert _tree(app) == set()


def test_forgetting_leaves_the_files(app: App) -> None:
    asset = _keep(app)
    before = _tree(app)
    assert removing.remove(app, asset, keep_files=True).files == 0
    assert _tree(app) == before


def test_a_subscription_does_not_fetch_again_what_was_removed(app: App) -> None:
    from tests.store import every_table

    app.store.transact(every_table.fill)
    removing.remove(app, "as1")
    with app.store.read() as tx:
        found = tx.run(sa.text("SELECT state, asset_id FROM entries")).one()
    assert tuple(found) == ("skipped", None)


def test_old_versions_go_when_they_are_asked_to(app: App) -> None:
    asset = _keep(app)
    _keep(app, video=b"two")
    removed = removing.remove_old_versions(app, asset)
    assert (removed.files, removed.size_bytes) == (1, 3)
    assert _is_whole(app, asset)
    assert removing.remove_old_versions(app, asset).files == 0
    assert _keep(app, video=b"two") == asset
    assert _is_whole(app, asset)


def test_another_template_moves_what_it_has_another_folder_for(app: App) -> None:
    ids = [_keep(app, name) for name in "abc"]
    note = folders.folder_of(app, _row(app, ids[0])) / "notes.txt"
    note.write_text("mine")
    plan = list(renaming.planned(app, _NEW))
    assert [(one.asset_id, one.new) for one in plan] == [(one, "2020/Chan/A") for one in ids]
    seen: list[str] = []
    assert renaming.rename(app, _NEW, on_moved=lambda one: seen.append(one.new)) == []
    assert seen == ["2020/Chan/A", "2020/Chan/A (2)", "2020/Chan/A (3)"]
    assert [_row(app, one).folder for one in ids] == seen
    assert all(_is_whole(app, one) for one in ids)
    root = folders.root(app)
    assert (root / seen[0] / "notes.txt").read_text() == "mine"
    assert (root / seen[1] / "A (2).mp4").read_bytes() == b"one"
    assert not (root / "Chan").exists()
    assert _claims(app) == set(seen)
    assert searching.search(app, "world")[0].path.startswith("A")
    assert list(renaming.planned(app, _NEW)) == []
    assert renaming.rename(app, _NEW) == []


@pytest.mark.parametrize("broken", ["write_sums", "_leave"])
def test_a_move_that_was_cut_off_is_finished_by_the_next(
    app: App, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    asset = _keep(app)

    class Killed(BaseException):
        pass

    def kill(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(renaming, broken, kill)
        with pytest.raises(Killed):
            renaming.rename(app, _NEW)
    if broken == "write_sums":
        assert _is_whole(app, asset)  # where it was
    assert renaming.rename(app, _NEW) == []
    assert _row(app, asset).folder == "2020/Chan/A"
    assert _is_whole(app, asset)
    assert _claims(app) == {"2020/Chan/A"}
    assert all(name.startswith("2020/Chan/") for name in _tree(app))


def test_a_wrong_template_moves_nothing(app: App) -> None:
    _keep(app)
    before = _tree(app)
    with pytest.raises(ReelError) as caught:
        renaming.rename(app, "{nothing}")
    assert caught.value.code is Code.TEMPLATE_INVALID
    assert _tree(app) == before
