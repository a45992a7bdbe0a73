"""A library that holds videos of YouTube, without their files: what is known of them counts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reelwright.store import assets
from reelwright.store.assets import AssetRow
from reelwright.store.store import Store, open_store
from reelwright.tools.ytdlp.info import VideoInfo


def video_ids(count: int) -> list[str]:
    return [f"held{n:07d}" for n in range(count)]


def hold(home: Path, ids: Sequence[str]) -> None:
    """As somebody took them in who knew no more than their names."""
    home.mkdir(parents=True, exist_ok=True)
    store = open_store(home / "reelwright.db")
    try:
        with store.write() as tx:
            for one in ids:
                _insert(tx, one)
    finally:
        store.close()


def known(home: Path) -> dict[str, tuple[AssetRow, dict[str, Any]]]:
    """Rows and what is known of each, by the id at the origin."""
    store: Store = open_store(home / "reelwright.db")
    try:
        with store.read() as tx:
            rows = assets.page(tx, assets.Wanted(), limit=10_000)
            return {row.native_id or "": (row, assets.info(tx, row.id)) for row in rows}
    finally:
        store.close()


def _insert(tx: Any, video_id: str) -> None:
    url = f"https://www.youtube.com/watch?v={video_id}"
    info = VideoInfo(
        extractor="youtube",
        native_id=video_id,
        url=url,
        host="youtube.com",
        title=f"{video_id}.mp4",
        captions_human=("de",),
    )
    row = AssetRow(
        id=f"a{video_id}",
        key=f"site:youtube.com:youtube:{video_id}",
        owner="local",
        extractor="youtube",
        host="youtube.com",
        native_id=video_id,
        url=url,
        title=info.title or "",
        folder=video_id,
        folder_key=video_id,
        size_bytes=1,
        created_at=tx.now(),
        changed_at=tx.now(),
    )
    assets.insert(tx, row, info.to_json())
