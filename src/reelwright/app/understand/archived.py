"""`understand: true` of an archive: what was kept is understood by a job of its own.

The job is written with what is kept, or when a list was read that names what is held already; so a
kill in between loses none, and a video that cannot be understood stays kept.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from reelwright.app.models.asker import ASSET_LABEL
from reelwright.app.request import Kept
from reelwright.app.understand.means import means
from reelwright.app.understand.order import Wish, order
from reelwright.errors import ReelError
from reelwright.media.info import MediaInfo
from reelwright.store import asset_files, understanding
from reelwright.store.ids import new_id
from reelwright.store.rows import NewJobRow
from reelwright.store.understanding import CONTENT, SOURCE, UNDERSTAND, Wanting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reelwright.app.wiring import App
    from reelwright.store.database import Tx

_log = logging.getLogger(__name__)


def job_of(
    app: App, one: Wanting, media: Mapping[str, Any], source_id: str | None
) -> NewJobRow | None:
    """What would understand the asset, whose newest video is `media`; None where nothing can be
    found in it. Nothing is written."""
    try:
        info = MediaInfo.from_json(dict(media))
        made = order(f"asset:{one.asset_id}", info, Wish(), means(app))
    except ReelError as error:
        _log.info("asset %s is not understood: %s", one.asset_id, error)
        return None
    job_id = new_id()
    labels = labels_of(one.asset_id, one.sha256)
    if source_id is not None:
        labels[SOURCE] = source_id
    kept = Kept(text=made.text, own=job_id, operators=made.operators)
    return NewJobRow(
        id=job_id,
        spec=kept.to_json(),
        plan={},
        base=str(app.home / "served" / job_id),
        revision=0,
        labels=labels,
        owner=one.owner,
    )


def labels_of(asset_id: str, sha256: str) -> dict[str, str]:
    """Of a job that understands an asset."""
    return {
        UNDERSTAND: f"asset:{asset_id}",
        CONTENT: understanding.content(sha256),
        ASSET_LABEL: asset_id,
    }


def enter(tx: Tx, row: NewJobRow) -> bool:
    """Where the video is not understood yet, and no other job does it."""
    from reelwright.engine import submission

    asset_id = row.labels[ASSET_LABEL]
    if understanding.is_taken(tx, asset_id, row.labels[CONTENT]):
        return False
    submission.accept(tx, row)
    return True


def understand_held(app: App, source_id: str) -> int:
    """Jobs for the source's held videos that have none; how many. Blocking."""
    entered, after = 0, ""
    while True:
        with app.store.read() as tx:
            page = understanding.wanting(tx, source_id, after)
            wanted = [w for w in page if not understanding.is_taken(tx, w.asset_id, w.sha256)]
            facts = {w.asset_id: _facts(tx, w.asset_id) for w in wanted}
        if not page:
            return entered
        after = page[-1].asset_id
        for one in wanted:
            media = facts[one.asset_id]
            row = None if media is None else job_of(app, one, media, source_id)
            if row is not None:
                entered += app.store.transact(partial(enter, row=row))


def _facts(tx: Tx, asset_id: str) -> Mapping[str, Any] | None:
    newest = asset_files.newest_video(asset_files.of_asset(tx, asset_id))
    return None if newest is None else asset_files.facts(tx, asset_id, newest.path)
