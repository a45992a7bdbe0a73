"""The same by yt-dlp, from the sites themselves: without a key, and of every site that it knows."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.app.archive.options import ArchiveOptions, listing_options
from reelwright.errors import Kind, ReelError

if TYPE_CHECKING:
    from reelwright.app.wiring import App
    from reelwright.tools.ytdlp.info import VideoInfo
    from reelwright.tools.ytdlp.request import Listed, Listing

_FOLDER = "metadata"
# What a killed command left is its own for so long.
_LEFT_S = 86_400.0
_SECONDS = 300.0


async def video(app: App, url: str) -> VideoInfo:
    """One extraction, within the site's budget. Raises BUDGET_SPENT, CIRCUIT_OPEN, and what
    `fetch_video` raises."""
    from reelwright.tools.ytdlp.request import Part, VideoWish
    from reelwright.tools.ytdlp.video import fetch_video

    await app.budgets.enter(url)
    async with _folder(app) as folder, _telling(app, url):
        wish = VideoWish(
            url=url,
            folder=str(folder),
            ffmpeg=str(app.tools.ffmpeg),
            options=listing_options(ArchiveOptions(), app.settings.archive),
            want=frozenset({Part.INFO}),
            max_seconds=_SECONDS,
            allow_private=app.engine_settings.allow_private,
            net_allow=app.settings.net_allow,
        )
        answer, _ = await fetch_video(
            wish,
            log=folder.with_suffix(".log"),
            sandbox=app.is_sandboxed,
            on_progress=lambda _, __: None,
            grace_s=app.settings.grace_s,
        )
    return answer.info


async def listing(app: App, url: str, limit: int | None) -> tuple[Listing, list[Listed]]:
    """The entries of a list, without looking at any of them. Raises CIRCUIT_OPEN, and what
    `list_entries` raises."""
    from reelwright.tools.ytdlp.listing import list_entries
    from reelwright.tools.ytdlp.request import ListWish

    found: list[Listed] = []

    def take(batch: Sequence[Listed]) -> None:
        found.extend(batch)

    await app.budgets.enter_listing(url)
    async with _folder(app) as folder, _telling(app, url):
        wish = ListWish(
            url=url,
            folder=str(folder),
            options=listing_options(ArchiveOptions(), app.settings.archive),
            max_entries=limit,
            allow_private=app.engine_settings.allow_private,
            net_allow=app.settings.net_allow,
        )
        told = await list_entries(
            wish,
            log=folder.with_suffix(".log"),
            sandbox=app.is_sandboxed,
            on_entries=take,
            grace_s=app.settings.grace_s,
        )
    return told, found


@asynccontextmanager
async def _telling(app: App, url: str) -> AsyncIterator[None]:
    """The breaker of the site hears how it went."""
    try:
        yield
    except ReelError as error:
        if error.code.kind is Kind.NETWORK:
            with suppress(ReelError):
                await app.budgets.leave(url, error.code)
        raise
    with suppress(ReelError):
        await app.budgets.leave(url, None)


@asynccontextmanager
async def _folder(app: App) -> AsyncIterator[Path]:
    """Empty, and gone afterwards, with the log beside it."""
    made = await asyncio.to_thread(_make, app)
    try:
        yield made
    finally:
        await asyncio.to_thread(_remove, made)


def _make(app: App) -> Path:
    from reelwright.app.wiring import make_folder, make_home

    make_home(app.home)
    parent = app.home / _FOLDER
    make_folder(parent)
    for left in parent.iterdir():
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _LEFT_S:
                _remove(left)
    return Path(tempfile.mkdtemp(dir=parent))


def _remove(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
    for one in (path, path.with_suffix(".log")):
        with suppress(OSError):
            one.unlink(missing_ok=True)
